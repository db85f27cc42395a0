"""The worst case of MC/DC: a diamond in a hot loop of which some evaluations never come, so that its events stay on."""

import sys


def one_sided(count: int) -> int:
    hits = 0
    for n in range(count):
        if (n >= 0 or n > count) and n < count:
            hits += 1
    return hits


print(one_sided(int(sys.argv[1])))
