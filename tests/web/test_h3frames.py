"""Looking through HTTP/3's frames: in any pieces, within the limits, whatever comes."""

from __future__ import annotations

import pytest
from aioquic.buffer import encode_uint_var
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.web import h3frames, limits
from seventh.web.h3frames import FrameScan, UniScan, varint


def frame(kind: int, payload: bytes) -> bytes:
    return encode_uint_var(kind) + encode_uint_var(len(payload)) + payload


SETTINGS = frame(h3frames.SETTINGS, encode_uint_var(8) + encode_uint_var(1))
frames = st.lists(
    st.tuples(st.sampled_from([0, 1, 4, 7, 0x21, 0x40, 1 << 40]), st.binary(max_size=80)),
    max_size=8,
).map(lambda pairs: b"".join(frame(kind, payload) for kind, payload in pairs))


def outcome(scan: FrameScan, pieces: list[bytes]) -> object:
    try:
        for piece in pieces:
            scan.feed(piece)
    except ProtocolViolation as violation:
        return violation.detail
    return scan.goaways, scan.settings, scan.head_bytes


@given(st.one_of(st.binary(max_size=400), frames))
def test_one_chunk_is_as_byte_by_byte(data: bytes) -> None:
    whole = outcome(FrameScan(), [data])
    assert outcome(FrameScan(), [data[i : i + 1] for i in range(len(data))]) == whole


@given(st.lists(st.tuples(st.integers(0, 40), st.binary(max_size=40)), max_size=60))
def test_whatever_streams_a_server_opens(pieces: list[tuple[int, bytes]]) -> None:
    def run(split: bool) -> object:
        scan = UniScan()
        try:
            for number, data in pieces:
                for part in [data[i : i + 1] for i in range(len(data))] if split else [data]:
                    scan.feed(4 * number + 3, part)
        except ProtocolViolation as violation:
            return violation.detail
        return scan.control.goaways, scan.control.settings

    if all(data for _, data in pieces):
        assert run(split=True) == run(split=False)
    else:
        run(split=False)


@given(st.integers(0, (1 << 62) - 1), st.binary(max_size=4))
def test_varints(value: int, behind: bytes) -> None:
    encoded = encode_uint_var(value)
    assert varint(encoded + behind) == (value, len(encoded))
    assert varint(encoded[:-1]) is None


def test_settings_and_goaway_are_read_from_the_control_stream() -> None:
    scan = UniScan()
    scan.feed(3, b"\x00" + SETTINGS + frame(0x7, encode_uint_var(8)))
    scan.feed(7, b"\x02" + b"anything at all")
    scan.feed(3, frame(0x7, encode_uint_var(4)))
    assert scan.control.settings == ((8, 1),)
    assert scan.control.goaways == [8, 4]


def test_settings_have_names_and_greasing_has_none() -> None:
    named = h3frames.named(((0x1, 4096), (0x8, 1), (0x21, 7), (0x4242, 3)))
    assert [(s.name, s.value) for s in named] == [
        ("QPACK_MAX_TABLE_CAPACITY", 4096), ("ENABLE_CONNECT_PROTOCOL", 1), ("0x4242", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x01" + encode_uint_var(limits.MAX_HEAD_BYTES + 1), "HEADERS"),
        (b"\x04" + encode_uint_var(h3frames.MAX_SETTINGS_BYTES + 1), "SETTINGS"),
        (b"\x07" + encode_uint_var(9), "GOAWAY"),
        (frame(0x7, b"\x01\x02"), "single integer"),
        (frame(0x4, b"\x08"), "within a setting"),
        (frame(0x21, b"") * (limits.MAX_IDLE_FRAMES + 1), "without progress"),
        (frame(0x0, b"") * (limits.MAX_IDLE_FRAMES + 1), "without progress"),
        (frame(0x0, b"x") * (limits.MAX_THIN_FRAMES + 1), "fewer than"),
        (frame(0x7, b"\x00") * (limits.MAX_PINGS + 1), "GOAWAY"),
    ],
)
def test_what_is_too_much(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolViolation, match=says):
        FrameScan().feed(data)


def test_a_long_body_is_no_violation() -> None:
    scan = FrameScan()
    scan.feed(b"\x00" + encode_uint_var(1 << 40))
    for _ in range(100):
        scan.feed(bytes(65536))


def test_streams_without_end() -> None:
    scan = UniScan()
    with pytest.raises(ProtocolViolation, match="streams"):
        for number in range(h3frames.MAX_UNI_STREAMS + 1):
            scan.feed(4 * number + 3, b"\x21")
