x = " "
y = """
"""

class A:
    def f(self): pass
