"""Branch coverage by a plain `sys.settrace` function, written for clarity and not for speed: the fuzzer's judge.

    python line_steps.py PROGRAM PREFIX

Runs PROGRAM, records the steps from line to line in the files of its folder whose name begins with PREFIX, and prints
coverage.py's JSON report of them. Only the possible branches and the report are coverage.py's; what was taken is found
here. An exception is no step, except that of a `raise` statement.
"""

import ast
import contextlib
import dis
import inspect
import io
import json
import os
import runpy
import sys

from coverage import Coverage, CoverageData

program, prefix = os.path.abspath(sys.argv[1]), sys.argv[2]
folder = os.path.dirname(program)
EXPRESSIONS = ("<lambda>", "<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>")
steps = {}
raises = {}
positions = {}
handlers = {}


def places_of_raise(path):
    """Where the `raise` statements of a file stand, as code objects tell positions."""
    if path not in raises:
        with open(path) as file:
            tree = ast.parse(file.read())
        raises[path] = {
            (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset)
            for node in ast.walk(tree)
            if isinstance(node, ast.Raise)
        }
    return raises[path]


def is_at_raise(frame):
    """Whether the instruction of a `raise` statement that raises is about to run."""
    code = frame.f_code
    if code not in positions:
        positions[code] = list(code.co_positions())
    is_raise = dis.opname[code.co_code[frame.f_lasti]] == "RAISE_VARARGS"
    return is_raise and positions[code][frame.f_lasti // 2] in places_of_raise(code.co_filename)


def is_at_handler(frame):
    """Whether only an exception leads to where the frame is."""
    code = frame.f_code
    if code not in handlers:
        handlers[code] = {entry.target for entry in dis._parse_exception_table(code)}
        # What begins a handler may have no line.
        handlers[code] |= {at + 2 for at in handlers[code] if name_at(code, at) == "PUSH_EXC_INFO"}
    return frame.f_lasti in handlers[code]


def is_at_end_of_with(frame):
    """Whether an exception has come to the end of a `with`, whose manager is asked next."""
    code, at = frame.f_code, frame.f_lasti
    return name_at(code, at) == "PUSH_EXC_INFO" and name_at(code, at + 2) == "WITH_EXCEPT_START"


def name_at(code, offset):
    return dis.opname[code.co_code[offset]]


def is_return(opcode):
    return dis.opname[opcode] in ("RETURN_VALUE", "RETURN_CONST")


class Call:
    """What is known of a frame: the line it is at, and whether a `raise` statement there is raising."""

    def __init__(self):
        self.line = None
        self.raising = False


calls = {}


def trace(frame, event, argument):
    path = frame.f_code.co_filename
    if os.path.dirname(path) != folder or not os.path.basename(path).startswith(prefix):
        return None
    frame.f_trace_opcodes = True
    call = calls.setdefault(frame, Call())
    recorded = steps.setdefault(path, set())
    code = frame.f_code
    if event == "line" and call.raising and is_at_end_of_with(frame):
        # Where the statement led is known when the manager has decided.
        step(recorded, Call(), frame.f_lineno)
    elif event == "line":
        if not call.raising and is_at_handler(frame):
            call.line = None
        step(recorded, call, frame.f_lineno)
        call.line, call.raising = frame.f_lineno, False
    elif event == "opcode":
        # No exception event tells of a `raise` alone.
        if is_at_raise(frame):
            call.raising = True
    elif event == "exception":
        if not is_at_raise(frame) and not issubclass(argument[0], (StopIteration, StopAsyncIteration)):
            # The functions let no such exception get loose, so one of these is a loop's or an await's end.
            call.line, call.raising = None, False
    elif event == "return" and is_return(code.co_code[frame.f_lasti]):
        if call.line is None:
            call.line = frame.f_lineno
        elif frame.f_lineno is not None and frame.f_lineno != call.line:
            # CPython 3.14 leaves out the line event of a return behind a loop.
            step(recorded, call, frame.f_lineno)
            call.line = frame.f_lineno
        leave(recorded, call, code)
    elif event == "return" and call.raising and name_at(code, frame.f_lasti) not in ("YIELD_VALUE", "RESUME"):
        # A module or class is broken off; a function is left, which coverage.py lists among its possible ways.
        if code.co_flags & inspect.CO_OPTIMIZED:
            leave(recorded, call, code)
    return trace


def step(recorded, call, to):
    if call.line is None:
        # That the line ran is all there is to say.
        recorded.add((-to, to))
    else:
        recorded.add((call.line, to))


def leave(recorded, call, code):
    if code.co_name not in EXPRESSIONS and call.line is not None:
        recorded.add((call.line, -max(code.co_firstlineno, 1)))


sys.path.insert(0, folder)
# CPython 3.12 gives opcode events only if a frame asked for them before the trace function was set.
sys._getframe().f_trace_opcodes = True
sys.settrace(trace)
try:
    runpy.run_path(program, run_name="__main__")
finally:
    sys.settrace(None)

data = CoverageData(no_disk=True)
data.add_arcs(steps)
with contextlib.redirect_stdout(io.StringIO()) as report:
    coverage = Coverage(data_file=None, config_file=False, messages=False)
    coverage.set_option("run:branch", True)
    coverage._init()
    coverage._post_init()
    coverage._data = data
    coverage.json_report(outfile="-")
print(report.getvalue())
