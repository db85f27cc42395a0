"""Exceptions as control flow: raised through frames, caught by type, `finally`, `with`, and loops that go on."""

import sys


class Refused(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Guard:
    """A context manager that swallows one exception type and counts what it saw."""

    def __init__(self) -> None:
        self.entered = 0
        self.swallowed = 0

    def __enter__(self) -> "Guard":
        self.entered += 1
        return self

    def __exit__(self, kind, error, trace) -> bool:
        if kind is not None and issubclass(kind, KeyError):
            self.swallowed += 1
            return True
        return False


def check(number: int) -> int:
    if number % 3 == 0:
        raise Refused(number)
    if number % 5 == 0:
        raise KeyError(number)
    return number


def through(number: int) -> int:
    try:
        return check(number) * 2
    finally:
        CLOSED[0] += 1


def attempt(number: int) -> int:
    try:
        value = through(number)
    except Refused as error:
        return error.number
    except (ValueError, TypeError):
        return -1
    else:
        return value


CLOSED = [0]
guard = Guard()
total = 0
for n in range(int(sys.argv[1])):
    with guard:
        total += attempt(n)
    try:
        int("7" if n & 1 else "seven")
    except ValueError:
        total -= 1
        continue
    finally:
        total += 2
print(total, guard.entered, guard.swallowed, CLOSED[0])
