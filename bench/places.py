"""What ``--from ssh://host`` adds: the same check from this machine and from OpenSSH on loopback.

The archives are in the cache, as they are from the second run on. tcp:// needs a tenth of the
libraries that tls:// and https:// do; nginx serves these.
"""

from __future__ import annotations

import json
from pathlib import Path

from bench.logins import Logins, logins
from bench.measure import Ran, figure, in_turn, run_process, spread
from bench.peers import need, nginx
from bench.table import Table
from seventh.labkit.ca import Authority

GOAL_SECONDS = 2.0
PLACES = ("local", "ssh://127.0.0.1:{}")
NAME = "lab.test"


def run(folder: Path, quick: bool) -> list[Table]:
    rounds = 3 if quick else 11
    authority = Authority(folder)
    issued = authority.issue(NAME)
    table = Table(
        "What a check from elsewhere adds, whole processes",
        ("check", "--from local, s", "--from ssh://, s", "adds, s", "goal"),
        notes=(f"Median of {rounds} runs in turn, wall time; over SSH on loopback.",),
    )
    trusting = ["--ca", str(authority.ca_file), "--server-name", NAME]
    with (
        logins(folder, 1) as servers,
        nginx(folder, issued.cert_file, issued.key_file) as ports,
    ):
        for scheme, port, options in (
            ("tcp", servers.ports[0], []),
            ("tls", ports["1.3"], trusting),
            ("https", ports["https"], trusting),
        ):
            words = [f"{scheme}://127.0.0.1:{port}", *options]
            _check(servers, PLACES[1], words, folder)
            here, there = in_turn(
                rounds,
                *(lambda name=name, words=words: _check(servers, name, words, folder)
                  for name in PLACES),
            )  # fmt: skip
            adds = spread([b.wall - a.wall for a, b in zip(here, there, strict=True)]).median
            table.add(
                f"{scheme}://", _seconds(here), _seconds(there), figure(adds),
                table.hold(f"what {scheme}:// from elsewhere adds, in seconds", adds,
                           GOAL_SECONDS),
            )  # fmt: skip
    return [table]


def _seconds(runs: list[Ran]) -> str:
    return figure(spread([ran.wall for ran in runs]).median)


def _check(servers: Logins, name: str, words: list[str], folder: Path) -> Ran:
    command = [need("seventh"), "check", *words, "--from", name.format(servers.ports[0])]
    login = servers.ours if name != "local" else ["--format", "json"]
    ran = run_process([*command, *login], folder)
    (place,) = json.loads(ran.stdout)["places"]
    if place["missing"]:
        raise RuntimeError(f"the check was not made: {place['failure']}")
    return ran
