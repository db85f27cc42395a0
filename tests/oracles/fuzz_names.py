"""What the fuzzer's functions use, and what calls them. Everything depends on the seed of the call alone."""

__all__ = ["d", "r", "n", "s", "e", "an", "as_", "ae", "a", "b", "ag", "y", "same"]

state = 0
fuel = 0


class OutOfFuel(BaseException):
    """Ends a call that goes on for too long; nothing in the functions catches it."""


def d():
    """0, 1 or 2."""
    global state, fuel
    fuel -= 1
    if fuel < 0:
        raise OutOfFuel
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 40) % 3


def r():
    """As `d`, or an exception."""
    if d() == 2:
        raise ValueError
    return d()


class n:
    def __enter__(self):
        return d()

    def __exit__(self, *_):
        return False


class s(n):
    def __exit__(self, kind, *_):
        return kind is not None and issubclass(kind, (ValueError, KeyError))


class e(n):
    def __exit__(self, *_):
        if d() == 2:
            raise KeyError


class Suspension:
    def __await__(self):
        yield


async def a():
    if d():
        await Suspension()


async def b():
    await a()
    return r()


def asynchronous(manager):
    class Manager(manager):
        async def __aenter__(self):
            await a()
            return self.__enter__()

        async def __aexit__(self, *exception):
            await a()
            return self.__exit__(*exception)

    return Manager


an, as_, ae = asynchronous(n), asynchronous(s), asynchronous(e)


async def ag(count):
    for i in range(int(count or 0)):
        await a()
        yield i
    r()


def y():
    for i in range(d()):
        yield i
    return r()


def same(function):
    return function


def call(function, seed):
    global state, fuel
    state, fuel = seed, 60
    try:
        result = function()
        if hasattr(result, "send"):
            # Every third is left before its end; of these, every other one with an exception.
            steps = 2 if seed % 3 == 2 else 1000
            try:
                for _ in range(steps):
                    result.send(None)
                if seed % 2:
                    result.throw(ValueError)
            finally:
                result.close()
    except BaseException:
        pass


def main(functions):
    for function, calls, seed in functions:
        for number in range(calls):
            call(function, seed + number)
