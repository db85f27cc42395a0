# How the agent's own children come to be measured: by two variables that stay in the C environment, where os.environ does
# not show them, and are added to environments that the program makes itself.


class Variables:
    def __init__(self, names):
        environ = os.environ
        self._kept = [name.encode() + b"=" + environ.encodevalue(environ[name]) for name in names]

    def hide(self, name, shown):
        """Takes a variable out of os.environ, or shows another value there; the C environment keeps it."""
        environ = os.environ
        if shown is None:
            environ._data.pop(environ.encodekey(name), None)
        else:
            environ._data[environ.encodekey(name)] = environ.encodevalue(shown)

    def in_list(self, environment):
        """`environment` (bytes, NAME=value) with the variables."""
        kept = list(self._kept)
        rest = []
        for entry in environment:
            name = entry.split(b"=")[0] + b"="
            if name == b"PYTHONPATH=":
                # The bootstrap stays in front.
                kept = [own + b":" + entry[len(name) :] if own.startswith(name) else own for own in self._bare()]
            elif name != b"MINICOV_PROCESS=":
                rest.append(entry)
        return kept + rest

    def _bare(self):
        return [own.split(b":")[0] if own.startswith(b"PYTHONPATH=") else own for own in self._kept]

    def in_mapping(self, environment):
        entries = [os.fsencode(key) + b"=" + os.fsencode(value) for key, value in environment.items()]
        return dict(entry.split(b"=", 1) for entry in self.in_list(entries))


def _keeps_bootstrap_out(words):
    """The option among a Python's words that keeps it from importing the bootstrap (src/processes/python_options.rs)."""
    words = iter(words)
    next(words, None)
    for word in words:
        if word == "--check-hash-based-pycs":
            next(words, None)
            continue
        if len(word) < 2 or word[0] != "-" or word[1] == "-":
            return None
        for place, letter in enumerate(word[1:], 2):
            if letter in "IES":
                return letter
            if letter in "cm":
                return None
            if letter in "WX":
                # Their value follows, in the same word or in the next.
                if place == len(word):
                    next(words, None)
                break
    return None


def measure_children(variables, on_trouble):
    """Adds the variables wherever the program gives a child an environment of its own."""
    import _posixsubprocess

    fork_exec = _posixsubprocess.fork_exec

    def look_at(path, words):
        """Tells of a Python that the bootstrap cannot enter."""
        path, words = os.fsdecode(path), [os.fsdecode(word) for word in words]
        option = _keeps_bootstrap_out(words) if os.path.basename(path).startswith("python") else None
        if option:
            on_trouble("%s: -%s keeps minicov's agent out of it" % (path, option))

    def try_to_look_at(path, words):
        try:
            look_at(path, words)
        except Exception:
            # What makes no sense here fails by itself, in the call.
            pass

    def fork_exec_measured(*args):
        if len(args) > 1 and args[1]:
            try_to_look_at(args[1][0], args[0])
        if len(args) > 5 and args[5] is not None:
            args = args[:5] + (variables.in_list(args[5]),) + args[6:]
        return fork_exec(*args)

    _posixsubprocess.fork_exec = fork_exec_measured
    if "subprocess" in sys.modules:
        sys.modules["subprocess"]._fork_exec = fork_exec_measured

    def with_environment(function):
        def execute(path, args, env, **kwargs):
            try_to_look_at(path, args)
            if hasattr(env, "items"):
                env = variables.in_mapping(env)
            return function(path, args, env, **kwargs)

        return execute

    for name in "execve", "posix_spawn", "posix_spawnp":
        setattr(os, name, with_environment(getattr(os, name)))

    execv = os.execv

    def execv_told(path, args, /):
        try_to_look_at(path, args)
        return execv(path, args)

    os.execv = execv_told
