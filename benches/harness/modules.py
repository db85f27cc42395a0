"""Writes 300 modules of ordinary sizes and shapes, the same ones each time: a program whose run is its imports.

Sizes go from 20 to 500 lines with a mean near 130, which is what site-packages look like; each module defines
classes, functions and tables, imports a few earlier ones, and runs one of its functions when imported.
"""

import random
from pathlib import Path

COUNT = 300
A_PACKAGE = 15


def function(name: str, random_source: random.Random) -> list[str]:
    """One function with branches and a loop, 9 to 17 lines."""
    limit = random_source.randrange(3, 9)
    lines = [
        f"def {name}(values, limit={limit}, *, strict=False):",
        f'    """Adds up what of `values` is under a limit, as {name} does."""',
        "    total = 0",
        "    for position, value in enumerate(values):",
        "        if value > limit:",
        "            continue",
        f"        total += value * {random_source.randrange(1, 50)} + position",
    ]
    if random_source.random() < 0.5:
        lines += [
            "    try:",
            f"        total //= {random_source.randrange(0, 4)}",
            "    except ZeroDivisionError:",
            "        total = -total",
        ]
    if random_source.random() < 0.5:
        lines += ["    if strict and total < 0:", "        raise ValueError(total)", "    else:", "        total += 1"]
    return [*lines, "    return total", "", ""]


def class_body(name: str, random_source: random.Random) -> list[str]:
    lines = [f"class {name}:", f'    """Holds a state of kind {name}."""', "", f"    kind = {name.lower()!r}", ""]
    lines += ["    def __init__(self, first=0, second=None):", "        self.first = first"]
    lines += ["        self.second = second if second is not None else []", ""]
    for number in range(random_source.randrange(1, 6)):
        lines += [
            f"    def method_{number}(self, value):",
            f"        if value == {number} and self.first:",
            "            self.second.append(value)",
            "            return True",
            f"        return value in self.second or self.first > {random_source.randrange(100)}",
            "",
        ]
    return [*lines, ""]


def module(index: int, names: list[str], random_source: random.Random) -> str:
    lines = [f'"""Module number {index}."""', "", "import os.path", "import re"]
    for number, other in enumerate(names):
        lines.append(f"from {other} import LIMITS as limits_{number}, run as run_{number}")
    lines += ["", f'PATTERN = "{index}:([a-z]+)"', "LIMITS = {"]
    lines += [f'    "entry{n}": ({n}, {random_source.randrange(1000)}),' for n in range(random_source.randrange(3, 20))]
    lines += ["}", "", ""]
    for number in range(min(24, int(random_source.expovariate(1 / 4)) + 1)):
        lines += function(f"compute_{number}", random_source)
    for number in range(min(8, int(random_source.expovariate(1 / 2)))):
        lines += class_body(f"Holder{number}", random_source)
    lines += ["def run(values=(1, 2, 3)):", "    total = compute_0(values)"]
    lines += ["    if os.path.isabs(PATTERN) or re is None:", "        total += 1"]
    lines += [f"    total += len(limits_{number})" for number in range(len(names))]
    return "\n".join([*lines, "    return total + len(LIMITS)", "", "", "TOTAL = run()", ""])


def write(folder: Path) -> None:
    """Writes the modules in packages of fifteen, and `start.py`, which imports them all and prints a sum."""
    random_source = random.Random(300)
    names: list[str] = []
    for index in range(COUNT):
        package = f"part{index // A_PACKAGE:02}"
        (folder / package).mkdir(exist_ok=True)
        (folder / package / "__init__.py").write_text(f'"""Package {package}."""\n')
        imported = sorted(random_source.sample(names, min(len(names), random_source.randrange(4))))
        text = module(index, imported, random_source)
        name = f"{package}.module{index:03}"
        (folder / f"{name.replace('.', '/')}.py").write_text(text)
        names.append(name)
    imports = [f"import {name}" for name in names]
    total = " + ".join(f"{name}.TOTAL" for name in names)
    (folder / "start.py").write_text("\n".join([*imports, f"print({total})", ""]))
