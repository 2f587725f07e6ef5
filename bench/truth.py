"""Are the phases true while the event loop is held up?

A peer answers 10 ms after our bytes reached it and says what its delay really was; our loop is held
up in steps of 50 ms all the while. A phase's error is what it says less that delay. The path is
loopback, whose own share (some 50 µs) is left in the error.
"""

from __future__ import annotations

from pathlib import Path

from bench.measure import figure, percentile
from bench.peers import server, worker
from bench.table import Table

HOLD_SECONDS = 0.050
MOST_SECONDS = 0.0005


def run(folder: Path, quick: bool) -> list[Table]:
    del folder
    count = 40 if quick else 400
    table = Table(
        "Error of a phase while the loop is held up 50 ms at a time",
        ("phase", "clock", "p50, ms", "p99, ms", "greatest, ms", "goal (p99)"),
        notes=(
            f"{count} pulses by the kernel's clock, {count // 4} by the user's.",
            "The peer's delay is 10 ms, and it says how much it was.",
        ),
    )
    for scheme, phase in (("ssh", "ssh.banner"), ("ntp", "ntp.rtt")):
        for clock in ("kernel", "user"):
            errors = _errors(scheme, phase, clock, count if clock == "kernel" else count // 4)
            worst = percentile(errors, 0.99)
            table.add(
                phase,
                clock,
                figure(percentile(errors, 0.5), 1e3),
                figure(worst, 1e3),
                figure(max(errors), 1e3),
                _goal(table, phase, worst) if clock == "kernel" else "—",
            )
    return [table]


def _goal(table: Table, phase: str, worst: float) -> str:
    return table.hold(f"{phase}, p99 error in ms", worst * 1e3, MOST_SECONDS * 1e3)


def _errors(scheme: str, phase: str, clock: str, count: int) -> list[float]:
    with server(f"delay-{scheme}") as peer, worker() as ours:
        answer = ours.ask(
            do="held",
            url=f"{scheme}://127.0.0.1:{peer.port}",
            count=count,
            hold=HOLD_SECONDS,
            phase=phase,
            kernel=clock == "kernel",
        )
        delays = [int(peer.line()) / 1e9 for _ in range(count)]
    phases = answer["phases"]
    if len(phases) != count or {seen for _, seen in phases} != {clock}:
        raise RuntimeError(f"{phase}: not {count} phases by the {clock} clock")
    return [abs(seconds - delay) for (seconds, _), delay in zip(phases, delays, strict=True)]
