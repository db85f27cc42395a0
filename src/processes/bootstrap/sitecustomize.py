"""minicov's way into a Python that another program starts (minicov's src/processes/mod.rs).

Any Python may import this, also one that minicov cannot measure (Python 2, PyPy, one inside another program): then it
does nothing. Afterwards nothing is left of it, and the environment's own sitecustomize has its turn.
"""


def _begin(sys, os):
    handed_over = os.environ.get("MINICOV_PROCESS")
    name = os.path.basename(os.path.realpath("/proc/self/exe"))
    if not handed_over or not name.startswith(("python", "pypy")):
        # An interpreter inside another program (gdb, uwsgi): that program must stay as it is.
        return
    # Importing json would cost more than all the rest; the text comes from where PYTHONPATH comes from.
    words = {"__builtins__": {}, "true": True, "false": False, "null": None}
    handover = eval(handed_over, words)
    minor = sys.version_info[1]
    if sys.version_info < (3, 9) or sys.implementation.name != "cpython":
        _leave_note(sys, os, handover["bootstrap"], "%s is not CPython 3.9 or newer" % sys.executable)
        return
    minicov = handover["minicov"]
    if minor != handover["minor"]:
        minicov = os.path.join(os.path.dirname(minicov), "minicov3.%d" % minor)
    if not handover["agent_only"] and minor >= 11 and sys.executable and os.access(minicov, os.X_OK):
        if os.environ.get("LC_CTYPE") and sys.flags.utf8_mode:
            # Python sets it where the environment names no locale (PEP 538); who comes after must find none, too.
            with open("/proc/self/environ", "rb") as environ:
                if not any(entry.startswith(b"LC_CTYPE=") for entry in environ.read().split(b"\0")):
                    os.unsetenv("LC_CTYPE")
        os.execv(minicov, ["minicov", "child", str(minor), sys.executable] + sys.orig_argv)
    import _minicov_agent

    del sys.modules["_minicov_agent"]
    return lambda: _minicov_agent.start(handover)


def _leave_note(sys, os, folder, reason):
    """Leaves word beside the journals, for the next minicov (src/store/journal/notes.rs)."""
    path = os.path.join(os.path.dirname(folder), "%d-bootstrap.note" % os.getpid())
    with open(path + ".unfinished", "w") as note:
        note.write("a child process was not measured: %s" % reason)
    os.rename(path + ".unfinished", path)


def _run():
    import os
    import sys

    folder = os.path.dirname(os.path.abspath(__file__))
    start = None
    try:
        start = _begin(sys, os)
    except Exception as error:
        _fail(sys, os, folder, error)
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    sys.path_importer_cache.pop(folder, None)
    del sys.modules["sitecustomize"]

    def start_quietly():
        try:
            if start:
                start()
        except Exception as error:
            _fail(sys, os, folder, error)

    return start_quietly


def _fail(sys, os, folder, error):
    """A child must never break: it goes on unmeasured, and its main process tells of it."""
    try:
        _leave_note(sys, os, folder, "%s: %s: %s" % (sys.executable, type(error).__name__, error))
    except Exception:
        # Where no note can be written, no data can be either.
        pass


_start = _run()
try:
    import sitecustomize  # the environment's own; where there is none, site expects this very ImportError
finally:
    # What runs before the program is not measured, as it is not in the program that minicov itself starts.
    _start()
