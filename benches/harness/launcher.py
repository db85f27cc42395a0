"""A tiny process that starts the measured commands and reads what each one cost.

It exists because of one trait of Linux: `ru_maxrss` survives `exec`, so a child begins with its parent's resident
size as its peak. A parent as large as the runner would hide a small Python's own peak. This file therefore imports
nothing but modules built into the interpreter, and must stay that way. It runs under `python -I -S`.

Protocol, on standard input and output: four bytes of length, little-endian, then a marshalled request
`(argv, folder, environment, root, stdout, stderr, seconds)`; the answer is marshalled likewise:
`(wait_status, wall_seconds, user_seconds, system_seconds, peak_kib)`. End of input ends it.
"""

import marshal
import posix
import sys
import time

import _signal

EXEC_FAILED = 127


def read_exactly(count):
    data = b""
    while len(data) < count:
        piece = posix.read(0, count - len(data))
        if not piece:
            posix._exit(0)
        data += piece
    return data


def become(argv, folder, environment, root, stdout, stderr, seconds):
    """In the child: sets up what the command expects and turns into it. Never returns."""
    try:
        for descriptor, path in ((1, stdout), (2, stderr)):
            flags = posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC
            opened = posix.open(path, flags, 0o644)
            posix.dup2(opened, descriptor)
            posix.close(opened)
        nothing = posix.open("/dev/null", posix.O_RDONLY)
        posix.dup2(nothing, 0)
        posix.close(nothing)
        if root:
            posix.chroot(root)
        posix.chdir(folder)
        # An alarm outlives exec: a command that hangs is killed by SIGALRM.
        _signal.alarm(seconds)
        posix.execve(argv[0], argv, environment)
    except OSError as error:
        posix.write(2, ("launcher: %s: %s\n" % (argv[0], error)).encode())
    posix._exit(EXEC_FAILED)


def run(request):
    begun = time.monotonic()
    child = posix.fork()
    if child == 0:
        become(*request)
    _, status, usage = posix.wait4(child, 0)
    wall = time.monotonic() - begun
    return (status, wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss)


while True:
    length = int.from_bytes(read_exactly(4), "little")
    answer = marshal.dumps(run(marshal.loads(read_exactly(length))))
    posix.write(1, len(answer).to_bytes(4, "little") + answer)
    sys.stdout.flush()
