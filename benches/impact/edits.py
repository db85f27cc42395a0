"""Single edits of Python sources, drawn from all places there are."""

import ast
import random
from dataclasses import dataclass
from pathlib import Path

OPERATORS = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "+", ast.BitOr: "&", ast.BitAnd: "|",
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==", ast.Is: "is not", ast.IsNot: "is",
    ast.In: "not in", ast.NotIn: "in", ast.And: "or", ast.Or: "and",
}
KINDS = ("operator", "constant", "deleted statement", "moved function", "data file")


@dataclass
class Edit:
    kind: str
    path: str
    line: int
    before: str
    after: str
    text: str


class Places:
    """Every edit that a source file allows."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        self.lines = text.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        self.found = []
        self.visit(ast.parse(text))

    def offset(self, line, column):
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def span(self, node):
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def replace(self, kind, start, end, new, line):
        text = self.text[:start] + new + self.text[end:]
        if text != self.text:
            self.found.append(Edit(kind, self.name, line, self.text[start:end][:60], new[:60], text))

    def between(self, left, right, old, new, line):
        start, end = self.span(left)[1], self.span(right)[0]
        gap = self.text[start:end]
        if gap.count(old) == 1 and "#" not in gap and "\n" not in gap:
            at = start + gap.index(old)
            self.replace("operator", at, at + len(old), new, line)

    def visit(self, node):
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            old = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.BitOr: "|",
                   ast.BitAnd: "&"}[type(node.op)]
            self.between(node.left, node.right, old, OPERATORS[type(node.op)], node.lineno)
        if isinstance(node, ast.BoolOp) and len(node.values) == 2:
            old = "and" if isinstance(node.op, ast.And) else "or"
            self.between(*node.values, old, OPERATORS[type(node.op)], node.lineno)
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPERATORS:
            old = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is",
                   ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in"}[type(node.ops[0])]
            self.between(node.left, node.comparators[0], old, OPERATORS[type(node.ops[0])], node.lineno)
        if isinstance(node, ast.Constant) and node.lineno == node.end_lineno:
            value = node.value
            start, end = self.span(node)
            if isinstance(value, bool) or value is None:
                new = {True: "False", False: "True", None: "0"}[value]
            elif isinstance(value, int):
                new = str(value + 1)
            elif isinstance(value, str) and self.text[start:end][:1] in "'\"":
                new = repr(value + "x")
            else:
                new = None
            if new is not None:
                self.replace("constant", start, end, new, node.lineno)
        for field in ("body", "orelse", "finalbody"):
            suite = getattr(node, field, None)
            if isinstance(suite, list):
                self.suite(suite)
        for child in ast.iter_child_nodes(node):
            # Docstrings do not count.
            is_docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if not is_docstring and not isinstance(child, ast.JoinedStr):
                self.visit(child)

    def suite(self, suite):
        for index, statement in enumerate(suite):
            is_docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not isinstance(statement, ast.Pass) and not is_docstring:
                start, end = self.span(statement)
                decorators = getattr(statement, "decorator_list", [])
                if decorators:
                    start = self.offset(decorators[0].lineno, 0)
                    start += len(self.text[start:]) - len(self.text[start:].lstrip())
                self.replace("deleted statement", start, end, "pass", statement.lineno)
            if isinstance(statement, ast.FunctionDef) and index + 1 < len(suite) and not statement.decorator_list:
                first, last = self.starts[statement.lineno - 1], self.starts[statement.end_lineno]
                end = self.starts[suite[-1].end_lineno]
                moved = self.text[first:last]
                text = self.text[:first] + self.text[last:end] + "\n" + moved + self.text[end:]
                self.found.append(Edit("moved function", self.name, statement.lineno, statement.name, "moved down", text))


def compiles(text):
    try:
        compile(text, "edited", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def draw(root, sources, data_files, count, seed):
    """`count` edits of the files under `root`, the kinds in turn."""
    random_ = random.Random(seed)
    by_kind = {kind: [] for kind in KINDS}
    for name in sources:
        for edit in Places(name, (Path(root) / name).read_text()).found:
            by_kind[edit.kind].append(edit)
    for name in data_files:
        text = (Path(root) / name).read_text()
        for index in range(len(text)):
            if text[index].isdigit():
                new = str((int(text[index]) + 1) % 10)
                after = text[:index] + new + text[index + 1 :]
                by_kind["data file"].append(Edit("data file", name, 1, text[index], new, after))
    for edits in by_kind.values():
        random_.shuffle(edits)
    drawn = []
    while len(drawn) < count and any(by_kind.values()):
        for edits in by_kind.values():
            while edits and len(drawn) < count:
                edit = edits.pop()
                if not edit.path.endswith(".py") or compiles(edit.text):
                    drawn.append(edit)
                    break
    return drawn
