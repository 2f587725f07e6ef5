"""``seventh local mail`` beside Postfix and Exim, with mail that cannot be delivered."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import smtplib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from seventh.engine.local import Wanted, look
from seventh.labkit.serve import Kit
from seventh.localkit.machine import Machine
from seventh.model.report import Finding, Report
from seventh.model.severity import Severity
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.local import DeferCause, SmtpLocalFacts
from tests.peers import need_binary
from tests.peers.exim import exim
from tests.peers.journal import written
from tests.peers.local_tree import machine_tree
from tests.peers.postfix import postfix
from tests.peers.starttls import Command, Place, running
from tests.peers.test_local_time import fired, until

pytestmark = pytest.mark.peer
MASTER = """\
pickup unix n - n 60 1 pickup
qmgr unix n - n 300 1 qmgr
showq unix n - n - - showq
flush unix n - n 1000? 0 flush
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
retry unix - - n - - error
smtp unix - - n - - smtp
"""
MAIN = "local_transport = smtp:[127.0.0.1]:9\nmynetworks = 127.0.0.1\n"
MESSAGES = 25


def sent(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        for number in range(MESSAGES):
            client.sendmail("user@lab.test", ["user@lab.test"], f"Subject: {number}\n\nx\n")


async def seen(machine: Machine, later: float = 0.0) -> tuple[Report, SmtpLocalFacts]:
    """Look at the machine, as if that many seconds later."""
    at = time.time() + later
    with patch("time.time", lambda: at):
        report = await look(Wanted(areas=("mail",)), machine, host="here")
    facts = report.facts["smtp"]
    assert isinstance(facts, SmtpFacts)
    assert facts.local is not None
    return report, facts.local


def run(line: str, name: str, *program: str) -> None:
    """Run a line of a fix with ``program`` in place of the command ``name``."""
    first, *words = shlex.split(line)
    assert first == name
    subprocess.run([*program, *words], check=True, timeout=60)


def beside(name: str, other: str) -> str:
    """Return the program of the same package."""
    return str(Path(need_binary(name)).with_name(other))


def one(report: Report, rule: str) -> Finding:
    (finding,) = (each for each in report.findings if each.id == rule)
    return finding


def tree(folder: Path, log: str, text: str) -> Path:
    root = machine_tree(folder)
    path = root / log
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return root


def kept(build: Callable[[Place, int], Command], places: list[Place]) -> Callable[..., Command]:
    """Keep the folder of a server."""

    def both(place: Place, port: int) -> Command:
        places.append(place)
        return build(place, port)

    return both


def entries(log: str) -> Iterator[tuple[str, str]]:
    """Postfix's lines as it gives them to syslog: identifier and message."""
    for line in log.splitlines():
        match = re.search(r"(postfix/[a-z]+)\[\d+\]: (.*)", line)
        if match is not None:
            yield match[1], match[2]


async def test_postfix(kit: Kit, tmp_path: Path) -> None:
    places: list[Place] = []
    async with running(kept(postfix(MAIN, MASTER), places), kit) as port:
        folder = places[0].folder
        await asyncio.to_thread(sent, port)
        output = folder / "output"
        until(lambda: output.read_text().count("status=deferred") == MESSAGES, output)
        root = tree(tmp_path / "a", "var/log/mail.log", output.read_text())
        machine = Machine(root=root, arguments={"postqueue": ("-c", str(folder))})
        report, local = await seen(machine)
        assert fired(report) == {"SMTP-DEFER-RATIO": Severity.HIGH}
        assert "SMTP-QUEUE-GROW" in report.passed
        assert local.queues is not None
        assert (local.server, local.queues["deferred"], local.complete) == ("postfix", 25, True)
        assert (local.deliveries, local.deferred) == (MESSAGES, MESSAGES)
        for group in (local.waiting, local.deferrals):
            (deferral,) = group
            assert (deferral.cause, deferral.count) == (DeferCause.UNREACHABLE, MESSAGES)
            assert deferral.domains == ("lab.test",)
        numbers = {(each.name, each.labels): each.value for each in report.metrics}
        source = ("source", "local")
        assert numbers["seventh_mail_queue_messages", (("queue", "deferred"), source)] == 25.0
        assert numbers["seventh_mail_defer_ratio", (source,)] == 1.0
        deferred, log = local.deferrals, output.read_text()
        report, local = await seen(machine, later=7200)
        finding = one(report, "SMTP-QUEUE-GROW")
        assert (finding.severity, finding.params["old"]) == (Severity.HIGH, MESSAGES)
        *_, line = finding.fixes["postfix"]
        conf = folder / "main.cf"
        conf.write_text(conf.read_text().replace("= smtp:[127.0.0.1]:9", "= discard:"))
        os.kill(int((folder / "queue" / "pid" / "master.pid").read_text()), signal.SIGHUP)
        until(lambda: "reload" in output.read_text(), output)
        postqueue = (beside("postconf", "postqueue"), "-c", str(folder))

        def emptied() -> bool:
            run(line, "postqueue", *postqueue)  # again: qmgr may only be starting
            return output.read_text().count(": removed") == MESSAGES

        until(emptied, output)
        report, local = await seen(machine, later=7200)
        assert "SMTP-QUEUE-GROW" in report.passed
        assert local.queues is not None
        assert sum(local.queues.values()) == 0
        folders = written(tmp_path / "journal", list(entries(log)))
        _, again = await seen(
            Machine(
                root=tree(tmp_path / "journalled", "var/log/other", ""),
                arguments={**machine.arguments, "journalctl": ("-D", str(folders))},
            )
        )
        assert (again.log, again.deferrals) == ("journalctl", deferred)


async def test_exim(kit: Kit, tmp_path: Path) -> None:
    places: list[Place] = []
    async with running(kept(exim(), places), kit) as port:
        place = places[0]
        await asyncio.to_thread(sent, port)
        conf = place.folder / "exim.conf"
        blackhole = "driver = redirect\n  data = :blackhole:"
        refused = "driver = redirect\n  allow_defer\n  data = :defer: Connection refused"
        assert blackhole in conf.read_text()
        retry = "begin retry\n* * F,4d,6h\n"
        conf.write_text(conf.read_text().replace(blackhole, refused) + retry)
        program = tmp_path / "exim"
        pid = (place.folder / "spool" / "pid").read_text().strip()
        inside = f"{beside('unshare', 'nsenter')} -t {pid} -m"
        program.write_text(f'#!/bin/sh\nexec {inside} {need_binary("exim4")} -C {conf} "$@"\n')
        program.chmod(0o755)

        run("exim -qff", "exim", str(program))
        log = (place.folder / "spool" / "log-main").read_text()
        root = tree(tmp_path / "a", "var/log/exim4/mainlog", log)
        machine = Machine(root=root, path=(str(tmp_path),))
        report, local = await seen(machine)
        assert fired(report) == {"SMTP-DEFER-RATIO": Severity.HIGH}
        assert "SMTP-QUEUE-GROW" in report.passed
        assert (local.server, local.queues) == ("exim", {"queued": MESSAGES, "frozen": 0})
        assert (local.deliveries, local.deferred, local.complete) == (MESSAGES, MESSAGES, True)
        (deferral,) = local.deferrals
        assert (deferral.cause, deferral.count) == (DeferCause.UNREACHABLE, MESSAGES)
        conf.write_text(conf.read_text().replace(refused, blackhole))
        *_, line = one(report, "SMTP-DEFER-RATIO").fixes["exim"]
        run(line, "exim", str(program))
        report, local = await seen(machine)
        assert local.queues == {"queued": 0, "frozen": 0}
