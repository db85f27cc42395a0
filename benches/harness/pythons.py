"""Which Pythons there are: pyenv's, and those in the Debian sid root that `ensure-sid` makes.

An interpreter in a root is started by a chroot, so its paths are as seen inside. Must not know what is measured.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

OLDEST = (3, 11)
DESCRIBE = (
    "import json, platform, sys, sysconfig\n"
    "print(json.dumps([platform.python_version(), list(sys.version_info[:2]),"
    # A Debian interpreter is built with a shared library beside it, and does not use it: only its maps tell.
    " sys.version, 'libpython' in open('/proc/self/maps').read(),"
    # Some builds use the profile without --enable-optimizations, so the compiler's flags are asked as well.
    " ' '.join(str(sysconfig.get_config_var(name)) for name in ('CONFIG_ARGS', 'PY_CORE_CFLAGS', 'PGO_PROF_USE_FLAG'))]))"
)


@dataclass(frozen=True)
class Python:
    """One interpreter. `minor` is (3, 13); `shared` tells whether the executable itself uses libpython.so;
    `optimised` whether
    its configuration says that it was built with profile-guided optimisation (Debian's does not
    say, either way)."""

    version: str
    minor: tuple[int, int]
    executable: Path
    root: Path | None
    full: str
    shared: bool
    optimised: bool

    @property
    def minor_text(self) -> str:
        return f"{self.minor[0]}.{self.minor[1]}"


def entering(root: Path | None, argv: list[str]) -> list[str]:
    """The command line that runs `argv` inside `root`, for what is not timed."""
    return argv if root is None else ["chroot", str(root), *argv]


def describe(executable: Path, root: Path | None) -> Python | None:
    """Asks an interpreter what it is; None if it cannot be run or is too old."""
    argv = entering(root, [str(executable), "-I", "-c", DESCRIBE])
    try:
        answer = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    version, minor, full, shared, config = json.loads(answer.stdout)
    if tuple(minor) < OLDEST:
        return None
    optimised = "--enable-optimizations" in config or "-fprofile-use" in config
    return Python(version, tuple(minor), executable, root, " ".join(full.split()), shared, optimised)


def find() -> list[Python]:
    """All Pythons from 3.11 up, oldest first; the sid root only adds minor versions that pyenv has not."""
    candidates: list[tuple[Path, Path | None]] = []
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += [(folder / "bin" / "python", None) for folder in sorted(pyenv.glob("3.*"))]
    root = Path(os.environ.get("MINICOV_SID_ROOT", "/srv/minicov-sid"))
    if (root / ".ready").exists() and os.geteuid() == 0:
        inside = sorted(root.glob("usr/bin/python3.[0-9][0-9]"))
        candidates += [(Path("/") / path.relative_to(root), root) for path in inside]
    found: list[Python] = []
    for executable, candidate_root in candidates:
        python = describe(executable, candidate_root)
        if python is None:
            continue
        if python.root is not None and any(other.minor == python.minor for other in found):
            continue
        found.append(python)
    return sorted(found, key=lambda python: python.minor)
