"""The command line of `benches/run`: chooses Pythons, tools and programs, measures, writes the results."""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from fnmatch import fnmatch
from pathlib import Path

from . import environments, machine, pythons, report
from .launch import Launcher
from .measure import Runner
from .programs import PROGRAMS, Kind, Program
from .pythons import Python, entering
from .tools import IDLE, PLAIN, TOOLS, Minicov, Tool

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_MINICOV = str(CHECKOUT / "target-{minor}" / "release" / "minicov")
ROUNDS = 11
ROUNDS_QUICK = 1
# The packages whose versions a reader wants; the rest of an environment is what these pulled in.
SHOWN = ("coverage", "slipcover", "covers", "pytest")


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benches/run",
        description="Times plain Python, minicov and its peers on the programs of benches/programs.",
    )
    parser.add_argument(
        "--minicov",
        action="append",
        default=[],
        metavar="[VERSION=]PATH",
        help="the minicov executable of a Python (3.13=/path), or of all ({minor} and {version} are filled in); "
        f"may be given again; default: {DEFAULT_MINICOV}",
    )
    option = parser.add_argument
    option("--python", default="", metavar="3.13,3.14", help="only these Pythons, by version or its beginning")
    option("--tool", default="", metavar="mc-*,sl-brch", help=f"only these columns, besides {PLAIN} and {IDLE}")
    option("--only", default="", metavar="calls,empty", help="only these programs; patterns are allowed")
    option("--rounds", type=int, help=f"rounds to run (default: {ROUNDS}; with --quick {ROUNDS_QUICK})")
    option("--quick", action="store_true", help="small programs and one round: shows that all works, no more")
    option("--note", default="", metavar="TEXT", help="what a reader of the results must know, such as who else ran")
    option("--processor", type=int, metavar="N", help="keep the measured processes on this core")
    option("--timeout", type=int, default=300, metavar="S", help="kill a run after this (default: 300)")
    option("--work", type=Path, default=Path("/tmp/minicov-benches"), metavar="DIR", help="where it works")
    option("--out", type=Path, metavar="FILE.txt", help="the text to write; raw figures go beside it as .json")
    option("--render", type=Path, metavar="FILE.json", help="only print the text of raw figures kept")
    option("--list", action="store_true", help="only show the Pythons, tools and programs")
    return parser.parse_args(argv)


def chosen(name: str, patterns: str) -> bool:
    return not patterns or any(fnmatch(name, pattern.strip()) for pattern in patterns.split(","))


def chosen_python(python: Python, wanted: str) -> bool:
    return not wanted or any(f"{python.version}.".startswith(f"{one.strip()}.") for one in wanted.split(","))


def find_minicov(python: Python, options: list[str], work: Path) -> Minicov | None:
    """A copy of the executable for a Python: in `work`, so that a chroot sees it and no build replaces it meanwhile."""
    path = DEFAULT_MINICOV
    for option in options:
        version, equals, given = option.partition("=")
        if not equals:
            path = option
        elif f"{python.version}.".startswith(f"{version}."):
            path = given
            break
    source = Path(path.replace("{minor}", python.minor_text).replace("{version}", python.version)).expanduser()
    if not source.is_file():
        return None
    copy = work / "minicov" / python.version / "minicov"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.unlink(missing_ok=True)
    shutil.copy2(source, copy)
    asked, helped = (
        subprocess.run(entering(python.root, [str(copy), *words]), capture_output=True, text=True, cwd="/")
        for words in (["--version"], ["run", "--help"])
    )
    if asked.returncode != 0:
        print(f"  {source} does not run: {environments.last_line(asked.stderr)}", file=sys.stderr)
        return None
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()[:12]
    return Minicov(copy, asked.stdout.strip(), digest, "--branch" in helped.stdout)


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure_python(
    python: Python, options: argparse.Namespace, programs: list[Program], rounds: int, results: dict
) -> None:
    """Measures all chosen programs on one Python and adds them to `results`."""
    work = options.work
    environment = environments.prepare(python, work)
    minicov = find_minicov(python, options.minicov, work)
    tools: list[Tool] = []
    skipped: dict[str, str] = {}
    for tool in TOOLS:
        if tool.key not in (PLAIN, IDLE) and not chosen(tool.key, options.tool):
            continue
        reason = tool.refuse(environment, minicov)
        if reason is None:
            tools.append(tool)
        else:
            skipped[tool.key] = reason
            tell(f"  skipped: {tool.key}: {reason}")
    suite = environments.fetch_suite(environment, work) if any(program.needs_suite for program in programs) else None
    results["pythons"][python.version] = {
        "full": python.full + (f" (in {python.root})" if python.root else ""),
        "minor": python.minor,
        "shared": python.shared,
        "optimised": python.optimised,
        "packages": {name: environment.versions[name] for name in SHOWN if name in environment.versions},
        "minicov": f"{minicov.version}, sha256 {minicov.sha256}" if minicov else None,
        "tools": [tool.key for tool in tools],
        "skipped": skipped,
    }
    runs = results["runs"].setdefault(python.version, {})
    scratch = work / "run" / python.version
    with Launcher(work / "launcher", options.timeout, options.processor) as launcher:
        runner = Runner(launcher, environment, minicov, tools, scratch, rounds, options.quick, tell)
        for program in programs:
            tell(f"  {program.name}")
            runs[program.name] = {key: asdict(cell) for key, cell in runner.measure(program, suite).items()}


def main(argv: list[str]) -> int:
    options = arguments(argv)
    if options.render:
        print(report.text(json.loads(options.render.read_text())), end="")
        return 0
    found = [python for python in pythons.find() if chosen_python(python, options.python)]
    programs = [program for program in PROGRAMS if chosen(program.name, options.only)]
    if options.list:
        print("Pythons:", ", ".join(python.version + (" (sid)" if python.root else "") for python in found))
        print("tools:", ", ".join(tool.key for tool in TOOLS))
        print("programs:", ", ".join(program.name for program in programs))
        return 0
    if not found or not programs:
        tell("benches/run: no Python or no program is left to measure")
        return 1
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    rounds = options.rounds if options.rounds is not None else ROUNDS_QUICK if options.quick else ROUNDS
    if rounds < 1:
        tell("benches/run: --rounds must be at least 1")
        return 1
    results: dict = {"about": machine.about(CHECKOUT), "steady": [], "pythons": {}, "runs": {}}
    results["about"]["rounds"] = str(rounds)
    if options.note:
        results["about"]["note"] = options.note
    results["about"]["sizes"] = "quick: only shows that all works, the ratios mean nothing" if options.quick else "full"
    results["steady"] = [program.name for program in programs if program.kind is Kind.STEADY]
    for python in found:
        tell(f"Python {python.version}")
        try:
            measure_python(python, options, programs, rounds, results)
        except RuntimeError as error:
            tell(f"  skipped: {error}")
    results["about"]["load"] = f"{results['about']['load']} at the start, {machine.load()} at the end"
    day = results["about"]["date"][:10]
    kept = CHECKOUT / "benches" / "results" / f"{day}.txt"
    out = options.out or (options.work / "quick.txt" if options.quick else kept)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".json").write_text(json.dumps(results, separators=(",", ":")) + "\n")
    written = report.text(results)
    out.write_text(written)
    print(written, end="")
    tell(f"written: {out} and {out.with_suffix('.json').name}")
    programs_run = [cells for runs in results["runs"].values() for cells in runs.values()]
    return 2 if any(cell["failed"] for cells in programs_run for cell in cells.values()) else 0
