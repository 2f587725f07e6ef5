"""PostgreSQL: SSLRequest, answered by one byte."""

from __future__ import annotations

from seventh.model.failure import ProtocolViolation
from seventh.protocols.tls.wire.dialogue import Dialogue, Reading, Script

REQUEST = bytes.fromhex("0000000804d2162f")
"""SSLRequest: its length, and 1234 × 65536 + 5679."""
_MAX_ERROR = 30_000
"""libpq's limit; a longer "length" is the text of an error of protocol 2."""


def postgres(talk: Dialogue) -> Script:
    """Run PostgreSQL's dialogue ("Message Flow", SSL Session Encryption)."""
    talk.send(REQUEST)
    answer = yield from talk.exactly(1)
    if answer == b"S":
        return
    if answer == b"N":
        raise talk.not_offered("SSLRequest is answered by N")
    if answer != b"E":
        raise talk.other()
    raise talk.refused("SSLRequest", (yield from _error(talk)))


def _error(talk: Dialogue) -> Reading[bytes]:
    """Return an ErrorResponse's message (M) with its SQLSTATE (C); in protocol 2, a text."""
    head = yield from talk.exactly(4)
    length = int.from_bytes(head, "big")
    if not 8 <= length <= _MAX_ERROR:
        return head + (yield from talk.until(b"\0"))[:-1].rstrip(b"\n")
    fields = (yield from talk.exactly(length - 4)).split(b"\0")
    values = {field[:1]: field[1:] for field in fields if field}
    if b"M" not in values:
        raise ProtocolViolation("an ErrorResponse has no message")
    state = values.get(b"C")
    return values[b"M"] + (b" (SQLSTATE %s)" % state if state else b"")
