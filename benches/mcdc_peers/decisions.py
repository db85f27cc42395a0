"""Twenty decisions, a function each; `CALLS` in test_decisions.py has the arguments."""


def boom(x):
    if x:
        raise ValueError(x)
    return x


def same(x):
    return x


def d01(a, b):
    return 1 if a and b else 0


def d02(a, b):
    return 1 if a or b else 0


def d03(a, b, c):
    return 1 if a and b and c else 0


def d04(a, b, c):
    return 1 if (a or b) and c else 0


def d05(a, b, c):
    return 1 if (a or b) and c else 0


def d06(a, b, c, d):
    return 1 if (a or b) and (c or d) else 0


def d07(a, b, c, d):
    return 1 if (a or b) and (c or d) else 0


def d08(a, b, c):
    return 1 if a and b or a and c else 0


def d09(a, b):
    if a and boom(b):
        return 1
    return 0


def d10(a, b):
    if not (a and b):
        return 1
    return 0


def d11(a, b, c):
    return 1 if same(a and b) or c else 0


def d12(a, b):
    return [i for i in a if i and b]


def d13(a, b):
    while a and b:
        a -= 1
    return a


def d14(a, b):
    assert a or b
    return a


def d15(a, b, c):
    match a:
        case 1 if b and c:
            return 1
    return 0


def d16(a, b):
    return a or b


def d17(a, b, c):
    return 1 if 0 < a < b and c else 0


def d18(a, b, c):
    return 1 if (a if b else c) and c else 0


def d19(a, b):
    try:
        return 0
    finally:
        if a and b:
            same(a)


def d20(a, b):
    return 1 if a and d20(0, b) or b else 0
