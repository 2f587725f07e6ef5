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
    """The registry of RFC 9114 §11.2.2; greasing is 0x21 and every 31st number behind it."""
    numbers = (0x1, 0x2, 0x6, 0x7, 0x8, 0x20, 0x21, 0x22, 0x33, 0x40, 0x41, 0x4242)
    named = h3frames.named(tuple((number, 100 + number) for number in numbers))
    assert {s.name: s.value - 100 for s in named} == {
        "QPACK_MAX_TABLE_CAPACITY": 0x1, "0x2": 0x2, "MAX_FIELD_SECTION_SIZE": 0x6,
        "QPACK_BLOCKED_STREAMS": 0x7, "ENABLE_CONNECT_PROTOCOL": 0x8, "0x20": 0x20, "0x22": 0x22,
        "H3_DATAGRAM": 0x33, "0x41": 0x41, "0x4242": 0x4242,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (frame(0x7, b"\x01\x02"), "a GOAWAY frame that is not a single integer"),
        (frame(0x7, b""), "a GOAWAY frame that is not a single integer"),
        (frame(0x4, b"\x08"), "a SETTINGS frame that ends within a setting"),
        (frame(0x4, b"\x40"), "a SETTINGS frame that ends within a setting"),
        (frame(0x21, b"") * (limits.MAX_IDLE_FRAMES + 1), "more than 1024 frames without progress"),
        (frame(0x0, b"") * (limits.MAX_IDLE_FRAMES + 1), "more than 1024 frames without progress"),
        (
            frame(0x0, b"x") * (limits.MAX_THIN_FRAMES + 1),
            "more than 8192 DATA frames of fewer than 16 bytes",
        ),
        (frame(0x7, b"\x00") * (limits.MAX_PINGS + 1), "more than 64 GOAWAY frames"),
    ],
)
def test_what_is_too_much(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolViolation) as raised:
        FrameScan().feed(data)
    assert raised.value.detail == says


@pytest.mark.parametrize(
    ("kind", "cap", "name"),
    [
        (0x1, 65536, "HEADERS"), (0x5, 65536, "PUSH_PROMISE"), (0x3, 8, "CANCEL_PUSH"),
        (0x7, 8, "GOAWAY"), (0x4, 4096, "SETTINGS"),
    ],
)  # fmt: skip
def test_each_kind_has_its_cap(kind: int, cap: int, name: str) -> None:
    FrameScan().feed(encode_uint_var(kind) + encode_uint_var(cap))
    with pytest.raises(ProtocolViolation) as raised:
        FrameScan().feed(encode_uint_var(kind) + encode_uint_var(cap + 1))
    assert raised.value.detail == f"a {name} frame of {cap + 1} bytes; the limit is {cap}"


@pytest.mark.parametrize(
    "data",
    [
        frame(0x21, b"") * limits.MAX_IDLE_FRAMES + frame(0x0, b"x" * limits.THIN_FRAME),
        frame(0x0, b"x") * limits.MAX_THIN_FRAMES,
        frame(0x0, b"x" * limits.THIN_FRAME) * (limits.MAX_THIN_FRAMES + 1),
        frame(0x7, b"\x00") * limits.MAX_PINGS,
        (frame(0x21, b"") * limits.MAX_IDLE_FRAMES + frame(0x1, b"")) * 2,
    ],
    ids=range(5),
)
def test_what_is_not_too_much(data: bytes) -> None:
    FrameScan().feed(data)


def test_a_long_body_is_no_violation() -> None:
    scan = FrameScan()
    scan.feed(b"\x00" + encode_uint_var(1 << 40))
    for _ in range(100):
        scan.feed(bytes(65536))


def test_streams_without_end() -> None:
    scan = UniScan()
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: the server opened more than 32 streams$"
    ):
        for number in range(h3frames.MAX_UNI_STREAMS + 1):
            scan.feed(4 * number + 3, b"\x21")
