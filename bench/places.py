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
            rounds, *(lambda name=name: _check(servers, name, folder) for name in PLACES)
        )
    adds = spread([b.wall - a.wall for a, b in zip(here, there, strict=True)]).median
    table = Table(
        "What a check from elsewhere adds, whole processes",
        ("--from local, s", "--from ssh://, s", "adds, s", "goal"),
        notes=(f"Median of {rounds} runs in turn, wall time; tcp://, over SSH on loopback.",),
    )
    table.add(
        _seconds(here), _seconds(there), figure(adds),
        table.hold("what a check from elsewhere adds, in seconds", adds, GOAL_SECONDS),
    )  # fmt: skip
    return [table]


def _seconds(runs: list[Ran]) -> str:
    return figure(spread([ran.wall for ran in runs]).median)


def _check(servers: Logins, name: str, folder: Path) -> Ran:
    port = servers.ports[0]
    command = [need("seventh"), "check", f"tcp://127.0.0.1:{port}", "--from", name.format(port)]
    login = servers.ours if name != "local" else ["--format", "json"]
    ran = run_process([*command, *login], folder)
    (place,) = json.loads(ran.stdout)["places"]
    if place["missing"]:
        raise RuntimeError(f"the check was not made: {place['failure']}")
    return ran
