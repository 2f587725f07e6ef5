"""A message of our own (RFC 5322, MIME), and addresses as commands carry them."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import msgspec

from seventh.model.failure import UsageError

_ADDRESS = re.compile(
    r"([^\s<>()\[\]\\,;:@\"\x00-\x1f\x7f]{1,64})"
    r"@(\[IPv6:[0-9A-Fa-f:.]{2,45}\]|[^\s<>@,;:\"\x00-\x1f]{1,253})"
)
_BINARY = "application/octet-stream"


class Attachment(msgspec.Struct, frozen=True):
    """A file of a message."""

    name: str
    data: bytes


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of one transaction, as :func:`address` returns them."""

    sender: str
    recipients: tuple[str, ...]

    @property
    def needs_utf8(self) -> bool:
        """Whether an address is not ASCII, which only SMTPUTF8 transmits (RFC 6531)."""
        return not "".join((self.sender, *self.recipients)).isascii()


def address(text: str) -> str:
    """Return a mail address with its domain in ASCII. Raises UsageError."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r}: not a mail address, such as user@example.com")
    local, domain = match.groups()
    try:
        return f"{local}@{domain if domain.isascii() else domain.encode('idna').decode()}"
    except UnicodeError:
        raise UsageError(f"{text!r}: {domain!r} is not a valid domain") from None


def domain_of(mailbox: str) -> str:
    """Return the domain of an address, in lower case."""
    return mailbox.rpartition("@")[2].lower()


def compose(
    envelope: Envelope,
    *,
    message_id: str,
    date: datetime,
    subject: str,
    text: str,
    attachments: Sequence[Attachment] = (),
    eight_bit: bool = False,
) -> bytes:
    """Return a message with CRLF line ends; with ``eight_bit`` its text may be UTF-8 as it is.

    Raises UsageError for a subject of several lines.
    """
    cte = "8bit" if eight_bit else "7bit"
    policy = SMTP.clone(cte_type=cte, utf8=envelope.needs_utf8)
    message = EmailMessage(policy)
    message["Date"] = format_datetime(date)
    message["From"] = envelope.sender
    message["To"] = ", ".join(envelope.recipients)
    try:
        message["Subject"] = subject
    except ValueError:
        raise UsageError("--subject has a line end: write one line") from None
    message["Message-ID"] = message_id
    message.set_content(text)
    for each in attachments:
        kind, coding = mimetypes.guess_type(each.name)
        main, _, sub = (kind if kind is not None and coding is None else _BINARY).partition("/")
        if main in {"text", "message", "multipart"}:
            main, sub = _BINARY.split("/")  # the file's bytes, not text in a charset unknown to us
        message.add_attachment(each.data, maintype=main, subtype=sub, filename=each.name)
    return message.as_bytes()


def stuffed(message: bytes) -> bytes:
    """Return a message for DATA: dots stuffed, and its end (RFC 5321 §4.5.2)."""
    lines = message if message.endswith(b"\r\n") else message + b"\r\n"
    dotted = lines.replace(b"\r\n.", b"\r\n..")
    return (b"." if dotted.startswith(b".") else b"") + dotted + b".\r\n"
