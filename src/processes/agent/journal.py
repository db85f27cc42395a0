# The agent's journal: the format of src/store/journal/format.rs, written with one write per record, so that what was
# recorded survives the death of the process.
#
# The agent runs in Pythons that minicov cannot be, CPython 3.9 to 3.15. Its parts are put together into one module.

import os
import sys

_KIND_SETTINGS, _KIND_FILE, _KIND_LINE, _KIND_ARC, _KIND_PACKAGE = 2, 3, 4, 7, 9
# Where descriptors of the program's own are unlikely to be.
_HIGH_DESCRIPTOR = 512


def _u32(*values):
    return b"".join((value & 0xFFFFFFFF).to_bytes(4, "little") for value in values)


def _json(value):
    """JSON for settings; the json module would stay behind in sys.modules."""
    if isinstance(value, dict):
        return "{" + ",".join(_json(key) + ":" + _json(item) for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, str):
        escaped = (c if c >= " " and c not in '"\\' else "\\u%04x" % ord(c) for c in value)
        return '"' + "".join(escaped) + '"'
    return {True: "true", False: "false", None: "null"}.get(value) or str(value)


def archive_of(path):
    """The archive that a path leads into, as zipimport has it, if it does."""
    folder = os.path.dirname(path)
    while len(folder) > 1 and not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return folder if os.path.isfile(folder) else None


class Journal:
    """The journal of this process; after a fork, the child's next record opens one of its own."""

    def __init__(self, folder, header):
        import fcntl
        import time

        self._fcntl, self._clock = fcntl, time.time_ns
        self._folder, self._header = folder, header
        self._statements = []
        self._descriptor = None
        self._open()
        os.register_at_fork(after_in_child=self._leave_to_parent)

    def _open(self):
        process, started = os.getpid(), self._clock()
        path = os.path.join(self._folder, "%d-%x.journal" % (process, started))
        os.makedirs(self._folder, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        while True:
            descriptor = os.open(path, flags, 0o666)
            self._fcntl.flock(descriptor, self._fcntl.LOCK_EX)
            if os.path.exists(path):
                break
            # A collector took it for an orphan before it was locked.
            os.close(descriptor)
        try:
            high = self._fcntl.fcntl(descriptor, self._fcntl.F_DUPFD_CLOEXEC, _HIGH_DESCRIPTOR)
            os.close(descriptor)
            descriptor = high
        except OSError:
            pass
        status = os.fstat(descriptor)
        self._descriptor, self._identity = descriptor, (status.st_dev, status.st_ino)
        start = b"MINICOVJ" + _u32(1, process) + started.to_bytes(8, "little")
        os.write(descriptor, start.ljust(64, b"\0") + self._record(_KIND_SETTINGS, self._header))
        for statement in self._statements:
            os.write(descriptor, statement)

    def _leave_to_parent(self):
        # The parent's lock lives as long as any copy of its descriptor.
        if self._is_ours():
            os.close(self._descriptor)
        self._descriptor = None

    def _is_ours(self):
        """Whether the program has left the descriptor alone."""
        try:
            status = os.fstat(self._descriptor)
        except (OSError, TypeError):
            return False
        return (status.st_dev, status.st_ino) == self._identity

    @staticmethod
    def _record(kind, payload):
        return _u32(kind, len(payload)) + payload + b"\0" * (-len(payload) % 8)

    def _write(self, kind, payload):
        if self._descriptor is None:
            self._open()
        if not self._is_ours():
            raise OSError("the program closed the journal")
        os.write(self._descriptor, self._record(kind, payload))

    def file(self, path):
        """States a file; the number stands for it from now on."""
        status = os.stat(archive_of(path) or path)
        number = len(self._statements)
        stamp = status.st_mtime_ns.to_bytes(8, "little", signed=True) + status.st_size.to_bytes(8, "little")
        payload = _u32(number, 0) + stamp + os.fsencode(path)
        self._write(_KIND_FILE, payload)
        self._statements.append(self._record(_KIND_FILE, payload))
        return number

    def line(self, file, line):
        self._write(_KIND_LINE, _u32(file, line))

    def arc(self, file, start, end):
        self._write(_KIND_ARC, _u32(file, start, end, 0))

    def package(self, name):
        self._write(_KIND_PACKAGE, name.encode())
