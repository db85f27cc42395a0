"""Writes the text a person reads from the raw results. Pure: results in, text out."""

from .bars import bars
from .figures import Runs, difference, geometric_mean, ratio, value, without_start
from .tools import PLAIN, TOOLS

METHOD = """\
Each program runs under every tool in turn, a round after another; each round starts one tool further on. Before the
rounds comes a warm-up run of each, whose output must be the plain Python's. A ratio is the median over rounds of
tool / base within the same round; the base is named in the second heading line. CPU times and peak memory are the
kernel's (wait4). Programs marked * are mostly start-up: for them CPU is user and system time together, since the
kernel splits the two by ticks of 1 to 4 ms, and they stay out of the means. `control` is mc-off run twice: what it is
away from 1.00 is noise. A tool's start-up and the writing of its data are in its ratios, unless said otherwise."""


def cell(number: float | None, failed: bool, digits: int) -> str:
    if number is None:
        return "failed" if failed else "-"
    return f"{number:.{digits}f}"


def table(rows: list[list[str]]) -> list[str]:
    """Aligned columns, the first to the left and the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:]))])
        for row in rows
    ]


def ratios(title: str, programs: Runs, keys: list[str], steady: list[str], metric: str, unit: float) -> list[str]:
    """One table of a metric: the plain Python times `unit`, the other tools as ratios to their bases."""
    columns = [tool for tool in TOOLS if tool.key in keys]
    rows = [[title, *(tool.key for tool in columns)], ["", *(f"/{tool.base}" if tool.base else "" for tool in columns)]]
    for name, cells in programs.items():
        of = "cpu" if metric == "user" and name not in steady else metric
        row = [name if name in steady else f"{name} *"]
        for tool in columns:
            failed = cells.get(tool.key, {}).get("failed") is not None
            if tool.base is None:
                plain = value(programs, name, tool.key, of)
                row.append(cell(None if plain is None else plain * unit, failed, 3))
            else:
                row.append(cell(ratio(programs, name, tool.key, tool.base, of), failed, 2))
        rows.append(row)
    counted = [name for name in programs if name in steady]
    mean = ["geometric mean"]
    for tool in columns:
        each = [ratio(programs, name, tool.key, tool.base, metric) for name in counted] if tool.base else []
        mean.append(cell(geometric_mean(each), False, 3))
    rows.append(mean)
    if metric == "user" and "empty" in programs:
        less = ["  start-up taken out"]
        for tool in columns:
            each = [without_start(programs, name, tool.key, tool.base) for name in counted] if tool.base else []
            less.append(cell(geometric_mean(each), False, 3))
        rows.append(less)
    return table(rows)


def start_up(programs: Runs, keys: list[str]) -> list[str]:
    """What a tool adds to the empty script, and what 300 modules' first execution costs under it."""
    rows = [["start-up", "CPU ms", "wall ms", "MB", "imports, CPU ratio", "CPU ms for 300 modules"]]
    rows.append(["", "over python", "over python", "over python", "to its base", "over python's, start-up taken out"])
    for tool in TOOLS:
        if tool.key not in keys or tool.base is None:
            continue
        over = [difference(programs, "empty", tool.key, PLAIN, metric) for metric in ("cpu", "wall", "peak")]
        scaled = [None if one is None else one * unit for one, unit in zip(over, (1e3, 1e3, 1 / 1024))]
        modules = difference(programs, "imports", tool.key, PLAIN, "cpu")
        first_hits = None if modules is None or over[0] is None else (modules - over[0]) * 1e3
        imported = ratio(programs, "imports", tool.key, tool.base, "cpu")
        over_text = [cell(one, False, 1) for one in scaled]
        rows.append([tool.key, *over_text, cell(imported, False, 2), cell(first_hits, False, 1)])
    return table(rows)


def for_python(name: str, about: dict, programs: Runs, steady: list[str]) -> list[str]:
    keys = about["tools"]
    lines = [f"## Python {name}", "", about["full"]]
    not_own = "not the executable's: mc-off / python shows the difference"
    lines.append("libpython: " + ("the executable's own" if about["shared"] else not_own))
    lines.append("profile-guided build: " + ("yes" if about["optimised"] else "its configuration does not say so"))
    lines.append("packages: " + ", ".join(f"{package} {version}" for package, version in about["packages"].items()))
    lines.append(f"minicov: {about['minicov'] or 'none'}")
    lines += [f"skipped: {tool}: {why}" for tool, why in about["skipped"].items()]
    lines += ["", *ratios("user CPU", programs, keys, steady, "user", 1.0)]
    lines += ["", *ratios("wall", programs, keys, steady, "wall", 1.0)]
    lines += ["", *ratios("peak MB", programs, keys, steady, "peak", 1 / 1024)]
    if "empty" in programs or "imports" in programs:
        lines += ["", *start_up(programs, keys)]
    lines += ["", "bars (issue 3), by mc-brch:", *(bar.line() for bar in bars(tuple(about["minor"]), programs, steady))]
    failures = [
        f"failed: {program}, {tool}: {one['failed']}"
        for program, cells in programs.items()
        for tool, one in cells.items()
        if one["failed"] is not None
    ]
    return lines + [""] + failures + ([""] if failures else [])


def text(results: dict) -> str:
    """The whole report."""
    about = results["about"]
    lines = ["minicov benchmarks", ""]
    facts = ("date", "machine", "kernel", "load", "commit", "runner", "rounds", "sizes", "note")
    lines += [f"{key}: {about[key]}" for key in facts if key in about]
    lines += ["", METHOD, ""]
    lines += [f"  {tool.key:8} {tool.meaning}" for tool in TOOLS]
    lines.append("")
    for name, python in results["pythons"].items():
        lines += for_python(name, python, results["runs"].get(name, {}), results["steady"])
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"
