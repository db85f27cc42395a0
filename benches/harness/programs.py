"""The table of measured programs: what each is, its size, and how it is laid out in a folder of its own.

A program runs in a copy of its own for each tool, so that no tool sees another's `.pyc` files or configuration.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from . import modules

SOURCES = Path(__file__).resolve().parent.parent / "programs"


class Kind(Enum):
    """What a program's figures are used for."""

    STEADY = "steady"  # counted in the geometric means
    START = "start"  # its time is mostly the start of the interpreter and of the tool


@dataclass(frozen=True)
class Program:
    """`lay_out(folder, suite)` fills the folder; `arguments` follow the tool's own on the command line."""

    name: str
    kind: Kind
    arguments: Callable[[bool], list[str]]
    lay_out: Callable[[Path, Path | None], None]
    environment: dict[str, str]
    needs_suite: bool = False
    # What of its output counts, where a tool or the clock may change the rest.
    kept: re.Pattern[bytes] | None = None

    def output(self, raw: bytes) -> bytes:
        """The part of the output that every run must agree on."""
        return raw if self.kept is None else b"\n".join(self.kept.findall(raw))


def script(name: str, size: int, quick: int) -> Program:
    """A file of `benches/programs` that takes its size as its argument."""

    def lay_out(folder: Path, _suite: Path | None) -> None:
        shutil.copy(SOURCES / f"{name}.py", folder)

    def arguments(is_quick: bool) -> list[str]:
        return [f"{name}.py", str(quick if is_quick else size)]

    return Program(name, Kind.STEADY, arguments, lay_out, {})


def lay_out_empty(folder: Path, _suite: Path | None) -> None:
    shutil.copy(SOURCES / "empty.py", folder)


def lay_out_modules(folder: Path, _suite: Path | None) -> None:
    modules.write(folder)


def lay_out_suite(folder: Path, suite: Path | None) -> None:
    """Source and tests only: the distribution's own pyproject.toml would configure the coverage tools."""
    if suite is None:
        raise RuntimeError("the test suite was not fetched")
    for part in ("src", "tests"):
        shutil.copytree(suite / part, folder / part)


SUITE_TESTS = ["tags", "utils", "metadata", "structures", "elffile", "manylinux", "musllinux", "licenses"]


def suite_arguments(is_quick: bool) -> list[str]:
    tests = SUITE_TESTS[:1] if is_quick else SUITE_TESTS
    return ["-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/test_{test}.py" for test in tests)]


# Sizes make plain CPython 3.13 take 0.6 to 1.5 s of user time on the 2.6 GHz EPYC machine they were chosen on.
PROGRAMS = [
    script("fannkuch", 18, 1),
    script("markov", 1100, 20),
    script("formatting", 13, 1),
    script("raytrace", 260, 40),
    script("kernels", 60, 1),
    script("spectral", 280, 50),
    script("sudoku", 80, 1),
    script("calls", 600, 8),
    script("exceptions", 500_000, 10_000),
    script("generators", 70, 1),
    script("one_sided", 3_000_000, 50_000),
    script("decisions", 1_600_000, 20_000),
    script("diamonds", 1_500_000, 20_000),
    script("open_diamond", 4_000_000, 20_000),
    Program(
        "suite",
        Kind.STEADY,
        suite_arguments,
        lay_out_suite,
        {"PYTHONPATH": "src"},
        needs_suite=True,
        # Times vary, and slipcover makes pytest add a warning of its own; the counts of outcomes may not.
        kept=re.compile(rb"\d+ (?:passed|failed|skipped|xfailed|xpassed|errors?)\b"),
    ),
    Program("imports", Kind.START, lambda _quick: ["start.py"], lay_out_modules, {}),
    Program("empty", Kind.START, lambda _quick: ["empty.py"], lay_out_empty, {}),
]
