"""Random programs full of decisions, for comparing minicov with `mcdc_judge.py`.

    python mcdc_programs.py SEED COUNT FOLDER

Writes COUNT programs `random_SEED_NUMBER.py` of some functions each, which call these with few enough arguments that most
decisions stay incomplete.
"""

import pathlib
import random
import sys

PREAMBLE = '''\
import asyncio
class O: pass
def t(x, *more): return x
def boom(x):
    if x: raise ValueError(x)
    return x
async def co(x):
    await asyncio.sleep(0)
    return x
depth = [0]
'''


class Writer:
    def __init__(self, rng):
        self.rng = rng
        self.lines = []
        self.kind = "def"
        self.name = ""
        self.deep = 0

    # Expressions.

    def leaf(self):
        r = self.rng
        n = self.var()
        simple = [
            lambda: n,
            lambda: n,
            lambda: n,
            lambda: f"{n} is None",
            lambda: f"{n} is not None",
            lambda: f"{n} == 1",
            lambda: f"{n} in (1, 2)",
            lambda: f"{n} not in (0, None)",
            lambda: f"{self.num()} < {self.num()} < {self.num()}",
            lambda: f"{n} is {self.var()} is not None",
            lambda: f"t({n})",
            lambda: f"boom({n})",
            lambda: f"o.{n}",
            lambda: f"o.{n}\\\n        .real",
            lambda: f"l[{r.randrange(2)}]",
            lambda: f"(w := {n})",
            lambda: f"({self.expr(2)} if {self.expr(2)} else {self.expr(2)})",
            lambda: f"(not {n} if {self.expr(1)} else {self.var()})",
            lambda: f"t({self.expr(2)})",
            lambda: f"t({n}, {self.expr(2)})",
            lambda: f"[i for i in ({self.var()}, {self.var()}) if {self.expr(2, 'i')}]",
            lambda: f"any(i for i in (a, b) if {self.expr(2, 'i')})",
            lambda: f"(lambda p: {self.expr(2, 'p')})({self.var()})",
            lambda: f"f'{{{self.var()}}}'",
            lambda: f"(w := {self.expr(2)})",
            lambda: f"({self.expr(2)}) is None",
            lambda: f"-{self.num()}",
            lambda: r.choice(["True", "False", "0", "''", "None", "()", "__debug__", "1.5"]),
            lambda: f"{self.name}({n}, b, c, d) if depth[0] < 3 else {n}",
        ]
        if self.kind == "async":
            simple += [lambda: f"(await co({n}))"] * 3
        if self.kind == "gen":
            simple += [lambda: f"(yield {n})"] * 3
        weights = [6] * 3 + [2] * (len(simple) - 3)
        weights[27] = 1
        text = r.choices(simple, weights)[0]()
        if text.startswith(self.name + "("):
            text = f"({text})" if self.kind == "def" else n
        return text

    def var(self):
        return self.rng.choice("abcd")

    def num(self):
        return f"({self.var()} or 0)" if self.rng.random() < 0.3 else self.rng.choice(["n", "m", "1", "k"])

    def expr(self, size=None, extra=None):
        """A boolean expression of about this many conditions."""
        self.deep += 1
        r = self.rng
        size = size if size is not None else r.choice([1, 1, 2, 2, 2, 3, 3, 4, 5])
        if self.deep > 5:
            size = 1
        if size <= 1 or (size == 2 and r.random() < 0.3):
            text = self.leaf() if self.deep < 5 else self.var()
            if extra and r.random() < 0.5:
                text = extra
            if r.random() < 0.2:
                text = f"not {text}" if not text.startswith("-") else text
        else:
            left = r.randint(1, size - 1)
            operator = r.choice(["and", "or"])
            parts = [self.expr(left, extra), self.expr(size - left, extra)]
            if r.random() < 0.2:
                parts.append(self.expr(1, extra))
            text = f" {operator} ".join(self.wrap(part) for part in parts)
            if r.random() < 0.15:
                text = f"not ({text})"
        self.deep -= 1
        return text

    def wrap(self, text):
        plain = " or " not in text and " and " not in text and " if " not in text and ":=" not in text
        return text if plain and self.rng.random() < 0.8 else f"({text})"

    # Statements.

    def block(self, indent, budget):
        r = self.rng
        pad = "    " * indent
        for _ in range(r.randint(1, 3)):
            kind = r.choice(
                ["if", "if", "if", "elif", "while", "assert", "assign", "assign", "arg", "ternary", "match", "try",
                 "comp", "with", "for", "return", "oneline", "fstring", "dict"]
            )
            if budget <= 0 and kind in ("if", "elif", "while", "match", "try", "with", "for"):
                kind = "assign"
            e = self.expr
            if kind == "if":
                self.add(f"{pad}if {e()}:")
                self.block(indent + 1, budget - 1)
                if r.random() < 0.5:
                    self.add(f"{pad}else:")
                    self.block(indent + 1, budget - 1)
            elif kind == "elif":
                self.add(f"{pad}if {e()}:")
                self.add(f"{pad}    x = 1")
                self.add(f"{pad}elif {e()}:")
                self.block(indent + 1, budget - 1)
            elif kind == "while":
                self.add(f"{pad}k = 0")
                self.add(f"{pad}while k < 2 and ({e()}):")
                self.add(f"{pad}    k += 1")
                self.block(indent + 1, budget - 2)
                if r.random() < 0.3:
                    self.add(f"{pad}    if {e(2)}: {r.choice(['break', 'continue'])}")
                if r.random() < 0.3:
                    self.add(f"{pad}else:")
                    self.add(f"{pad}    x = {e(2)}")
            elif kind == "assert":
                self.add(f"{pad}assert {e()}, {e(1)}")
            elif kind == "assign":
                self.add(f"{pad}x = {e()}")
            elif kind == "arg":
                self.add(f"{pad}t({self.var()}, {e()})")
            elif kind == "ternary":
                self.add(f"{pad}x = {e(1)} if {e()} else {e(1)}")
            elif kind == "fstring":
                self.add(f"{pad}x = t({e(2)}) or [{e(2)}, {e(2)}]")
            elif kind == "dict":
                self.add(f"{pad}x = {{i: {e(2)} for i in (a, b) if {e(2, 'i')} if {e(1, 'i')}}} if {e(2)} else ({e(2)})")
            elif kind == "match":
                self.add(f"{pad}match {self.var()}:")
                self.add(f"{pad}    case 1 if {e()}:")
                self.block(indent + 2, budget - 1)
                self.add(f"{pad}    case q if {e(None, 'q')}:")
                self.add(f"{pad}        x = q")
            elif kind == "try":
                self.add(f"{pad}try:")
                self.block(indent + 1, budget - 1)
                if r.random() < 0.5:
                    self.add(f"{pad}except ValueError:")
                    self.block(indent + 1, budget - 2)
                self.add(f"{pad}finally:")
                self.add(f"{pad}    if {e()}:")
                self.add(f"{pad}        x = 2")
            elif kind == "comp":
                self.add(f"{pad}x = {{i for i in (a, b, c) if {e(None, 'i')}}}")
            elif kind == "with":
                self.add(f"{pad}with open('/dev/null') as fh:")
                self.block(indent + 1, budget - 1)
            elif kind == "for":
                self.add(f"{pad}for i in (a, b):")
                self.block(indent + 1, budget - 1)
                self.add(f"{pad}    if {e(2, 'i')}: continue")
            elif kind == "oneline":
                self.add(f"{pad}if {e()}: x = {e(2)}; t({e(2)})")
            elif kind == "return" and indent > 1:
                value = "" if self.kind == "gen" else e()
                self.add(f"{pad}return {value}")

    def add(self, line):
        self.lines.append(line)

    def function(self, number):
        self.kind = self.rng.choice(["def", "def", "def", "gen", "async"])
        self.name = f"f{number}"
        head = "async def" if self.kind == "async" else "def"
        self.add(f"{head} {self.name}(a, b, c, d):")
        self.add("    depth[0] += 1; w = x = q = k = 0; n, m = 1, 2; l = [a, b]; o = O(); o.a, o.b, o.c, o.d = a, b, c, d")
        self.add("    try:")
        self.block(2, 2)
        if self.kind == "gen":
            self.add("        yield 1")
        self.add("    finally:")
        self.add("        depth[0] -= 1")
        values = ["0", "1", "2", "None"]
        for _ in range(self.rng.randint(0, 6)):
            arguments = ", ".join(self.rng.choice(values) for _ in range(4))
            self.add("try:")
            if self.kind == "gen":
                self.add(f"    g = {self.name}({arguments})")
                self.add("    next(g); g.send(1); g.send(0); g.send(None)")
                self.add(f"    for i in range({self.rng.randint(0, 5)}): g.send(i % 2)")
                self.add("    g.close()")
            elif self.kind == "async":
                self.add(f"    asyncio.run({self.name}({arguments}))")
            else:
                self.add(f"    {self.name}({arguments})")
            self.add("except (ValueError, AssertionError, StopIteration, AttributeError, TypeError, RuntimeError): pass")


def program(seed):
    while True:
        writer = Writer(random.Random(seed))
        for number in range(4):
            writer.function(number)
        text = PREAMBLE + "\n".join(writer.lines) + "\n"
        try:
            compile(text, "random", "exec")
            return text
        except SyntaxError:
            # `await` where there is none to be, a walrus over a loop's variable: try the next.
            seed = f"{seed}'"


def main(seed, count, folder):
    for number in range(count):
        path = pathlib.Path(folder, f"random_{seed}_{number}.py")
        path.write_text(program(f"{seed}/{number}"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
