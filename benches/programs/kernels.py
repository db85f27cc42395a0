"""Numeric kernels in the manner of SciMark: relaxation, LU, FFT and a Monte Carlo estimate, on plain lists."""

import cmath
import sys


class Generator:
    """A linear congruential generator, so that results do not depend on the Python's `random`."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def uniform(self) -> float:
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return self.state / 0x80000000


def relax(size: int, sweeps: int, generator: Generator) -> float:
    """Successive over-relaxation on a square grid."""
    grid = [[generator.uniform() for _ in range(size)] for _ in range(size)]
    weight = 1.25 / 4.0
    keep = 1.0 - 1.25
    for _ in range(sweeps):
        for row in range(1, size - 1):
            above, here, below = grid[row - 1], grid[row], grid[row + 1]
            for column in range(1, size - 1):
                here[column] = (
                    weight * (above[column] + below[column] + here[column - 1] + here[column + 1])
                    + keep * here[column]
                )
    return sum(map(sum, grid))


def factor(size: int, generator: Generator) -> float:
    """LU factorisation with partial pivoting; returns the product of the pivots' signs and magnitudes' sum."""
    matrix = [[generator.uniform() for _ in range(size)] for _ in range(size)]
    swaps = 0
    for step in range(size):
        pivot = step
        for row in range(step + 1, size):
            if abs(matrix[row][step]) > abs(matrix[pivot][step]):
                pivot = row
        if pivot != step:
            matrix[pivot], matrix[step] = matrix[step], matrix[pivot]
            swaps += 1
        head = matrix[step]
        for row in range(step + 1, size):
            current = matrix[row]
            ratio = current[step] / head[step]
            current[step] = ratio
            for column in range(step + 1, size):
                current[column] -= ratio * head[column]
    return swaps + sum(abs(matrix[n][n]) for n in range(size))


def transform(values: list[complex]) -> list[complex]:
    """Iterative radix-2 fast Fourier transform; the length is a power of two."""
    count = len(values)
    target = 0
    for source in range(1, count):
        bit = count >> 1
        while target & bit:
            target ^= bit
            bit >>= 1
        target |= bit
        if source < target:
            values[source], values[target] = values[target], values[source]
    span = 2
    while span <= count:
        root = cmath.exp(-2j * cmath.pi / span)
        for start in range(0, count, span):
            factor_now = 1.0 + 0j
            for low in range(start, start + span // 2):
                high = low + span // 2
                product = values[high] * factor_now
                values[high] = values[low] - product
                values[low] = values[low] + product
                factor_now *= root
        span *= 2
    return values


def quarter_circle(samples: int, generator: Generator) -> float:
    inside = 0
    for _ in range(samples):
        x = generator.uniform()
        y = generator.uniform()
        if x * x + y * y <= 1.0:
            inside += 1
    return 4.0 * inside / samples


scale = int(sys.argv[1])
source_of_numbers = Generator(113)
print(f"{relax(60, 6 * scale, source_of_numbers):.6f}")
print(f"{sum(factor(40, source_of_numbers) for _ in range(2 * scale)):.6f}")
spectrum = [complex(source_of_numbers.uniform()) for _ in range(1024)]
for _ in range(scale):
    spectrum = [value / 32.0 for value in transform(spectrum)]
print(f"{sum(map(abs, spectrum)):.6f}")
print(f"{quarter_circle(20_000 * scale, source_of_numbers):.6f}")
