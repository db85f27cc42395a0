def f(x):
    match x:
        case 1 | 2:
            a = 1
        case [a, *_] if a > 1:
            return 1
        case (
            3
            | 4
        ):
            return 2
        case {"k": v, **rest}:
            a = 1
        case str(): a = 2
        case None | _:
            a = 3


def g(x):
    match x, x:
        case 1, 2: return 1
        case _ as whole:
            pass
    match (
        x
    ):
        case (y):
            a = 1
    match x:
        case (1 as y) | (2 as y):
            a = 1
        case _ if y:
            a = 2
    for z in x:
        match z:
            case 1:
                continue
            case 2:
                break
            case -1:
                raise ValueError
            case 3:
                def inner():
                    pass


match = 1
match[1:2]
case = 3
match x:
    case 1:
        a = 1
    case (  # pragma: no cover
        _
    ):
        b = 1
match x:
    case 1:
        a = 1
    case (
        _
    ):
        b = (1,  # pragma: no cover
             2)
match x:
    case 1:
        a = 1  # pragma: no cover
    case z:
        @a
        def b():  # pragma: no cover
            pass
match x:
    case 1:
        a = 1
    case [1] | (2 | _):
        b = 1  # pragma: no cover
match x:
    case ((_ as e) as f):
        b = 1  # pragma: no cover
