"""Fannkuch: the largest number of prefix reversals over all permutations of eight. Tight loops over a small list."""

import sys


def largest_flip_count(size: int) -> tuple[int, int]:
    """Returns the checksum and the largest number of flips, going through permutations in counting order."""
    permutation = list(range(size))
    rotations_left = list(range(1, size + 1))
    checksum = 0
    largest = 0
    index = 0
    while True:
        first = permutation[0]
        if first:
            flips = 0
            work = permutation[:]
            while first:
                work[: first + 1] = work[first::-1]
                flips += 1
                first = work[0]
            if flips > largest:
                largest = flips
            if index % 2 == 0:
                checksum += flips
            else:
                checksum -= flips
        index += 1
        depth = 1
        while depth < size:
            permutation.insert(depth, permutation.pop(0))
            rotations_left[depth] -= 1
            if rotations_left[depth] > 0:
                break
            rotations_left[depth] = depth + 1
            depth += 1
        else:
            return checksum, largest


for _ in range(int(sys.argv[1])):
    result = largest_flip_count(8)
print(*result)
