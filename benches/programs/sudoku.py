"""A sudoku solver by candidates and backtracking: sets, early returns, recursion."""

import sys

PUZZLES = [
    "4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......",
    "..3.2.6..9..3.5..1..18.64....81.29..7.......8..67.82....26.95..8..2.3..9..5.1.3..",
    "85...24..72......9..4.........1.7..23.5...9...4...........8..7..17..........36.4.",
]
UNITS: list[list[int]] = (
    [[9 * row + column for column in range(9)] for row in range(9)]
    + [[9 * row + column for row in range(9)] for column in range(9)]
    + [[9 * (3 * a + c) + 3 * b + d for c in range(3) for d in range(3)] for a in range(3) for b in range(3)]
)
PEERS = [sorted({p for unit in UNITS if square in unit for p in unit} - {square}) for square in range(81)]


class Solver:
    def __init__(self, puzzle: str) -> None:
        self.tries = 0
        self.start = [set("123456789") for _ in range(81)]
        self.consistent = all(
            self.assign(self.start, square, digit) for square, digit in enumerate(puzzle) if digit != "."
        )

    def assign(self, squares: list[set[str]], square: int, digit: str) -> bool:
        for other in sorted(squares[square] - {digit}):
            if not self.eliminate(squares, square, other):
                return False
        return True

    def eliminate(self, squares: list[set[str]], square: int, digit: str) -> bool:
        candidates = squares[square]
        if digit not in candidates:
            return True
        candidates.discard(digit)
        if not candidates:
            return False
        if len(candidates) == 1:
            last = next(iter(candidates))
            for peer in PEERS[square]:
                if not self.eliminate(squares, peer, last):
                    return False
        for unit in UNITS:
            if square not in unit:
                continue
            places = [place for place in unit if digit in squares[place]]
            if not places:
                return False
            if len(places) == 1 and not self.assign(squares, places[0], digit):
                return False
        return True

    def search(self, squares: list[set[str]]) -> list[set[str]] | None:
        self.tries += 1
        unsolved = [(len(candidates), n) for n, candidates in enumerate(squares) if len(candidates) > 1]
        if not unsolved:
            return squares
        _, square = min(unsolved)
        for digit in sorted(squares[square]):
            attempt = [set(candidates) for candidates in squares]
            if self.assign(attempt, square, digit):
                found = self.search(attempt)
                if found is not None:
                    return found
        return None


for _ in range(int(sys.argv[1])):
    for puzzle in PUZZLES:
        solver = Solver(puzzle)
        solution = solver.search(solver.start) if solver.consistent else None
        answer = "none" if solution is None else "".join("".join(candidates) for candidates in solution)
print(answer, solver.tries)
