"""The check and the pulse against the reference server: facts, phases, and what is never sent."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh.engine.check import check_one
from seventh.lab import start
from seventh.labkit.serve import Kit, free_port, tcp_server
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.smtp.facts import Extensions, Refusal, SmtpFacts
from seventh.protocols.smtp.facts.mail import Cause, Injection, Smuggling
from seventh.protocols.smtp.lab import serve_setup, server
from seventh.protocols.smtp.lab.setup import OWN, USER, Setup
from seventh.protocols.smtp.probe import intrusive
from seventh.protocols.smtp.rules import session
from tests.options import changed
from tests.protocols.smtp.probe.looking import USERS, failure, look, phases, smtp
from tests.reports import facts, found, metrics

WRITE = {"allow_write": True, "mail_to": OWN, "retry_after_seconds": 0.0}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab answers at once, so that silence shows sooner."""
    monkeypatch.setattr(intrusive, "QUIET_SECONDS", 0.2)


KEYWORDS = (
    "PIPELINING", "SIZE", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING",
)  # fmt: skip


async def test_the_whole_session_is_learnt(kit: Kit) -> None:
    report = await look(Setup(), kit)
    learnt = smtp(report)
    assert failure(report) is None
    assert learnt == SmtpFacts(
        role="transfer", implicit_tls=False, usual_port=False, reach="loopback",
        greeting="lab.test ESMTP Seventh lab", greeting_seconds=learnt.greeting_seconds,
        name="lab.test", name_state="resolves",
        in_clear=Extensions(keywords=(*KEYWORDS, "STARTTLS"), size_bytes=26_214_400),
        inside_tls=Extensions(keywords=KEYWORDS, size_bytes=26_214_400),
        starttls="started", deviations=(), longest_line_bytes=32,
    )  # fmt: skip
    tls = facts(report, TlsFacts)
    assert (tls.version, tls.chain_state) == ("TLSv1.3", "trusted")
    assert tls.starttls is not None
    assert (tls.starttls.protocol, tls.starttls.injected_bytes) == ("smtp", 0)
    assert phases(report) == [
        "connect", "smtp.greeting", "smtp.ehlo", "smtp.starttls", "smtp.ehlo2", "smtp.quit",
    ]  # fmt: skip
    assert metrics(report)["seventh_smtp_size_limit_bytes"] == 26_214_400
    assert metrics(report)["seventh_ttfb_seconds"] == learnt.greeting_seconds


async def test_a_pulse_is_one_session(kit: Kit) -> None:
    report = await look(Setup(), kit, "pulse")
    assert failure(report) is None
    assert phases(report) == [
        "connect", "smtp.greeting", "smtp.ehlo", "smtp.starttls", "smtp.ehlo2", "smtp.quit",
    ]  # fmt: skip
    assert smtp(report).inside_tls is not None


@pytest.mark.parametrize("verb", ["check", "pulse"])
async def test_tls_comes_first_on_465(kit: Kit, verb: str) -> None:
    report = await look(Setup(scheme="smtps", auth=("PLAIN",)), kit, verb)
    learnt = smtp(report)
    assert failure(report) is None
    assert phases(report) == ["connect", "smtp.greeting", "smtp.ehlo2", "smtp.quit"]
    assert (learnt.in_clear, learnt.starttls, learnt.implicit_tls) == (None, None, True)
    assert learnt.inside_tls is not None
    assert learnt.inside_tls.mechanisms == ("PLAIN",)


async def test_mail_servers_verify_no_certificate_of_port_25(kit: Kit) -> None:
    report = await look(Setup(), kit, "pulse", ca_file=None)
    assert failure(report) is None
    assert failure(await look(Setup(), kit, ca_file=None)) is None
    assert "TLS-CHAIN" in found(await look(Setup(), kit, ca_file=None))
    refused = failure(await look(USERS, kit, "pulse", ca_file=None, user=None, password_file=None))
    assert refused is not None
    assert refused[0] is Reason.TLS_CERTIFICATE_UNTRUSTED


async def test_why_tls_did_not_start_is_learnt(kit: Kit) -> None:
    why = "4.7.0 TLS not available due to local problem"
    refused = await look(Setup(starttls="refused"), kit)
    assert failure(refused) == (
        Reason.STARTTLS_REFUSED, "smtp.starttls",
        f"the server refused STARTTLS: '454 {why}'; its log has the cause",
    )  # fmt: skip
    assert smtp(refused).refusal == Refusal(code=454, detail=why)
    broken = await look(Setup(starttls="no-handshake"), kit)
    detail = "the peer closed the connection after its go-ahead for TLS"
    assert failure(broken) == (Reason.PEER_CLOSED, "-", detail)
    assert smtp(broken).starttls == "handshake-failed"
    assert smtp(broken).refusal == Refusal(detail=detail)


async def test_what_follows_the_go_ahead_is_discarded_and_reported(kit: Kit) -> None:
    report = await look(Setup(injects=True), kit)
    starttls = facts(report, TlsFacts).starttls
    assert starttls is not None
    assert (starttls.injected_bytes, starttls.injected) == (14, "250 injected\\x0d\\x0a")
    learnt = smtp(report)
    assert learnt.inside_tls is not None
    assert learnt.inside_tls.keywords == KEYWORDS


@pytest.mark.parametrize("command", ["EHLO", "STARTTLS", "MAIL", "RCPT", "VRFY", "DATA", "AUTH"])
async def test_the_server_may_end_the_session_at_any_command(kit: Kit, command: str) -> None:
    setup = Setup(closes_at=command, auth=("PLAIN",), options={"user": USER})
    report = await look(setup, kit, **WRITE, intrusive=True)
    said = "the server ends the session: '421 4.3.2 lab.test Service shutting down'"
    if command in {"EHLO", "STARTTLS", "AUTH"}:
        phase = {"EHLO": "smtp.ehlo", "STARTTLS": "smtp.starttls", "AUTH": "smtp.auth"}[command]
        assert failure(report) == (Reason.PEER_CLOSED, phase, said)
        refusal = Refusal(code=421, detail="4.3.2 lab.test Service shutting down")
        refused = (smtp(report).starttls, smtp(report).refusal)
        assert (refused == ("refused", refusal)) is (command == "STARTTLS")
        return
    assert failure(report) is None
    topics = {"MAIL": ["line endings", "recipients"], "RCPT": ["line endings", "recipients"],
              "VRFY": ["VRFY"], "DATA": ["line endings"]}[command]  # fmt: skip
    assert smtp(report).unknown == dict.fromkeys(topics, said)


async def test_the_recipients_of_tier_3(kit: Kit) -> None:
    learnt = smtp(
        await look(Setup(greylist_seconds=0.2), kit, **{**WRITE, "retry_after_seconds": 0.4})
    )
    assert learnt.relay is not None
    assert learnt.postmaster is not None
    assert learnt.mailbox is not None
    assert learnt.retried is not None
    assert (learnt.relay.recipient, learnt.relay.answer.code) == ("relay-test@example.com", 554)
    assert (learnt.postmaster.recipient, learnt.postmaster.answer.code) == ("postmaster", 450)
    assert (learnt.mailbox.recipient, learnt.mailbox.answer.code) == (OWN, 450)
    assert (learnt.retried.recipient, learnt.retried.answer.code) == (OWN, 250)
    assert 0.4 <= (learnt.retried.after_seconds or 0.0) < 4.0


async def test_a_second_try_that_is_too_late_is_not_waited_for(kit: Kit) -> None:
    learnt = smtp(
        await look(Setup(greylist_seconds=9.0), kit, **{**WRITE, "retry_after_seconds": 310.0})
    )
    assert learnt.retried is None
    assert learnt.unknown == {"second try": "waiting 310 s exceeds the deadline: raise --timeout"}


async def test_a_submission_server_wants_a_login_before_mail(kit: Kit) -> None:
    learnt = smtp(await look(USERS, kit, **WRITE, intrusive=True))
    assert learnt.relay is not None
    assert (learnt.relay.command, learnt.relay.answer.cause) == ("mail", Cause.LOGIN_REQUIRED)
    assert (learnt.postmaster, learnt.mailbox, learnt.smuggling) == (None, None, None)


async def test_a_message_is_delivered_only_by_a_lenient_server(kit: Kit) -> None:
    for ends, accepted, count in (
        ("crlf", None, 0), ("lf-dot-crlf", "lf-dot-crlf", 1), ("lf-dot-lf", "lf-dot-lf", 1),
    ):  # fmt: skip
        mails: list[bytes] = []
        setup = Setup(ends=ends)
        async with serve_setup(setup, kit, mails.append) as served:
            target, options = start.job(served, Options(timeout_seconds=8.0))
            report = await check_one(target, changed(options, **WRITE, intrusive=True))
        smuggling = smtp(report).smuggling
        assert smuggling is not None
        assert (smuggling.accepted, len(mails)) == (accepted, count)
        assert all(b"Subject: Seventh: this server accepts bare line feeds" in m for m in mails)


async def test_the_intrusive_steps_of_a_correct_server(kit: Kit) -> None:
    learnt = smtp(await look(Setup(), kit, intrusive=True, mail_to=OWN))
    assert learnt.injection == Injection(outcome="discarded")
    assert learnt.verified is not None
    assert learnt.verified.existing.code == learnt.verified.random.code == 252
    assert learnt.smuggling is None
    assert learnt.unknown == {"line endings": "tier 3 needs --allow-write"}
    correct = smtp(await look(Setup(), kit, intrusive=True, **WRITE))
    assert correct.smuggling == Smuggling()


@pytest.mark.parametrize(
    ("ends", "outcome"), [("closes", "refused"), ("alert", "refused"), ("silent", None)]
)
async def test_a_server_may_end_the_connection_of_an_injected_command(
    kit: Kit, ends: str, outcome: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 9051 §6.2.1 names both: the extra bytes are the handshake, or they are thrown away."""
    start_tls = server.Session._starttls

    async def strict(session: server.Session, rest: str) -> bool:
        if not session._buffer:
            return await start_tls(session, rest)
        await session._send("220 2.0.0 Ready to start TLS")
        if ends == "alert":
            session._writer.write(b"\x15\x03\x01\x00\x02\x02\x0a")
        elif ends == "silent":
            await session._reader.read()
        return True

    monkeypatch.setitem(server._COMMANDS, "STARTTLS", strict)
    report = await look(Setup(options={"intrusive": True}), kit, timeout_seconds=1.5)
    learnt = smtp(report)
    assert learnt.injection == (Injection(outcome="refused") if outcome else None)
    skipped = {each.id: each.reason for each in report.skipped}
    assert skipped.get("SMTP-STARTTLS-INJECT") == learnt.unknown.get("injection")
    assert ("injection" in learnt.unknown) is (outcome is None)


async def test_a_mailbox_that_is_refused_gets_no_message(kit: Kit) -> None:
    learnt = smtp(await look(Setup(has_mailbox=False), kit, intrusive=True, **WRITE))
    assert learnt.smuggling is None
    assert learnt.unknown == {
        "line endings": f"{OWN} is refused: 550 5.1.1 <{OWN}>: Recipient address rejected: User "
        "unknown"
    }


async def test_nothing_is_done_without_permission(kit: Kit) -> None:
    learnt = smtp(await look(Setup(), kit, mail_to=OWN))
    assert (learnt.relay, learnt.postmaster, learnt.mailbox) == (None, None, None)
    assert (learnt.injection, learnt.smuggling, learnt.verified) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "state"),
    [("[192.0.2.1]", "literal"), ("mx", "not-qualified"), ("gone.lab.test", "unresolvable")],
)
async def test_the_name_that_the_server_gives_itself(kit: Kit, name: str, state: str) -> None:
    learnt = smtp(await look(Setup(name=name), kit))
    assert (learnt.name, learnt.name_state) == (name, state)


async def test_addresses_of_one_name_are_compared(kit: Kit) -> None:
    from seventh.labkit.names import name_server
    from seventh.model.netfacts import Difference
    from seventh.protocols.smtp.lab.server import Hub
    from tests.reports import net_facts

    issued = kit.authority.issue()
    hubs = [Hub(Setup(), issued, bytes), Hub(Setup(keywords=("DSN",)), issued, bytes)]
    zone = {"lab.test": {"A": ("127.0.0.1", "127.0.0.2")}}
    async with (
        tcp_server(hubs[0].serve) as port,
        tcp_server(hubs[1].serve, "127.0.0.2", port),
        name_server(zone) as resolver,
    ):
        target = Target(scheme="smtp", host="lab.test", port=port)
        options = changed(
            Options(timeout_seconds=8.0), resolver=resolver, ca_file=str(kit.authority.ca_file)
        )
        report = await check_one(target, options)
    assert failure(report) is None
    assert net_facts(report).differences == (
        Difference(
            trait="extensions",
            values={"127.0.0.1": ", ".join(KEYWORDS), "127.0.0.2": "DSN"},
        ),
    )


@pytest.mark.parametrize("scheme", ["smtp", "submission", "smtps"])
async def test_a_closed_port_of_its_own_says_nothing_of_others(scheme: str) -> None:
    target = Target(scheme=scheme, host="127.0.0.1", port=free_port())
    report = await check_one(target, Options(timeout_seconds=3.0))
    assert smtp(report).ports == {}
    assert smtp(report).usual_port is False


async def test_a_port_with_tls_at_once_is_named(kit: Kit) -> None:
    setup = Setup(scheme="smtps")
    async with serve_setup(setup, kit) as served:
        target, options = start.job(served, Options(timeout_seconds=2.0))
        report = await check_one(replace(target, scheme="submission"), options)
    assert failure(report) == (
        Reason.PROTOCOL_MISMATCH, "smtp.greeting",
        f"the port serves TLS, not SMTP: use smtps://lab.test:{target.port}",
    )  # fmt: skip
    assert smtp(report).greeting_wait_seconds is None


async def test_a_greeting_that_does_not_come_is_a_slow_one(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SLOW_SECONDS", 0.1)
    report = await look(Setup(greeting_seconds=9.0), kit, timeout_seconds=1.2)
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_SILENT
    assert "SMTP-GREET-SLOW" in found(report)
    assert 0.1 < (smtp(report).greeting_wait_seconds or 0.0) < 1.2
