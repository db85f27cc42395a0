"""Spectral norm of an infinite matrix, cut at N: generator expressions and a two-line function called N*N times."""

import math
import sys


def cell(row: int, column: int) -> float:
    diagonal = row + column
    return 1.0 / (diagonal * (diagonal + 1) // 2 + row + 1)


def times(vector: list[float]) -> list[float]:
    return [sum(cell(row, column) * value for column, value in enumerate(vector)) for row in range(len(vector))]


def times_transposed(vector: list[float]) -> list[float]:
    result = []
    for row in range(len(vector)):
        total = 0.0
        for column, value in enumerate(vector):
            total += cell(column, row) * value
        result.append(total)
    return result


left = [1.0] * int(sys.argv[1])
for _ in range(10):
    right = times_transposed(times(left))
    left = times_transposed(times(right))
print(f"{math.sqrt(sum(a * b for a, b in zip(left, right)) / sum(b * b for b in right)):.9f}")
