"""The table of tools: what a column is called, what it is compared with, where it works, how it is started.

Adding a column is adding a row here; nothing else knows the tools by name but the bars in `bars.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .environments import Environment

PLAIN = "python"
IDLE = "mc-off"


@dataclass(frozen=True)
class Minicov:
    """A minicov executable for one Python. `branch` tells whether it has `run --branch`."""

    path: Path
    version: str
    sha256: str
    branch: bool


@dataclass(frozen=True)
class Place:
    """Where one tool measures one program."""

    environment: Environment
    minicov: Minicov | None
    data: Path


@dataclass(frozen=True)
class Tool:
    """One column. `prefix` is the command line up to the program's; `base` the column of its ratios, if any.

    `refuse` returns why the tool cannot run on an environment, or None. `records` tells whether it leaves a data file.
    """

    key: str
    meaning: str
    base: str | None
    prefix: Callable[[Place], list[str]]
    refuse: Callable[[Environment, Minicov | None], str | None]
    environment: dict[str, str]
    records: bool = True


def plain(place: Place) -> list[str]:
    return [str(place.environment.interpreter)]


def minicov(*options: str) -> Callable[[Place], list[str]]:
    def prefix(place: Place) -> list[str]:
        interpreter = str(place.environment.interpreter)
        return [str(place.minicov.path), "run", "--data-file", str(place.data), "--python", interpreter, *options]

    return prefix


def coverage(*options: str) -> Callable[[Place], list[str]]:
    def prefix(place: Place) -> list[str]:
        return [*plain(place), "-m", "coverage", "run", f"--data-file={place.data}", "--source=.", *options]

    return prefix


def module(name: str, *options: str) -> Callable[[Place], list[str]]:
    """slipcover, and covers with the same command line."""

    def prefix(place: Place) -> list[str]:
        return [*plain(place), "-m", name, "--json", "--out", str(place.data), "--source", ".", *options]

    return prefix


def anywhere(_environment: Environment, _minicov: Minicov | None) -> str | None:
    return None


def with_minicov(_environment: Environment, found: Minicov | None) -> str | None:
    return None if found else "no minicov executable for this Python"


def with_branches(_environment: Environment, found: Minicov | None) -> str | None:
    if found is None:
        return "no minicov executable for this Python"
    return None if found.branch else "this minicov has no --branch"


def since(minor: tuple[int, int], why: str) -> Callable[[Environment, Minicov | None], str | None]:
    def refuse(environment: Environment, _minicov: Minicov | None) -> str | None:
        return None if environment.python.minor >= minor else why

    return refuse


def installed(name: str) -> Callable[[Environment, Minicov | None], str | None]:
    def refuse(environment: Environment, _minicov: Minicov | None) -> str | None:
        reason = environment.missing.get(name)
        return None if reason is None else f"does not install: {reason}"

    return refuse


# An --include that matches nothing: the hooks are there and never armed for any file.
NOTHING = ("--include", "/nonexistent/*")
CTRACE = {"COVERAGE_CORE": "ctrace"}
SYSMON = {"COVERAGE_CORE": "sysmon"}
LINES_SINCE = since((3, 12), "sys.monitoring came with 3.12")
BRANCHES_SINCE = since((3, 14), "coverage.py's sysmon core measures branches from 3.14 only")

TOOLS = [
    Tool(PLAIN, "the plain interpreter, in seconds", None, plain, anywhere, {}, records=False),
    Tool(IDLE, "minicov with nothing selected", PLAIN, minicov(*NOTHING), with_minicov, {}, records=False),
    Tool("control", "the same once more: shows the noise", IDLE, minicov(*NOTHING), with_minicov, {}, records=False),
    Tool("mc-line", "minicov, lines", IDLE, minicov(), with_minicov, {}),
    Tool("mc-brch", "minicov, lines and branches", IDLE, minicov("--branch"), with_branches, {}),
    Tool("mc-mcdc", "minicov, the same and MC/DC", "mc-brch", minicov("--mcdc"), with_branches, {}),
    Tool("ct-line", "coverage.py, C tracer, lines", PLAIN, coverage(), anywhere, CTRACE),
    Tool("ct-brch", "coverage.py, C tracer, branches", PLAIN, coverage("--branch"), anywhere, CTRACE),
    Tool("sm-line", "coverage.py, sys.monitoring, lines", PLAIN, coverage(), LINES_SINCE, SYSMON),
    Tool("sm-brch", "coverage.py, sys.monitoring, branches", PLAIN, coverage("--branch"), BRANCHES_SINCE, SYSMON),
    Tool("sl-line", "slipcover, lines", PLAIN, module("slipcover"), installed("slipcover"), {}),
    Tool("sl-brch", "slipcover, branches", PLAIN, module("slipcover", "--branch"), installed("slipcover"), {}),
    Tool("cv-line", "covers, lines", PLAIN, module("covers"), installed("covers"), {}),
    Tool("cv-brch", "covers, branches", PLAIN, module("covers", "--branch"), installed("covers"), {}),
]
