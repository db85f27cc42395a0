from contextlib import nullcontext as n


def nested(x):
    with n():
        a = 1
        with n(), n() as q:
            b = 2
            with n():
                c = 3
    return x


def ends_function():
    with n():
        a = 1


def one_line(x):
    with n(): a = 1
    with n(): return a


def one_line_last(x):
    with n(): a = 1


def in_loop(xs):
    for x in xs:
        with n():
            if x:
                continue
            if x > 1:
                break
            with (
                n() as a,
                n(),
            ):
                y = (1,
                     2)
    while xs:
        with n():
            if xs: continue
    else:
        with n():
            z = 1


def in_branches(x):
    if x:
        with n():
            a = 1
    elif x > 2:
        with n():
            raise ValueError
    else:
        with n():
            with n():
                if x:
                    b = 1
    try:
        with n():
            c = 1
    except ValueError:
        with n():
            d = 1
    else:
        with n(): d = 3
    finally:
        with n():
            e = 1


def nowhere():
    try:
        raise ValueError
    finally:
        with n():
            a = 1


def two_ways(x):
    try:
        with n():
            if x:
                return 1
            a = 1
    finally:
        with n():
            b = 1
    with n() as [
        p, q
    ]:
        match x:
            case 1:
                r = 1
            case _:
                with n():
                    s = 1


async def asynchronous(x):
    async with n():
        async for y in x:
            async with n():
                z = y
        else:
            with n():
                pass


class C:
    with n():
        a = 1
    with n():
        def f(self):
            with n():
                return 1


with n():
    with n():
        b = 1
with n():
    pass
