from string.templatelib import Template


class C:
    a: int
    b: list[
        (lambda: 1)()
    ]
    c: int = 1

    def f(self, x: undefined = 1) -> [
        y for y in x
    ]:
        z: int
        return t"{x!r} {
            x:>{10}} {
            y}"


a: int
b: undefined.x
try:
    x = 1
except ValueError, KeyError:
    x = 2
except OSError, EOFError:
    x = 3
