"""The conversation with the lab's server: what is learnt, what is sent, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.lines import LinePeer
from seventh.labkit.mailbox import FIRST, Mailbox
from seventh.labkit.mailhost import HostSetup
from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from seventh.model.mailfacts import Login, MailFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.pop3.facts import Pop3Facts
from seventh.protocols.pop3.lab import serve_setup
from seventh.protocols.pop3.lab.server import Setup
from tests.options import changed
from tests.reports import facts, found


async def checked(setup: Setup, kit: Kit, verb: str = "check", **more: Any) -> Report:
    secure = more.pop("secure", False)
    async with serve_setup(setup, kit, more.pop("box", None)) as served:
        target, options = start.job(served, Options(transcript=True))
        if secure:
            port = options.implicit_port
            assert port is not None
            target = Target(scheme="pop3s", host=target.host, port=port)
        look = check_one if verb == "check" else pulse_one
        return await look(target, changed(options, **more))


def pop3(report: Report) -> Pop3Facts:
    return facts(report, Pop3Facts)


def phases(report: Report) -> list[str]:
    return [phase.name for phase in report.phases if phase.name.startswith("pop3.")]


async def test_a_whole_check_leaves_all_mail(kit: Kit) -> None:
    box = Mailbox(FIRST, FIRST)
    report = await checked(Setup(), kit, box=box)
    assert report.failure is None
    learnt = pop3(report)
    assert (learnt.greeting, learnt.apop, learnt.has_capa) == ("lab POP3 server ready", False, True)
    assert learnt.clear_capabilities == (
        "TOP", "UIDL", "RESP-CODES", "EXPIRE NEVER", "IMPLEMENTATION LAB", "STLS",
    )  # fmt: skip
    assert learnt.capabilities is not None
    assert learnt.capabilities[-2:] == ("USER", "SASL PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS")
    assert (learnt.starttls, learnt.implicit_state) == ("accepted", "open")
    assert learnt.login is not None
    assert (learnt.login.outcome, learnt.login.mechanism) == ("accepted", "SCRAM-SHA-256-PLUS")
    assert (learnt.messages, learnt.size_bytes, learnt.uidl) == (2, 2 * len(FIRST), True)
    assert phases(report) == [
        "pop3.greeting", "pop3.capa", "pop3.stls", "pop3.capa", "pop3.auth", "pop3.capa",
        "pop3.stat", "pop3.uidl", "pop3.quit",
    ]  # fmt: skip
    assert len(box.messages) == 2
    assert not [line for line in report.transcript if "RETR" in line or "DELE" in line]
    assert found(report) == {"MAIL-OPOSSUM"}


@pytest.mark.parametrize("verb", ["check", "pulse"])
async def test_implicit_tls(kit: Kit, verb: str) -> None:
    report = await checked(Setup(), kit, verb, secure=True)
    assert report.failure is None
    assert (pop3(report).secure, pop3(report).starttls) == (True, None)
    assert found(report) == set()


async def test_a_pulse_sends_no_credential(kit: Kit) -> None:
    report = await checked(Setup(), kit, "pulse")
    assert report.failure is None
    assert phases(report) == ["pop3.greeting", "pop3.capa", "pop3.stls", "pop3.quit"]
    assert pop3(report).login is None


@pytest.mark.parametrize("mechanisms", [("PLAIN",), ("LOGIN",), ("SCRAM-SHA-256",), ("NTLM",)])
async def test_each_mechanism_logs_in(kit: Kit, mechanisms: tuple[str, ...]) -> None:
    login = pop3(await checked(Setup(mechanisms=mechanisms), kit)).login
    assert login is not None
    wanted = "USER" if mechanisms == ("NTLM",) else mechanisms[0]
    assert (login.outcome, login.mechanism) == ("accepted", wanted)


BOUND = ("PLAIN", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")


@pytest.mark.parametrize(("bindings", "name"), [(True, BOUND[1]), (False, BOUND[2])])
async def test_a_server_that_knows_no_binding_of_ours(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, bindings: bool, name: str
) -> None:
    if not bindings:
        monkeypatch.setattr(LinePeer, "bindings", lambda _: ())
    report = await checked(Setup(mechanisms=BOUND), kit)
    login = pop3(report).login
    assert report.failure is None
    assert login is not None
    assert (login.outcome, login.mechanism) == ("accepted", name)


@pytest.mark.parametrize("offered", [BOUND, BOUND[1:2]])
async def test_a_refusal_in_the_end_is_that_of_the_password(
    kit: Kit, offered: tuple[str, ...]
) -> None:
    report = await checked(Setup(mechanisms=offered, host=HostSetup(password="wrong")), kit)
    login = pop3(report).login
    assert report.failure is not None
    assert report.failure.reason is Reason.AUTH_REJECTED
    assert login is not None
    assert (login.outcome, login.mechanism) == ("refused", offered[-1])


async def test_a_server_without_capa_is_asked_for_tls_all_the_same(kit: Kit) -> None:
    report = await checked(Setup(capa=False), kit)
    assert (pop3(report).starttls, pop3(report).has_capa) == ("accepted", False)
    login = pop3(report).login
    assert login is not None
    assert login.mechanism == "USER"
    without = await checked(Setup(capa=False, stls="refused"), kit)
    assert (without.failure, pop3(without).starttls) == (None, "not-offered")


@pytest.mark.parametrize(
    ("code", "reason"),
    [("IN-USE", Reason.UNEXPECTED_ANSWER), ("AUTH", Reason.AUTH_REJECTED)],
)
async def test_the_code_of_a_refusal_decides_the_cause(kit: Kit, code: str, reason: Reason) -> None:
    report = await checked(Setup(refusal=code), kit)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (reason, "pop3.auth")
    assert report.failure.detail == f"the login of anna was refused: [{code}] 'Not now'"


@pytest.mark.parametrize(
    ("setup", "more", "why"),
    [
        (Setup(stls="absent", clear_logins=True), {}, "no-tls"),
        (Setup(), {"server_name": "other.test"}, "certificate"),
        (Setup(), {"password_file": None}, "no-credential"),
        (Setup(stls="absent"), {"allow_plaintext": True}, "no-mechanism"),
    ],
)
async def test_what_withholds_a_password(
    kit: Kit, setup: Setup, more: dict[str, Any], why: str
) -> None:
    login = pop3(await checked(setup, kit, **more)).login
    assert login == Login(outcome="withheld", withheld=why)  # type: ignore[arg-type]


@pytest.mark.parametrize("mechanisms", [("PLAIN",), ()])
async def test_a_password_in_clear_is_in_no_transcript(
    kit: Kit, mechanisms: tuple[str, ...]
) -> None:
    setup = Setup(stls="absent", clear_logins=True, mechanisms=mechanisms)
    report = await checked(setup, kit, allow_plaintext=True)
    assert report.failure is None
    shown = "\n".join(report.transcript)
    assert "credentials were sent" in shown
    assert "lab-Passw0rd" not in shown
    assert "AGFubmE" not in shown


@pytest.mark.parametrize(("keeps", "outcome"), [(False, "ignored"), (True, "answered")])
async def test_an_injected_command(kit: Kit, keeps: bool, outcome: str) -> None:
    setup = Setup(keeps=keeps, host=HostSetup(options={"intrusive": True}))
    mail = facts(await checked(setup, kit), MailFacts)
    assert (mail.injection, mail.injected_into) == (outcome, "pop3")
