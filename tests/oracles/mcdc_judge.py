"""An independent judge of MC/DC: runs programs with their conditions instrumented in the syntax tree, keeps every
evaluation, and tries all pairs. Shares nothing with minicov but the definitions.

    python mcdc_judge.py [--split] OUTPUT.json PROGRAM.py...

With `--split`, each comparison of a chain (`a < b < c`) is a condition of its own, as if `and` stood between them.

Each program runs as `runpy.run_path` would run it; what it raises is passed over. For each program, the output has the
decisions with line, column, context and conditions; the evaluations seen (a truth for each condition, null where it was not
evaluated, and the outcome; a last operand in value position is not tested: null, and so is the outcome if it is reached);
which conditions were seen true and false; and the verdicts, null for what does not count. A program is left out where an
exception went past its handler because Python compiled it wrongly (`loses_handler`).
"""

import ast
import builtins
import dis
import gc
import itertools
import json
import operator
import os
import sys
import threading

VALUE = "value"


COMPARISONS = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}


class Link:
    """One comparison of a chain."""

    def __init__(self, chain, number, lines):
        self.chain, self.number = chain, number
        operands = [chain.left, *chain.comparators]
        left, right = operands[number : number + 2]
        self.comparison = ast.Compare(left, [chain.ops[number]], [right])
        self.operands = [left, right] if number == 0 else [right]
        self.lineno, self.col_offset = chain.lineno, chain.col_offset
        self.end_lineno, self.end_col_offset = chain.end_lineno, chain.end_col_offset
        if number > 0:
            _, (self.lineno, self.col_offset) = parentheses(operands[number - 1], left, lines)
        if number + 1 < len(chain.ops):
            (self.end_lineno, self.end_col_offset), _ = parentheses(right, operands[number + 2], lines)


def parentheses(left, right, lines):
    """Between two operands: where the parentheses of the left one end, and where those of the right one begin."""
    end, start = (left.end_lineno, left.end_col_offset), None
    for number in range(left.end_lineno, right.lineno + 1):
        line = lines[number - 1]
        first = left.end_col_offset if number == left.end_lineno else 0
        last = right.col_offset if number == right.lineno else len(line)
        for column, byte in enumerate(line[first:last].split(b"#")[0], first):
            if byte == ord(")"):
                end = (number, column + 1)
            elif byte == ord("(") and start is None:
                start = (number, column)
    return end, start or (right.lineno, right.col_offset)


class Decision:
    def __init__(self, node, context, lines):
        self.node, self.context = node, context
        self.lines = lines
        self.leaves = []
        self.tree = self.parse(node)
        self.vectors = set()
        self.seen = [set() for _ in self.leaves]

    def parse(self, node):
        """The tree: a number, or (operator, operands). Without `lines`, a chain of comparisons is one condition."""
        if isinstance(node, ast.BoolOp):
            kind = "and" if isinstance(node.op, ast.And) else "or"
            return (kind, [self.parse(value) for value in node.values])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ("not", [self.parse(node.operand)])
        if self.lines and is_chain(node):
            return ("and", [self.leaf(Link(node, number, self.lines)) for number in range(len(node.ops))])
        return self.leaf(node)

    def leaf(self, node):
        self.leaves.append(node)
        return len(self.leaves) - 1


def is_chain(node):
    return isinstance(node, ast.Compare) and len(node.ops) > 1


def constant(node):
    """The truth of a constant expression, or None."""
    if isinstance(node, Link):
        return None
    if isinstance(node, ast.Name) and node.id == "__debug__":
        return True
    for inner in ast.walk(node):
        if isinstance(inner, (ast.List, ast.Set, ast.Dict, ast.Call)):
            return None
    try:
        return bool(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, MemoryError):
        return None


class Collector(ast.NodeVisitor):
    """Finds the decisions of a module; given its lines, with chains of comparisons split."""

    def __init__(self, lines):
        self.lines = lines
        self.decisions = []

    def decide(self, node, context):
        decision = Decision(node, context, self.lines)
        if context != VALUE or len(decision.leaves) > 1:
            self.decisions.append(decision)
        for leaf in decision.leaves:
            for inner in leaf.operands if isinstance(leaf, Link) else [leaf]:
                self.visit(inner)

    def visit_If(self, node):
        self.decide(node.test, "if")
        for statement in node.body + node.orelse:
            self.visit(statement)

    def visit_While(self, node):
        self.decide(node.test, "while")
        for statement in node.body + node.orelse:
            self.visit(statement)

    def visit_Assert(self, node):
        self.decide(node.test, "assert")
        if node.msg:
            self.visit(node.msg)

    def visit_IfExp(self, node):
        self.decide(node.test, "ifexp")
        self.visit(node.body)
        self.visit(node.orelse)

    def visit_comprehension(self, node):
        self.visit(node.iter)
        for condition in node.ifs:
            self.decide(condition, "comp")

    def visit_match_case(self, node):
        if node.guard:
            self.decide(node.guard, "guard")
        for statement in node.body:
            self.visit(statement)

    def visit_BoolOp(self, node):
        self.decide(node, VALUE)

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.Not):
            self.decide(node, VALUE)
        else:
            self.generic_visit(node)

    def visit_Compare(self, node):
        if self.lines and is_chain(node):
            self.decide(node, VALUE)
        else:
            self.generic_visit(node)

    def visit_AnnAssign(self, node):
        if node.value:
            self.visit(node.value)
        self.visit(node.target)

    def visit_arg(self, node):
        pass

    def visit_FunctionDef(self, node):
        for inner in node.decorator_list:
            self.visit(inner)
        self.visit(node.args)
        for statement in node.body:
            self.visit(statement)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        for inner in node.decorator_list + node.bases + node.keywords + node.body:
            self.visit(inner)

    def visit_TypeAlias(self, node):
        pass


class Instrumenter(ast.NodeTransformer):
    """Wraps the decisions found before, and their conditions."""

    def __init__(self, decisions):
        self.by_node = {id(decision.node): number for number, decision in decisions}
        self.leaves = {}
        self.links = {}
        for number, decision in decisions:
            for index, leaf in enumerate(decision.leaves):
                is_last = decision.context == VALUE and index == len(decision.leaves) - 1
                about = (number, index, is_last, constant(leaf), decision.context == VALUE)
                if isinstance(leaf, Link):
                    self.links.setdefault(id(leaf.chain), []).append(about)
                else:
                    self.leaves[id(leaf)] = about

    def leaf(self, about, result):
        number, index, is_last, known, is_value = about
        if is_last:
            reached = call("__mcdc_reached__", number)
            return call("__mcdc_last__", reached, result)
        if known is None:
            return call("__mcdc_condition__", number, index, is_value, result)
        return result

    def chain(self, node, links):
        """`a < b < c` as `first("<", a, b) and next("<", c)`: what is kept of the one is the left operand of the other."""
        number, index, *_ = links[0]
        key = f"{number}/{index}"
        kinds = [type(operator).__name__ for operator in node.ops]
        operands = node.comparators
        comparisons = [call("__mcdc_compare__", key, kinds[0], node.left, operands[0])]
        comparisons += [call("__mcdc_go_on__", key, kind, operand) for kind, operand in zip(kinds[1:], operands[1:])]
        leaves = [self.leaf(about, each) for about, each in zip(links, comparisons)]
        return ast.BoolOp(ast.And(), leaves, **NOWHERE)

    def visit(self, node):
        key = id(node)
        result = super().visit(node)
        if key in self.links:
            result = self.chain(result, self.links[key])
        if key in self.leaves:
            result = self.leaf(self.leaves[key], result)
        if key in self.by_node:
            number = self.by_node[key]
            result = call("__mcdc_end__", number, call("__mcdc_begin__", number), result)
        return result

    def visit_arg(self, node):
        return node

    def visit_AnnAssign(self, node):
        if node.value:
            node.value = self.visit(node.value)
        return node

    def visit_FunctionDef(self, node):
        node.decorator_list = [self.visit(inner) for inner in node.decorator_list]
        node.args = self.visit(node.args)
        node.body = [self.visit(statement) for statement in node.body]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_TypeAlias(self, node):
        return node


# The position of what is not in the source: nobody asks for it, but the compiler wants one.
NOWHERE = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}


def call(name, *arguments):
    wrapped = [a if isinstance(a, ast.AST) else ast.Constant(a, **NOWHERE) for a in arguments]
    return ast.Call(ast.Name(name, ast.Load(), **NOWHERE), wrapped, [], **NOWHERE)


class Recorder:
    def __init__(self):
        self.decisions = []
        # By frame (kept alive, so that none is taken for another) and decision.
        self.open = {}
        # The same by frame and chain: the operand that the next comparison begins with.
        self.operands = {}
        # Decisions in which asking for a truth raised.
        self.raised = set()

    def begin(self, number):
        frame = sys._getframe(1)
        self.open[frame, number] = [None] * len(self.decisions[number].leaves)

    def condition(self, number, index, is_value, value):
        try:
            truth = bool(value)
        except BaseException:
            self.raised.add(number)
            raise
        self.decisions[number].seen[index].add(truth)
        self.open[sys._getframe(1), number][index] = truth
        return value if is_value else truth

    def compare(self, chain, kind, left, right):
        self.operands[sys._getframe(1), chain] = right
        return COMPARISONS[getattr(ast, kind)](left, right)

    def go_on(self, chain, kind, right):
        left = self.operands[sys._getframe(1), chain]
        self.operands[sys._getframe(1), chain] = right
        return COMPARISONS[getattr(ast, kind)](left, right)

    def reached(self, number):
        truths = self.open[sys._getframe(1), number]
        self.decisions[number].vectors.add((*truths, None))
        truths.append("ended")

    def last(self, _reached, value):
        return value

    def end(self, number, _begun, value):
        truths = self.open.pop((sys._getframe(1), number))
        if truths[-1:] != ["ended"]:
            self.decisions[number].vectors.add((*truths, bool(value)))
        return value


def value_of(tree, truths):
    """Three-valued."""
    if isinstance(tree, int):
        return truths[tree]
    kind, operands = tree
    values = [value_of(operand, truths) for operand in operands]
    if kind == "not":
        return None if values[0] is None else not values[0]
    forcing = kind == "or"
    if forcing in values:
        return forcing
    return None if None in values else not forcing


def unmasked(tree, truths):
    """The conditions that no sibling, nor one of an ancestor, masks."""
    if isinstance(tree, int):
        return {tree} if truths[tree] is not None else set()
    kind, operands = tree
    found = set()
    for place, operand in enumerate(operands):
        others = operands[:place] + operands[place + 1 :]
        forcing = {"and": False, "or": True}.get(kind)
        if not any(value_of(other, truths) is forcing for other in others):
            found |= unmasked(operand, truths)
    return found


STABLE = (
    ast.Name, ast.Attribute, ast.Subscript, ast.Compare, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Tuple, ast.Constant,
    ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop,
)


def coupled(leaves):
    """The conditions that are the same expression as another, with nothing evaluated since that could change it."""
    found = set()
    known = {}
    for index, leaf in enumerate(leaves):
        node = leaf.comparison if isinstance(leaf, Link) else leaf
        if not all(isinstance(inner, STABLE) for inner in ast.walk(node)):
            known.clear()
            continue
        text = ast.dump(node)
        if text in known:
            found |= {known[text], index}
        else:
            known[text] = index
    return found


def judge(decision):
    count = len(decision.leaves)
    constants = [constant(leaf) for leaf in decision.leaves]
    counts = [known is None for known in constants]
    if decision.context == VALUE:
        counts[-1] = False
    free = [index for index in range(count) if constants[index] is None]
    ends_idly = False
    if len(free) < count and len(free) <= 12:
        # What constants keep from being evaluated does not count.
        reached = []
        for truths in itertools.product([False, True], repeat=len(free)):
            assignment = list(constants)
            for index, truth in zip(free, truths):
                assignment[index] = truth
            walk(decision.tree, assignment, reached)
        idle = idle_conditions(decision, constants, free)
        ends_idly = may_end_idly(decision, constants, free, idle)
        counts = [counts[index] and index in reached and index not in idle for index in range(count)]
        decision.vectors = {
            tuple(None if index in idle else truth for index, truth in enumerate(vector))
            for vector in decision.vectors
        }
    rows = []
    for *truths, outcome in decision.vectors:
        filled = [known if known is not None else truth for known, truth in zip(constants, truths)]
        rows.append((truths, outcome, unmasked(decision.tree, filled)))
    masking, unique_cause, mixed = [], [], []
    for index in range(count):
        if not counts[index]:
            masking.append(None)
            unique_cause.append(None)
            mixed.append(None)
            continue
        by_masking = by_unique_cause = False
        for (a, out_a, say_a), (b, out_b, say_b) in itertools.combinations(rows, 2):
            if index not in say_a or index not in say_b or a[index] is b[index] or out_a is out_b:
                continue
            by_masking = True
            others = (i for i in range(count) if i != index and a[i] is not None and b[i] is not None)
            by_unique_cause |= all(a[i] == b[i] for i in others)
        masking.append(by_masking)
        unique_cause.append(by_unique_cause)
        mixed.append(by_masking if index in decision.coupled else by_unique_cause)
    return counts, masking, unique_cause, mixed, ends_idly


def may_end_idly(decision, constants, free, idle):
    """Whether evaluations that have tested something may still evaluate, before they are complete, conditions on which
    nothing depends. If these raise, no test tells that the outcome never came."""
    last = len(constants) - 1 if decision.context == VALUE else None
    for truths in itertools.product([False, True], repeat=len(free)):
        assignment = list(constants)
        for index, truth in zip(free, truths):
            assignment[index] = truth
        order = []
        walk(decision.tree, assignment, order)
        tests = [index for index in order if index in free and index != last]
        if tests and tests[-1] in idle and not idle.issuperset(tests):
            return True
    return False


def idle_conditions(decision, constants, free):
    """Conditions on which nothing depends, because of constants: whatever they are, the same others are evaluated, and the
    outcome is the same."""
    last = len(constants) - 1 if decision.context == VALUE else None
    idle = set()

    def what_happens(assignment):
        reached = []
        outcome = walk(decision.tree, assignment, reached)
        return set(reached) & set(free), None if last in reached else outcome

    for index in reversed(free):
        if index == last:
            continue
        others = [other for other in free if other != index]
        for truths in itertools.product([False, True], repeat=len(others)):
            assignment = list(constants)
            for other, truth in zip(others, truths):
                assignment[other] = truth
            assignment[index] = False
            without, outcome_without = what_happens(assignment)
            assignment[index] = True
            with_it, outcome_with = what_happens(assignment)
            if index in without and (without - idle, outcome_without) != (with_it - idle, outcome_with):
                break
        else:
            idle.add(index)
    return idle


def walk(tree, assignment, reached):
    """Evaluates as Python does, noting the conditions that are, in their order."""
    if isinstance(tree, int):
        reached.append(tree)
        return assignment[tree]
    kind, operands = tree
    if kind == "not":
        return not walk(operands[0], assignment, reached)
    for operand in operands:
        if walk(operand, assignment, reached) == (kind == "or"):
            return kind == "or"
    return kind == "and"


def loses_handler(text, raised):
    """Whether one of these places, in which asking for a truth raised, was compiled outside of the `try` around it.

    CPython 3.14 does that to `x = (a or b) or c`, by the look of it where a jump is made to lead where the next one would: its
    TO_BOOL is not in the exception table, though what stands before and behind it is. 3.11 to 3.13 and 3.15 do not. What
    the syntax tree is instrumented with is compiled rightly."""
    return any(meets(truth, decision) for truth in unguarded(compile(text, "", "exec")) for decision in raised)


def unguarded(code):
    """The places of truth tests without the handler that their neighbours have."""
    entries = dis.Bytecode(code).exception_entries
    instructions = [instruction for instruction in dis.get_instructions(code) if instruction.opname != "NOT_TAKEN"]

    def handler(instruction):
        return next((e.target for e in entries if e.start <= instruction.offset < e.end), None)

    # A value is made, kept, tested, and jumped on.
    for made, _, instruction, _, next_one in zip(*(instructions[start:] for start in range(5))):
        at = instruction.positions
        if instruction.opname == "TO_BOOL" and handler(instruction) is None and at.lineno:
            if handler(made) is not None and handler(made) == handler(next_one):
                yield [at.lineno, at.col_offset, at.end_lineno, at.end_col_offset]
    for constant in code.co_consts:
        if hasattr(constant, "co_code"):
            yield from unguarded(constant)


def meets(one, other):
    """Whether two ranges have something in common."""
    return one[:2] < other[2:] and other[:2] < one[2:]


def main(output, programs, is_split):
    recorder = Recorder()
    builtins.__mcdc_begin__ = recorder.begin
    builtins.__mcdc_condition__ = recorder.condition
    builtins.__mcdc_reached__ = recorder.reached
    builtins.__mcdc_last__ = recorder.last
    builtins.__mcdc_end__ = recorder.end
    builtins.__mcdc_compare__ = recorder.compare
    builtins.__mcdc_go_on__ = recorder.go_on
    ranges = {}
    texts = {}
    sources = {}
    for program in programs:
        with open(program, encoding="utf-8") as file:
            sources[program] = text = file.read()
        module = ast.parse(text, program)
        lines = text.encode().splitlines(keepends=True)
        collector = Collector(lines if is_split else None)
        collector.visit(module)
        start = len(recorder.decisions)
        recorder.decisions.extend(collector.decisions)
        ranges[program] = (start, len(recorder.decisions))
        texts[program] = [[segment(lines, leaf) for leaf in decision.leaves] for decision in collector.decisions]
        numbered = list(enumerate(collector.decisions, start))
        # Positions are those of the program as written.
        for _, decision in numbered:
            decision.place = place(decision.node)
            decision.places = [place(leaf) for leaf in decision.leaves]
            decision.coupled = coupled(decision.leaves)
        code = compile(Instrumenter(numbered).visit(module), program, "exec")
        # What stays is not searched for garbage each time a program asks for that.
        gc.freeze()
        sys.argv = [program]
        namespace = {"__name__": "__main__", "__file__": program, "__builtins__": builtins}
        try:
            exec(code, namespace)
        except BaseException as error:  # noqa: BLE001
            if os.environ.get("MCDC_JUDGE_VERBOSE"):
                print(f"{program}: {error!r}", file=sys.stderr)
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
    result = {}
    for program, (start, end) in ranges.items():
        raised = [recorder.decisions[number].place for number in range(start, end) if number in recorder.raised]
        if sys.version_info[:2] == (3, 14) and raised and loses_handler(sources[program], raised):
            continue
        rows = []
        for decision, leaf_texts in zip(recorder.decisions[start:end], texts[program]):
            counts, masking, unique_cause, mixed, ends_idly = judge(decision)
            rows.append(
                {
                    "place": decision.place,
                    "context": decision.context,
                    "ends_idly": ends_idly,
                    "conditions": [
                        {"place": leaf_place, "text": text, "true": known(counts, seen, i, True),
                         "false": known(counts, seen, i, False), "masking": masking[i],
                         "unique_cause": unique_cause[i], "unique_cause+masking": mixed[i]}
                        for i, (leaf_place, text, seen) in enumerate(
                            zip(decision.places, leaf_texts, decision.seen)
                        )
                    ],
                    "vectors": sorted(decision.vectors, key=repr),
                }
            )
        rows.sort(key=lambda row: row["place"])
        result[os.path.basename(program)] = rows
    with open(output, "w", encoding="utf-8") as file:
        file.write(json.dumps(result))


def segment(lines, node):
    """The text of an expression, from the lines as bytes: `ast.get_source_segment` splits the whole text each time."""
    found = lines[node.lineno - 1 : node.end_lineno]
    found[-1] = found[-1][: node.end_col_offset]
    found[0] = found[0][node.col_offset :]
    return b"".join(found).decode()


def known(counts, seen, index, truth):
    return truth in seen if counts[index] else None


def place(node):
    return [node.lineno, node.col_offset, node.end_lineno, node.end_col_offset]


if __name__ == "__main__":
    words = sys.argv[1:]
    is_split = words[:1] == ["--split"]
    output, *programs = words[is_split:]
    main(output, programs, is_split)
