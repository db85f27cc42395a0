"""Docstring
of the module."""
"not a docstring"
import functools


@functools.wraps
@(lambda g:
    g)
@functools.lru_cache(
    None
)
def decorated(a,
              b=(1,
                 2)) -> int:
    """Doc
    string."""
    return a


@(
    functools.wraps
)
class C(object,
        metaclass=type):
    ("doc"
     "string")
    a: int
    b: int = 1
    c: list[
        int
    ] = []

    @property
    def x(self):
        'doc'

    @x.setter
    def x(self, value):
        def inner():
            def innermost():
                pass
            return innermost
        class D:
            def m(self): return 1
            class E:
                def m(self):
                    return 2
        return inner

    async def y(self): yield 1
    class F: pass
    class G: z = 1
    lambda: 0
    if a:
        def z(self): pass
    else:
        def z(self):
            return 1


def one(): return 1
def two(): pass; return 2
class One: x = 1
def three(): x = 1; y = (1,
                         2)
async def four():
    return [x async for x in y
            if x]
def generator():
    x = yield
    yield from x
def annotated(a: int = 1, *, b: "str" = 2, **c: dict) -> (
    "dict"
):
    d: int
    global e
    nonlocal_ = lambda q: (
        q
    )
    assert a, (
        "message"
    )
    del a
    return f"""{
        a
    }
    """
x = y = (
    1
); z = [
    2
]
[
    a,
    b,
] = {
    1: 2,
}
{**{1:
    2}}
@one
def ﬁ(): return 1
def empty():
    ...
def empty_doc():
    """doc"""
class Empty:
    ...
class Doc:
    """doc"""
if x: pass
elif y: pass
else: pass
print(1) if x else \
    print(2)
