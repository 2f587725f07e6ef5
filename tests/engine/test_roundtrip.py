"""A message from SMTP's lab into a mailbox that IMAP's and POP3's labs show."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import dkim
import pytest

from seventh import protocols
from seventh.cli.show import document
from seventh.engine.check import check_many, check_one
from seventh.lab import start
from seventh.labkit.mailbox import FIRST, PASSWORD, USER, Mailbox
from seventh.labkit.mailhost import HOST, NAME
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target, parse_target
from seventh.net import mailbox as polling
from seventh.protocols.imap import lab as imap
from seventh.protocols.imap import mailbox as imap_mailbox
from seventh.protocols.imap.lab import server as imap_server
from seventh.protocols.mail.facts import ReceivedFacts
from seventh.protocols.pop3 import lab as pop3
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.roundtrip import RoundTrip
from seventh.protocols.smtp.lab import serve_setup
from seventh.protocols.smtp.lab.setup import OWN, Setup
from seventh.protocols.smtp.probe import roundtrip
from seventh.render import View, render
from tests.options import changed
from tests.protocols.mail.dkim_keys import p, pem, rsa_key
from tests.reports import facts, found, metrics

CORRECT = Setup()
Deliver = Callable[[Mailbox, bytes], object]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The labs answer at once."""
    monkeypatch.setattr(polling, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(roundtrip, "SETTLE_SECONDS", 0.05)


@contextlib.asynccontextmanager
async def mailbox_server(
    scheme: str, box: Mailbox, kit: Kit, **setup: Any
) -> AsyncIterator[Target]:
    """Serve ``box``; by its address, as SMTP's lab has the name."""
    lab: Any = imap if scheme.startswith("imap") else pop3
    made = lab.Setup(**setup)
    async with lab.serve_setup(made, kit, box) as served:
        (target,) = parse_target(served.target.replace(NAME, HOST), protocols.schemes())
        yield target


async def look(
    kit: Kit,
    scheme: str = "imap",
    *,
    box: Mailbox | None = None,
    deliver: Deliver = Mailbox.deliver,
    server: Setup = CORRECT,
    setup: dict[str, Any] | None = None,
    **more: Any,
) -> tuple[Report, Mailbox]:
    box = box or Mailbox(FIRST)
    secret = kit.folder / "roundtrip-password"
    secret.write_text(f"{PASSWORD}\n")
    async with (
        mailbox_server(scheme, box, kit, **(setup or {})) as target,
        serve_setup(server, kit, lambda data: deliver(box, data)) as served,
    ):
        smtp, options = start.job(served, Options(timeout_seconds=8.0))
        options = changed(options, **{
            "allow_write": True, "mail_to": OWN, "roundtrip": target, "roundtrip_user": USER,
            "roundtrip_password_file": str(secret), **more,
        })  # fmt: skip
        return await check_one(smtp, options), box


def trip(report: Report) -> RoundTrip:
    made = facts(report, SmtpFacts).roundtrip
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("scheme", "setup", "how"),
    [
        ("imap", {}, "idle"),
        ("imap", {"lacks": ("IDLE",)}, "poll"),
        ("pop3", {}, "poll"),
    ],
)
async def test_a_message_arrives_and_is_the_only_one_that_is_removed(
    kit: Kit, scheme: str, setup: dict[str, Any], how: str
) -> None:
    report, box = await look(kit, scheme, setup=setup)
    assert report.failure is None, report.failure
    made = trip(report)
    assert (made.noticed_by, made.copies, made.removed) == (how, 1, True)
    assert made.tried is not None
    assert made.tried.answer.accepts
    assert made.delivered_seconds is not None
    assert 0 <= made.delivered_seconds < 4
    assert [each.data for each in box.messages] == [FIRST]
    assert facts(report, SmtpFacts).unknown == {}
    assert [p.name for p in report.phases][-6:] == [
        "smtp.mail", "smtp.rcpt", "smtp.message", "smtp.queued", "smtp.quit", "mail.deliver",
    ]  # fmt: skip
    assert not found(report) & {"SMTP-BOUNCE", "SMTP-DUPLICATE", "SMTP-E2E-SLOW"}


def later(box: Mailbox, data: bytes) -> None:
    """Deliver while the mailbox is searched for the message."""
    asyncio.get_running_loop().call_later(0.1, box.deliver, data)


@pytest.mark.parametrize(("search_seconds", "how"), [(0.3, "idle"), (0.0, "poll")])
async def test_a_message_is_found_that_idle_does_not_tell(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, search_seconds: float, how: str
) -> None:
    """The first is told with the answer to a search that does not have it, the second is not."""
    monkeypatch.setattr(imap_mailbox, "RELOOK_SECONDS", 0.5)
    setup = {"idle": "deaf", "search_seconds": search_seconds}
    report, box = await look(kit, setup=setup, deliver=later)
    made = trip(report)
    assert (report.failure, made.noticed_by, made.copies, made.removed) == (None, how, 1, True)
    assert [each.data for each in box.messages] == [FIRST]


KEY = "s1._domainkey.example.org"


def signed(box: Mailbox, data: bytes) -> None:
    """Deliver as an outgoing server does that signs."""
    made: bytes = dkim.sign(
        data, b"s1", b"example.org", pem(rsa_key(1024)), canonicalize=(b"relaxed", b"relaxed"),
        include_headers=[b"from", b"to", b"subject"],
    )  # fmt: skip
    box.deliver(made + data)


def signed_with_a_footer(box: Mailbox, data: bytes) -> None:
    """Deliver as a server does that signs before it adds its footer."""
    signed(box, data)
    whole = box.messages.pop().data
    box.deliver(whole + b"-- \r\nlist\r\n")


@pytest.mark.parametrize(
    ("scheme", "deliver", "outcome", "fired"),
    [
        ("pop3", signed, "pass", set()),
        ("imap", signed_with_a_footer, "fail", {"DKIM-SIG-FAIL"}),
        ("imap", Mailbox.deliver, None, set()),
    ],
    ids=["signed", "footer", "unsigned"],
)
async def test_the_message_that_arrives_is_judged(
    kit: Kit, scheme: str, deliver: Deliver, outcome: str | None, fired: set[str]
) -> None:
    zone: dict[str, dict[str, tuple[str, ...]]] = {
        "lab.test": {"A": ("127.0.0.1",)},
        KEY: {"TXT": (f'"v=DKIM1; p={p(rsa_key(1024)).decode()}"',)},
        "_dmarc.example.org": {"TXT": ('"v=DMARC1; p=none"',)},
    }
    async with name_server(zone) as resolver:
        report, _ = await look(
            kit, scheme, deliver=deliver, resolver=resolver, mail_from="lab@example.org"
        )
    assert report.failure is None, report.failure
    message = facts(report, ReceivedFacts).message
    assert message is not None
    assert message.from_domain == "example.org"
    assert [each.outcome for each in message.signatures] == ([outcome] if outcome else [])
    assert found(report) & {"DKIM-SIG-FAIL", "DKIM-SIG-LTAG", "DMARC-ALIGN"} == fired
    assert trip(report).removed is True


async def test_a_long_message_is_not_fetched(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roundtrip, "MAX_FETCHED_BYTES", 100)
    report, _ = await look(kit)
    assert "received" not in report.facts
    assert trip(report).removed is True


def twice(box: Mailbox, data: bytes) -> None:
    box.deliver(data)
    box.deliver(data)


@pytest.mark.parametrize("scheme", ["imap", "pop3"])
async def test_of_two_copies_none_is_removed(kit: Kit, scheme: str) -> None:
    report, box = await look(kit, scheme, deliver=twice)
    made = trip(report)
    assert (made.copies, made.removed, len(box.messages)) == (2, False, 3)
    assert facts(report, SmtpFacts).unknown == {
        "removal": f"delete the message with Message-ID {made.message_id} by hand"
    }
    assert "SMTP-DUPLICATE" in found(report)


async def test_a_message_that_does_not_arrive_is_a_failure(kit: Kit) -> None:
    report, _ = await look(kit, deliver=lambda box, data: None, timeout_seconds=4.0)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.PEER_SILENT, "mail.deliver")
    made = trip(report)
    assert (made.delivered_seconds, made.copies, made.removed) == (None, None, False)


async def test_without_uidplus_the_message_stays(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_server, "BEFORE", ("IMAP4rev1", "IDLE", "SASL-IR"))
    report, box = await look(kit, setup={"lacks": ("UIDPLUS", "IMAP4rev2")})
    made = trip(report)
    assert (made.copies, made.removed, len(box.messages)) == (1, False, 2)
    assert facts(report, SmtpFacts).unknown == {
        "removal": "the server does not offer UIDPLUS, without which other messages would be "
        f"removed: delete the message with Message-ID {made.message_id} by hand"
    }


async def test_a_refused_recipient_is_a_bounce(kit: Kit) -> None:
    report, box = await look(kit, server=Setup(has_mailbox=False))
    made = trip(report)
    assert made.tried is not None
    assert (made.tried.answer.code, made.answer, made.removed) == (550, None, None)
    assert "SMTP-BOUNCE" in found(report)
    assert len(box.messages) == 1


async def test_a_slow_delivery_is_found(kit: Kit) -> None:
    report, _ = await look(kit, roundtrip_max_seconds=0.0)
    assert "SMTP-E2E-SLOW" in found(report)


async def test_no_message_is_sent_without_permission_or_a_mailbox(kit: Kit) -> None:
    report, box = await look(kit, allow_write=False)
    assert facts(report, SmtpFacts).roundtrip is None
    report, box = await look(kit, roundtrip_user="nobody")
    assert facts(report, SmtpFacts).roundtrip is None
    assert report.failure is not None
    assert report.failure.reason is Reason.AUTH_REJECTED
    assert len(box.messages) == 1


async def test_after_an_interruption_the_report_names_what_is_left(kit: Kit) -> None:
    stop = asyncio.Event()
    secret = kit.folder / "roundtrip-password"
    secret.write_text(f"{PASSWORD}\n")
    async with (
        mailbox_server("imap", Mailbox(), kit) as target,
        serve_setup(CORRECT, kit, lambda data: stop.set()) as served,
    ):
        smtp, options = start.job(served, Options(timeout_seconds=8.0))
        options = changed(
            options, allow_write=True, mail_to=OWN, roundtrip=target, roundtrip_user=USER,
            roundtrip_password_file=str(secret),
        )  # fmt: skip
        (report,) = [each async for _, each in check_many([(smtp, options)], stop=stop)]
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.INTERRUPTED, "mail.deliver")
    message_id = trip(report).message_id
    left = f"delete the message with Message-ID {message_id} by hand"
    assert facts(report, SmtpFacts).unknown["removal"] == left
    shown = render("terminal", document([report]), View(width=200))
    assert left in " ".join(shown.split())


async def test_the_lab_of_mail_serves_one_mailbox_by_all_its_protocols(kit: Kit) -> None:
    async with start.serving_all("mail", None, kit) as servers:
        jobs = [start.job(served, Options(timeout_seconds=15.0)) for served in servers]
        schemes = [target.scheme for target, _ in jobs]
        assert schemes == ["imap", "pop3", "smtp", "submission", "mail"]
        for target, options in jobs[2:4]:
            report = await check_one(target, options)
            assert report.failure is None, report.failure
            assert (trip(report).copies, trip(report).removed) == (1, True)
        imap_there, pop3_there = [await check_one(*job) for job in jobs[:2]]
    assert (metrics(imap_there)["seventh_imap_messages"], pop3_there.failure) == (1, None)
    assert metrics(pop3_there)["seventh_pop3_messages"] == 1


async def test_a_fault_of_the_lab_of_mail_is_served_alone(kit: Kit) -> None:
    async with start.serving_all("mail", start.find_fault("mail", "no-srv"), kit) as servers:
        assert len(servers) == 1
