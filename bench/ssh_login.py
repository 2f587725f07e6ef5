"""A logged-in ``seventh check ssh://`` against ``ssh host true`` and ``sftp``, whole processes.

Both log in with the same key, run ``true`` and read a mebibyte over SFTP. The check does this over
one connection, and beside it times every step, tries a terminal, exchanges keys again, and over
further connections sees every host key, the smallest group and what root might log in with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from bench.logins import Logins, logins
from bench.measure import Ran, figure, in_turn, ratio, run_process, spread
from bench.table import Table

READ_BYTES = 1024 * 1024


def run(folder: Path, quick: bool) -> list[Table]:
    rounds = 3 if quick else 11
    with logins(folder) as server:
        one, two = _peers(server, folder)
        ours, ssh, sftp = in_turn(rounds, lambda: _seventh(server, folder), one, two)
    both = [Ran(a.wall + b.wall, a.cpu + b.cpu, 0, b"") for a, b in zip(ssh, sftp, strict=True)]
    table = Table(
        "Logging in to one OpenSSH server, whole processes",
        ("command", "wall, ms", "ours/its", "CPU, ms", "ours/its", "goal"),
        notes=(
            f"Median of {rounds} runs in turn; (least–greatest) of the ratio, round by round.",
            "CPU is the client's; the server's is not in it.",
        ),
    )
    table.add("seventh check ssh:// --user", _ms(ours, "wall"), "", _ms(ours, "cpu"), "", "")
    for name, theirs in (("ssh host true", ssh), ("sftp: pwd, get 1 MiB", sftp),
                         ("both, one after another", both)):  # fmt: skip
        wall = ratio([r.wall for r in ours], [r.wall for r in theirs])
        cpu = ratio([r.cpu for r in ours], [r.cpu for r in theirs])
        goal = "—"
        if theirs is both:
            goal = table.hold("logged-in check against ssh, then sftp (wall)", wall.median, 1.25)
        table.add(name, _ms(theirs, "wall"), wall.text(), _ms(theirs, "cpu"), cpu.text(), goal)
    return [table]


def _ms(runs: list[Ran], what: str) -> str:
    return figure(spread([getattr(r, what) for r in runs]).median, 1e3)


def _seventh(server: Logins, folder: Path) -> Ran:
    from bench.peers import need

    target = f"ssh://127.0.0.1:{server.ports[0]}"
    ran = run_process([need("seventh"), "check", target, *server.ours], folder)
    (report,) = json.loads(ran.stdout)["reports"]
    session = report["facts"]["ssh"]["session"]
    if report["failure"] is not None or session["exec_status"] != 0:
        raise RuntimeError(f"the check is not whole: {report['failure']}")
    if session["read_bytes"] != READ_BYTES:
        raise RuntimeError(f"the check has not read: {report['facts']['ssh']['unlearnt']}")
    return ran


def _peers(server: Logins, folder: Path) -> tuple[Callable[[], Ran], Callable[[], Ran]]:
    data, got, batch = (folder / name for name in ("data", "got", "batch"))
    data.write_bytes(bytes(READ_BYTES))
    batch.write_text(f"pwd\nget {data} {got}\n", encoding="utf-8")
    port = str(server.ports[0])

    def ssh() -> Ran:
        ran = run_process([*server.theirs("ssh"), "-p", port, "127.0.0.1", "true"], folder)
        if ran.code:
            raise RuntimeError(f"ssh could not run true: exit {ran.code}")
        return ran

    def sftp() -> Ran:
        command = [*server.theirs("sftp"), "-P", port, "-b", str(batch), "127.0.0.1"]
        ran = run_process(command, folder)
        if ran.code or got.stat().st_size != READ_BYTES:
            raise RuntimeError(f"sftp could not read: exit {ran.code}")
        got.unlink()
        return ran

    return ssh, sftp
