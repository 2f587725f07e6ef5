"""The bounded reader of lines, against its limits and against arbitrary pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.wire.lines import Line, Lines

TEXT = st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"250 ok", b"\0"])).map(b"".join)


def read(pieces: list[bytes], max_line: int = 8, max_bytes: int = 20) -> tuple[list[Line], str]:
    """The lines that come, and the error that ends them."""
    lines, found = Lines(max_line=max_line, max_bytes=max_bytes), []
    try:
        for piece in pieces:
            lines.feed(piece)
            while (line := lines.next()) is not None:
                found.append(line)
    except ProtocolViolation as violation:
        return found, violation.detail
    return found, ""


@given(TEXT | st.binary(max_size=64), st.data())
def test_pieces_make_no_difference(data: bytes, draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(data)))
    whole = read([data])
    assert read([bytes([byte]) for byte in data]) == whole
    assert read([data[:cut], data[cut:]]) == whole


@given(TEXT)
def test_without_a_limit_nothing_is_lost_or_added(data: bytes) -> None:
    lines, back = Lines(), b""
    lines.feed(data)
    while (line := lines.next()) is not None:
        back += line.text + (b"\n" if line.bare else b"\r\n")
    assert back + lines.rest() == data
    assert lines.rest() == b""


def test_an_empty_line_may_be_the_first() -> None:
    assert read([b"\n\r\n"]) == ([Line(b"", bare=True), Line(b"")], "")


def test_a_bare_line_feed_ends_a_line_and_is_counted() -> None:
    lines = Lines()
    lines.feed(b"one\r\ntwo\nthr\ree\r\n\n")
    assert [lines.next() for _ in range(5)] == [
        Line(b"one"), Line(b"two", bare=True), Line(b"thr\ree"), Line(b"", bare=True), None,
    ]  # fmt: skip
    assert lines.bare == 2
    assert lines.longest == len(b"thr\ree\r\n")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a" * 6 + b"\r\n", ([Line(b"a" * 6)], "")),
        (b"a" * 7, ([], "")),
        (b"a" * 7 + b"\r\n", ([], "more than 8 bytes without the end of a line")),
        (b"a" * 8, ([], "more than 8 bytes without the end of a line")),
        (b"aaa\r\n" * 4, ([Line(b"aaa")] * 4, "")),
        (b"aaa\r\n" * 4 + b"a", ([Line(b"aaa")] * 4, "an answer of more than 20 bytes")),
        (b"aaaa\r\n" * 3 + b"a", ([Line(b"aaaa")] * 3, "")),
        (b"aaaa\r\n" * 3 + b"aa", ([Line(b"aaaa")] * 3, "an answer of more than 20 bytes")),
        (
            b"\r\n" * 6 + b"a" * 8,
            ([Line(b"")] * 6, "more than 8 bytes without the end of a line"),
        ),
    ],
)
def test_the_limits(data: bytes, expected: tuple[list[Line], str]) -> None:
    assert read([data]) == expected


def test_a_new_answer_has_the_whole_limit() -> None:
    lines = Lines(max_bytes=4)
    for _ in range(3):
        lines.begin()
        lines.feed(b"ab\r\n")
        assert lines.next() == Line(b"ab")


def test_a_literal_is_taken_when_it_is_there_and_never_allocated() -> None:
    lines = Lines(max_bytes=12)
    lines.feed(b"{5}\r\nab")
    assert lines.next() == Line(b"{5}")
    assert lines.exactly(5) is None
    lines.feed(b"\r\nc")
    assert lines.exactly(5) == b"ab\r\nc"
    assert lines.exactly(2) is None
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: an answer of more than 12 bytes$"
    ):
        lines.exactly(3)
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: an answer of more than 12 bytes$"
    ):
        lines.exactly(4_294_967_295)


def test_a_line_is_found_whole_after_an_end_was_sought_before_it() -> None:
    lines = Lines()
    lines.feed(b"abc")
    assert lines.next() is None
    assert lines.exactly(2) == b"ab"
    lines.feed(b"\nd\n")
    assert lines.next() == Line(b"c", bare=True)
    assert lines.next() == Line(b"d", bare=True)
    assert lines.next() is None
    lines.feed(b"left")
    assert lines.next() is None
    assert lines.rest() == b"left"
    lines.feed(b"\n")
    assert lines.next() == Line(b"", bare=True)
