"""What a check of a submission server learns of the mail host."""

from __future__ import annotations

import asyncio

import pytest

from seventh.lab import start
from seventh.labkit.serve import Kit, tcp_server
from seventh.model.mailfacts import MailFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.net import mail as net_mail
from seventh.protocols.smtp.lab import serve_setup
from seventh.protocols.smtp.lab.setup import Setup
from tests.protocols.smtp.probe.looking import USERS, failure, look
from tests.reports import facts, found


def mail(report: Report) -> MailFacts:
    return facts(report, MailFacts)


def own_port(report: Report) -> int:
    return int(report.target.rpartition(":")[2])


async def test_the_certificates_of_a_submission_server_are_compared(kit: Kit) -> None:
    """Each of the lab's servers has a certificate of its own for the same names."""
    async with serve_setup(Setup(scheme="smtps"), kit) as beside:
        port = start.job(beside, Options())[0].port
        report = await look(Setup(scheme="submission"), kit, implicit_port=port)
    assert failure(report) is None
    learnt = mail(report)
    assert (learnt.service, learnt.implicit) == ("submission", False)
    assert [(each.service, each.port, each.tls) for each in learnt.ports] == [
        ("submission", own_port(report), "starttls"), ("submission", port, "implicit"),
    ]  # fmt: skip
    assert learnt.ports[0].names == learnt.ports[1].names
    assert [(each.name, each.outcome) for each in learnt.records] == [
        ("_submissions._tcp.lab.test", "found"), ("_submission._tcp.lab.test", "none"),
    ]  # fmt: skip
    assert {name for name in found(report) if name.startswith("MAIL")} == {
        "MAIL-CERT-DIFF", "MAIL-OPOSSUM",
    }  # fmt: skip


async def test_only_submission_has_the_facts_of_a_mail_host(kit: Kit) -> None:
    transfer = await look(Setup(), kit)
    assert "mail" not in transfer.facts
    implicit = mail(await look(Setup(scheme="smtps"), kit))
    assert [(each.port > 0, each.tls) for each in implicit.ports] == [(True, "implicit")]
    assert implicit.implicit is True


async def test_a_silent_port_of_implicit_tls_costs_little_time(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(net_mail, "IMPLICIT_SECONDS", 0.2)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with tcp_server(silent, "127.0.0.1") as port:
        report = await look(USERS, kit, implicit_port=port)
    assert failure(report) is None
    assert [each.port for each in mail(report).ports] == [own_port(report)]
    assert len(mail(report).records) == 2


async def test_a_port_of_implicit_tls_in_clear_has_no_certificate(kit: Kit) -> None:
    async with serve_setup(Setup(scheme="submission"), kit) as beside:
        port = start.job(beside, Options())[0].port
        report = await look(Setup(scheme="submission"), kit, implicit_port=port)
    assert failure(report) is None
    assert [each.port for each in mail(report).ports] == [own_port(report)]
