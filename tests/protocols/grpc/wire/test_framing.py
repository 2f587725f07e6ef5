"""Messages in any pieces, and what ends a stream of them."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.grpc.wire.compression import ENCODINGS, Encoding, compress, decompress
from seventh.protocols.grpc.wire.framing import Message, Messages, MessageTooLong, frame

FRAMED = st.lists(st.builds(Message, st.booleans(), st.binary(max_size=50)), max_size=5)


@given(FRAMED)
def test_one_chunk_is_byte_by_byte(messages: list[Message]) -> None:
    raw = b"".join(frame(each.data, compressed=each.compressed) for each in messages)
    whole, piecewise = Messages(), Messages()
    found: list[Message] = []
    for byte in raw:
        found += piecewise.feed(bytes([byte]))
    assert whole.feed(raw) == found == messages
    assert whole.partial == piecewise.partial == 0


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_messages_or_a_violation(data: bytes) -> None:
    reader = Messages(limit=64)
    try:
        found = reader.feed(data)
    except ProtocolViolation:
        return
    assert sum(len(m.data) + 5 for m in found) + reader.partial == len(data)


def test_a_prefix_of_4_gib_is_refused_before_its_data() -> None:
    with pytest.raises(MessageTooLong, match="4294967295 bytes; the limit is 4194304"):
        Messages().feed(b"\0\xff\xff\xff\xff")


def test_a_flag_is_0_or_1() -> None:
    with pytest.raises(ProtocolViolation, match="compressed flag of a message is 2"):
        Messages().feed(b"\x02\0\0\0\0")


@given(st.binary(max_size=2000), st.sampled_from(ENCODINGS))
def test_what_is_compressed_is_decompressed(data: bytes, encoding: Encoding) -> None:
    packed = compress(data, encoding)
    assert (packed if encoding == "identity" else decompress(packed, encoding, 4096)) == data


def test_the_encodings_are_those_of_zlib_and_gzip() -> None:
    assert decompress(zlib.compress(b"x" * 100), "deflate", 4096) == b"x" * 100
    assert decompress(gzip.compress(b"x" * 100), "gzip", 4096) == b"x" * 100


def test_a_bomb_ends_at_the_limit() -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    with pytest.raises(MessageTooLong, match=r"decompresses to more than 4194304"):
        decompress(bomb, "gzip", 4 * 1024 * 1024)
    small = gzip.compress(bytes(3 * 1024 * 1024))
    with pytest.raises(MessageTooLong, match="decompresses to more than 1048576"):
        decompress(small, "gzip", 4 * 1024 * 1024)


@pytest.mark.parametrize(
    ("data", "encoding", "why"),
    [
        (b"no gzip", "gzip", "a message that is not gzip, as it claims to be"),
        (gzip.compress(b"x")[:-3], "gzip", "a gzip message ends early"),
        (gzip.compress(b"x") + b"!", "gzip", "a gzip message has data after its end"),
        (b"", "snappy", "a compressed message, and 'snappy' as its encoding"),
        (b"", "", "a compressed message, and no grpc-encoding as its encoding"),
    ],
    ids=["garbage", "cut", "longer", "unknown", "unnamed"],
)
def test_damage_is_a_violation(data: bytes, encoding: str, why: str) -> None:
    with pytest.raises(ProtocolViolation) as raised:
        decompress(data, encoding, 4096)
    assert raised.value.detail == why
