"""POP3 responses: a status, and lists within limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.pop3.wire import responses
from seventh.protocols.pop3.wire.responses import Responses, Status, has_timestamp, status


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"+OK", Status(True)), (b"+OK ", Status(True)), (b"+OK 2 320", Status(True, "", b"2 320")),
        (b"-ERR [IN-USE] locked", Status(False, "IN-USE", b"locked")),
        (b"-ERR [sys/temp]later", Status(False, "SYS/TEMP", b"later")),
        (b"-ERR [not a code] x", Status(False, "", b"[not a code] x")),
        (b"+OK <1.2@h>", Status(True, "", b"<1.2@h>")),
    ],
)  # fmt: skip
def test_a_status(line: bytes, expected: Status) -> None:
    assert status(line) == expected


@pytest.mark.parametrize("line", [b"", b"OK", b"+OKAY", b"-ERROR", b"* OK", b"+ b64", b"+ok"])
def test_what_is_no_status(line: bytes) -> None:
    with pytest.raises(ProtocolViolation) as raised:
        status(line)
    assert raised.value.detail == f"a POP3 response begins with '{line.decode()}'"


def test_what_is_shown_of_another_line() -> None:
    with pytest.raises(ProtocolViolation) as raised:
        status(b"x" * 81)
    assert raised.value.detail == f"a POP3 response begins with '{'x' * 80}…'"


def test_what_follows_a_line_is_taken_once() -> None:
    reader = Responses()
    reader.feed(b"+OK\n+OK injected")
    assert reader.line() == b"+OK"
    assert (reader.rest(), reader.rest(), reader.bare) == (b"+OK injected", b"", 1)


@pytest.mark.parametrize(
    ("greeting", "found"),
    [(b"ready <1896.697170952@h.example>", True), (b"ready", False), (b"<no at>", False),
     (b"<a b@c>", False), (b"<@>", False)],
)  # fmt: skip
def test_the_timestamp_of_apop(greeting: bytes, found: bool) -> None:
    assert has_timestamp(greeting) is found


def read(*pieces: bytes) -> tuple[bytes | None, tuple[bytes, ...] | None]:
    reader = Responses()
    line = items = None
    for piece in pieces:
        reader.feed(piece)
        line = line if line is not None else reader.line()
        if line is not None and items is None:
            items = reader.items()
    return line, items


@given(st.integers(0, 30))
def test_a_list_in_any_pieces(cut: int) -> None:
    data = b"+OK\r\nUIDL\r\n..dot\r\n\nSASL X\n.\r\n"
    assert read(data[:cut], data[cut:]) == (b"+OK", (b"UIDL", b".dot", b"", b"SASL X"))
    assert read(data[:-3]) == (b"+OK", None)


def test_a_list_has_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "MAX_ITEMS", 2)
    assert read(b"+OK\r\na\r\nb\r\n.\r\n") == (b"+OK", (b"a", b"b"))
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: a list has more than 2 lines$"
    ):
        read(b"+OK\r\na\r\nb\r\nc\r\n")


def test_a_list_has_a_size() -> None:
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: an answer of more than 2097152 bytes$"
    ):
        read(b"+OK\r\n", (b"a" * 8000 + b"\r\n") * 263)


def test_each_list_counts_by_itself() -> None:
    reader = Responses()
    for _ in range(3):
        reader.feed(b"+OK\r\n" + (b"a" * 8000 + b"\r\n") * 200 + b".\r\n")
        assert reader.line() == b"+OK"
        assert len(reader.items() or ()) == 200
    assert (reader.rest(), reader.bare) == (b"", 0)
