"""Dumps what coverage.py 7.17.3 finds in Python files without running them, one JSON file for each.

    python coverage_static.py OUTPUT_FOLDER FILE_OR_FOLDER...

Needs `coverage==7.17.3` installed for the interpreter that runs it. For the file number N of the sorted list it writes
OUTPUT_FOLDER/N.json:

    path        the file
    error       why coverage.py cannot analyse it; then nothing below is there
    code        the module's code object, see `shape`
    raw_statements, statements, excluded, no_branch: lines, ascending
    multiline   [[line, first line], ...]
    regions     [[kind, name, start, lines], ...] in coverage.py's order
    arcs        [[from, to], ...] possible arcs, ascending
    fixers      [[[from, to], [from, to] or null], ...] for leaving `with`
    exit_counts [[line, count], ...]
    missing     [[from, to, missing_arc_description, arc_description], ...] for each possible arc
"""

import ast
import json
import os
import sys
import types
import warnings

from coverage import config
from coverage.misc import join_regex
from coverage.parser import PythonParser
from coverage.python import get_python_source
from coverage.regions import code_regions


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


def facts(path):
    text = get_python_source(path)
    parser = PythonParser(text=text, filename=path, exclude=join_regex(config.DEFAULT_EXCLUDE))
    parser.parse_source()
    raw = sorted(parser.raw_statements)
    arcs = sorted(parser.arcs())
    fixers = parser._with_jump_fixers
    partial = config.DEFAULT_PARTIAL + config.DEFAULT_PARTIAL_ALWAYS
    return {
        "code": shape(compile(text, path, "exec", dont_inherit=True)),
        "raw_statements": raw,
        "statements": sorted(parser.statements),
        "excluded": sorted(parser.excluded),
        "no_branch": sorted(parser.lines_matching(join_regex(partial))),
        "multiline": sorted(parser.multiline_map.items()),
        "regions": [[r.kind, r.name, r.start, sorted(r.lines)] for r in code_regions(text)],
        "arcs": arcs,
        "fixers": sorted(fixers.items(), key=lambda item: item[0]),
        "exit_counts": sorted(parser.exit_counts().items()),
        "missing": [
            [a, b, parser.missing_arc_description(a, b), parser.arc_description(a, b)] for a, b in arcs
        ],
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
    for number, path in enumerate(sorted(python_files(roots))):
        found = {"path": path}
        try:
            found.update(facts(path))
        except Exception as error:
            found["error"] = f"{type(error).__name__}: {error}"
        with open(os.path.join(output, f"{number}.json"), "w") as file:
            json.dump(found, file)


main(*sys.argv[1:])
