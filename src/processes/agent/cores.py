# Where the agent's events come from: sys.monitoring where lines are asked for and Python has it, else sys.settrace.


class Recorder:
    """What has been seen. Trouble ends it, and is told once."""

    def __init__(self, journal, selection, on_trouble):
        self._journal, self._selection, self._on_trouble = journal, selection, on_trouble
        self._files = {}
        self._packages = set()
        self._lines = set()
        self._arcs = set()
        self.is_quiet = False

    def number_of(self, code, module_globals):
        """The number of a code object's file, None where it is not measured."""
        name = code.co_filename
        if name not in self._files:
            self._files[name] = self._judge(name, module_globals)
        if code.co_name == "__annotate__":
            return None
        return self._files[name]

    def _judge(self, name, module_globals):
        if self.is_quiet or not name or name.startswith("<"):
            return None
        if os.path.dirname(name) == os.path.dirname(__file__):
            # The bootstrap itself.
            return None
        path = os.path.realpath(name)
        module = module_globals.get("__name__")
        if module == "__main__":
            spec = module_globals.get("__spec__")
            module = getattr(spec, "name", None) or os.path.splitext(os.path.basename(path))[0]
        if not (os.path.isfile(path) or archive_of(path)):
            return None
        if not self._selection.measures(path, module if isinstance(module, str) else ""):
            return None
        package = self._selection.package_of(module) if isinstance(module, str) else None
        if package is not None and package not in self._packages:
            self._packages.add(package)
            self._keep(self._journal.package, package)
        return self._keep(self._journal.file, path)

    def line(self, file, line):
        if (file, line) not in self._lines and not self.is_quiet:
            self._lines.add((file, line))
            self._keep(self._journal.line, file, line)

    def arc(self, file, start, end):
        if start and (file, start, end) not in self._arcs and not self.is_quiet:
            self._arcs.add((file, start, end))
            self._keep(self._journal.arc, file, start, end)

    def _keep(self, record, *values):
        try:
            return record(*values)
        except Exception as error:
            self.is_quiet = True
            self._on_trouble(error)
            return None


def watch_lines(recorder):
    """sys.monitoring (3.12 and newer): each line once."""
    monitoring = sys.monitoring
    # Ids nobody has named.
    for tool in 3, 4:
        try:
            monitoring.use_tool_id(tool, "minicov")
            break
        except ValueError:
            continue
    else:
        raise RuntimeError("all of sys.monitoring's tool ids are taken")
    numbers = {}
    disable, events = monitoring.DISABLE, monitoring.events
    frame_of = sys._getframe

    def start(code, offset):
        number = recorder.number_of(code, frame_of(1).f_globals)
        if number is not None:
            numbers[code.co_filename] = number
            monitoring.set_local_events(tool, code, events.LINE)
        return disable

    def line(code, number):
        recorder.line(numbers[code.co_filename], number)
        return disable

    monitoring.register_callback(tool, events.PY_START, start)
    monitoring.register_callback(tool, events.LINE, line)
    monitoring.set_events(tool, events.PY_START)


_SUSPENDING = 0x20 | 0x80 | 0x200
_EXPRESSIONS = ("<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


class _Call:
    """A call under way, as the core settrace has it (src/trace/settrace/calls.rs)."""

    __slots__ = ("_recorder", "_opcodes", "_file", "_code", "_last", "_raising")

    def __init__(self, recorder, opcodes, file, frame):
        self._recorder, self._opcodes, self._file, self._code = recorder, opcodes, file, frame.f_code
        self._last, self._raising = 0, False
        if frame.f_code.co_flags & _SUSPENDING and opcodes.resumes(frame):
            self._last = frame.f_lineno

    def trace(self, frame, event, argument):
        if event == "line":
            line = frame.f_lineno
            self._recorder.line(self._file, line)
            self._recorder.arc(self._file, self._last, line)
            self._last, self._raising = line, False
        elif event == "exception":
            self._raising = self._opcodes.at(frame) == "RAISE_VARARGS"
            if not self._raising and not self._opcodes.ends_iteration(frame, argument[0]):
                self._last = 0
        elif event == "return":
            self._leave(frame)
        return self.trace

    def _leave(self, frame):
        name = self._opcodes.at(frame)
        if name in ("RETURN_VALUE", "RETURN_CONST"):
            line = frame.f_lineno
            if line and line != self._last:
                self._recorder.line(self._file, line)
                self._recorder.arc(self._file, self._last, line)
                self._last = line
        elif not self._raising:
            # A generator that pauses, or an exception that nobody asked for.
            return
        if self._code.co_name not in _EXPRESSIONS:
            self._recorder.arc(self._file, self._last, -max(self._code.co_firstlineno, 1))


class _Opcodes:
    """What the instruction is that a frame is at."""

    def __init__(self):
        import opcode

        self._names = opcode.opname
        self._resume = opcode.opmap.get("RESUME")

    def at(self, frame):
        return self._names[frame.f_code.co_code[frame.f_lasti]] if frame.f_lasti >= 0 else ""

    def resumes(self, frame):
        if self._resume is None:
            return frame.f_lasti >= 0
        code = frame.f_code.co_code
        return code[frame.f_lasti] == self._resume and code[frame.f_lasti + 1] & 3 != 0

    def ends_iteration(self, frame, kind):
        """Whether an exception only says that an iterator has ended."""
        if issubclass(kind, StopAsyncIteration):
            return True
        iterating = ("FOR_ITER", "YIELD_FROM", "SEND", "END_FOR", "END_SEND", "POP_ITER")
        return issubclass(kind, StopIteration) and self.at(frame) in iterating


def trace_calls(recorder, branches):
    """sys.settrace, in this thread and in those that start from now on."""
    opcodes = _Opcodes() if branches else None

    def lines_only(file):
        def trace(frame, event, argument):
            if event == "line":
                recorder.line(file, frame.f_lineno)
            return trace

        return trace

    tracers = {}

    def call(frame, event, argument):
        file = recorder.number_of(frame.f_code, frame.f_globals)
        if file is None or recorder.is_quiet:
            return None
        if branches:
            return _Call(recorder, opcodes, file, frame).trace
        if file not in tracers:
            tracers[file] = lines_only(file)
        return tracers[file]

    import _thread

    def traced(function):
        def run(*args, **kwargs):
            sys.settrace(call)
            return function(*args, **kwargs)

        return run

    def starting(start):
        def start_thread(function, *args, **kwargs):
            return start(traced(function) if callable(function) else function, *args, **kwargs)

        return start_thread

    modules = [_thread] + [module for module in [sys.modules.get("threading")] if module]
    for module in modules:
        for name in "start_new_thread", "start_new", "start_joinable_thread", "_start_new_thread":
            if hasattr(module, name):
                setattr(module, name, starting(getattr(module, name)))
        if hasattr(module, "_start_joinable_thread"):
            module._start_joinable_thread = starting(module._start_joinable_thread)
    sys.settrace(call)
