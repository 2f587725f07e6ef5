"""``seventh check ssh://`` against ssh-audit on the same OpenSSH server, whole processes.

ssh-audit's default audit has a test of the connection rate; it is also measured without.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from bench.measure import Ran, figure, in_turn, ratio, run_process, spread
from bench.peers import need, openssh
from bench.table import Table


def run(folder: Path, quick: bool) -> list[Table]:
    rounds = 3 if quick else 9
    with openssh(folder) as port:
        audit = [need("ssh-audit"), "-p", str(port)]
        ours, plain, skipping = in_turn(
            rounds,
            lambda: _seventh(port, folder),
            _audit([*audit, "127.0.0.1"], folder),
            _audit([*audit, "--skip-rate-test", "127.0.0.1"], folder),
        )
    table = Table(
        "Checking one OpenSSH server, whole processes",
        ("command", "wall, ms", "ours/its", "CPU, ms", "ours/its", "goal"),
        notes=(f"Median of {rounds} runs in turn; (least–greatest) of the ratio.",),
    )
    table.add("seventh check ssh://", _ms(ours, "wall"), "", _ms(ours, "cpu"), "", "")
    for name, theirs in (("ssh-audit", plain), ("ssh-audit --skip-rate-test", skipping)):
        wall = ratio([r.wall for r in ours], [r.wall for r in theirs])
        cpu = ratio([r.cpu for r in ours], [r.cpu for r in theirs])
        table.add(
            name,
            _ms(theirs, "wall"),
            wall.text(),
            _ms(theirs, "cpu"),
            cpu.text(),
            table.hold(f"check ssh:// against {name}", max(wall.median, cpu.median), 1.0),
        )
    return [table]


def _ms(runs: list[Ran], what: str) -> str:
    return figure(spread([getattr(r, what) for r in runs]).median, 1e3)


def _seventh(port: int, folder: Path) -> Ran:
    command = [need("seventh"), "check", f"ssh://127.0.0.1:{port}", "--format", "json"]
    ran = run_process(command, folder)
    (report,) = json.loads(ran.stdout)["reports"]
    if report["failure"] is not None or len(report["facts"]["ssh"]["host_keys"]) != 3:
        raise RuntimeError(f"the check is not whole: {report['failure']}")
    return ran


def _audit(command: list[str], folder: Path) -> Callable[[], Ran]:
    def audit() -> Ran:
        ran = run_process(command, folder)
        if b"(kex)" not in ran.stdout or b"ssh-ed25519" not in ran.stdout:
            raise RuntimeError(f"ssh-audit has not audited: {ran.stdout[-300:]!r}")
        return ran

    return audit
