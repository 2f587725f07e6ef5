"""Undoing content codings: whatever the pieces, within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import random
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.web import limits
from seventh.web.content import NAMES, ContentDecoder, undo, undo_in_turns


def bare(data: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(data) + squeeze.flush()


CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": functools.partial(brotli.compress, quality=3),
    "zstd": zstandard.compress,
}
MEBIBYTE = 1024 * 1024


def test_every_name_has_its_coder_here() -> None:
    assert set(CODERS) == NAMES


@given(name=st.sampled_from(sorted(CODERS)), data=st.binary(max_size=4000), cut=st.integers(1, 60))
@settings(deadline=None)
def test_pieces_do_not_matter(name: str, data: bytes, cut: int) -> None:
    coded = CODERS[name](data)
    assert undo(name, coded) == data
    decoder = ContentDecoder(name)
    pieces = [decoder.feed(coded[i : i + cut]) for i in range(0, len(coded), cut)]
    decoder.end()
    assert b"".join(pieces) == data
    assert (decoder.taken, decoder.given) == (len(coded), len(data))


@pytest.mark.parametrize("size", [98_272, 131_072, 400_000, 3 * MEBIBYTE])
@pytest.mark.parametrize("name", sorted(CODERS))
def test_content_that_does_not_shrink(name: str, size: int) -> None:
    """More than a decoder gives at once, as one piece and as several."""
    data = random.Random(size).randbytes(size)
    coded = CODERS[name](data)
    assert undo(name, coded) == data
    decoder = ContentDecoder(name)
    pieces = [decoder.feed(coded[i : i + 50_000]) for i in range(0, len(coded), 50_000)]
    decoder.end()
    assert b"".join(pieces) == data


@given(
    name=st.sampled_from([*sorted(CODERS), "gzip, br", "br, zstd"]),
    data=st.binary(max_size=300),
    spoilt=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3),
    behind=st.sampled_from([b"", b"\x1f", b"x\x1f\x8b\x08", b"garbage", gzip.compress(b"x")]),
)
@settings(deadline=None)
def test_pieces_do_not_matter_for_what_is_spoilt(
    name: str, data: bytes, spoilt: list[tuple[int, int]], behind: bytes
) -> None:
    for one in name.split(", "):
        data = CODERS[one](data)
    changed = bytearray(data)
    for place, value in spoilt:
        if place < len(changed):
            changed[place] = value
    coded = bytes(changed) + behind

    def undone(step: int) -> bytes | None:
        decoder, out = ContentDecoder(name), b""
        try:
            for i in range(0, len(coded), step):
                out += decoder.feed(coded[i : i + step])
            decoder.end()
        except ProtocolViolation:
            return None
        return out

    assert undone(len(coded) or 1) == undone(1)


@given(names=st.sampled_from(["", *sorted(CODERS), "gzip, br"]), data=st.binary(max_size=400))
@settings(deadline=None)
def test_any_bytes_give_content_or_a_violation(names: str, data: bytes) -> None:
    with contextlib.suppress(ProtocolViolation):
        undo(names, data)


@pytest.mark.parametrize("name", sorted(CODERS))
def test_a_cut_is_seen(name: str) -> None:
    coded = CODERS[name](b"some content that is long enough " * 20)
    with pytest.raises(ProtocolViolation, match="cut short"):
        undo(name, coded[:-6])


@pytest.mark.parametrize("name", sorted(CODERS))
def test_a_bomb_stops_early(name: str) -> None:
    coded = CODERS[name](bytes(16 * MEBIBYTE))
    decoder = ContentDecoder(name)
    with pytest.raises(ProtocolViolation, match="bomb"):
        decoder.feed(coded)
    assert decoder.given <= limits.MAX_CONTENT_BYTES + 3 * MEBIBYTE


def test_a_small_body_may_grow_to_the_free_amount() -> None:
    assert len(undo("gzip", gzip.compress(bytes(limits.FREE_CONTENT_BYTES)))) == MEBIBYTE
    with pytest.raises(ProtocolViolation, match="bomb"):
        undo("gzip", gzip.compress(bytes(3 * MEBIBYTE)))


def test_too_large_altogether_even_when_hardly_compressed() -> None:
    decoder = ContentDecoder("identity")
    with pytest.raises(ProtocolViolation, match="bomb"):
        decoder.feed(bytes(limits.MAX_CONTENT_BYTES + 1))


def test_deflate_without_its_wrapper_is_understood() -> None:
    assert undo("deflate", bare(b"bare " * 100)) == b"bare " * 100


def test_members_follow_each_other() -> None:
    assert undo("gzip", gzip.compress(b"one") + gzip.compress(b"two")) == b"onetwo"
    assert undo("zstd", zstandard.compress(b"one") + zstandard.compress(b"two")) == b"onetwo"


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_too_many_members(name: str) -> None:
    with pytest.raises(ProtocolViolation, match="members"):
        undo(name, CODERS[name](b"x") * (limits.MAX_MEMBERS + 1))


def test_codings_around_each_other() -> None:
    assert undo("gzip, br", brotli.compress(gzip.compress(b"twice"))) == b"twice"
    with pytest.raises(ProtocolViolation, match="nested content codings"):
        ContentDecoder("gzip, gzip, gzip")


def test_an_unknown_coding() -> None:
    with pytest.raises(ProtocolViolation, match="unknown content coding"):
        ContentDecoder("rot13")


def test_a_zstd_window_over_the_cap_is_refused() -> None:
    squeeze = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=25)
    )
    stream = squeeze.compressobj()
    coded = stream.compress(b"x" * 100) + stream.flush()
    with pytest.raises(ProtocolViolation, match="corrupt"):
        undo("zstd", coded)


def _blocks_of_nothing(count: int) -> bytes:
    """Deflate's empty stored blocks: five bytes each, and no content."""
    return gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * count + b"\x03\0" + b"\0" * 8


@pytest.mark.field
@pytest.mark.parametrize("outer", ["gzip", "deflate", "br", "zstd"])
def test_what_grows_between_two_codings_is_bounded(outer: str) -> None:
    """Were the last coding's content alone counted, this would be undone for half a minute."""
    packed = CODERS[outer](_blocks_of_nothing(3_000_000))
    with pytest.raises(ProtocolViolation, match="bomb"):
        undo(f"gzip, {outer}", packed)


@pytest.mark.field
@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
async def test_undoing_leaves_the_loop_its_turns(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: with a turn after each step, no step is a large one."""
    monkeypatch.setattr("seventh.web.content._TURN_NS", -1)
    content = b"".join(b"<a href=/%d>" % number for number in range(500_000))
    turns, done = 0, False

    async def count() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    assert await undo_in_turns(name, CODERS[name](content)) == content
    done = True
    await other
    assert turns > len(content) / 2**18
