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

    __slots__ = ("_recorder", "_opcodes", "_file", "_code", "_last", "_raising", "_managers")

    def __init__(self, recorder, opcodes, file, frame):
        self._recorder, self._opcodes, self._file, self._code = recorder, opcodes, file, frame.f_code
        self._last, self._raising = 0, False
        self._managers = opcodes.managers(frame.f_code)
        if frame.f_code.co_flags & _SUSPENDING and opcodes.resumes(frame):
            raised = opcodes.paused.pop(id(frame), None)
            self._last, self._raising = raised or frame.f_lineno, raised is not None

    def trace(self, frame, event, argument):
        if event == "line":
            line = frame.f_lineno
            self._recorder.line(self._file, line)
            if frame.f_lasti in self._managers and (
                self._raising or self._opcodes.raises_again_on(frame, self._last)
            ):
                # Where the `raise` statement leads is known when the manager of the `with` has decided.
                self._raising = True
                return self.trace
            self._recorder.arc(self._file, self._last, line)
            self._last, self._raising = line, False
        elif event == "exception":
            is_raise = self._opcodes.at(frame) == "RAISE_VARARGS"
            if is_raise or not self._opcodes.ends_iteration(frame, argument[0]):
                self._raising = is_raise
                if not is_raise:
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
        elif name in ("YIELD_VALUE", "YIELD_FROM", "RESUME"):
            # A generator that pauses.
            if self._raising:
                self._opcodes.paused[id(frame)] = self._last
            else:
                self._opcodes.paused.pop(id(frame), None)
            return
        elif not self._raising and not (frame.f_lineno == self._last and self._opcodes.raises_again(frame)):
            # An exception that nobody asked for.
            return
        if self._code.co_name not in _EXPRESSIONS:
            self._recorder.arc(self._file, self._last, -max(self._code.co_firstlineno, 1))


def _lines_of(code):
    """Ranges of offsets and the line of each, None where there is none."""
    if hasattr(code, "co_lines"):
        return code.co_lines()
    import dis

    starts = [*dis.findlinestarts(code), (len(code.co_code), None)]
    return [(start, end, line) for (start, line), (end, _) in zip(starts, starts[1:])]


class _Opcodes:
    """What the instruction is that a frame is at."""

    def __init__(self):
        import opcode

        self._names = opcode.opname
        self._resume = opcode.opmap.get("RESUME")
        self._managers = {}
        # By the id of a frame that is left for a while: the line of the `raise` statement whose exception waits in it for the
        # manager of an `async with`.
        self.paused = {}

    def at(self, frame):
        return self._names[frame.f_code.co_code[frame.f_lasti]] if frame.f_lasti >= 0 else ""

    def raises_again(self, frame):
        """Whether a frame is at a `raise` alone, of which no event tells."""
        return self.at(frame) == "RAISE_VARARGS" and frame.f_code.co_code[frame.f_lasti + 1] == 0

    def raises_again_on(self, frame, line):
        """Whether an exception of which no event tells can only come from a `raise` alone, where it comes from `line`."""
        code, found = frame.f_code, set()
        for start, end, at in _lines_of(code):
            if at == line:
                found.update(zip(code.co_code[start:end:2], code.co_code[start + 1 : end : 2]))
        raises = {argument for number, argument in found if self._names[number] == "RAISE_VARARGS"}
        return 0 in raises and not any(self._names[number] == "RERAISE" for number, _ in found)

    def managers(self, code):
        """The offsets at which an exception has come to the end of a `with`, whose manager is asked next."""
        key = code.co_filename, code.co_firstlineno, code.co_name
        found = self._managers.get(key)
        if found is None:
            names = [self._names[number] for number in code.co_code[::2]]
            asks = [at for at, name in enumerate(names) if name == "WITH_EXCEPT_START"]
            # From 3.11 on the line begins one instruction before.
            found = {2 * at - 2 if names[at - 1] == "PUSH_EXC_INFO" else 2 * at for at in asks}
            self._managers[key] = found
        return found

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
