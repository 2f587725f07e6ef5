"""What each jump host adds: ``seventh check tcp:// --via`` against ``ssh -J``, whole processes.

Each side is compared with itself without jump hosts, so that what the processes cost by themselves
is in neither. A hop is a whole SSH login for both.
"""

from __future__ import annotations

import json
from pathlib import Path

from bench.logins import USER, Logins, logins
from bench.measure import Ran, figure, in_turn, run_process, spread
from bench.peers import need
from bench.table import Table

HOPS = 2


def run(folder: Path, quick: bool) -> list[Table]:
    rounds = 3 if quick else 11
    with logins(folder, HOPS + 1) as servers:
        sides = [lambda n=n: _seventh(servers, n, folder) for n in range(HOPS + 1)]
        sides += [lambda n=n: _ssh(servers, n, folder) for n in range(HOPS + 1)]
        measured = in_turn(rounds, *sides)
    ours, theirs = measured[: HOPS + 1], measured[HOPS + 1 :]
    table = Table(
        "What jump hosts add, whole processes against OpenSSH",
        ("jump hosts", "seventh check tcp://, ms", "adds per hop, ms", "ssh -J … true, ms",
         "adds per hop, ms", "ours/its", "goal"),
        notes=(
            f"Median of {rounds} runs in turn, wall time.",
            "The ratio is of the two medians: a difference of single rounds is mostly noise.",
        ),
    )  # fmt: skip
    for hops in range(HOPS + 1):
        cells = [str(hops), _ms(ours[hops]), "—", _ms(theirs[hops]), "—", "—", "—"]
        if hops:
            adds = _added(ours, hops)
            its = _added(theirs, hops)
            share = spread(adds).median / spread(its).median
            cells[2] = figure(spread(adds).median, 1e3)
            cells[4:] = [
                figure(spread(its).median, 1e3), figure(share),
                table.hold(f"what {hops} jump hosts add", share, 1.0),
            ]  # fmt: skip
        table.add(*cells)
    return [table]


def _ms(runs: list[Ran]) -> str:
    return figure(spread([r.wall for r in runs]).median, 1e3)


def _added(runs: list[list[Ran]], hops: int) -> list[float]:
    """What each of ``hops`` jump hosts adds to the wall time, round by round."""
    pairs = zip(runs[hops], runs[0], strict=True)
    return [(with_hops.wall - without.wall) / hops for with_hops, without in pairs]


def _seventh(servers: Logins, hops: int, folder: Path) -> Ran:
    command = [need("seventh"), "check", f"tcp://127.0.0.1:{servers.ports[HOPS]}", *servers.ours]
    if hops:
        command += ["--via", ",".join(f"ssh://127.0.0.1:{p}" for p in servers.ports[:hops])]
    ran = run_process(command, folder)
    (report,) = json.loads(ran.stdout)["reports"]
    if report["failure"] is not None or len(report["facts"]["net"]["hops"]) != hops:
        raise RuntimeError(f"the check is not whole: {report['failure']}")
    return ran


def _ssh(servers: Logins, hops: int, folder: Path) -> Ran:
    command = [*servers.theirs("ssh"), "-p", str(servers.ports[HOPS])]
    if hops:
        jumps = ",".join(f"{USER}@127.0.0.1:{p}" for p in servers.ports[:hops])
        command += ["-J", jumps]
    ran = run_process([*command, "127.0.0.1", "true"], folder)
    if ran.code:
        raise RuntimeError(f"ssh through {hops} jump hosts: exit {ran.code}")
    return ran
