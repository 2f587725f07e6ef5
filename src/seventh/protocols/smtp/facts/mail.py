"""What is learnt by logging in, by naming recipients, and by the intrusive steps."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec


class Cause(StrEnum):
    """Why a command was refused, by its enhanced status code (RFC 3463), else by its code.

    No code is for relaying alone: that one cause is read from the text.
    """

    ACCEPTED = "accepted"
    NO_SUCH_USER = "no-such-user"
    NO_SUCH_DOMAIN = "no-such-domain"
    SENDER = "sender"
    DISABLED = "disabled"
    FULL = "full"
    TOO_LARGE = "too-large"
    NOT_NOW = "not-now"
    ROUTING = "routing"
    RELAYING = "relaying"
    SYNTAX = "syntax"
    POLICY = "policy"
    SENDER_AUTHENTICATION = "sender-authentication"
    LOGIN_REQUIRED = "login-required"
    LOGIN_INVALID = "login-invalid"
    LOGIN_UNAVAILABLE = "login-unavailable"
    MECHANISM = "mechanism"
    ENCRYPTION_REQUIRED = "encryption-required"
    NOT_SUPPORTED = "not-supported"
    OTHER = "other"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One reply."""

    code: int
    status: str = ""
    """Its enhanced status code, such as 5.7.1 (RFC 2034)."""
    text: str = ""
    """Its first line, printable."""
    cause: Cause = Cause.OTHER

    @property
    def accepts(self) -> bool:
        """Whether it is positive."""
        return 200 <= self.code < 300

    @property
    def is_temporary(self) -> bool:
        """Whether the same may succeed later."""
        return 400 <= self.code < 500

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """One AUTH."""

    mechanism: str
    seconds: float
    """The time spent waiting for the server, without our own computations."""
    outcome: Literal["accepted", "rejected", "unavailable"]
    """``unavailable`` is a temporary refusal: nothing was said of the password."""
    answer: Answer
    error: str = ""
    """What the server said of a refused token, printable."""

    def __str__(self) -> str:
        return f"{self.answer} ({self.error})" if self.error else str(self.answer)


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a recipient, before DATA."""

    recipient: str
    command: Literal["mail", "rcpt", "data"]
    """The command that the reply answers: MAIL FROM where that was refused, and ``data`` for the
    message itself."""
    answer: Answer
    after_seconds: float | None = None
    """How long after the first try, for the second."""


class Injection(msgspec.Struct, frozen=True, kw_only=True):
    """A command in clear, sent in one segment with STARTTLS."""

    outcome: Literal["answered", "discarded", "refused"]
    """Answered inside TLS; ignored; or STARTTLS was refused, or the connection ended."""
    answer: Answer | None = None


WrongEnd = Literal["lf-dot-crlf", "lf-dot-lf"]


class Smuggling(msgspec.Struct, frozen=True, kw_only=True):
    """A message with ends that only lenient servers accept."""

    accepted: WrongEnd | None = None
    """The end that was honoured; None if none was."""
    answer: Answer | None = None


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """VRFY for postmaster, who exists, and for a random user."""

    existing: Answer
    random: Answer
