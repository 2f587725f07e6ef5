"""Event streams, by their pieces and instants."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.http.facts.content import EventStream
from seventh.protocols.http.probe.content.sse import Listener

SECOND = 10**9


def hear(*pieces: tuple[float, bytes], until: float = 10.0, ended: bool = False) -> EventStream:
    listener = Listener()
    for at, piece in pieces:
        listener.feed(piece, int(at * SECOND))
    return listener.facts(0, int(until * SECOND), ended=ended, coding="")


def test_events_comments_and_retry() -> None:
    heard = hear((1, b"retry: 5000\r\n\r\ndata: a\r"), (1.1, b"\n\r\n: beat\n\n"), (4, b"data\n\n"))
    assert (heard.events, heard.comments, heard.retry_milliseconds) == (2, 1, 5000)
    assert (heard.first_seconds, heard.seconds, heard.silence_seconds) == (1.0, 10.0, 6.0)
    assert heard.cut_events == 0


def test_lines_are_read_as_the_standard_has_them() -> None:
    """A byte order mark before all, fields by their whole name, one blank before a value."""
    heard = hear((0, b"\xef\xbb\xbf: beat\ndatabase: 1\n\nretry:  7\nretry: 8\ndata\n\n"))
    assert (heard.events, heard.comments, heard.retry_milliseconds) == (1, 1, 8)


def test_a_line_without_end_costs_little() -> None:
    listener = Listener()
    for _ in range(1 << 18):
        listener.feed(b"x" * 16, 1)
    assert len(listener._line) == 65536


def test_silence() -> None:
    assert hear().silence_seconds == 10.0
    assert hear().first_seconds is None
    ended = hear((2, b": x\n"), until=9, ended=True)
    assert (ended.ended, ended.ended_silent_seconds) == (True, 7.0)


def test_halves_of_events_are_a_buffers() -> None:
    assert hear((0, b"data: lo"), (1, b"ng\n\n")).cut_events == 1
    assert hear((0, b"data: lo"), (0.1, b"ng\n\n")).cut_events == 0
    assert hear((0, b"data: long\n"), (1, b"\n")).cut_events == 1
    assert hear((0, b"data: a\n\n"), (1, b"data: b\n\n")).cut_events == 0


@given(st.binary(max_size=200), st.lists(st.integers(1, 20), max_size=60))
def test_any_cut_gives_the_same(stream: bytes, sizes: list[int]) -> None:
    pieces, rest = [], stream
    for size in sizes:
        pieces.append((0.0, rest[:size]))
        rest = rest[size:]
    whole = hear((0.0, stream))
    assert hear(*pieces, (0.0, rest)) == whole
    assert hear(*((0.0, stream[i : i + 1]) for i in range(len(stream)))) == whole
