"""Start-up: whole commands against an interpreter that does nothing."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.measure import Ran, figure, in_turn, ratio, run_process, spread
from bench.peers import need, server
from bench.table import Table


def run(folder: Path, quick: bool) -> list[Table]:
    rounds = 5 if quick else 21
    with server("ntp") as clock, server("greet") as greeter:
        seventh = need("seventh")
        one = ["--samples", "1", "--format", "json"]
        commands = {
            "python -I -c pass": [sys.executable, "-I", "-c", "pass"],
            "python -I -c 'import asyncio'": [sys.executable, "-I", "-c", "import asyncio"],
            "seventh --version": [seventh, "--version"],
            "seventh check ntp:// (one sample)": [
                seventh, "check", f"ntp://127.0.0.1:{clock.port}", *one
            ],
            "seventh check tcp://": [
                seventh, "check", f"tcp://127.0.0.1:{greeter.port}", "--format", "json"
            ],
        }  # fmt: skip
        sides = [lambda c=command: _run(c, folder) for command in commands.values()]
        measured: list[list[Ran]] = in_turn(rounds, *sides)
    table = Table(
        "Start-up",
        ("command", "wall, ms", "ratio", "CPU, ms", "ratio"),
        notes=(
            f"Median of {rounds} runs in turn; the ratio is to the first line, round by round.",
        ),
    )
    base = measured[0]
    for name, runs in zip(commands, measured, strict=True):
        wall, cpu = ([getattr(r, what) for r in runs] for what in ("wall", "cpu"))
        table.add(
            name,
            figure(spread(wall).median, 1e3),
            ratio(wall, [r.wall for r in base]).text(),
            figure(spread(cpu).median, 1e3),
            ratio(cpu, [r.cpu for r in base]).text(),
        )
    return [table]


def _run(command: list[str], folder: Path) -> Ran:
    ran = run_process(command, folder)
    # A responder on a machine whose clock nobody vouches for may earn findings; that is no failure.
    if ran.code not in {0, 1, 2} or b'"failure":{' in ran.stdout.replace(b" ", b""):
        raise RuntimeError(f"{' '.join(command)}: exit {ran.code}: {ran.stdout[-300:]!r}")
    return ran
