"""The project's own bars for the cost of branch coverage, and what a run says of each. Pure.

A bar whose figures were not measured says so; nothing passes by being absent.
"""

from dataclasses import dataclass

from .figures import Runs, difference, geometric_mean, ratio, without_start
from .tools import IDLE, PLAIN

BRANCH = "mc-brch"


@dataclass(frozen=True)
class Bar:
    text: str
    figure: float | None
    limit: float

    def line(self) -> str:
        if self.figure is None:
            return f"  not measured     {self.text}"
        verdict = "met " if self.figure <= self.limit else "MISSED"
        return f"  {verdict:6} {self.figure:7.3f}   {self.text}"


def steady_ratios(programs: Runs, steady: list[str], tool: str, base: str) -> list[float | None]:
    return [ratio(programs, name, tool, base, "user") for name in steady]


def worst(ratios: list[float | None]) -> float | None:
    return max(ratios) if ratios and all(one is not None for one in ratios) else None


def times(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one / other


def bars(minor: tuple[int, int], programs: Runs, steady: list[str]) -> list[Bar]:
    """The bars that hold for a Python, judged on `mc-brch`."""
    ours = steady_ratios(programs, steady, BRANCH, IDLE)
    mean = geometric_mean(ours)
    found: list[Bar] = []
    if minor >= (3, 14):
        found.append(Bar("steady geometric mean against mc-off, at most 1.03", mean, 1.03))
        found.append(Bar("steady worst program against mc-off, at most 1.10", worst(ours), 1.10))
    elif minor >= (3, 12):
        found.append(Bar("steady geometric mean against mc-off, at most 1.10", mean, 1.10))
        found.append(Bar("steady worst program against mc-off, at most 1.60", worst(ours), 1.60))
        slipcover = geometric_mean(steady_ratios(programs, steady, "sl-brch", PLAIN))
        text = "our mean against slipcover's (each with start-up, each on its own base), at most 1.05"
        found.append(Bar(text, times(mean, slipcover), 1.05))
    else:
        # Against plain Python, both: with nothing selected, minicov's trace function is called for every line all the same.
        traced = geometric_mean([without_start(programs, name, "ct-brch", PLAIN) for name in steady])
        bare = geometric_mean([without_start(programs, name, BRANCH, PLAIN) for name in steady])
        share = None if traced is None or bare is None or traced <= 1 else (bare - 1) / (traced - 1)
        found.append(Bar("overhead as a share of ct-brch's, start-up taken out, at most 0.60", share, 0.60))
    for metric, name in (("cpu", "user and system"), ("wall", "wall")):
        more = difference(programs, "empty", BRANCH, PLAIN, metric)
        found.append(Bar(f"empty script, {name}, ms over python, at most 5", None if more is None else more * 1e3, 5.0))
    imports = ratio(programs, "imports", BRANCH, IDLE, "cpu")
    found.append(Bar("import of 300 modules against mc-off, at most 1.25", imports, 1.25))
    for rival in ("ct-brch", "sl-brch"):
        theirs = ratio(programs, "imports", rival, PLAIN, "cpu")
        found.append(Bar(f"the same against {rival}'s, below 1", times(imports, theirs), 1.0))
    return found
