"""Frames: what is said is heard, whatever comes gives events or a violation, and nothing grows."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.protocol import OPEN, SERVER, Protocol

from seventh.model.phase import Mark
from seventh.wire import websocket_frames as codec
from seventh.wire.websocket_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Closed,
    Frames,
    Message,
    Pinged,
    Ponged,
    masked_by,
    raw_frame,
    raw_head,
)
from tests.protocols.websocket.codec import (
    AT,
    close_code,
    close_payload,
    frame,
    joined,
    received,
    sent,
)

# -- properties ----------------------------------------------------------------------------------

pieces = st.lists(
    st.one_of(
        st.builds(frame, st.just(TEXT), st.text(max_size=12).map(str.encode)),
        st.builds(frame, st.just(BINARY), st.sampled_from([b"", b"a", b"b" * 125, b"c" * 126])),
        st.builds(frame, st.sampled_from([PING, PONG]), st.binary(max_size=12)),
        st.builds(
            lambda a, b: frame(BINARY, a, fin=False) + frame(CONTINUATION, b),
            st.binary(max_size=12),
            st.binary(max_size=12),
        ),
    ),
    max_size=8,
)


@given(pieces, st.binary(max_size=60), st.integers(1, 7))
@settings(max_examples=150)
def test_one_chunk_is_as_good_as_many(good: list[bytes], noise: bytes, chop: int) -> None:
    data = b"".join(good) + noise
    whole, wrong, one = received(data)
    parts, wrong_too, many = received(data, chop)
    assert wrong == wrong_too
    assert parts == whole  # a violation hides nothing of what came before it
    if wrong is None:
        assert sent(one) == sent(many)


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_any_bytes_give_events_or_a_violation(data: bytes) -> None:
    events, wrong, frames = received(data)
    assert all(isinstance(e, Message | Pinged | Ponged | Closed) for e in events)
    if wrong is not None:
        assert wrong.startswith("the server sends ")
        assert frames.receive(b"\x81\x00", AT) == []


@given(st.text(max_size=200), st.binary(max_size=200), st.binary(max_size=125))
def test_what_is_said_is_heard(text: str, data: bytes, ping: bytes) -> None:
    frames = Frames()
    frames.text(text)
    frames.binary(data)
    frames.ping(ping)
    assert sent(frames) == [(TEXT, text.encode()), (BINARY, data), (PING, ping)]


@given(st.binary(min_size=4, max_size=4), st.binary(max_size=300))
def test_masking_twice_is_nothing(mask: bytes, data: bytes) -> None:
    once = masked_by(mask, data)
    assert once == bytes(b ^ mask[i % 4] for i, b in enumerate(data))
    assert masked_by(mask, once) == data


@given(st.binary(max_size=70_000), st.booleans())
@settings(max_examples=30)
def test_raw_frames_are_what_the_library_reads(data: bytes, fin: bool) -> None:
    server = Protocol(SERVER, state=OPEN)
    server.receive_data(raw_frame(BINARY, data, fin=fin))
    (found,) = server.events_received()
    assert isinstance(found, Frame)
    assert (bytes(found.data), found.fin) == (data, fin)


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, "8200"), (125, "827d"), (126, "827e007e"), (65535, "827effff"),
        (65536, "827f0000000000010000"), (1 << 63, "827f8000000000000000"),
    ],
)  # fmt: skip
def test_a_head_has_the_shortest_length(length: int, head: str) -> None:
    assert raw_head(BINARY, length, masked=False) == bytes.fromhex(head)
    masked = bytearray.fromhex(head)
    masked[1] |= 0x80
    assert raw_head(BINARY, length) == masked


def test_a_head_s_first_byte() -> None:
    assert raw_head(TEXT, 1, fin=False, rsv=4, masked=False) == b"\x41\x01"
    assert raw_head(15, 1, rsv=3, masked=False) == b"\xbf\x01"


# -- after the catalogue of the Autobahn suite: its sections are the numbers ----------------------

LENGTHS = (0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 1024 * 1024)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_1_framing(opcode: int, length: int) -> None:
    events, wrong, _ = received(frame(opcode, b"*" * length), chop=997)
    assert wrong is None
    (message,) = events
    assert isinstance(message, Message)
    assert (len(message.data), message.kind) == (length, "text" if opcode == TEXT else "binary")


@pytest.mark.parametrize("payload", [b"", b"Hello", bytes([0, 255, 254]), b"*" * 125])
def test_2_every_ping_is_answered_with_its_data(payload: bytes) -> None:
    events, wrong, frames = received(frame(PING, payload))
    assert wrong is None
    assert events == [Pinged(data=payload, at=AT)]
    assert sent(frames) == [(PONG, payload)]


def test_2_ten_pings_at_once_are_ten_pongs_in_order() -> None:
    _, _, frames = received(joined(*(frame(PING, b"%d" % n) for n in range(10))))
    assert sent(frames) == [(PONG, b"%d" % n) for n in range(10)]


def test_2_unsolicited_pongs_are_no_violation() -> None:
    events, wrong, frames = received(frame(PONG) + frame(PONG, b"who asked"))
    assert wrong is None
    assert [type(e) for e in events] == [Ponged, Ponged]
    assert sent(frames) == []


@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, PONG, CLOSE])
def test_3_reserved_bits(rsv: int, opcode: int) -> None:
    events, wrong, frames = received(frame(TEXT, b"fine") + frame(opcode, b"", rsv=rsv), chop=1)
    assert wrong is not None and "reserved bit" in wrong
    assert [type(e) for e in events] == [Message]
    assert close_code(frames) == 1002


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"*"])
def test_4_reserved_opcodes(opcode: int, payload: bytes) -> None:
    _, wrong, frames = received(frame(opcode, payload))
    assert wrong is not None and "reserved opcode" in wrong
    assert close_code(frames) == 1002


BROKEN_FRAGMENTS = {
    "5.1 a fragmented ping": frame(PING, b"a", fin=False) + frame(CONTINUATION, b"b"),
    "5.2 a fragmented pong": frame(PONG, b"a", fin=False) + frame(CONTINUATION, b"b"),
    "5.9 a continuation of nothing": frame(CONTINUATION, b"x"),
    "5.12 an unfinished continuation of nothing": frame(CONTINUATION, b"x", fin=False),
    "5.15 a continuation after the end": joined(
        frame(TEXT, b"a", fin=False), frame(CONTINUATION, b"b"), frame(CONTINUATION, b"c")
    ),
    "5.18 a text within a text": frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
    "2.5 a ping of 126 bytes": frame(PING, b"*" * 126),
    "a close in pieces": frame(CLOSE, close_payload(1000), fin=False),
    "a close of 126 bytes": frame(CLOSE, close_payload(1000, "*" * 124)),
    "a masked frame": raw_frame(TEXT, b"masked"),
}


@pytest.mark.parametrize("name", BROKEN_FRAGMENTS)
@pytest.mark.parametrize("chop", [0, 1])
def test_5_broken_fragments(name: str, chop: int) -> None:
    _, wrong, frames = received(BROKEN_FRAGMENTS[name], chop)
    assert wrong is not None, name
    assert "a malformed frame" not in wrong, "every violation has a text of its own"
    assert close_code(frames) == 1002


def test_5_control_frames_may_stand_between_pieces() -> None:
    data = joined(
        frame(TEXT, b"one ", fin=False),
        frame(PING, b"p1"),
        frame(CONTINUATION, b"two ", fin=False),
        frame(PONG, b"p2"),
        frame(CONTINUATION, b"three"),
    )
    for chop in (0, 1, 3):
        events, wrong, frames = received(data, chop)
        assert wrong is None
        assert [type(e) for e in events] == [Pinged, Ponged, Message]
        assert isinstance(events[-1], Message)
        assert (events[-1].data, events[-1].frames) == (b"one two three", 3)
        assert sent(frames) == [(PONG, b"p1")]


GOOD_TEXT = ("Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\U0010ffff", "퟿", "￾", "", "𝒳" * 30)
BAD_TEXT = (
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",  # 6.3.1
    b"\xf4\x90\x80\x80",  # beyond U+10FFFF
    b"\xf8\x88\x80\x80\x80",  # five bytes
    b"\xc0\xaf",  # overlong
    b"\xe0\x80\xaf",
    b"\x80",  # a lonely continuation
    b"\xbf",
    b"\xce",  # ends within a letter
    b"\xed\xa0\x80\xed\xb0\x80",  # surrogates
    b"\xfe\xff",
)


@pytest.mark.parametrize("text", GOOD_TEXT)
def test_6_good_text_in_every_cut(text: str) -> None:
    data = text.encode()
    for cut in range(len(data) + 1):
        both = frame(TEXT, data[:cut], fin=False) + frame(CONTINUATION, data[cut:])
        events, wrong, _ = received(both)
        assert wrong is None
        assert isinstance(events[0], Message)
        assert events[0].data == data


@pytest.mark.parametrize("data", BAD_TEXT)
@pytest.mark.parametrize("cut", [0, 1])
def test_6_bad_text(data: bytes, cut: int) -> None:
    whole = frame(TEXT, data)
    if cut:
        whole = frame(TEXT, data[:cut], fin=False) + frame(CONTINUATION, data[cut:])
    _, wrong, frames = received(whole)
    assert wrong is not None and "not UTF-8" in wrong
    assert close_code(frames) == 1007


def test_6_bad_text_fails_at_the_frame_in_which_it_stands() -> None:
    _, wrong, _ = received(frame(TEXT, b"\xff", fin=False))
    assert wrong is not None


def test_6_bytes_need_not_be_text() -> None:
    events, wrong, _ = received(frame(BINARY, b"\xff\xfe"))
    assert wrong is None
    assert isinstance(events[0], Message)


GOOD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999,
              4000, 4999)  # fmt: skip
BAD_CODES = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


@pytest.mark.parametrize("code", GOOD_CODES)
def test_7_close_codes_are_echoed(code: int) -> None:
    events, wrong, frames = received(frame(CLOSE, close_payload(code, "why")))
    assert wrong is None
    assert events == [Closed(code=code, reason="why", at=AT)]
    assert close_code(frames) == code
    assert not frames.open


@pytest.mark.parametrize("code", BAD_CODES)
def test_7_codes_that_may_not_stand_in_a_frame(code: int) -> None:
    _, wrong, frames = received(frame(CLOSE, close_payload(code)))
    assert wrong is not None and "close code" in wrong
    assert close_code(frames) == 1002


def test_7_an_empty_close_has_no_code() -> None:
    events, wrong, frames = received(frame(CLOSE))
    assert wrong is None
    assert events == [Closed(code=None, reason="", at=AT)]
    assert sent(frames) == [(CLOSE, b"")]


def test_7_a_close_of_one_byte() -> None:
    _, wrong, _ = received(frame(CLOSE, b"*"))
    assert wrong is not None and "one byte" in wrong


def test_7_a_reason_that_is_not_text() -> None:
    _, wrong, frames = received(frame(CLOSE, struct.pack("!H", 1000) + b"\xce\xba\xed\xa0\x80"))
    assert wrong is not None and "close reason" in wrong
    assert close_code(frames) == 1007


@pytest.mark.parametrize("after", [frame(TEXT, b"late"), frame(PING, b"late"), b"\xff" * 40])
def test_7_nothing_counts_after_a_close(after: bytes) -> None:
    events, wrong, frames = received(frame(CLOSE, close_payload(1000)) + after)
    assert wrong is None
    assert [type(e) for e in events] == [Closed]
    assert frames.receive(after, AT) == []
    assert sent(frames) == [(CLOSE, close_payload(1000))]


def test_7_a_reason_is_safe_to_show() -> None:
    events, _, _ = received(frame(CLOSE, close_payload(1008, "\x1b[2J\u202ego")))
    assert isinstance(events[0], Closed)
    assert events[0].reason == r"\x1b[2J\u202ego"


def test_7_after_our_close_nothing_more_is_said() -> None:
    frames = Frames()
    frames.close(1000)
    frames.text("too late")
    frames.close(1001)
    assert sent(frames) == [(CLOSE, close_payload(1000))]


@pytest.mark.parametrize("chop", [0, 1])
def test_7_a_close_frame_may_stand_within_a_message(chop: int) -> None:
    data = frame(TEXT, b"a", fin=False) + frame(CLOSE, close_payload(1001, "bye"))
    events, wrong, frames = received(data + frame(CONTINUATION, b"late"), chop)
    assert wrong is None
    assert events == [Closed(code=1001, reason="bye", at=AT)]
    assert close_code(frames) == 1001


# -- what a peer could make us hold ---------------------------------------------------------------


@pytest.mark.parametrize("length", [(1 << 20) + 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_9_a_declared_length_is_not_believed(length: int) -> None:
    _, wrong, frames = received(raw_head(BINARY, length, masked=False) + b"x" * 100, chop=1)
    assert wrong is not None and "more than" in wrong
    assert frames.too_long
    assert close_code(frames) == 1009


def test_9_pieces_count_together() -> None:
    piece = frame(CONTINUATION, bytes(64 * 1024), fin=False)
    _, wrong, _ = received(frame(BINARY, b"", fin=False) + piece * 17)
    assert wrong is not None and "more than" in wrong


def test_9_empty_pieces_end() -> None:
    data = frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * codec.MAX_FRAGMENTS
    _, wrong, _ = received(data)
    assert wrong is not None and str(codec.MAX_FRAGMENTS) in wrong


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_2_a_flood_of_control_frames_ends(opcode: int) -> None:
    events, wrong, _ = received(frame(opcode, b"x") * 10_000, chop=100)
    assert wrong is not None and "pings and pongs" in wrong
    assert len(events) <= codec.MAX_CONTROLS_PER_SECOND


def test_2_answers_to_our_own_pings_are_no_flood() -> None:
    frames = Frames()
    for _ in range(3 * codec.MAX_CONTROLS_PER_SECOND):
        frames.ping(b"x")
        assert frames.receive(frame(PONG, b"x"), AT)


def test_2_pings_once_a_second_may_go_on_for_ever() -> None:
    frames = Frames()
    for second in range(3 * codec.MAX_CONTROLS_PER_SECOND):
        assert frames.receive(frame(PING), Mark(second * 1_000_000_000, "user"))
