"""Replies: a code of three digits, and texts (RFC 5321 §4.2)."""

from __future__ import annotations

import re

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.protocols.smtp.facts import Deviation
from seventh.protocols.smtp.facts.mail import Answer
from seventh.protocols.smtp.wire.status import cause_of
from seventh.wire.identify import identify
from seventh.wire.lines import Lines
from seventh.wire.text import printable, quoted

MAX_REPLY = 65536
LONGEST_LINE = 512
"""The most bytes of a reply's line, with its end (RFC 5321 §4.5.3.1.5)."""
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_STATUS = re.compile(rb"([245]\.\d{1,3}\.\d{1,3})(?: +|$)")
_FIRST = 80
_SHOWN = 200
_SEARCHED = 1000


class Reply(msgspec.Struct, frozen=True):
    """One reply, with the text of each of its lines."""

    code: int
    texts: tuple[bytes, ...]

    @property
    def answer(self) -> Answer:
        """The reply as facts have it."""
        match = _STATUS.match(self.texts[0])
        status = match[1].decode() if match is not None else ""
        return Answer(
            code=self.code,
            status=status,
            text=printable(self.texts[0], _SHOWN),
            cause=cause_of(self.code, status, b" ".join(self.texts)[:_SEARCHED]),
        )


class Replies:
    """The replies of one connection: :meth:`feed` what came, then :meth:`next`."""

    def __init__(self) -> None:
        self._lines = Lines(max_bytes=MAX_REPLY)
        self._first = b""
        """The first bytes, by which another protocol is recognised."""
        self._texts: list[bytes] = []
        self._code = 0
        self.count = 0
        """The number of complete replies."""
        self._differ = False

    @property
    def heard(self) -> bool:
        """Whether anything came."""
        return bool(self._first)

    @property
    def longest(self) -> int:
        """The bytes of the longest line."""
        return self._lines.longest

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """What differs from the form that the standard requires."""
        seen: dict[Deviation, bool] = {
            "bare-lf": self._lines.bare > 0,
            "long-line": self._lines.longest > LONGEST_LINE,
            "codes-differ": self._differ,
        }
        return tuple(name for name, present in seen.items() if present)

    def feed(self, data: bytes) -> None:
        """Add bytes that have arrived."""
        self._first += data[: _FIRST - len(self._first)]
        self._lines.feed(data)

    def next(self) -> Reply | None:
        """Return the next reply; None until it is complete.

        Raises Failed: protocol-mismatch where the first line is another protocol's, else
        protocol-violation.
        """
        while (line := self._lines.next()) is not None:
            match = _LINE.fullmatch(line.text)
            if match is None:
                raise self._no_reply(line.text)
            code, dash, text = match.groups()
            self._differ |= bool(self._texts) and int(code) != self._code
            self._code = int(code)
            self._texts.append(text or b"")
            if dash != b"-":
                reply = Reply(self._code, tuple(self._texts))
                self._texts = []
                self.count += 1
                self._lines.begin()
                return reply
        return None

    def rest(self) -> bytes:
        """Take what came behind the last reply."""
        self._texts = []
        return self._lines.rest()

    def _no_reply(self, line: bytes) -> Failed:
        if self.count or self._texts:
            return ProtocolViolation(f"a line without a reply code: {quoted(line, _FIRST)}")
        served = identify(self._first) or ""
        what = (
            f"the port serves {served}, not SMTP"
            if served
            else f"the first bytes are not SMTP: {quoted(self._first, _FIRST)}"
        )
        return Failed(Reason.PROTOCOL_MISMATCH, what, served=served)
