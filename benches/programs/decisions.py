"""Decisions of several conditions in hot loops, some of them diamonds: `(a or b) and c` and its relatives."""

import sys


def or_and(count: int) -> int:
    hits = 0
    for n in range(count):
        a = n & 1
        b = n & 2
        c = n & 4
        if (a or b) and c:
            hits += 1
    return hits


def and_or(count: int) -> int:
    hits = 0
    for n in range(count):
        if (n % 3 == 0 and n % 5 == 0) or (n % 7 == 0 and not n % 2):
            hits += 1
        else:
            hits ^= 1
    return hits


def nested(count: int) -> int:
    hits = 0
    n = 0
    while n < count and (hits < count or n < 0):
        if ((n & 1 or n & 2) and (n & 4 or n & 8)) or not (n & 16 or n & 32):
            hits += 1
        n += 1
    return hits


def as_values(count: int) -> int:
    """Conditions whose value is kept, a conditional expression, and a condition in a comprehension."""
    total = 0
    for n in range(count):
        chosen = (n & 1 or n & 6) and n & 8
        total += chosen if chosen or n < 10 else 1
    return total + sum(1 for n in range(count) if (n & 1 or n & 2) and n & 4)


def unsettled(count: int) -> int:
    """Some combinations never come, so the decision is never wholly covered."""
    hits = 0
    for n in range(count):
        low = n < count
        high = n > count
        if (low or high) and n >= 0:
            hits += 1
    return hits


size = int(sys.argv[1])
print(or_and(size), and_or(size), nested(size), as_values(size), unsettled(size))
