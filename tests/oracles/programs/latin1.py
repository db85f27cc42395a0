# -*- coding: latin-1 -*-
x = "é…€"
def fé(): return 1
if x: y = 1