"""The runner's side of `launcher.py`: starts it once, asks it for one command at a time."""

import marshal
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """What to run. `argv[0]` is an absolute path; all paths but `stdout` and `stderr` are as seen inside `root`."""

    argv: list[str]
    folder: Path
    environment: dict[str, str]
    root: Path | None = None


@dataclass(frozen=True)
class Cost:
    """What one run cost: seconds, and KiB of peak resident memory. `status` is the exit code, negative for a signal."""

    status: int
    wall: float
    user: float
    system: float
    peak: int


class Launcher:
    """Owns the launcher process; a context manager. Commands run one after another, never two at once."""

    def __init__(self, scratch: Path, seconds: int, processor: int | None) -> None:
        self.stdout = scratch / "stdout"
        self.stderr = scratch / "stderr"
        self.seconds = seconds
        scratch.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py"))]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if processor is not None:
            os.sched_setaffinity(self.process.pid, {processor})

    def __enter__(self) -> "Launcher":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait()

    def run(self, command: Command) -> Cost:
        """Runs `command`; what it printed is in `self.stdout` and `self.stderr` until the next run."""
        request = marshal.dumps(
            (
                command.argv,
                str(command.folder),
                command.environment,
                str(command.root) if command.root else "",
                str(self.stdout),
                str(self.stderr),
                self.seconds,
            )
        )
        self.process.stdin.write(len(request).to_bytes(4, "little") + request)
        self.process.stdin.flush()
        length = int.from_bytes(self.process.stdout.read(4), "little")
        status, wall, user, system, peak = marshal.loads(self.process.stdout.read(length))
        return Cost(os.waitstatus_to_exitcode(status), wall, user, system, peak)
