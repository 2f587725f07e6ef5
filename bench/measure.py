"""Numbers: CPU time of a process, rounds in turn, medians with their spread."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

T = TypeVar("T")
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used, all its threads, as /proc tells it."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_bytes(pid: int, name: str) -> int:
    """A line of /proc/PID/status that is in kB, such as VmHWM, the most that ever was resident."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


class Spread(NamedTuple):
    """A median and how far the rounds lie apart."""

    median: float
    low: float
    high: float

    def text(self, scale: float = 1.0) -> str:
        """``median (low–high)`` in another unit."""
        return f"{figure(self.median, scale)} ({self.range(scale)})"

    def range(self, scale: float = 1.0) -> str:
        """``low–high`` in another unit."""
        return f"{figure(self.low, scale)}–{figure(self.high, scale)}"


def figure(value: float, scale: float = 1.0) -> str:
    """A number to three digits, without an exponent."""
    value *= scale
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values: Sequence[float]) -> Spread:
    """The median of ``values`` with the least and the greatest."""
    return Spread(statistics.median(values), min(values), max(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours over theirs, round by round: what slows the machine for a while slows both."""
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])


def in_turn(rounds: int, *sides: Callable[[], T]) -> list[list[T]]:
    """Run the sides one after another, ``rounds`` times; a first round warms up and is not kept."""
    kept: list[list[T]] = [[] for _ in sides]
    for index in range(rounds + 1):
        for values, side in zip(kept, sides, strict=True):
            value = side()
            if index:
                values.append(value)
    return kept


class Ran(NamedTuple):
    """What a whole process took."""

    wall: float
    cpu: float
    code: int
    stdout: bytes


def run_process(command: Sequence[str], folder: Path) -> Ran:
    """Run a command to its end: wall time, and CPU time with its children's.

    Bytecode is kept in ``folder``, as an installed program has it beside its source: the round that
    warms up compiles.
    """
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTHONPYCACHEPREFIX": str(folder / "pycache")}
    start = time.perf_counter()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=environment,
    ) as process:
        assert process.stdout is not None
        stdout = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    return Ran(wall, usage.ru_utime + usage.ru_stime, process.returncode, stdout)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
