"""Random programs full of decisions, for comparing minicov with `mcdc_judge.py`.

    python mcdc_programs.py SEED COUNT FOLDER

Writes COUNT programs `random_SEED_NUMBER.py` of one or two functions each, which call these with few enough arguments that
most decisions stay incomplete. A program holds some thirty decisions, and what it can hold is what `Writer` lists.
"""

import pathlib
import random
import sys

PREAMBLE = '''\
import asyncio, contextlib, gc, threading
class O: pass
class Depth(threading.local):
    "How many calls are under way in a thread."
    calls = 0
    def __getitem__(self, index): return self.calls
    def __setitem__(self, index, calls): self.calls = calls
class B:
    "Its truth is asked for by a call, which may raise."
    def __init__(self, x): self.x = x
    def __bool__(self):
        if self.x is None or self.x == 2 and depth[0] > 2: raise ValueError(self.x)
        return self.x and True or False
class S:
    "Passes over exceptions."
    def __enter__(self): return 1
    def __exit__(self, kind, value, traceback): return isinstance(value, ValueError)
    async def __aenter__(self): return 1
    async def __aexit__(self, *about): return self.__exit__(*about)
def t(x, *more): return x
def sub(x):
    y = yield x
    if y and x or y is None: yield y
    return x
async def each(*values):
    for value in values: yield value
def boom(x):
    if x: raise ValueError(x)
    return x
async def co(x):
    await asyncio.sleep(0)
    return x
depth = Depth()
'''

# Generators that are still under way end here, and not whenever the interpreter gets to it.
EPILOGUE = "g = h = None; gc.collect()\n"


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
            lambda: self.chain(),
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
            lambda: f"B({n})",
            lambda: f"{n} == {self.var()} == {self.num()}",
            lambda: f"not {n} in l",
            lambda: f"not {n} is None",
            lambda: f"{n} is not {self.var()}",
            lambda: f"t({n}) is {r.choice(['', 'not '])}None",
            lambda: f"(not not {n})",
            lambda: f"l[{self.expr(2)} and 1 or 0]",
            lambda: f"t(*({self.expr(2)} and [{n}] or [0]))",
            lambda: f"(lambda p={self.expr(2)}: p)()",
            lambda: f"[j for i in (a, b) if {self.expr(1, 'i')} for j in (c, i) if {self.expr(2, 'j')}]",
            lambda: f"all([{self.expr(1, 'j')} for j in (a, i)] for i in l if {self.expr(2, 'i')})",
            lambda: f"({self.expr(1)}\n        if {self.expr(2)}\n        else {self.expr(1)})",
        ]
        if self.kind == "async":
            simple += [lambda: f"(await co({n}))"] * 3
            simple += [lambda: f"[i async for i in each(a, b) if {self.expr(2, 'i')}]"]
            simple += [lambda: f"[i for i in (a, b) if {self.expr(1, 'i')} and await co(i)]"]
        if self.kind == "gen":
            simple += [lambda: f"(yield {n})"] * 3
            simple += [lambda: f"(yield from sub({n}))"]
        weights = [6] * 3 + [2] * (len(simple) - 3)
        weights[28] = 1
        text = r.choices(simple, weights)[0]()
        if text.startswith(self.name + "("):
            text = f"({text})" if self.kind == "def" else n
        return text

    def chain(self):
        """A chained comparison of two to four links."""
        r = self.rng
        operands = [lambda: f"({self.expr(2)})", self.num, self.num, self.var, lambda: f"t({self.var()})"]
        if self.kind == "async":
            operands.append(lambda: f"(await co({self.var()}))")
        if self.kind == "gen":
            operands.append(lambda: f"(yield {self.var()})")
        links = []
        for _ in range(r.choice([2, 2, 2, 3, 4])):
            operator = r.choice(["<", "<=", "==", "!=", "is", "is not", "in", "not in"])
            if operator.endswith("in"):
                links.append(f"{operator} {r.choice(['l', '(1, 2)', '(0, None)'])}")
            elif operator.startswith("is") and r.random() < 0.4:
                links.append(f"{operator} None")
            else:
                links.append(f"{operator} {r.choice(operands)()}")
        return " ".join([r.choice(operands)(), *links])

    def plain(self):
        """A condition for the body of a class, where nothing can be awaited or yielded."""
        n = self.var()
        return self.rng.choice([n, f"not {n}", f"{n} is None", f"t({n})", f"{n} == 1", f"(k := {n})"])

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
            # What is joined over lines gets brackets.
            is_long = r.random() < 0.1
            joint = f"\n            {operator} " if is_long else f" {operator} "
            text = joint.join(self.wrap(part) for part in parts)
            text = f"({text})" if is_long else text
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
                 "comp", "with", "for", "return", "oneline", "fstring", "dict", "except", "suppress", "forever",
                 "function", "class", "augmented", "raise", "async", "leave", "plain"]
            )
            if budget <= 0 and kind in (
                "if", "elif", "while", "match", "try", "with", "for", "except", "suppress", "forever", "async"
            ):
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
            elif kind == "except":
                self.add(f"{pad}try:")
                self.block(indent + 1, budget - 1)
                if r.random() < 0.3:
                    self.add(f"{pad}except* ValueError:")
                    self.add(f"{pad}    x = {e(2)}")
                else:
                    self.add(f"{pad}except ValueError as error:")
                    self.add(f"{pad}    x = {e()} and error")
                    if r.random() < 0.5:
                        self.add(f"{pad}    if {e(2)}: raise")
                if r.random() < 0.5:
                    self.add(f"{pad}else:")
                    self.block(indent + 1, budget - 2)
            elif kind == "suppress":
                self.add(f"{pad}with S() as q, contextlib.suppress(AttributeError):")
                self.block(indent + 1, budget - 1)
            elif kind == "forever":
                self.add(f"{pad}k = 0")
                self.add(f"{pad}while {r.choice(['True', '1', 'not False', 'True or a', 'not 0 and 1'])}:")
                self.add(f"{pad}    k += 1")
                self.add(f"{pad}    if k > 2 or {e()}: break")
                self.block(indent + 1, budget - 2)
            elif kind == "function":
                self.add(f"{pad}def inner(p, s={e(2)}):")
                self.add(f"{pad}    return {self.var()} and p or s")
                self.add(f"{pad}x = inner({e(2)})")
            elif kind == "class":
                self.add(f"{pad}class C(O):")
                self.add(f"{pad}    if {self.plain()} and {self.plain()} or {self.plain()}: y = 1")
                self.add(f"{pad}    z = {self.plain()} and {self.plain()}")
            elif kind == "augmented":
                self.add(f"{pad}x = {e(2)} or 0; n += ({e(2)}) and 1 or 0")
            elif kind == "raise":
                self.add(f"{pad}if {e()}: raise ValueError({e(2)})")
            elif kind == "async":
                if self.kind == "async":
                    self.add(f"{pad}async for i in each(a, b):")
                    self.block(indent + 1, budget - 1)
                    self.add(f"{pad}    if {e(2, 'i')}: break")
                    self.add(f"{pad}async with S():")
                    self.block(indent + 1, budget - 2)
                else:
                    self.add(f"{pad}for i in l:")
                    self.add(f"{pad}    try:")
                    self.block(indent + 2, budget - 2)
                    self.add(f"{pad}        if {e()}: {r.choice(['break', 'continue'])}")
                    self.add(f"{pad}    finally:")
                    self.add(f"{pad}        x = {e()}")
                    self.add(f"{pad}else:")
                    self.add(f"{pad}    x = {e(2)}")
            elif kind == "leave":
                self.add(f"{pad}if {e()}:")
                self.add(f"{pad}    return{'' if self.kind == 'gen' else ' ' + e(2)}")
            elif kind == "plain":
                self.add(f"{pad}{e()}")
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
            others = ", ".join(self.rng.choice(values) for _ in range(4))
            way = self.rng.random()
            self.add("try:")
            if self.kind == "gen" and way < 0.3:
                # Two of them in turn; one is thrown at.
                self.add(f"    g, h = {self.name}({arguments}), {self.name}({others})")
                self.add("    next(g); next(h)")
                self.add("    for i in range(4): g.send(i % 2); h.send(None if i % 2 else 1)")
                self.add("    g.throw(ValueError(1))")
            elif self.kind == "async" and way < 0.3:
                self.add("    async def both():")
                self.add(f"        one, two = {self.name}({arguments}), {self.name}({others})")
                self.add("        await asyncio.gather(one, two, return_exceptions=True)")
                self.add("    asyncio.run(both())")
            elif self.kind == "def" and way < 0.15:
                self.add("    def work(*words):")
                self.add("        with contextlib.suppress(Exception):")
                self.add(f"            {self.name}(*words)")
                self.add("    threads = [threading.Thread(target=work, args=words)")
                self.add(f"        for words in (({arguments}), ({others}))]")
                self.add("    for thread in threads: thread.start()")
                self.add("    for thread in threads: thread.join()")
            elif self.kind == "gen":
                self.add(f"    g = {self.name}({arguments})")
                self.add("    next(g); g.send(1); g.send(0); g.send(None)")
                self.add(f"    for i in range({self.rng.randint(0, 5)}): g.send(i % 2)")
                self.add("    g.close()")
            elif self.kind == "async":
                self.add(f"    asyncio.run({self.name}({arguments}))")
            else:
                self.add(f"    {self.name}({arguments})")
            self.add("except Exception: pass")


def program(seed):
    while True:
        writer = Writer(random.Random(seed))
        for number in range(writer.rng.randint(1, 2)):
            writer.function(number)
        text = PREAMBLE + "\n".join(writer.lines) + "\n" + EPILOGUE
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
