"""Hot loops whose `if`s always go one way into a join: the case where one side of a branch is never seen.

Where the only way to know the unseen side is the branch's own event, a tool has to keep listening: this is the worst
of branch measurement before Python 3.14, and is here to be seen rather than flattered.
"""

import sys


def no_else(count: int, limit: int) -> int:
    """The test is always false, and both ways meet at the line after it."""
    total = 0
    for n in range(count):
        if n > limit:
            total = 0
        total += n & 3
    return total


def always_true(count: int) -> int:
    """The test is always true, and the way round it goes to the same join."""
    total = 0
    n = 0
    while n < count:
        if n >= 0:
            total += 1
        n += 1
    return total


def never_continues(items: list[int], unwanted: int) -> int:
    total = 0
    for item in items:
        if item == unwanted:
            continue
        total ^= item
    return total


def several(count: int, debug: bool, strict: bool) -> int:
    """Flags that do not change while the loop runs, as in most real code."""
    total = 0
    for n in range(count):
        if debug:
            print(n)
        if strict and n < 0:
            raise ValueError(n)
        if n is None:
            n = 0
        total += n
    return total


def one_line(count: int) -> int:
    """The branch and what it guards on one line; the loop's other way is never taken either."""
    total = 0
    for n in range(count):
        if n < 0: total -= 1
        total += 1 if n >= 0 else 2
    return total


size = int(sys.argv[1])
print(no_else(size, size), always_true(size), never_continues(list(range(size)), -1))
print(several(size, debug=False, strict=True), one_line(size))
