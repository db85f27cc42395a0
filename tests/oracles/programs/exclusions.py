import typing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import a
elif x:
    import b
else:
    import c
if typing.TYPE_CHECKING:
    import d


def f(x):  # pragma: no cover
    if x:
        return 1

    # comment
    return (1,
            2)


@decorator
@other  # pragma: no cover
def g(
    x,
):
    return x


def h(
    x,  # pragma: no cover
):
    return x


def i(x):
    if x:  # pragma: no cover
        a = 1
    elif x > 1:  # pragma:no cover
        b = 1
    else:  #pragma: NO COVER
        c = 1
    for y in x:  # pragma no cover
        d = 1
    else:
        e = 1
    try:  # pragma: no cover
        f = 1
    except ValueError:
        g = 1
    finally:  # pragma: no cover
        h = 1
    while x:  # pragma: no branch
        j = 1
    if x:  # PRAGMA: NO BRANCH
        k = 1
    if (x and  # pragma: no branch
            x):
        k = 1
    with x:  # pragma: no cover
        l = 1
    return {
        "a": 1,  # pragma: no cover
        "b": lambda: 0,
    }


class C:  # pragma: no cover
    x = 1

    def f(self):
        pass


class D:
    def f(self): ...
    async def g(self) -> int: ...
    def h(
        self,
    ) -> int: ...
    @overload
    def i(self): ...
    def j(self):
        """doc"""
        ...
    def k(self):
        ...
        return 1


x = """
# pragma: no cover
if TYPE_CHECKING:
"""
if x: y = 1  # pragma: no cover
else: z = 1
while True:
    if x: break
while 1: break
if True:
    a = 1
if 0: a = 1
y = (lambda: 0)  # pragma: no cover
z: int = 1  # pragma: no cover
y = x[1:2]  # pragma: no cover
w = f"{x:>10}"  # pragma: no cover
...
if x:
    ...
else:
    y = 1


def last():
    return 1  # pragma: no cover
