"""Messages of our own, their addresses, and the dots of DATA."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import UsageError
from seventh.protocols.smtp.wire.message import (
    Attachment,
    Envelope,
    address,
    compose,
    domain_of,
    stuffed,
)

ENVELOPE = Envelope(sender="a@lab.test", recipients=("b@lab.test", "c@lab.test"))
DATE = datetime(2026, 11, 30, 12, 0, 1, tzinfo=UTC)


def composed(text: str = "Hello.\n", **more: object) -> bytes:
    words = {"message_id": "<1@lab.test>", "date": DATE, "subject": "Test", **more}
    return compose(ENVELOPE, text=text, **words)  # type: ignore[arg-type]


def test_a_message_has_the_header_that_the_standard_requires() -> None:
    assert composed() == (
        b"Date: Mon, 30 Nov 2026 12:00:01 +0000\r\nFrom: a@lab.test\r\n"
        b"To: b@lab.test, c@lab.test\r\nSubject: Test\r\nMessage-ID: <1@lab.test>\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n'
        b"MIME-Version: 1.0\r\n\r\nHello.\r\n"
    )


@pytest.mark.parametrize(
    ("sender", "recipient", "needed"),
    [("a@b", "c@d", False), ("\u017e@b", "c@d", True), ("a@b", "\u017e@d", True)],
)
def test_an_address_beyond_ascii_needs_smtputf8(sender: str, recipient: str, needed: bool) -> None:
    envelope = Envelope(sender=sender, recipients=("x@y", recipient))
    assert envelope.needs_utf8 is needed
    made = compose(envelope, message_id="<1@b>", date=DATE, subject="Test", text="")
    assert f"From: {sender}\r\nTo: x@y, {recipient}\r\n".encode() in made


@pytest.mark.parametrize("subject", ["a\nb", "a\r\nBcc: x@lab.test"])
def test_a_subject_is_one_line(subject: str) -> None:
    with pytest.raises(UsageError) as caught:
        composed(subject=subject)
    assert str(caught.value) == "--subject has a line end: write one line"


@pytest.mark.parametrize("eight_bit", [False, True])
def test_text_beyond_ascii_needs_8bitmime_or_an_encoding(eight_bit: bool) -> None:
    message = composed("grün\n", eight_bit=eight_bit)
    assert (b"gr\xc3\xbcn\r\n" in message) is eight_bit
    assert message.isascii() is not eight_bit


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.pdf", b"application/pdf"),
        ("a.txt", b"application/octet-stream"),
        ("a.eml", b"application/octet-stream"),
        ("a.tar.gz", b"application/octet-stream"),
        ("a", b"application/octet-stream"),
    ],
)
def test_an_attachment_has_the_type_of_its_name(name: str, kind: bytes) -> None:
    message = composed(attachments=[Attachment(name, b"\x00\xff\n.\n")])
    assert b"Content-Type: %s\r\n" % kind in message
    assert b"\r\n\r\nAP8KLgo=\r\n" in message


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a@b", "a@b"),
        ("Anna.x+y=z@Lab.test", "Anna.x+y=z@Lab.test"),
        ("žofie@bücher.test", "žofie@xn--bcher-kva.test"),
        ("a" * 64 + "@b", "a" * 64 + "@b"),
    ],
)
def test_an_address_is_read(text: str, read: str) -> None:
    assert address(text) == read


@pytest.mark.parametrize(
    "text",
    ["", "a", "@b", "a@", "a b@c", "a@b c", "<a@b>", "a@b>", "a@b\r\n", "a@b\nRCPT", "a\0@b",
     "a@b@c", '"a"@b', "a,c@b", "a" * 65 + "@b", "a@" + "b" * 254],
)  # fmt: skip
def test_what_a_command_cannot_carry_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="not a mail address"):
        address(text)


def test_a_domain_that_has_no_ascii_form_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        address("a@ü..test")
    assert str(caught.value) == "'a@ü..test': 'ü..test' is not a valid domain"


def test_the_domain_of_an_address_is_in_lower_case() -> None:
    assert domain_of("Anna@Lab.Test") == "lab.test"


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\n..b\r\nc.\r\n", b"a\r\n..\r\n...b\r\nc.\r\n.\r\n"),
        (b"", b"\r\n.\r\n"),
    ],
)
def test_dots_are_stuffed(message: bytes, sent: bytes) -> None:
    assert stuffed(message) == sent


@given(st.lists(st.text(alphabet="a.b", max_size=4)))
def test_what_is_stuffed_ends_once_and_is_read_back(lines: list[str]) -> None:
    message = "".join(f"{line}\r\n" for line in lines).encode()
    sent = stuffed(message)
    *body, last = sent.removesuffix(b"\r\n").split(b"\r\n")
    assert last == b"."
    assert b"." not in body
    read = b"".join(line.removeprefix(b".") + b"\r\n" for line in body)
    assert read == (message or b"\r\n")
