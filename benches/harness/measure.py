"""Runs each tool on each program in turn and keeps what every run cost.

One program at a time: a warm-up run of each tool, which fills `.pyc` caches and is checked against the plain Python's
output, then the rounds; a round runs every tool once, and each round starts one tool further on. Must not know how
figures are made of the costs.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .launch import Command, Cost, Launcher
from .programs import Program
from .tools import PLAIN, Minicov, Place, Tool
from .environments import Environment

# The whole environment of every measured process, so that a run does not depend on who started it.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


@dataclass
class Cell:
    """One tool on one program: its costs, a list entry a round, or why it failed."""

    failed: str | None = None
    wall: list[float] = field(default_factory=list)
    user: list[float] = field(default_factory=list)
    system: list[float] = field(default_factory=list)
    peak: list[int] = field(default_factory=list)

    def add(self, cost: Cost) -> None:
        self.wall.append(round(cost.wall, 6))
        self.user.append(round(cost.user, 6))
        self.system.append(round(cost.system, 6))
        self.peak.append(cost.peak)


@dataclass
class Runner:
    """Measures programs on one Python. `tell` prints progress."""

    launcher: Launcher
    environment: Environment
    minicov: Minicov | None
    tools: list[Tool]
    scratch: Path
    rounds: int
    quick: bool
    tell: Callable[[str], None]

    def command(self, tool: Tool, program: Program, folder: Path, place: Place) -> Command:
        argv = [*tool.prefix(place), *program.arguments(self.quick)]
        environment = {**ENVIRONMENT, **program.environment, **tool.environment}
        return Command(argv, folder, environment, self.environment.python.root)

    def wrong(self, tool: Tool, program: Program, cost: Cost, data: Path, expected: bytes | None) -> str | None:
        """Why the run just made does not count, or None."""
        if cost.status != 0:
            lines = self.launcher.stderr.read_text(errors="replace").strip().splitlines()
            return f"exit {cost.status}: {lines[-1][:160] if lines else 'no message'}"
        if expected is not None and program.output(self.launcher.stdout.read_bytes()) != expected:
            return "its output is not the plain Python's"
        if tool.records and not data.exists():
            return "it wrote no data"
        return None

    def measure(self, program: Program, suite: Path | None) -> dict[str, Cell]:
        """All tools on one program; the folders it ran in are removed afterwards."""
        home = self.scratch / program.name
        shutil.rmtree(home, ignore_errors=True)
        cells: dict[str, Cell] = {}
        commands: dict[str, tuple[Command, Path]] = {}
        for tool in self.tools:
            folder = home / tool.key
            folder.mkdir(parents=True)
            program.lay_out(folder, suite)
            data = home / f"{tool.key}.data"
            place = Place(self.environment, self.minicov, data)
            commands[tool.key] = (self.command(tool, program, folder, place), data)
            cells[tool.key] = Cell()

        expected: bytes | None = None
        for round_number in range(-1, self.rounds):
            # The warm-up, round -1, goes in the table's order, since the plain Python's output comes first.
            turn = max(round_number, 0) % len(self.tools)
            for tool in self.tools[turn:] + self.tools[:turn]:
                cell = cells[tool.key]
                if cell.failed is not None:
                    continue
                command, data = commands[tool.key]
                data.unlink(missing_ok=True)
                cost = self.launcher.run(command)
                cell.failed = self.wrong(tool, program, cost, data, expected)
                if cell.failed is not None:
                    self.tell(f"  {program.name}, {tool.key}: failed: {cell.failed}")
                elif round_number >= 0:
                    cell.add(cost)
                elif tool.key == PLAIN:
                    expected = program.output(self.launcher.stdout.read_bytes())
        shutil.rmtree(home, ignore_errors=True)
        return cells
