"""Figures out of raw costs: medians, ratios, geometric means. Pure; knows the raw results' shape and nothing else.

`Results` is what the JSON file's `runs` holds: `runs[python][program][tool]` is a `Cell` as a dictionary. Every
function returns None where a cell is missing or failed, never a stand-in.
"""

import math
from statistics import median

Runs = dict[str, dict[str, dict]]


def usable(programs: Runs, program: str, tool: str) -> dict | None:
    cell = programs.get(program, {}).get(tool)
    return None if cell is None or cell["failed"] is not None or not cell["user"] else cell


def series(cell: dict, metric: str) -> list[float]:
    """The rounds' values of a metric; `cpu` is user and system time together."""
    if metric == "cpu":
        return [user + system for user, system in zip(cell["user"], cell["system"])]
    return cell[metric]


def value(programs: Runs, program: str, tool: str, metric: str) -> float | None:
    cell = usable(programs, program, tool)
    return None if cell is None else median(series(cell, metric))


def ratio(programs: Runs, program: str, tool: str, base: str, metric: str) -> float | None:
    """The median over rounds of tool against base in the same round, so that slow drift of the machine cancels."""
    one, other = usable(programs, program, tool), usable(programs, program, base)
    if one is None or other is None:
        return None
    pairs = [(a, b) for a, b in zip(series(one, metric), series(other, metric)) if b > 0]
    return median(a / b for a, b in pairs) if pairs else None


def difference(programs: Runs, program: str, tool: str, base: str, metric: str) -> float | None:
    """The median over rounds of what the tool takes more than the base in the same round."""
    one, other = usable(programs, program, tool), usable(programs, program, base)
    if one is None or other is None:
        return None
    return median(a - b for a, b in zip(series(one, metric), series(other, metric)))


def geometric_mean(ratios: list[float | None]) -> float | None:
    """None unless every ratio is there: a mean over other programs would not compare."""
    if not ratios or any(one is None or one <= 0 for one in ratios):
        return None
    return math.exp(sum(math.log(one) for one in ratios) / len(ratios))


def without_start(programs: Runs, program: str, tool: str, base: str) -> float | None:
    """The ratio of user and system time once each side's own time for the empty script is taken off."""
    parts = [value(programs, name, key, "cpu") for key in (tool, base) for name in (program, "empty")]
    if any(part is None for part in parts):
        return None
    with_tool, empty_tool, with_base, empty_base = parts
    if with_base - empty_base < 0.02:
        # Too little is left of the base to divide by.
        return None
    return (with_tool - empty_tool) / (with_base - empty_base)
