"""Lint's cost on hostile files: the worst pattern of each kind, a megabyte of it.

Each file is linted and printed in every format by a process of its own; what loads before the file
is read is not counted. Beside it: the program's own reader on the same file, the whole process; and
where there is none here, Python splitting the file into words.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.lint_patterns import patterns
from bench.measure import figure, run_process
from bench.table import Table

SIZE = 1_000_000
CPU_SECONDS = 1.0
MEGABYTES = 100.0
_OWN: dict[str, tuple[str, ...]] = {
    "sshd_config": ("sshd", "-T", "-f"),
    "nginx.conf": ("nginx", "-t", "-c"),
    "chrony.conf": ("chronyd", "-p", "-f"),
    "ssh_config": ("ssh", "-G", "a.example", "-F"),
}
_SPLIT = (
    sys.executable, "-c",
    "import sys; [line.split() for line in open(sys.argv[1], errors='replace')]",
)  # fmt: skip


class Cost(NamedTuple):
    """What one file took, per megabyte."""

    pattern: str
    lint: float
    cpu: float
    megabytes: float


def run(folder: Path, quick: bool) -> list[Table]:
    from seventh.lint import kinds

    size = SIZE // 10 if quick else SIZE
    (folder / "x").write_text("# nothing\n")
    table = Table(
        f"Lint of {size / 1e6:g} MB of the worst pattern of each kind",
        ("kind", "patterns", "worst pattern", "lint, CPU s/MB", "printed too, CPU s/MB",
         "most memory, MB/MB", "own reader", "its CPU, s/MB", "CPU, ratio"),
        notes=(
            f"Held to {CPU_SECONDS:g} CPU second and {MEGABYTES:g} MB for each, in all formats.",
            "Memory is that of the pattern that takes most, beyond the process's own.",
        ),
    )  # fmt: skip
    for kind in kinds():
        costs = [_cost(folder, kind, name, size) for name in patterns(kind)]
        worst = max(costs, key=lambda cost: cost.cpu)
        most = max(cost.megabytes for cost in costs)
        path = folder / "worst"
        path.write_bytes(patterns(kind)[worst.pattern](size))
        program, own = _own(kind, path, folder)
        own = max(own / (size / 1e6), 0.01)
        if not quick:
            table.hold(f"{kind}, {worst.pattern}: CPU s/MB", worst.cpu, CPU_SECONDS)
            table.hold(f"{kind}: MB/MB", most, MEGABYTES)
        table.add(
            kind, str(len(costs)), worst.pattern, figure(worst.lint), figure(worst.cpu),
            figure(most), program, figure(own), figure(worst.cpu / own),
        )  # fmt: skip
    return [table]


def _cost(folder: Path, kind: str, pattern: str, size: int) -> Cost:
    path = folder / "hostile"
    path.write_bytes(patterns(kind)[pattern](size))
    command = [sys.executable, "-m", "bench.lint_cost_worker", kind, str(path)]
    done = subprocess.run(command, capture_output=True, check=True, env=os.environ)
    got = json.loads(done.stdout)
    size_mb = size / 1e6
    return Cost(pattern, got["lint"] / size_mb, got["cpu"] / size_mb, got["bytes"] / 1e6 / size_mb)


def _own(kind: str, path: Path, folder: Path) -> tuple[str, float]:
    """The program's own reader, or a plain one; and its CPU seconds."""
    command: Sequence[str] = _OWN.get(kind, ())
    found = shutil.which(command[0], path=os.environ["PATH"] + ":/usr/sbin") if command else None
    if found is None:
        command, name = _SPLIT, "split()"
    else:
        command, name = (found, *command[1:]), " ".join(command[:2])
    return name, run_process([*command, str(path)], folder).cpu
