"""The conversation with the lab's server: what is learnt, what is sent, and what is not."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.lines import LinePeer
from seventh.labkit.mailbox import FIRST, TOKEN, Mailbox
from seventh.labkit.mailhost import HostSetup
from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from seventh.model.mailfacts import Login, MailFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.imap.facts import Idle, ImapFacts, Quota
from seventh.protocols.imap.lab import serve_setup
from seventh.protocols.imap.lab.server import Setup
from seventh.protocols.imap.probe import mailbox
from seventh.protocols.imap.wire.responses import Responses
from tests.options import changed
from tests.reports import facts, found

TLS = {"IMAP4REV1", "IMAP4REV2", "SASL-IR", "ID", "IDLE", "LITERAL-"}


async def checked(setup: Setup, kit: Kit, verb: str = "check", **more: Any) -> Report:
    secure = more.pop("secure", False)
    async with serve_setup(setup, kit, more.pop("box", None)) as served:
        target, options = start.job(served, Options(transcript=True))
        if secure:
            port = options.implicit_port
            assert port is not None
            target = Target(scheme="imaps", host=target.host, port=port)
        look = check_one if verb == "check" else pulse_one
        return await look(target, changed(options, **more))


def imap(report: Report) -> ImapFacts:
    return facts(report, ImapFacts)


def phases(report: Report) -> list[str]:
    return [phase.name for phase in report.phases if phase.name.startswith("imap.")]


async def test_a_whole_check(kit: Kit) -> None:
    report = await checked(Setup(), kit)
    assert report.failure is None
    learnt = imap(report)
    assert learnt.secure is False
    assert learnt.same_host is False
    assert learnt.greeting == "lab IMAP server ready"
    assert learnt.clear_capabilities is not None
    assert set(learnt.clear_capabilities) == TLS | {"STARTTLS", "LOGINDISABLED"}
    assert learnt.mechanisms == ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "OAUTHBEARER")
    assert learnt.login_capabilities is not None
    assert "QRESYNC" in learnt.login_capabilities
    assert (learnt.starttls, learnt.implicit_state) == ("accepted", "open")
    assert (learnt.id_fields, learnt.version_shown) == (("name: lab",), False)
    assert learnt.login is not None
    assert (learnt.login.outcome, learnt.login.mechanism) == ("accepted", "SCRAM-SHA-256-PLUS")
    assert learnt.messages == 1
    assert learnt.quota == Quota(resource="STORAGE", used=10, limit=512)
    assert learnt.idle == Idle(accepted=True)
    assert learnt.bare_lines == 0
    assert phases(report) == [
        "imap.greeting", "imap.capability", "imap.starttls", "imap.capability", "imap.id",
        "imap.login", "imap.examine", "imap.fetch", "imap.quota", "imap.idle", "imap.logout",
    ]  # fmt: skip
    mail = facts(report, MailFacts)
    assert [(port.tls, port.names) for port in mail.ports] == [
        ("starttls", ("127.0.0.2", "lab.test")), ("implicit", ("127.0.0.2", "lab.test")),
    ]  # fmt: skip
    assert mail.injection is None
    assert found(report) == {"MAIL-OPOSSUM"}


async def test_implicit_tls(kit: Kit) -> None:
    report = await checked(Setup(), kit, secure=True)
    assert report.failure is None
    learnt = imap(report)
    assert (learnt.secure, learnt.starttls, learnt.clear_capabilities) == (True, None, None)
    assert phases(report).count("imap.capability") == 1
    assert learnt.implicit_state is None
    assert learnt.login is not None
    assert learnt.login.mechanism == "SCRAM-SHA-256-PLUS"
    assert found(report) == set()


@pytest.mark.parametrize("secure", [False, True])
async def test_a_pulse_goes_through_tls_and_sends_no_credential(kit: Kit, secure: bool) -> None:
    report = await checked(Setup(), kit, "pulse", secure=secure)
    assert report.failure is None
    assert imap(report).login is None
    in_clear = ["imap.greeting", "imap.capability", "imap.starttls"]
    inside = ["imap.capability", "imap.logout"]
    assert phases(report) == (["imap.greeting", *inside] if secure else [*in_clear, *inside])
    assert "tls" in [phase.name for phase in report.phases]
    assert imap(report).greeting_seconds is not None


async def test_a_session_that_ends_inside_tls_leaves_what_tls_shows(kit: Kit) -> None:
    """The capabilities in clear are not those inside TLS."""

    async def leaves(peer: LinePeer) -> None:
        listed = b"* CAPABILITY IMAP4rev1 STARTTLS\ns1 OK Done\r\n"
        await peer.send(b"* BYE going down\r\n" if peer.secure else listed)

    report = await checked(Setup(hostile=leaves), kit)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.PEER_CLOSED, "imap.capability")
    learnt = imap(report)
    assert (learnt.starttls, learnt.capabilities, learnt.implicit_state) == (
        "accepted",
        None,
        "open",
    )
    assert learnt.bare_lines == 1, "that of the session in clear"
    assert facts(report, TlsFacts).resumed is True


async def test_a_server_that_refuses_us_is_not_asked_for_more(kit: Kit) -> None:
    report = await checked(Setup(greeting="BYE"), kit)
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_CLOSED
    assert (imap(report).starttls, imap(report).implicit_state) == (None, None)


# -- credentials -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "LOGIN"])
async def test_each_mechanism_logs_in(kit: Kit, name: str) -> None:
    report = await checked(Setup(mechanisms=(name,)), kit)
    assert report.failure is None
    login = imap(report).login
    assert login is not None
    assert (login.outcome, login.mechanism) == ("accepted", name)


BOUND = ("PLAIN", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")


@pytest.mark.parametrize(("bindings", "name"), [(True, BOUND[1]), (False, BOUND[2])])
async def test_a_server_that_knows_no_binding_of_ours(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, bindings: bool, name: str
) -> None:
    if not bindings:
        monkeypatch.setattr(LinePeer, "bindings", lambda _: ())
    report = await checked(Setup(mechanisms=BOUND), kit)
    login = imap(report).login
    assert report.failure is None
    assert login is not None
    assert (login.outcome, login.mechanism) == ("accepted", name)


@pytest.mark.parametrize("offered", [BOUND, BOUND[1:2]])
async def test_a_refusal_in_the_end_is_that_of_the_password(
    kit: Kit, offered: tuple[str, ...]
) -> None:
    report = await checked(Setup(mechanisms=offered, host=HostSetup(password="wrong")), kit)
    login = imap(report).login
    assert report.failure is not None
    assert report.failure.reason is Reason.AUTH_REJECTED
    assert login is not None
    assert (login.outcome, login.mechanism) == ("refused", offered[-1])


async def test_without_a_mechanism_the_login_command_is_used(kit: Kit) -> None:
    login = imap(await checked(Setup(mechanisms=()), kit)).login
    assert login is not None
    assert (login.outcome, login.mechanism) == ("accepted", "LOGIN command")


@pytest.mark.parametrize(
    ("token", "outcome"), [(TOKEN, "accepted"), ("x" * 3000, "refused")], ids=["right", "wrong"]
)
async def test_a_token_logs_in(kit: Kit, tmp_path: Path, token: str, outcome: str) -> None:
    (tmp_path / "token").write_text(token)
    report = await checked(Setup(), kit, token_file=str(tmp_path / "token"))
    login = imap(report).login
    assert login is not None
    assert (login.outcome, login.mechanism) == (outcome, "OAUTHBEARER")


async def test_a_refused_login_is_the_failure(kit: Kit) -> None:
    report = await checked(Setup(host=HostSetup(password="wrong")), kit)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.AUTH_REJECTED, "imap.login")
    assert report.failure.detail == (
        "the login of anna was refused: [AUTHENTICATIONFAILED] 'Authentication failed'"
    )
    assert imap(report).examine_seconds is None


@pytest.mark.parametrize(
    ("setup", "more", "why"),
    [
        (Setup(starttls="absent", clear_logins=True), {}, "no-tls"),
        (Setup(), {"server_name": "other.test"}, "certificate"),
        (Setup(), {"ca_file": None}, "certificate"),
        (Setup(), {"password_file": None}, "no-credential"),
        (Setup(starttls="absent"), {"allow_plaintext": True}, "disabled"),
    ],
)
async def test_what_withholds_a_password(
    kit: Kit, setup: Setup, more: dict[str, Any], why: str
) -> None:
    report = await checked(setup, kit, **more)
    assert imap(report).login == Login(outcome="withheld", withheld=why)  # type: ignore[arg-type]
    assert "imap.login" not in [p.name for p in report.phases] or why == "disabled"


async def test_a_password_in_clear_needs_permission_and_is_in_no_transcript(kit: Kit) -> None:
    setup = Setup(starttls="absent", clear_logins=True, mechanisms=("PLAIN",))
    report = await checked(setup, kit, allow_plaintext=True)
    assert report.failure is None
    login = imap(report).login
    assert login is not None
    assert (login.outcome, login.mechanism) == ("accepted", "PLAIN")
    shown = "\n".join(report.transcript)
    assert "credentials were sent" in shown
    assert "EXAMINE INBOX" in shown
    secret = b"\0anna\0lab-Passw0rd"
    assert base64.b64encode(secret).decode()[:12] not in shown
    assert "lab-Passw0rd" not in shown


# -- what ends early -------------------------------------------------------------------------------


async def test_a_refused_starttls_ends_the_look(kit: Kit) -> None:
    report = await checked(Setup(starttls="refused"), kit)
    assert report.failure is not None
    assert (report.failure.reason, imap(report).starttls) == (Reason.STARTTLS_REFUSED, "refused")


async def test_after_preauth_in_clear_nothing_is_read(kit: Kit) -> None:
    report = await checked(Setup(greeting="PREAUTH"), kit, allow_plaintext=True)
    assert report.failure is None
    assert imap(report).starttls == "not-permitted"
    assert imap(report).examine_seconds is None
    assert {"IMAP-PREAUTH"} <= found(report)


async def test_what_follows_the_go_ahead_is_discarded_and_reported(kit: Kit) -> None:
    injected = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"
    report = await checked(Setup(injects=injected), kit)
    assert report.failure is None
    starttls = facts(report, TlsFacts).starttls
    assert starttls is not None
    assert (starttls.protocol, starttls.injected_bytes) == ("imap", len(injected))
    assert imap(report).mechanisms == (
        "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "OAUTHBEARER",
    )  # fmt: skip


@pytest.mark.parametrize(("keeps", "outcome"), [(False, "ignored"), (True, "answered")])
async def test_an_injected_command(kit: Kit, keeps: bool, outcome: str) -> None:
    report = await checked(Setup(keeps=keeps), kit, intrusive=True)
    mail = facts(report, MailFacts)
    assert (mail.injection, mail.injected_into) == (outcome, "imap")
    assert ("MAIL-STARTTLS-INJECT" in found(report)) is keeps


@pytest.mark.parametrize(
    ("implicit", "state"), [("closed", "refused"), ("same", "open"), ("other-name", "open")]
)
async def test_the_port_beside_it(kit: Kit, implicit: Any, state: str) -> None:
    report = await checked(Setup(host=HostSetup(implicit=implicit)), kit)
    assert imap(report).implicit_state == state


async def test_an_empty_mailbox_has_nothing_to_fetch(kit: Kit) -> None:
    report = await checked(Setup(), kit, box=Mailbox())
    assert imap(report).messages == 0
    assert imap(report).fetch_seconds is None
    assert "imap.fetch" not in phases(report)


async def test_a_message_is_neither_marked_nor_removed(kit: Kit) -> None:
    box = Mailbox(FIRST, FIRST)
    report = await checked(Setup(), kit, box=box)
    assert len(box.messages) == 2
    sent = [line for line in report.transcript if line.startswith(">")]
    assert not [line for line in sent if "SELECT" in line or "STORE" in line]


@pytest.mark.parametrize(
    ("lacks", "tried"), [(("IDLE",), True), (("IMAP4rev2",), True), (("IDLE", "IMAP4rev2"), False)]
)
async def test_imap4rev2_has_idle(kit: Kit, lacks: tuple[str, ...], tried: bool) -> None:
    report = await checked(Setup(lacks=lacks), kit)
    assert (imap(report).idle is not None) is tried
    assert ("IMAP-NO-IDLE" in found(report)) is not tried


async def test_idle_is_held_and_notified(kit: Kit) -> None:
    report = await checked(Setup(), kit, idle_seconds=0.5)
    idle = imap(report).idle
    assert idle is not None
    assert idle.accepted
    assert 0.5 <= idle.held_seconds < 2
    assert idle.notified_seconds is not None
    assert 0.15 < idle.notified_seconds < 0.5
    assert idle.lines == 2
    assert idle.quiet_seconds is not None
    assert idle.notified_seconds <= idle.quiet_seconds < idle.held_seconds
    cut = imap(await checked(Setup(idle="cut"), kit, idle_seconds=2.0)).idle
    assert isinstance(cut, Idle)
    assert cut.cut_seconds == cut.quiet_seconds == cut.held_seconds < 2.0
    assert (cut.lines, cut.notified_seconds) == (0, None)


def test_the_longest_silence_may_be_the_first_one_between_or_the_last() -> None:
    def quiet(*times: int, end: int = 100) -> float | None:
        heard = mailbox._Heard(0)
        for at in times:
            heard.line(at * 10**9)
        idle = heard.until(end * 10**9, cut=False)
        assert (idle.held_seconds, idle.lines, idle.cut_seconds) == (end, len(times), None)
        assert idle.notified_seconds == (times[0] if times else None)
        return idle.quiet_seconds

    assert [quiet(), quiet(60, 70), quiet(10, 80, 90), quiet(10, 20)] == [100, 60, 70, 80]


def test_quotas_are_read_one_by_one() -> None:
    reader = Responses()
    reader.feed(b'* QUOTA "" (STORAGE 10 512 message 9 10 X a 3 Y 1)\r\n* QUOTA "" NIL\r\n')
    first, second = reader.next(), reader.next()
    assert first is not None
    assert second is not None
    assert mailbox.quotas_in(first) == [
        Quota(resource="STORAGE", used=10, limit=512), Quota(resource="MESSAGE", used=9, limit=10),
    ]  # fmt: skip
    assert mailbox.quotas_in(second) == []
    assert Quota(resource="X", used=0, limit=0).ratio == 1.0
