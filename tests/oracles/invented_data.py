"""Writes a data file of coverage.py's for Python files that never ran, with invented steps between their lines.

    python invented_data.py DATA_FILE PROGRAMS COUNT SEED

Needs `coverage==7.17.3`. The files are those in the folder PROGRAMS, and COUNT files of the interpreter's standard library
picked by SEED, or all if COUNT is 0. The steps are the same for the same file, interpreter and SEED: some as control could
go, some back, some within a line, some impossible. Prints the number of files.
"""

import os
import random
import sys
import sysconfig
import types
import warnings

from coverage import CoverageData


def codes(code):
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from codes(const)


def invented(path, chance):
    """Raw steps as a tracer might record them; none for a file that is no Python."""
    try:
        with open(path, "rb") as file:
            module = compile(file.read(), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return []
    steps = set()
    for code in codes(module):
        # In the order of the instructions, which goes back to a `with` at the end of its suite, for one.
        lines = [line for _, _, line in code.co_lines() if line]
        way_out = -code.co_firstlineno
        for line, following in zip(lines, lines[1:] + [way_out]):
            kind = chance.random()
            if kind < 0.5:
                steps.add((line, following))
            if kind < 0.2:
                steps.add((line, line))
            if 0.2 < kind < 0.3:
                steps.add((line, way_out))
            if 0.3 < kind < 0.5:
                steps.add((line, chance.choice(lines)))
    return sorted(steps)


def library():
    for folder, folders, names in os.walk(sysconfig.get_path("stdlib")):
        folders[:] = sorted(name for name in folders if name not in ("site-packages", "__pycache__"))
        paths = [os.path.join(folder, name) for name in sorted(names) if name.endswith(".py")]
        # Debian links a file to one in /etc, which is not the library's.
        yield from (path for path in paths if not os.path.islink(path))


def main(data_file, programs, count, seed):
    warnings.simplefilter("ignore")
    files = sorted(library())
    if int(count):
        files = random.Random(seed).sample(files, min(int(count), len(files)))
    files += [os.path.join(programs, name) for name in sorted(os.listdir(programs)) if name.endswith(".py")]
    data = CoverageData(data_file)
    for path in files:
        steps = invented(path, random.Random(f"{seed} {os.path.basename(path)}"))
        data.add_arcs({path: steps})
        data.touch_file(path)
    data.write()
    print(len(files))


main(*sys.argv[1:])
