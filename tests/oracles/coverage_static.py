"""Dumps what coverage.py 7.17.3 finds in Python files without running them, one JSON file for each.

    python coverage_static.py OUTPUT_FOLDER FILE_OR_FOLDER...

Needs `coverage==7.17.3` installed for the interpreter that runs it. For the file number N of the sorted list it writes
OUTPUT_FOLDER/N.json:

    path        the file
    error       why coverage.py cannot analyse it; then nothing below is there
    code        the module's code object, see `shape`
    raw_statements, statements, excluded, no_branch: lines, ascending
    line_count  lines of the text by `str.splitlines`
    multiline   [[line, first line], ...]
    regions     [[kind, name, start, lines], ...] in coverage.py's order
    arcs        [[from, to], ...] possible arcs, ascending
    fixers      [[[from, to], [from, to] or null], ...] for leaving `with`
    exit_counts [[line, count], ...]
    descriptions [[from, to, [missing_arc_description's parts, sorted], arc_description], ...] for the possible arcs
                of lines that have several
    recorded    [[from, to], ...] invented raw arcs: some possible, some not, some with lines within statements
    executed    [[from, to], ...] what the recorded arcs amount to
    branches    [[line, exits, taken, [executed to, ...], [missing to, ...]], ...] given those
    partial     n_partial_branches given those
"""

import collections
import json
import os
import random
import sys
import types
import warnings

from coverage import config
from coverage.misc import join_regex
from coverage.parser import PythonParser
from coverage.python import get_python_source
from coverage.regions import code_regions
from coverage.results import analysis_from_file_reporter


def shape(code):
    """A code object as plain data: what minicov's CodeShape holds."""
    return {
        "name": code.co_name,
        "qualname": code.co_qualname,
        "first_line": code.co_firstlineno,
        "flags": code.co_flags,
        "code": code.co_code.hex(),
        "line_table": code.co_linetable.hex(),
        "exception_table": code.co_exceptiontable.hex(),
        "children": [shape(const) for const in code.co_consts if isinstance(const, types.CodeType)],
    }


class Reporter:
    """The part of a FileReporter that an analysis needs."""

    def __init__(self, parser, no_branch):
        self.parser = parser
        self.no_branch = no_branch
        self.lines = lambda: parser.statements
        self.excluded_lines = lambda: parser.excluded
        self.translate_lines = parser.translate_lines
        self.translate_arcs = parser.translate_arcs
        self.arcs = parser.arcs
        self.exit_counts = parser.exit_counts
        self.no_branch_lines = lambda: no_branch


class Data:
    """The part of a CoverageData that an analysis needs."""

    def __init__(self, recorded):
        self.has_arcs = lambda: True
        self.arcs = lambda filename: recorded
        self.lines = lambda filename: sorted({end for arc in recorded for end in arc if end > 0})


def invented(path, parser):
    """Raw arcs as a tracer might record them; the same for the same path and interpreter."""
    chance = random.Random(os.path.basename(path))
    raw = sorted(parser.raw_statements)
    lines = raw + [-line for line in raw[::7]]
    pool = sorted(parser.arcs()) + sorted(parser._with_jump_fixers) + [(line, line) for line in raw]
    recorded = {arc for arc in pool if chance.random() < 0.5}
    recorded |= {(chance.choice(lines), chance.choice(lines)) for _ in raw}
    within = sorted(parser.multiline_map)
    recorded |= {(line, chance.choice(lines)) for line in within if chance.random() < 0.3}
    return sorted(recorded)


def judged(path, parser, no_branch):
    recorded = invented(path, parser)
    analysis = analysis_from_file_reporter(Data(recorded), 0, Reporter(parser, no_branch), path)
    executed, missing = analysis.executed_branch_arcs(), analysis.missing_branch_arcs()
    return {
        "recorded": recorded,
        "executed": sorted(analysis.arcs_executed_set),
        "branches": [
            [line, exits, taken, executed[line], missing[line]]
            for line, (exits, taken) in sorted(analysis.branch_stats().items())
        ],
        "partial": analysis.numbers.n_partial_branches,
    }


def descriptions(parser):
    """The parts of a description stand in the order of a set of strings, so they are sorted."""
    arcs = sorted(parser.arcs())
    starts = collections.Counter(start for start, _ in arcs)
    for a, b in arcs:
        if starts[a] > 1:
            missing = sorted(parser.missing_arc_description(a, b).split(" or line "))
            yield [a, b, missing, parser.arc_description(a, b)]


def facts(path):
    text = get_python_source(path)
    parser = PythonParser(text=text, filename=path, exclude=join_regex(config.DEFAULT_EXCLUDE))
    parser.parse_source()
    raw = sorted(parser.raw_statements)
    arcs = sorted(parser.arcs())
    fixers = parser._with_jump_fixers
    partial = config.DEFAULT_PARTIAL + config.DEFAULT_PARTIAL_ALWAYS
    no_branch = parser.lines_matching(join_regex(partial))
    return {
        "code": shape(compile(text, path, "exec", dont_inherit=True)),
        "raw_statements": raw,
        "statements": sorted(parser.statements),
        "excluded": sorted(parser.excluded),
        "no_branch": sorted(no_branch),
        "line_count": len(text.splitlines()),
        "multiline": sorted(parser.multiline_map.items()),
        "regions": [[r.kind, r.name, r.start, sorted(r.lines)] for r in code_regions(text)],
        "arcs": arcs,
        "fixers": sorted(fixers.items(), key=lambda item: item[0]),
        "exit_counts": sorted(parser.exit_counts().items()),
        "descriptions": list(descriptions(parser)),
        **judged(path, parser, no_branch),
    }


def python_files(roots):
    for root in roots:
        if os.path.isfile(root):
            yield root
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in ("site-packages", "__pycache__")]
            yield from (os.path.join(folder, name) for name in names if name.endswith(".py"))


def main(output, *roots):
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(20_000)
    os.makedirs(output, exist_ok=True)
    for number, path in enumerate(sorted(map(os.path.abspath, python_files(roots)))):
        found = {"path": path}
        try:
            found.update(facts(path))
        except Exception as error:
            found["error"] = f"{type(error).__name__}: {error}"
        with open(os.path.join(output, f"{number}.json"), "w") as file:
            json.dump(found, file)


main(*sys.argv[1:])
