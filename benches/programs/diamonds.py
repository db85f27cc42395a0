"""Diamonds, `(a or b) and c`, that come to every evaluation there is within a few rounds, in hot loops."""

import sys


def tests(count: int) -> int:
    hits = 0
    for n in range(count):
        if (n & 1 or n & 2) and n & 4:
            hits += 1
        if (n & 1 and n & 2) or n & 8:
            hits ^= 1
        if ((n & 1 or n & 4) and n & 2) or not n & 16:
            hits += 2
    return hits


def values(count: int) -> int:
    total = 0
    for n in range(count):
        chosen = (n & 1 or n & 6) and n & 8
        total += chosen and (n & 2 or n & 4) or 1
    return total


def comprehensions(count: int) -> int:
    return sum(1 for n in range(count) if (n & 1 or n & 2) and n & 4)


size = int(sys.argv[1])
print(tests(size), values(size), comprehensions(size))
