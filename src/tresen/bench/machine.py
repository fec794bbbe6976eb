"""What the operating system says: CPU and memory of a process, the disk's fsync, open files, free ports."""

from __future__ import annotations

import math
import os
import platform
import resource
import socket
import time
from collections.abc import Sequence
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_BLOCK = b"\0" * 4096


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used so far, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def pss(pid: int) -> int:
    """Proportional memory of a process in bytes: shared pages count by their share."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise OSError("the kernel tells no PSS")


def threads(pid: int) -> int:
    """Threads of a process."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def fsync_probe(folder: Path, times: int = 200) -> list[float]:
    """Seconds that each of `times` synced 4 KiB writes takes on the disk below `folder`."""
    path = folder / "fsync.probe"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    taken = []
    try:
        for _ in range(times):
            os.write(handle, _BLOCK)
            begun = time.perf_counter()
            os.fdatasync(handle)
            taken.append(time.perf_counter() - begun)
    finally:
        os.close(handle)
        path.unlink()
    return taken


def cpu_probe() -> float:
    """Seconds of CPU of a fixed piece of work, the best of three: what a second is worth on this machine just now."""
    best = math.inf
    for _ in range(3):
        begun = time.process_time()
        words: dict[str, int] = {}
        for number in range(200_000):
            word = f"w{number % 5_000}"
            words[word] = words.get(word, 0) + number
        best = min(best, time.process_time() - begun)
    return best


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank: the smallest value that `share` of all values do not exceed; NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def more_files(wanted: int) -> None:
    """Raises this process's limit of open files, which children inherit; OSError when that is not allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise OSError(f"{wanted} open files are needed, the system allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def description() -> str:
    """The machine in one line."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {model}, {memory / 2**20:.0f} GB, Python {platform.python_version()}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
