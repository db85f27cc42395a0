def basic(x):
    try:
        a = 1
    except ValueError:
        b = 1
    except (KeyError,
            OSError) as e:
        c = 1
    else:
        d = 1
    finally:
        e = 1
    return a


def jumps_through_finally(xs):
    for x in xs:
        try:
            if x == 1:
                break
            if x == 2:
                continue
            if x == 3:
                return 1
            raise ValueError
        finally:
            y = 1
    while xs:
        try:
            return 1
        finally:
            break


def raises():
    try:
        raise ValueError
    except ValueError:
        raise KeyError
    else:
        raise OSError
    finally:
        a = 1


def raises_without_finally(x):
    try:
        if x:
            raise ValueError
        try:
            raise KeyError
        except OSError:
            raise
    except ValueError:
        raise KeyError from None
    else:
        raise OSError


def finally_only(x):
    try:
        raise ValueError
    finally:
        if x:
            a = 1
    b = 1


def returns(x):
    try:
        return 1
    except ValueError:
        return 2
    finally:
        x = 1


def star():
    try:
        pass
    except* ValueError:
        a = 1
    except* KeyError: raise
    try: a = 1
    except: b = 1
    else: c = 1
    finally: d = 1


try:
    import nothing
except ImportError:
    nothing = None
try:
    raise ValueError
except ValueError: pass
class A:
    try:
        raise ValueError
    except ValueError:
        a = 1
    finally:
        b = 1
    for x in [1]:
        if x: continue
        raise KeyError
