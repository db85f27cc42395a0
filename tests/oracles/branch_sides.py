"""Which sides conditional jumps took, by a plain `sys.settrace` function with opcode events: the fuzzer's judge of edges.

    python branch_sides.py PROGRAM MODULE DATA-FILE...

Runs PROGRAM, notes the sides taken by each conditional jump in MODULE of its folder, and prints what the edges in each
data file say otherwise.
"""

import dis
import hashlib
import os
import runpy
import sqlite3
import sys

program, module, data_files = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
folder = os.path.dirname(program)
path = os.path.join(folder, module + ".py")


class Jumps:
    """The conditional jumps of a code object."""

    def __init__(self, code):
        self.code = code
        # By offset: the jump that stands there, also at the prefixes of its argument.
        self.at = {}
        # By offset of a jump: where it goes on if it does not jump.
        self.going_on = {}
        prefixes = []
        instructions = list(dis.get_instructions(code))
        for number, instruction in enumerate(instructions):
            prefixes.append(instruction.offset)
            if instruction.opname == "EXTENDED_ARG":
                continue
            # Without a line it is the compiler's own, at the end of `except*`.
            if "JUMP_IF" in instruction.opname and instruction.positions.lineno is not None:
                self.at.update(dict.fromkeys(prefixes, instruction.offset))
                places = {instructions[number + 1].offset}
                if instructions[number + 1].opname == "NOT_TAKEN":
                    places.add(instructions[number + 2].offset)
                self.going_on[instruction.offset] = places
            prefixes = []

    def side(self, jump, to):
        return "goes on" if to in self.going_on[jump] else "jumps"


def key(code):
    digest = hashlib.sha256(code.co_code + code.co_linetable + code.co_exceptiontable)
    return code.co_qualname, code.co_firstlineno, digest.digest()[:16]


def all_code(code):
    yield code
    for constant in code.co_consts:
        if hasattr(constant, "co_code"):
            yield from all_code(constant)


with open(path) as file:
    jumps = {key(code): Jumps(code) for code in all_code(compile(file.read(), path, "exec"))}
by_code = {}
taken = set()
waiting = {}


def trace(frame, event, _):
    code = frame.f_code
    if code.co_filename != path:
        return None
    if code not in by_code:
        by_code[code] = key(code)
    frame.f_trace_opcodes = True
    if event == "opcode":
        known = by_code[code]
        jump = jumps[known].at.get(frame.f_lasti)
        # The prefixes of a jump's argument have events of their own, before the jump's.
        if frame in waiting and waiting[frame] != jump:
            before = waiting.pop(frame)
            taken.add((known, before, jumps[known].side(before, frame.f_lasti)))
        if jump is not None:
            waiting[frame] = jump
    elif event == "exception":
        waiting.pop(frame, None)
    return trace


sys.path.insert(0, folder)
# CPython 3.12 gives opcode events only if a frame asked for them before the trace function was set.
sys._getframe().f_trace_opcodes = True
sys.settrace(trace)
try:
    runpy.run_path(program, run_name="__main__")
finally:
    sys.settrace(None)


def edges(stored):
    """A set of edges: numbers of seven bits a byte, least first, each but the last byte with the eighth set. The number of
    edges, then for each how much farther it begins than the one before, and how far it leads, the sign in the lowest bit."""
    numbers, number, shift = [], 0, 0
    for byte in stored:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(number)
            number, shift = 0, 0
    start = 0
    for farther, distance in zip(numbers[1::2], numbers[2::2]):
        start += farther
        yield start, start + (distance >> 1 ^ -(distance & 1))


def recorded(data_file):
    rows = sqlite3.connect(data_file).execute(
        "SELECT qualname, first_line, fingerprint, edges FROM minicov_code_edges"
        " JOIN minicov_edge_set ON minicov_edge_set.id = set_id"
        " JOIN minicov_code ON minicov_code.id = code_id JOIN file ON file.id = file_id WHERE path = ?",
        [os.path.realpath(path)],
    )
    for qualname, first_line, fingerprint, stored in rows:
        known = qualname, first_line, fingerprint
        for start, to in edges(stored):
            jump = jumps[known].at.get(start)
            if jump is not None:
                yield known, jump, jumps[known].side(jump, to)


def words(side):
    (qualname, _, _), jump, way = side
    code = jumps[side[0]].code
    line = list(code.co_positions())[jump // 2][0]
    return f"line {line}: {qualname}: the jump at {jump} {way}"


for data_file in data_files:
    ours = set(recorded(data_file))
    for who, sides in ("minicov", ours - taken), ("the judge", taken - ours):
        for side in sorted(sides):
            print(f"{data_file}: only {who} saw that in {words(side)}")
print(f"{len(taken)} sides compared")
