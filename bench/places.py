"""What ``--from ssh://host`` adds: the same check from this machine and from OpenSSH on loopback.

The archive is in the cache, as it is from the second run on.
"""

from __future__ import annotations

import json
from pathlib import Path

from bench.logins import Logins, logins
from bench.measure import Ran, figure, in_turn, run_process, spread
from bench.peers import need
from bench.table import Table

GOAL_SECONDS = 2.0
PLACES = ("local", "ssh://127.0.0.1:{}")


def run(folder: Path, quick: bool) -> list[Table]:
    rounds = 3 if quick else 11
    with logins(folder, 1) as servers:
        _check(servers, PLACES[1], folder)
        here, there = in_turn(
            rounds, *(lambda place=place: _check(servers, place, folder) for place in PLACES)
        )
    adds = spread([b.wall - a.wall for a, b in zip(here, there, strict=True)]).median
    table = Table(
        "What a check from elsewhere adds, whole processes",
        ("--from local, ms", "--from ssh://, ms", "adds, ms", "goal"),
        notes=(f"Median of {rounds} runs in turn, wall time; tcp://, over SSH on loopback.",),
    )
    table.add(
        _ms(here), _ms(there), figure(adds, 1e3),
        table.hold("what a check from elsewhere adds, in seconds", adds, GOAL_SECONDS),
    )  # fmt: skip
    return [table]


def _ms(runs: list[Ran]) -> str:
    return figure(spread([ran.wall for ran in runs]).median, 1e3)


def _check(servers: Logins, place: str, folder: Path) -> Ran:
    port = servers.ports[0]
    command = [need("seventh"), "check", f"tcp://127.0.0.1:{port}", "--from", place.format(port)]
    login = servers.ours if place != "local" else ["--format", "json"]
    ran = run_process([*command, *login], folder)
    (report,) = json.loads(ran.stdout)["reports"]
    if report["failure"] is not None:
        raise RuntimeError(f"the check is not whole: {report['failure']}")
    return ran
