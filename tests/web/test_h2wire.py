"""HTTP/2 without a socket: pieces do not matter, and no bytes do harm."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seventh.labkit.web.h2faults import frame, head
from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.web import h2frames as f
from seventh.web import limits
from seventh.web.h2exchange import Exchange
from seventh.web.h2frames import Gate, error_name, parse_settings, setting_name
from seventh.web.h2wire import H2Wire
from seventh.web.message import Request, Unfinished

AT = Mark(7, "kernel")
SETTINGS = frame(f.SETTINGS, 0, 0, bytes.fromhex("000300000064"))
ACKED = frame(f.SETTINGS, f.ACK, 0)
ANSWER = frame(f.HEADERS, f.END_HEADERS, 1, head(("x-a", "1"), ("x-a", "2")))
BODY = frame(f.DATA, f.END_STREAM, 1, b"hello")
TRAILERS = frame(f.HEADERS, f.END_HEADERS | f.END_STREAM, 1, head()[1:] + b"\x00\x03x-t\x01y")
GOAWAY = frame(f.GOAWAY, 0, 0, (1).to_bytes(4, "big") + bytes(4) + b"bye")
SPLIT = frame(f.HEADERS, 0, 1, head()[:1]) + frame(
    f.CONTINUATION, f.END_HEADERS, 1, b"\x00\x03x-t\x01y"
)
WHOLE = (
    SETTINGS + ACKED + ANSWER + BODY,
    SETTINGS + SPLIT + BODY,
    SETTINGS + GOAWAY + ANSWER + BODY,
    SETTINGS + frame(f.RST_STREAM, 0, 1, (7).to_bytes(4, "big")),
    SETTINGS + frame(f.WINDOW_UPDATE, 0, 0, (9).to_bytes(4, "big")) + ANSWER,
    SETTINGS + frame(f.HEADERS, f.END_HEADERS, 1, head(status="103")) + ANSWER + BODY,
    frame(f.GOAWAY, 0, 0, bytes(4) + (13).to_bytes(4, "big") + b"no"),
)


def begin(method: str = "GET") -> tuple[H2Wire, Exchange]:
    wire = H2Wire()
    exchange = wire.open(Request(method=method, authority="a.test"), Mark(0, "user"), end=True)
    return wire, exchange


def outcome(pieces: list[bytes]) -> object:
    wire, exchange = begin()
    for piece in pieces:
        wire.receive(piece, AT)
    return (
        wire.failed and wire.failed.reason,
        exchange.failed and exchange.failed.reason,
        exchange.ended, exchange.status, exchange.fields, exchange.head_bytes,
        b"".join(data for data, _, _ in exchange.pieces),
        msgspec.structs.replace(wire.stats, spent="spent" if wire.stats.spent else ""),
    )  # fmt: skip


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize("data", WHOLE)
def test_in_one_piece_is_byte_by_byte(data: bytes) -> None:
    assert outcome([data]) == outcome(bytewise(data))


@given(st.binary(max_size=200))
def test_any_bytes_are_borne(data: bytes) -> None:
    outcome([data, b""])
    outcome([SETTINGS + data, b""])


@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.integers(0, 90), st.binary(max_size=3)), max_size=3),
)
# An error in a GOAWAY, and frames that came with it.
@example(WHOLE[2], [(19, b""), (19, b""), (26, b"\x00\x00\x01")])
@settings(deadline=None)
def test_damaged_frames_are_borne(data: bytes, damage: list[tuple[int, bytes]]) -> None:
    for at, junk in damage:
        data = data[:at] + junk + data[at + 1 :]
    assert outcome([data, b""]) == outcome([*bytewise(data), b""])


FRAME = st.builds(
    frame,
    st.integers(0, 12),
    st.integers(0, 255),
    st.sampled_from([0, 1, 2, 3]),
    st.binary(max_size=24),
)


@given(st.lists(FRAME, max_size=8))
@settings(deadline=None)
def test_any_frames_are_borne(frames: list[bytes]) -> None:
    data = SETTINGS + b"".join(frames)
    assert outcome([data]) == outcome(bytewise(data))


def test_a_response() -> None:
    wire, exchange = begin()
    wire.receive(SETTINGS + ANSWER[:4], Mark(1, "kernel"))
    wire.receive(ANSWER[4:], Mark(2, "kernel"))
    wire.receive(BODY, Mark(3, "kernel"))
    response = exchange.response(b"hello")
    assert (response.status, response.version) == (200, "2")
    assert response.every("x-a") == ("1", "2")
    assert (response.first.ns, response.last.ns) == (1, 3)
    assert response.head_bytes == len(ANSWER)
    assert wire.stats.named_settings == {"MAX_CONCURRENT_STREAMS": 100}


def test_a_graceful_goaway_lets_earlier_streams_end() -> None:
    wire, first = begin()
    second = wire.open(Request(authority="a.test"), AT, end=True)
    wire.receive(SETTINGS + GOAWAY + ANSWER + BODY, AT)
    assert first.ended and first.status == 200
    assert second.failed is not None and second.failed.reason is Reason.PEER_CLOSED
    assert wire.stats.goaway is not None
    assert (wire.stats.goaway.name, wire.stats.goaway.debug) == ("NO_ERROR", b"bye")
    assert wire.stats.spent == "GOAWAY NO_ERROR: bye"


def test_http_1_1_required_is_a_failed_negotiation() -> None:
    wire, exchange = begin()
    wire.receive(WHOLE[-1], AT)
    assert exchange.failed is not None
    assert exchange.failed.reason is Reason.NEGOTIATION_FAILED


def test_a_connection_error_after_the_head_keeps_the_head() -> None:
    wire, exchange = begin()
    wire.receive(SETTINGS + ANSWER + frame(f.DATA, 0, 0, b"x"), AT)
    assert isinstance(wire.failed, ProtocolViolation)
    failed = exchange.unfinished(wire.failed)
    assert isinstance(failed, Unfinished) and failed.response.status == 200


@pytest.mark.parametrize(
    ("first", "named"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1"),
        (b"SSH-2.0-x\r\n", "SSH"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "TLS"),
        (b"\x00\x00\x00\x00\x00\x00\x00\x00\x01", "SETTINGS"),
    ],
)
def test_another_protocol_is_named(first: bytes, named: str) -> None:
    wire, _ = begin()
    wire.receive(first, AT)
    assert wire.failed is not None
    assert wire.failed.reason is Reason.PROTOCOL_MISMATCH
    assert named in wire.failed.detail


def test_a_declared_length_is_judged_before_its_bytes_are_awaited() -> None:
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: a DATA frame of 16777215 bytes; the limit is 16384$",
    ):
        list(Gate().receive(SETTINGS + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01", AT))


@pytest.mark.parametrize(
    "piece",
    [
        frame(f.SETTINGS, 0, 0), frame(f.PING, 0, 0, bytes(8)), frame(f.RST_STREAM, 0, 1, bytes(4)),
        frame(f.WINDOW_UPDATE, 0, 0, bytes(4)), frame(f.PRIORITY, 0, 1, bytes(5)),
        frame(f.DATA, 0, 1), frame(f.DATA, 0, 1, b"x"), frame(0xEE, 0, 0, b"x"),
        frame(f.PING, f.ACK, 0, bytes(8)), frame(f.CONTINUATION, 0, 1, b"x"),
    ],
)  # fmt: skip
def test_floods_are_turned_away(piece: bytes) -> None:
    gate = Gate()
    list(gate.receive(SETTINGS, AT))
    with pytest.raises(ProtocolViolation):
        for _ in itertools.repeat(None, 10_000):
            list(gate.receive(piece, AT))


def test_a_compressed_block_is_bounded() -> None:
    gate = Gate()
    big = bytes(16384)
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: a header block longer than 65536 bytes, compressed$",
    ):
        list(gate.receive(SETTINGS + frame(f.HEADERS, 0, 1, big), AT))
        for _ in range(limits.MAX_CONTINUATIONS):
            list(gate.receive(frame(f.CONTINUATION, 0, 1, big), AT))


@pytest.mark.parametrize("status", ["1", "-5", "099", "20x", "2000", "+20"])
def test_a_status_is_three_digits(status: str) -> None:
    wire, _ = begin()
    wire.receive(SETTINGS + frame(f.HEADERS, f.END_HEADERS, 1, head(status=status)), AT)
    assert isinstance(wire.failed, ProtocolViolation)


def test_names() -> None:
    assert error_name(11) == "ENHANCE_YOUR_CALM" and error_name(99) == "error 0x63"
    assert setting_name(8) == "ENABLE_CONNECT_PROTOCOL" and setting_name(0xABCD) == "0xabcd"
    assert list(parse_settings(bytes.fromhex("0003000000640004"))) == [(3, 100)]


def test_what_cannot_be_sent_is_ours_to_mend() -> None:
    with pytest.raises(Failed) as caught:
        H2Wire().open(Request(authority="a.test", headers=(("x", "ä€"),), path=""), AT, end=True)
    assert caught.value.reason is Reason.OPTIONS_UNUSABLE


def test_hop_by_hop_fields_do_not_travel() -> None:
    wire = H2Wire()
    fields = (("Connection", "close"), ("Host", "b.test"), ("X-Kept", "1"))
    wire.open(Request(authority="a.test", headers=fields), AT, end=True)
    assert wire.stats.streams == 1


def _header_block(*sizes: int) -> list[bytes]:
    first, *others = (bytes(size) for size in sizes)
    return [frame(f.HEADERS, 0, 1, first), *(frame(f.CONTINUATION, 0, 1, each) for each in others)]


def test_a_header_block_is_as_long_as_its_parts_together() -> None:
    quarter = limits.MAX_HEAD_BYTES // 4
    gate = Gate()
    for piece in (SETTINGS, *_header_block(quarter, quarter, quarter, quarter)):
        list(gate.receive(piece, AT))
    assert gate.partial
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: a header block longer than 65536 bytes, compressed$",
    ):
        list(gate.receive(frame(f.CONTINUATION, 0, 1, b"x"), AT))


def test_a_header_block_is_counted_by_itself() -> None:
    gate = Gate()
    most = limits.MAX_FRAME_BYTES
    for _ in range(5):
        for piece in (SETTINGS, frame(f.HEADERS, f.END_HEADERS, 1, bytes(most))):
            list(gate.receive(piece, AT))
    assert not gate.partial


@pytest.mark.parametrize(
    ("piece", "most"),
    [
        (SETTINGS, limits.MAX_SETTINGS - 1),
        (frame(f.PING, 0, 0, bytes(8)), limits.MAX_PINGS),
        (frame(f.RST_STREAM, 0, 1, bytes(4)), limits.MAX_RESETS),
        (frame(f.ALTSVC, 0, 0, bytes(2)), limits.MAX_SETTINGS),
        (frame(f.PRIORITY, 0, 1, bytes(5)), limits.MAX_IDLE_FRAMES - 1),
        (frame(f.DATA, 0, 1, b"x" * (limits.THIN_FRAME - 1)), limits.MAX_THIN_FRAMES),
    ],
    ids=["SETTINGS", "PING", "RST_STREAM", "ALTSVC", "PRIORITY", "DATA"],
)
def test_each_kind_of_frame_has_its_limit(piece: bytes, most: int) -> None:
    gate = Gate()
    list(gate.receive(SETTINGS, AT))
    assert len(list(gate.receive(piece * most, AT))) == most
    with pytest.raises(ProtocolViolation):
        list(gate.receive(piece, AT))


def test_a_frame_may_have_the_longest_length() -> None:
    gate = Gate()
    (found,) = list(gate.receive(SETTINGS, AT))
    longest = frame(f.DATA, 0, 1, bytes(limits.MAX_FRAME_BYTES))
    assert [each.raw for each in gate.receive(longest, AT)] == [longest]
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: a DATA frame of 16385 bytes; the limit is 16384$",
    ):
        list(gate.receive(frame(f.DATA, 0, 1, bytes(limits.MAX_FRAME_BYTES + 1)), AT))
    assert found.kind == f.SETTINGS
