"""A virtual environment for each Python with the tools in it, made once and kept; and the real test suite's source.

Tools that do not install on a Python are remembered with pip's last word, and skipped. Nothing here is timed.
"""

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .pythons import Python, entering

# What each environment needs (a failure is fatal), then what it has where it installs.
REQUIRED = ["coverage==7.17.3", "pytest==9.2.0", "pretend==1.0.9"]
OPTIONAL = {"slipcover": "slipcover==1.1.0", "covers": "covers==0.0.4"}

SUITE = "packaging==25.0"
SUITE_SHA256 = "d443872c98d677bf60f6a1f2f8c1cb748e8fe762d2bf9d3148b5599295b0fc4f"


@dataclass(frozen=True)
class Environment:
    """A Python with the tools installed. `missing` maps an optional tool to why it is not there."""

    python: Python
    interpreter: Path
    versions: dict[str, str]
    missing: dict[str, str]


def pip(python: Python, interpreter: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [str(interpreter), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(entering(python.root, argv), capture_output=True, text=True, cwd="/")


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no message"


def prepare(python: Python, work: Path) -> Environment:
    """Makes the environment or finds it made; raises RuntimeError with pip's message if it cannot be."""
    where = python.root or Path("/")
    if not (where / work.relative_to("/")).exists():
        raise RuntimeError(f"{work} is not visible inside {python.root}: give --work a folder that is mounted there")
    folder = work / "environments" / f"{python.version}{'-sid' if python.root else ''}"
    interpreter = folder / "bin" / "python"
    stamp = folder / "benches.json"
    wanted = [*REQUIRED, *OPTIONAL.values(), python.full]
    if stamp.exists():
        kept = json.loads(stamp.read_text())
        if kept["wanted"] == wanted:
            return Environment(python, interpreter, kept["versions"], kept["missing"])
    shutil.rmtree(folder, ignore_errors=True)
    argv = entering(python.root, [str(python.executable), "-m", "venv", str(folder)])
    made = subprocess.run(argv, capture_output=True, text=True, cwd="/")
    if made.returncode != 0:
        raise RuntimeError(last_line(made.stdout + made.stderr))
    installed = pip(python, interpreter, "install", "-q", *REQUIRED)
    if installed.returncode != 0:
        raise RuntimeError(last_line(installed.stderr))
    missing = {}
    for name, requirement in OPTIONAL.items():
        tried = pip(python, interpreter, "install", "-q", "--prefer-binary", requirement)
        if tried.returncode != 0:
            missing[name] = last_line(tried.stderr)
    listing = json.loads(pip(python, interpreter, "list", "--format=json").stdout)
    versions = {package["name"]: package["version"] for package in listing}
    stamp.write_text(json.dumps({"wanted": wanted, "versions": versions, "missing": missing}, indent=1))
    return Environment(python, interpreter, versions, missing)


def fetch_suite(environment: Environment, work: Path) -> Path:
    """The unpacked source distribution of `SUITE`, fetched once through pip and checked by its hash."""
    name = SUITE.replace("==", "-")
    folder = work / "suite" / name
    if (folder / "tests").is_dir():
        return folder
    target = work / "suite"
    target.mkdir(parents=True, exist_ok=True)
    python = environment.python
    fetched = pip(
        python, environment.interpreter, "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", str(target), SUITE
    )
    if fetched.returncode != 0:
        raise RuntimeError(last_line(fetched.stderr))
    archive = target / f"{name}.tar.gz"
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SUITE_SHA256:
        raise RuntimeError(f"{archive} has sha256 {digest}, not {SUITE_SHA256}")
    shutil.unpack_archive(archive, target)
    return folder
