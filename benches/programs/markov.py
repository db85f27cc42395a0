"""Value iteration on a grid-shaped Markov decision process: dictionaries, tuples, small method calls."""

import sys

MOVES = {"north": (0, -1), "south": (0, 1), "west": (-1, 0), "east": (1, 0)}
LEFT_OF = {"north": "west", "west": "south", "south": "east", "east": "north"}
RIGHT_OF = {left: move for move, left in LEFT_OF.items()}


class Grid:
    """A square world with walls, one goal and one pit; moves slip to a side one time in five."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.walls = {(x, y) for x in range(side) for y in range(side) if (x * 7 + y * 3) % 11 == 5}
        self.goal = (side - 1, side - 1)
        self.pit = (side // 2, side // 2)
        self.walls -= {self.goal, self.pit}
        self.states = [(x, y) for x in range(side) for y in range(side) if (x, y) not in self.walls]

    def reward(self, state: tuple[int, int]) -> float:
        if state == self.goal:
            return 1.0
        if state == self.pit:
            return -1.0
        return -0.01

    def land(self, state: tuple[int, int], move: str) -> tuple[int, int]:
        dx, dy = MOVES[move]
        x, y = state[0] + dx, state[1] + dy
        if not (0 <= x < self.side and 0 <= y < self.side) or (x, y) in self.walls:
            return state
        return x, y

    def outcomes(self, state: tuple[int, int], move: str) -> list[tuple[float, tuple[int, int]]]:
        return [
            (0.8, self.land(state, move)),
            (0.1, self.land(state, LEFT_OF[move])),
            (0.1, self.land(state, RIGHT_OF[move])),
        ]


def iterate(grid: Grid, sweeps: int, discount: float = 0.95) -> dict[tuple[int, int], float]:
    """Runs a fixed number of sweeps, so that the work does not depend on rounding."""
    values = dict.fromkeys(grid.states, 0.0)
    for _ in range(sweeps):
        fresh = {}
        for state in grid.states:
            if state == grid.goal or state == grid.pit:
                fresh[state] = grid.reward(state)
                continue
            best = None
            for move in MOVES:
                expected = 0.0
                for chance, landing in grid.outcomes(state, move):
                    expected += chance * values[landing]
                if best is None or expected > best:
                    best = expected
            fresh[state] = grid.reward(state) + discount * best
        values = fresh
    return values


found = iterate(Grid(12), int(sys.argv[1]))
print(f"{sum(found.values()):.9f} {max(found.values()):.9f} {min(found.values()):.9f}")
