"""Facts of the machine and the checkout that a result is worth nothing without."""

import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path


def processor() -> str:
    """The processor's name, number of cores and memory."""
    name = platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GiB"


def commit(checkout: Path) -> str:
    """The checkout's commit, with a plus sign if files differ from it."""
    described = subprocess.run(
        ["git", "-C", str(checkout), "describe", "--always", "--dirty=+", "--exclude=*"], capture_output=True, text=True
    )
    return described.stdout.strip() or "unknown"


def load() -> str:
    return " ".join(f"{average:.2f}" for average in os.getloadavg())


def about(checkout: Path) -> dict[str, str]:
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": processor(),
        "kernel": f"{platform.system()} {platform.release()}",
        "load": load(),
        "commit": commit(checkout),
        "runner": f"Python {platform.python_version()}",
    }
