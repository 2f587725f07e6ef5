"""``seventh mail send`` against the reference server: what arrives, what is shown, what is not."""

from __future__ import annotations

import email
import email.policy
import os
import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seventh import given
from seventh.cli.main import main
from seventh.engine.work import do
from seventh.lab import start
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit
from seventh.model.failure import Failure, Reason, UsageError
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.protocols.smtp import SPEC
from seventh.protocols.smtp.facts.mail import Answer, Cause, Tried
from seventh.protocols.smtp.lab import serve_setup
from seventh.protocols.smtp.lab.setup import KEYWORDS, OWN, USER, Setup
from seventh.protocols.smtp.work import Sent, target_of
from tests.options import changed

(SEND,) = SPEC.verbs
USERS = Setup(scheme="submission", auth=("PLAIN", "SCRAM-SHA-256"), options={"user": USER})
ACCEPTED = Answer(code=250, status="2.1.5", text="2.1.5 Ok", cause=Cause.ACCEPTED)
QUEUED = Answer(code=250, status="2.0.0", text="2.0.0 Ok: queued as 1", cause=Cause.ACCEPTED)
UNKNOWN = "nobody@lab.test"


def without(*words: str) -> tuple[str, ...]:
    return tuple(word for word in KEYWORDS if word.split()[0] not in words)


class Result(msgspec.Struct):
    """One run: its exit code, its failure, what it showed and what arrived."""

    code: int
    failure: Failure | None
    sent: Sent
    arrived: list[bytes]

    @property
    def phases(self) -> list[str]:
        return [each.phase for each in self.sent.phases]

    @property
    def message(self) -> EmailMessage:
        (data,) = self.arrived
        made = email.message_from_bytes(data, policy=email.policy.SMTPUTF8)
        assert isinstance(made, EmailMessage)
        return made


async def send(setup: Setup, kit: Kit, **more: Any) -> Result:
    arrived: list[bytes] = []
    shown: list[msgspec.Struct] = []
    async with serve_setup(setup, kit, arrived.append) as served:
        target, options = start.job(served, Options(timeout_seconds=8.0))
        words = {"sender": "a@lab.test", "recipients": (OWN,), "server": target, **more}
        options = changed(options, **words)
        code, failure = await do(target_of(options), options, SEND, {}, shown.append, print)
    (sent,) = shown
    assert isinstance(sent, Sent)
    return Result(code, failure, sent, arrived)


# -- what arrives ----------------------------------------------------------------------------------


async def test_a_message_arrives_and_each_step_is_timed(kit: Kit) -> None:
    result = await send(USERS, kit)
    assert (result.code, result.failure) == (0, None)
    assert result.phases == [
        "resolve", "connect", "smtp.greeting", "smtp.ehlo", "smtp.starttls", "tls", "tls.hello",
        "tls.finish", "smtp.ehlo2", "smtp.auth", "smtp.mail", "smtp.rcpt", "smtp.message",
        "smtp.queued", "smtp.quit",
    ]  # fmt: skip
    assert all(each.outcome == "ok" for each in result.sent.phases)
    assert result.sent.recipients == (Tried(recipient=OWN, command="rcpt", answer=ACCEPTED),)
    assert result.sent.answer == QUEUED
    message = result.message
    assert message["From"] == "a@lab.test"
    assert message["To"] == OWN
    assert message["Subject"] == "Test message from Seventh"
    assert message["Message-ID"] == result.sent.message_id
    assert message["Date"].datetime.tzinfo is not None
    assert message.get_content() == "This message was sent by `seventh mail send` as a test.\r\n"
    assert result.sent.size_bytes == len(result.arrived[0])


@pytest.mark.parametrize("left_out", [(), ("CHUNKING",), ("CHUNKING", "PIPELINING", "8BITMIME")])
async def test_every_byte_of_a_body_arrives(
    kit: Kit, tmp_path: Path, left_out: tuple[str, ...]
) -> None:
    body = ".\n..\nà la fin\n.hidden\nlast, without a line end"
    (tmp_path / "body").write_text(body, "utf-8")
    data = bytes(range(256)) * 300
    (tmp_path / "größe.bin").write_bytes(data)
    result = await send(
        Setup(keywords=without(*left_out)), kit, text_file=str(tmp_path / "body"),
        attachments=(str(tmp_path / "größe.bin"),), subject="Prüfung",
    )  # fmt: skip
    assert result.code == 0
    assert ("smtp.data" in result.phases) is ("CHUNKING" in left_out)
    message = result.message
    assert message["Subject"] == "Prüfung"
    text, attached = message.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(attached, EmailMessage)
    assert text.get_content().replace("\r\n", "\n") == body + "\n"
    assert text["Content-Transfer-Encoding"] == (
        "8bit" if "8BITMIME" not in left_out else "quoted-printable"
    )
    assert result.arrived[0].isascii() is ("8BITMIME" in left_out)
    assert (attached.get_filename(), attached.get_content()) == ("größe.bin", data)


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("left_out", [(), ("CHUNKING",), ("CHUNKING", "PIPELINING")])
async def test_a_refused_recipient_is_named_with_its_cause(
    kit: Kit, left_out: tuple[str, ...]
) -> None:
    setup = Setup(keywords=without(*left_out))
    result = await send(setup, kit, recipients=(UNKNOWN, OWN))
    assert (result.code, result.failure, len(result.arrived)) == (2, None, 1)
    refused, accepted = result.sent.recipients
    assert (refused.recipient, refused.answer.cause) == (UNKNOWN, Cause.NO_SUCH_USER)
    assert accepted.answer == ACCEPTED
    assert (
        "to nobody@lab.test: refused, no such user (550 5.1.1 <nobody@lab.test>: Recipient address "
        "rejected: User unknown): check the address\nto user@lab.test: accepted (250 2.1.5 Ok)\n"
    ) in str(result.sent)

    result = await send(setup, kit, recipients=(UNKNOWN,))
    assert (result.code, result.arrived, result.sent.answer) == (2, [], None)
    assert result.phases[-2:] == ["smtp.data" if left_out == ("CHUNKING",) else "smtp.rcpt",
                                  "smtp.quit"]  # fmt: skip
    assert str(result.sent).endswith(f"{result.sent.size_bytes} bytes: not sent")


async def test_a_server_that_requires_a_login_is_named_by_its_reply(kit: Kit) -> None:
    result = await send(USERS, kit, user=None, password_file=None)
    assert (result.code, result.failure, result.arrived) == (2, None, [])
    (refused,) = result.sent.recipients
    assert (refused.command, refused.answer.cause) == ("mail", Cause.LOGIN_REQUIRED)
    assert (
        "refused, login required (530 5.7.0 Authentication required): give --user and "
        "--password-file"
    ) in str(result.sent)


async def test_a_temporary_refusal_is_none_for_ever(kit: Kit) -> None:
    result = await send(Setup(greylist_seconds=60.0), kit)
    assert result.code == 2
    assert "to user@lab.test: refused for now, " in str(result.sent)


@pytest.mark.parametrize(("below", "code"), [(1, 2), (0, 0)])
async def test_a_message_above_the_limit_is_refused_before_it_is_sent(
    kit: Kit, below: int, code: int
) -> None:
    size = (await send(Setup(), kit)).sent.size_bytes
    assert size is not None
    limited = Setup(keywords=(*without("SIZE"), f"SIZE {size - below}"))
    result = await send(limited, kit)
    assert (result.code, len(result.arrived)) == (code, 1 - below)
    (answered,) = result.sent.recipients
    assert answered.answer.cause is (Cause.TOO_LARGE if below else Cause.ACCEPTED)


async def test_no_password_leaves_without_a_verified_certificate(kit: Kit) -> None:
    for setup, options, reason in (
        (USERS, {"ca_file": None}, Reason.TLS_CERTIFICATE_UNTRUSTED),
        (Setup(auth=("PLAIN",), options={"user": USER}), {"ca_file": None},
         Reason.TLS_CERTIFICATE_UNTRUSTED),
        (Setup(starttls="absent", clear_auth=("PLAIN",), options={"user": USER}), {},
         Reason.STARTTLS_NOT_OFFERED),
    ):  # fmt: skip
        result = await send(setup, kit, **options)
        assert result.failure is not None
        assert (result.failure.reason, result.arrived) == (reason, [])
        assert "smtp.auth" not in result.phases
        assert result.sent.size_bytes is None
        assert str(result.sent).endswith(f"message {result.sent.message_id}: not sent")


async def test_an_address_beyond_ascii_needs_smtputf8(kit: Kit) -> None:
    taken = await send(Setup(), kit, recipients=(OWN, "žofie@lab.test"))
    assert [each.answer.cause for each in taken.sent.recipients] == [
        Cause.ACCEPTED, Cause.NO_SUCH_USER,
    ]  # fmt: skip
    assert taken.message["To"] == "user@lab.test, žofie@lab.test"
    refused = await send(Setup(keywords=without("SMTPUTF8")), kit, recipients=("žofie@lab.test",))
    assert refused.failure is not None
    assert (refused.failure.reason, refused.failure.phase) == (
        Reason.NEGOTIATION_FAILED, "smtp.mail",
    )  # fmt: skip
    plain = await send(Setup(keywords=without("SMTPUTF8")), kit)
    assert (plain.failure, len(plain.arrived)) == (None, 1)


# -- what is typed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({}, "mail send needs --from ADDRESS and --to ADDRESS"),
        ({"sender": "a@b.test"}, "mail send needs --from ADDRESS and --to ADDRESS"),
        ({"sender": "a", "recipients": ("b@c.test",)},
         "'a': not a mail address, such as user@example.com"),
        ({"sender": "a@b.test", "recipients": ("b@c.test>\r\nDATA",)},
         "'b@c.test>\\r\\nDATA': not a mail address, such as user@example.com"),
        ({"sender": "a@b.test", "recipients": ("b@c.test", "b@d.test")},
         "the recipients are in 2 domains: give --server, or send to one domain"),
        ({"sender": "a@b.test", "recipients": ("b@[mail]",)},
         "'[mail]': write an address as [192.0.2.1] or [IPv6:2001:db8::1]"),
        ({"sender": "a@b.test", "recipients": ("b@[127.0.0.1",)},
         "'[127.0.0.1': write an address as [192.0.2.1] or [IPv6:2001:db8::1]"),
    ],
)  # fmt: skip
def test_an_error_says_what_to_type(typed: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        target_of(changed(Options(), **typed))
    assert str(caught.value) == says


def test_without_a_server_the_target_is_the_domain() -> None:
    typed = {"sender": "a@b.test", "recipients": ("x@Bücher.test", "y@xn--bcher-kva.test")}
    assert str(target_of(changed(Options(), **typed))) == "smtp://xn--bcher-kva.test:25"


@pytest.mark.parametrize(
    ("recipient", "target"),
    [("x@[127.0.0.1]", "smtp://127.0.0.1:25"), ("x@[IPv6:::1]", "smtp://[::1]:25")],
)
def test_an_address_literal_is_the_server(recipient: str, target: str) -> None:
    assert str(target_of(changed(Options(), sender="a@b.test", recipients=(recipient,)))) == target


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ("mail.test", "--server 'mail.test': write smtp://HOST, smtps://HOST, submission://HOST"),
        ("h:25", "--server 'h:25': write smtp://HOST, smtps://HOST, submission://HOST"),
    ],
)
def test_a_server_is_a_url(server: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        given.make({"server": server})
    assert str(caught.value) == says


# -- the domain's mail exchangers ------------------------------------------------------------------


async def to_domain(zone: dict[str, dict[str, tuple[str, ...]]]) -> tuple[Failure | None, Sent]:
    """The outcome of a message to a domain, whose exchangers have no port 25 open."""
    shown: list[msgspec.Struct] = []
    async with name_server(zone) as resolver:
        options = changed(
            Options(timeout_seconds=5.0), resolver=resolver, sender="a@b.test",
            recipients=("x@lab.test",),
        )  # fmt: skip
        _, failure = await do(target_of(options), options, SEND, {}, shown.append, print)
    (sent,) = shown
    assert isinstance(sent, Sent)
    return failure, sent


CLOSED = {"A": ("127.66.77.88",)}


@pytest.mark.parametrize(
    ("zone", "says"),
    [
        ({}, (Reason.RESOLVE_NXDOMAIN, "resolve", "the domain lab.test does not exist")),
        ({"lab.test": {"MX": ("0 .",)}},
         (Reason.RESOLVE_NO_ADDRESS, "resolve",
          "lab.test accepts no mail: its MX record is the null MX (RFC 7505)")),
    ],
)  # fmt: skip
async def test_a_domain_without_mail_is_a_typed_failure(
    zone: dict[str, dict[str, tuple[str, ...]]], says: tuple[Reason, str, str]
) -> None:
    failure, sent = await to_domain(zone)
    assert failure is not None
    assert (failure.reason, failure.phase, failure.detail) == says
    assert sent.phases[-1].phase == "resolve"
    assert "connect" not in {each.phase for each in sent.phases}


@pytest.mark.parametrize(
    ("records", "tried"),
    [
        (("20 b.lab.test.", "10 a.lab.test.", "30 gone.lab.test."),
         ["127.66.77.1", "127.66.77.2"]),
        ((), ["127.66.77.88"]),
    ],
)  # fmt: skip
async def test_exchangers_are_tried_in_their_order(
    records: tuple[str, ...], tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts: list[ProbeContext] = []
    connect = ProbeContext.connect

    async def noted(self: ProbeContext, addresses: tuple[Address, ...] = ()) -> Stream:
        contexts.append(self)
        return await connect(self, addresses)

    monkeypatch.setattr(ProbeContext, "connect", noted)
    zone = {
        "lab.test": {**CLOSED, **({"MX": records} if records else {})},
        "a.lab.test": {"A": ("127.66.77.1",)},
        "b.lab.test": {"A": ("127.66.77.2",)},
    }
    failure, _ = await to_domain(zone)
    assert failure is not None
    attempts = contexts[0].notes(NetFacts).facts.attempts
    assert [each.address for each in attempts] == tried


async def test_the_exchanger_gets_the_message(kit: Kit) -> None:
    if os.geteuid() != 0:
        pytest.skip("port 25 is root's")
    arrived: list[bytes] = []
    shown: list[msgspec.Struct] = []
    async with serve_setup(Setup(usual_port=True), kit, arrived.append) as served:
        _, options = start.job(served, Options(timeout_seconds=8.0))
        typed = changed(options, sender="a@b.test", recipients=(OWN,))
        code, failure = await do(target_of(typed), typed, SEND, {}, shown.append, print)
    assert (code, failure, len(arrived)) == (0, None, 1)


def test_its_help_has_no_options_of_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mail", "send", "--help"]) == 0
    flags = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert {"--from", "--server", "--user", "--password-file", "--allow-plaintext"} <= flags
    assert not flags & {"--roundtrip", "--roundtrip-user", "--roundtrip-password-file",
                        "--implicit-port", "--allow-write", "--max", "--min"}  # fmt: skip


def test_a_password_needs_its_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secret").write_text("secret\n")
    words = ["--from", "a@b.test", "--to", "c@[127.0.0.1]", "--password-file",
             str(tmp_path / "secret")]  # fmt: skip
    assert main(["mail", "send", *words]) == 3
    says = "seventh: --password-file needs --user: SMTP logs in with both\n"
    assert capsys.readouterr() == ("", says)
