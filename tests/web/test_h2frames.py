"""HTTP/2's frames as they are cut from the input: what each is, when it came, what is counted."""

from __future__ import annotations

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe.frame import FRAMES

from seventh.labkit.web.h2faults import frame
from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.web import h2frames as f
from seventh.web.h2frames import Gate, GoAway, kind_name, parse_goaway

SETTINGS = frame(f.SETTINGS, 0, 0)
FIRST, SECOND, THIRD = (Mark(ns, "kernel") for ns in (10, 20, 30))
MISMATCH = "the answer is not HTTP/2: it begins with {}, not with SETTINGS"


def refusal(first: bytes) -> tuple[Reason, str]:
    """What a first piece is refused with."""
    with pytest.raises(Failed) as caught:
        list(Gate().receive(first, FIRST))
    return caught.value.reason, caught.value.detail


@pytest.mark.parametrize(
    "first",
    [
        b"\x00", b"\x00\x00", b"\x00\x00\x00", b"\x00\x40\x00\x04", SETTINGS,
        b"\x00\x00\x08\x07\x00\x00\x00\x00\x00", frame(f.GOAWAY, 0xFF, 0, bytes(8)),
    ],
    ids=["one", "two", "three", "length", "settings", "goaway's header", "goaway"],
)  # fmt: skip
def test_a_beginning_of_http_2(first: bytes) -> None:
    gate = Gate()
    assert [each.raw for each in gate.receive(first, FIRST)] == [first] * (not gate.partial)


@pytest.mark.parametrize(
    ("first", "says"),
    [
        (b"\x01", MISMATCH.format("'\\x01'")),
        (b"\x01\x00\x00\x04", MISMATCH.format("'\\x01\\x00\\x00\\x04'")),
        (b"\x00\x00\x00\x01", MISMATCH.format("'\\x00\\x00\\x00\\x01'")),
        (b"\x01\x00\x08\x07", MISMATCH.format("'\\x01\\x00\\x08\\x07'")),
        (b"\x00\x00\x08\x07\x00\x00\x00\x00\x01",
         MISMATCH.format("'\\x00\\x00\\x08\\x07\\x00\\x00\\x00\\x00\\x01'")),
        (b"x" * 80, MISMATCH.format(f"'{'x' * 40}'")),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the peer uses HTTP/1, not HTTP/2"),
        (b"SSH-2.0-x\r\n", "the peer uses SSH, not HTTP/2"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
         MISMATCH.format("'PRI * HTTP/2.0\\x0d\\x0a\\x0d\\x0aSM\\x0d\\x0a\\x0d\\x0a'")),
    ],
)  # fmt: skip
def test_what_is_not_http_2(first: bytes, says: str) -> None:
    assert refusal(first) == (Reason.PROTOCOL_MISMATCH, says)


def test_a_beginning_is_judged_once() -> None:
    gate = Gate()
    list(gate.receive(SETTINGS, FIRST))
    (found,) = gate.receive(frame(f.PING, 0, 0, bytes(8)), SECOND)
    assert (found.kind, found.payload, found.begun, found.ended) == (
        f.PING, bytes(8), SECOND, SECOND,
    )  # fmt: skip


def test_a_frame_begins_with_its_first_byte_and_ends_with_its_last() -> None:
    gate = Gate()
    data = frame(f.DATA, f.END_STREAM, 0x8000_0003, b"hello")
    (settings,) = gate.receive(SETTINGS + data[:3], FIRST)
    assert (settings.begun, settings.ended, gate.partial) == (FIRST, FIRST, True)
    assert list(gate.receive(data[3:9], SECOND)) == []
    found, ping = gate.receive(data[9:] + frame(f.PING, f.ACK, 0, bytes(8)), THIRD)
    assert (found.begun, found.ended) == (FIRST, THIRD)
    assert (found.kind, found.flags, found.stream_id, found.raw) == (f.DATA, f.END_STREAM, 3, data)
    assert (ping.begun, ping.ended, gate.partial) == (THIRD, THIRD, False)


def test_a_header_block_begins_with_its_headers() -> None:
    gate = Gate()
    list(gate.receive(SETTINGS, FIRST))
    (head,) = gate.receive(frame(f.HEADERS, 0, 1, b"a"), SECOND)
    assert (head.begun, gate.partial) == (SECOND, True)
    (middle,) = gate.receive(frame(f.CONTINUATION, 0, 1, b"b"), THIRD)
    (last,) = gate.receive(frame(f.CONTINUATION, f.END_HEADERS, 1, b"c"), THIRD)
    assert (middle.begun, last.begun, last.ended, gate.partial) == (SECOND, SECOND, THIRD, False)
    (promise,) = gate.receive(frame(f.PUSH_PROMISE, f.END_HEADERS, 1, bytes(4)), THIRD)
    assert (promise.begun, gate.partial) == (THIRD, False)


def test_acknowledgements_are_counted_by_themselves() -> None:
    gate = Gate()
    ack = frame(f.SETTINGS, f.ACK, 0)
    pong = frame(f.PING, f.ACK, 0, bytes(8))
    ended = frame(f.DATA, f.END_STREAM, 1)
    list(gate.receive(SETTINGS + ack + pong + pong + frame(f.PING, 0, 0, bytes(8)) + ended, FIRST))
    assert gate.counts == {
        f.SETTINGS: 1,
        f.SETTINGS + 256: 1,
        f.PING + 256: 2,
        f.PING: 1,
        f.DATA: 1,
    }


def test_goaway() -> None:
    payload = b"\x80\x00\x00\x05" + (11).to_bytes(4, "big") + b"too \x1b many"
    gate = Gate()
    _, found = gate.receive(SETTINGS + frame(f.GOAWAY, 0, 0, payload), FIRST)
    away = parse_goaway(found)
    assert away == GoAway(code=11, last_stream_id=5, debug=b"too \x1b many", at=FIRST)
    assert str(away) == "GOAWAY ENHANCE_YOUR_CALM: too \\x1b many"
    assert str(GoAway(code=0, last_stream_id=0, at=FIRST)) == "GOAWAY NO_ERROR"


@pytest.mark.parametrize(("payload", "stream"), [(bytes(7), 0), (bytes(8), 1)])
def test_a_malformed_goaway(payload: bytes, stream: int) -> None:
    gate = Gate()
    _, found = gate.receive(SETTINGS + frame(f.GOAWAY, 0, stream, payload), FIRST)
    with pytest.raises(Failed) as caught:
        parse_goaway(found)
    assert caught.value.detail == "a malformed GOAWAY frame"


def test_debug_data_is_kept_up_to_a_kibibyte() -> None:
    gate = Gate()
    _, found = gate.receive(SETTINGS + frame(f.GOAWAY, 0, 0, bytes(8) + b"d" * 1025), FIRST)
    assert parse_goaway(found).debug == b"d" * 1024


def test_names_are_those_of_the_h2_library() -> None:
    assert {f.error_name(code): int(code) for code in ErrorCodes} == {
        each.name: each.value for each in ErrorCodes
    }
    assert [f.error_name(code) for code in (13, 14)] == ["HTTP_1_1_REQUIRED", "error 0xe"]
    named = {each.value: each.name for each in SettingCodes}
    assert {**named, 9: "NO_RFC7540_PRIORITIES"} == f.SETTING_NAMES  # RFC 9218 §2.1
    assert [f.setting_name(code) for code in (1, 7)] == ["HEADER_TABLE_SIZE", "0x0007"]
    kinds = {
        number: kind.__name__.removesuffix("Frame").upper()
        for number, kind in FRAMES.items()
        if number < len(f.KINDS)
    }
    assert {number: name.replace("_", "") for number, name in enumerate(f.KINDS)} == kinds
    assert [f.KINDS[number] for number in (f.DATA, f.HEADERS, f.WINDOW_UPDATE, f.CONTINUATION)] == [
        "DATA", "HEADERS", "WINDOW_UPDATE", "CONTINUATION",
    ]  # fmt: skip
    assert (f.ACK, f.END_STREAM, f.END_HEADERS, f.CANCEL) == (1, 1, 4, ErrorCodes.CANCEL)


def test_kinds() -> None:
    assert [kind_name(kind) for kind in (f.DATA, f.ALTSVC, 11, 0xEE)] == [
        "DATA", "ALTSVC", "kind 0xb", "kind 0xee",
    ]  # fmt: skip
