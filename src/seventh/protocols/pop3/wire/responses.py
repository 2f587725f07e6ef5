"""POP3 responses (RFC 1939 §3, RFC 2449 §8): a status, and lists that end with a dot."""

from __future__ import annotations

import re

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.wire.lines import Lines
from seventh.wire.text import quoted

MAX_LIST_BYTES = 2 * 1024 * 1024
"""The most bytes of one list: UIDL of a large mailbox is long."""
MAX_ITEMS = 50_000
_SHOWN = 80
_STATUS = re.compile(rb"(\+OK|-ERR)(?: +(.*))?", re.DOTALL)
_CODE = re.compile(rb"\[([A-Z][A-Z0-9/-]{0,39})\] *", re.IGNORECASE)
_TIMESTAMP = re.compile(rb"<[^<>@ ]+@[^<>@ ]+>")


class Status(msgspec.Struct, frozen=True):
    """The first line of a response."""

    ok: bool
    code: str = ""
    """The response code, such as ``IN-USE``."""
    text: bytes = b""


def status(line: bytes) -> Status:
    """Parse the first line. Raises ProtocolViolation."""
    found = _STATUS.fullmatch(line)
    if found is None:
        raise ProtocolViolation(f"a POP3 response begins with {quoted(line, _SHOWN)}")
    text = found[2] or b""
    code = _CODE.match(text)
    return Status(
        found[1] == b"+OK",
        code[1].decode("ascii").upper() if code is not None else "",
        text[code.end() :] if code is not None else text,
    )


def has_timestamp(greeting: bytes) -> bool:
    """Return whether a greeting has the timestamp of APOP (RFC 1939 §7)."""
    return _TIMESTAMP.search(greeting) is not None


class Responses:
    """A reader of lines: :meth:`feed` what came; then :meth:`line`, or :meth:`items` of a list."""

    def __init__(self) -> None:
        self._lines = Lines(max_bytes=MAX_LIST_BYTES)
        self._items: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Add bytes that have arrived."""
        self._lines.feed(data)

    def rest(self) -> bytes:
        """Take all that has arrived and was not read."""
        return self._lines.rest()

    @property
    def bare(self) -> int:
        """The number of lines so far that ended with LF alone."""
        return self._lines.bare

    def line(self) -> bytes | None:
        """Return the next line; None until it is complete. Raises ProtocolViolation."""
        self._lines.begin()
        found = self._lines.next()
        return found.text if found is not None else None

    def items(self) -> tuple[bytes, ...] | None:
        """Return the lines of a list up to its end; None until it is complete.

        Raises ProtocolViolation.
        """
        while (found := self._lines.next()) is not None:
            if found.text == b".":
                items, self._items = self._items, []
                self._lines.begin()
                return tuple(items)
            if len(self._items) >= MAX_ITEMS:
                raise ProtocolViolation(f"a list has more than {MAX_ITEMS} lines")
            self._items.append(found.text.removeprefix(b"."))
        return None
