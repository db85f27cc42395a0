lazy import json
lazy from os import path
lazy = 1
x = [*y for y in [[1], [2]]]
z = {**d for d in [{1: 2}]}
if lazy: pass
def f(xs):
    return [
        *x
        for x in xs
    ]
