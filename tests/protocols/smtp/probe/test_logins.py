"""Logins against the reference server: what is sent, to whom, and what a refusal says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seventh.labkit.serve import Kit
from seventh.labkit.tlsserve import TlsPeer
from seventh.model.failure import Reason
from seventh.protocols.smtp.facts.mail import Cause
from seventh.protocols.smtp.lab import server
from seventh.protocols.smtp.lab.server import Session
from seventh.protocols.smtp.lab.setup import PASSWORD, USER, Setup
from seventh.wire.sasl import encode
from tests.protocols.smtp.probe.looking import USERS, failure, look, phases, smtp
from tests.reports import metrics


@pytest.mark.parametrize("verb", ["check", "pulse"])
@pytest.mark.parametrize(
    "mechanism",
    [
        "PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS",
    ],
)  # fmt: skip
async def test_a_login_is_timed(kit: Kit, verb: str, mechanism: str) -> None:
    setup = Setup(scheme="submission", auth=(mechanism,), options={"user": USER})
    report = await look(setup, kit, verb)
    login = smtp(report).login
    assert failure(report) is None
    assert login is not None
    assert (login.mechanism, login.outcome) == (mechanism, "accepted")
    assert login.answer.code == 235
    assert "smtp.auth" in phases(report)
    assert metrics(report)["seventh_smtp_auth_seconds"] == login.seconds


@pytest.mark.parametrize("scheme", ["submission", "smtps"])
@pytest.mark.parametrize(
    ("mechanism", "length", "initial"),
    [("OAUTHBEARER", 311, True), ("OAUTHBEARER", 312, False),
     ("XOAUTH2", 339, True), ("XOAUTH2", 340, False)],
)  # fmt: skip
async def test_a_token_is_sent_as_the_length_of_a_command_permits(
    kit: Kit, scheme: Any, mechanism: str, length: int, initial: bool, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A token that is too long for the command follows it (RFC 4954 §4)."""
    token = "x" * length
    monkeypatch.setattr(server, "TOKEN", token)
    sent: list[str] = []
    answer = Session._auth

    async def noted(session: Session, rest: str) -> bool:
        sent.append(rest)
        return await answer(session, rest)

    monkeypatch.setitem(server._COMMANDS, "AUTH", noted)
    file = tmp_path / "token"
    file.write_text(f"{token}\n")
    setup = Setup(scheme=scheme, auth=("PLAIN", mechanism))
    report = await look(setup, kit, user=USER, token_file=str(file))
    login = smtp(report).login
    assert failure(report) is None
    assert login is not None
    assert (login.mechanism, login.outcome, login.error) == (mechanism, "accepted", "")
    assert [rest.partition(" ")[2] != "" for rest in sent] == [initial]


async def test_the_server_says_why_a_token_is_refused(kit: Kit, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("wrong\n")
    setup = Setup(scheme="submission", auth=("OAUTHBEARER",))
    report = await look(setup, kit, user=USER, token_file=str(file))
    said = "535 5.7.8 Error: authentication failed (invalid_token)"
    assert failure(report) == (
        Reason.AUTH_REJECTED, "smtp.auth", f"OAUTHBEARER as {USER!r}: {said}",
    )  # fmt: skip
    assert next(each for each in report.findings if each.id == "SMTP-AUTH-FAIL").params == {
        "mechanism": "OAUTHBEARER", "what": "rejected", "answer": said,
    }  # fmt: skip


async def test_a_login_in_clear_is_in_no_transcript(kit: Kit) -> None:
    setup = Setup(
        scheme="submission", starttls="absent", auth=("PLAIN",), clear_auth=("PLAIN",),
        options={"user": USER},
    )  # fmt: skip
    report = await look(setup, kit, allow_plaintext=True, transcript=True)
    assert smtp(report).login is not None
    shown = "\n".join(report.transcript)
    assert "EHLO" in shown
    assert "credentials were sent" in shown
    assert encode(f"\0{USER}\0{PASSWORD}".encode()).decode() not in shown
    assert "AUTH PLAIN " not in shown


@pytest.mark.parametrize(
    ("challenge", "detail"),
    [("not Base64!", "a SASL challenge is not Base64: 'not Base64!'"),
     ("AAAA", "a PLAIN challenge that must not come: '\\x00\\x00\\x00'")],
)  # fmt: skip
async def test_a_challenge_that_must_not_come_is_cancelled(
    kit: Kit, challenge: str, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[bytes] = []

    async def odd(session: Session, _: str) -> bool:
        await session._send(f"334 {challenge}")
        received.append(await session._until(b"\r\n"))
        await session._send("501 5.7.0 Cancelled")
        return False

    monkeypatch.setitem(server._COMMANDS, "AUTH", odd)
    setup = Setup(scheme="submission", auth=("PLAIN",), options={"user": USER})
    report = await look(setup, kit)
    assert failure(report) == (Reason.PROTOCOL_VIOLATION, "smtp.auth", detail)
    assert received == [b"*"]


async def test_a_server_that_knows_no_binding_of_ours(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TlsPeer, "bindings", lambda *_: ())
    offered = ("PLAIN", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
    report = await look(Setup(scheme="smtps", auth=offered, options={"user": USER}), kit)
    login = smtp(report).login
    assert failure(report) is None
    assert login is not None
    assert (login.mechanism, login.outcome) == ("SCRAM-SHA-256", "accepted")


async def test_a_rejected_login_is_a_failure_with_its_reply(kit: Kit) -> None:
    report = await look(USERS, kit, user="nobody@lab.test")
    assert failure(report) == (
        Reason.AUTH_REJECTED, "smtp.auth",
        "SCRAM-SHA-256 as 'nobody@lab.test': 535 5.7.8 Error: authentication failed",
    )  # fmt: skip
    login = smtp(report).login
    assert login is not None
    assert login.answer.cause is Cause.LOGIN_INVALID


async def test_without_a_common_mechanism_nothing_is_sent(kit: Kit) -> None:
    report = await look(Setup(scheme="smtps", auth=("CRAM-MD5",), options={"user": USER}), kit)
    assert failure(report) == (
        Reason.NEGOTIATION_FAILED, "smtp.auth",
        "the password cannot be used: the server offers CRAM-MD5",
    )  # fmt: skip
    report = await look(Setup(scheme="smtps", options={"user": USER}), kit)
    assert failure(report) == (
        Reason.NEGOTIATION_FAILED, "smtp.auth",
        "the password cannot be used: the server offers no mechanism",
    )  # fmt: skip


@pytest.fixture
def auths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every AUTH that a server of the lab receives."""
    received: list[str] = []
    answer = server._COMMANDS["AUTH"]

    async def note(session: server.Session, rest: str) -> bool:
        received.append(rest)
        return await answer(session, rest)

    monkeypatch.setitem(server._COMMANDS, "AUTH", note)
    return received


@pytest.mark.parametrize("verb", ["check", "pulse"])
@pytest.mark.parametrize("scheme", ["smtp", "submission", "smtps"])
async def test_no_password_goes_to_an_unverified_certificate(
    kit: Kit, verb: str, scheme: Any, auths: list[str]
) -> None:
    setup = Setup(scheme=scheme, auth=("PLAIN",), options={"user": USER})
    report = await look(setup, kit, verb, ca_file=None)
    assert report.failure is not None
    assert report.failure.reason is Reason.TLS_CERTIFICATE_UNTRUSTED
    assert auths == []
    trusted = await look(setup, kit, verb)
    assert trusted.failure is None
    assert len(auths) == 1


@pytest.mark.parametrize("verb", ["check", "pulse"])
@pytest.mark.parametrize("scheme", ["smtp", "submission"])
async def test_no_password_goes_in_clear_unless_that_is_permitted(
    kit: Kit, verb: str, scheme: Any, auths: list[str]
) -> None:
    setup = Setup(scheme=scheme, starttls="absent", clear_auth=("PLAIN",), auth=("PLAIN",),
                  options={"user": USER})  # fmt: skip
    report = await look(setup, kit, verb)
    assert report.failure is not None
    assert report.failure.reason is Reason.STARTTLS_NOT_OFFERED
    assert auths == []
    permitted = await look(setup, kit, verb, allow_plaintext=True)
    assert permitted.failure is None
    assert len(auths) == 1


@pytest.mark.parametrize("answer", ["endless"])
async def test_a_login_has_few_challenges(kit: Kit, answer: Any) -> None:
    setup = Setup(scheme="smtps", auth=("LOGIN",), auth_answer=answer, options={"user": USER})
    report = await look(setup, kit)
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_VIOLATION
    assert report.failure.phase == "smtp.auth"


@pytest.mark.parametrize("user", [None, USER])
async def test_a_secret_without_a_user_is_for_other_protocols(kit: Kit, user: str | None) -> None:
    secret = kit.folder / "secret"
    secret.write_text(f"{PASSWORD}\n")
    report = await look(USERS, kit, user=user, password_file=str(secret))
    assert failure(report) is None
    login = report.facts["smtp"].login  # type: ignore[attr-defined]
    assert (login is None) is (user is None)
