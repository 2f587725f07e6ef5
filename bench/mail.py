"""Mail: CPU per pulse against blackbox_exporter, and ``mail send`` from start to end against swaks.

Both sides verify the certificate inside STARTTLS. The IMAP server is awake, as in ``bench.pulse``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bench.measure import Ran, figure, in_turn, ratio, run_process, spread
from bench.peers import blackbox, need, server, worker
from bench.pulse import Pulses
from bench.table import Table
from seventh.protocols.smtp.lab.setup import OWN

NAME = "lab.test"
HALF = 1 / 2
SIXTH = 1 / 6


def run(folder: Path, quick: bool) -> list[Table]:
    with server("smtp") as smtp, server("imap-awake") as imap:
        ca = smtp.line()
        return [_pulses(folder, quick, smtp.port, imap.port, ca), _send(folder, quick, smtp.port)]


def _pulses(folder: Path, quick: bool, smtp: int, imap: int, ca: str) -> Table:
    with blackbox(folder, _modules(ca)) as exporter, worker() as ours:
        bench = Pulses("CPU per pulse of mail, against blackbox_exporter", ours, exporter, quick)
        options = {"ca_file": ca, "server_name": NAME}
        bench.pair(
            "SMTP with STARTTLS, verified", f"submission://127.0.0.1:{smtp}", "smtp_starttls", HALF,
            options=options,
        )  # fmt: skip
        url = f"imap://127.0.0.1:{imap}"
        bench.pair("IMAP greeting and LOGOUT", url, "imap", SIXTH)
        bench.pair("IMAP greeting (its module only expects)", url, "imap_expect", SIXTH)
    return bench.table


def _modules(ca: str) -> dict[str, Any]:
    def tcp(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"prober": "tcp", "timeout": "5s", "tcp": {"query_response": list(steps), **more}}

    greeting = {"expect": r"^\* OK"}
    return {
        # As its documentation has it.
        "smtp_starttls": tcp(
            {"expect": "^220 "}, {"send": "EHLO prober\r"}, {"expect": "^250[ -]STARTTLS"},
            {"send": "STARTTLS\r"}, {"expect": "^220"}, {"starttls": True},
            {"send": "EHLO prober\r"}, {"expect": "^250[ -]AUTH"}, {"send": "QUIT\r"},
            tls_config={"ca_file": ca, "server_name": NAME},
        ),
        "imap": tcp(greeting, {"send": "a LOGOUT\r"}, {"expect": "^a OK"}),
        "imap_expect": tcp(greeting),
    }  # fmt: skip


def _send(folder: Path, quick: bool, port: int) -> Table:
    rounds = 5 if quick else 21
    to = ["--from", "a@lab.test", "--to", OWN]
    commands = {
        "seventh mail send": [
            need("seventh"), "mail", "send", "--server", f"smtp://127.0.0.1:{port}", *to,
        ],
        # What no change of ours can save: Python with its event loop and with OpenSSL.
        "(importing asyncio and pyOpenSSL)": [sys.executable, "-c", "import asyncio, OpenSSL.SSL"],
        "swaks": [need("swaks"), "--server", f"127.0.0.1:{port}", "--tls", *to],
    }  # fmt: skip
    sides = [lambda c=command: _run(c, folder) for command in commands.values()]
    measured: list[list[Ran]] = in_turn(rounds, *sides)
    table = Table(
        "One message with STARTTLS, from start to end",
        ("command", "wall, ms", "ratio", "CPU, ms", "ratio", "goal"),
        notes=(f"Median of {rounds} runs in turn; the ratio is to swaks, round by round.",),
    )
    base = measured[-1]
    for name, runs in zip(commands, measured, strict=True):
        wall, cpu = ([getattr(r, what) for r in runs] for what in ("wall", "cpu"))
        share = ratio(wall, [r.wall for r in base])
        is_ours = name.startswith("seventh")
        goal = table.hold(name, share.median, HALF) if is_ours else "—"
        table.add(
            name,
            figure(spread(wall).median, 1e3),
            share.text(),
            figure(spread(cpu).median, 1e3),
            ratio(cpu, [r.cpu for r in base]).text(),
            goal,
        )
    return table


def _run(command: list[str], folder: Path) -> Ran:
    ran = run_process(command, folder)
    if ran.code:
        raise RuntimeError(f"{' '.join(command)}: exit {ran.code}: {ran.stdout[-300:]!r}")
    return ran
