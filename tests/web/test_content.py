"""Undoing content codings: whatever the pieces, within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import random
import re
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.web import limits
from seventh.web.content import (
    NAMES,
    CodingFault,
    CodingViolation,
    ContentDecoder,
    undo,
    undo_in_turns,
)


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
    decoder = ContentDecoder(name)
    given = len(decoder.feed(coded[:-6]))
    with pytest.raises(CodingViolation) as raised:
        decoder.end()
    assert (raised.value.fault, raised.value.detail) == (
        CodingFault.CUT_SHORT,
        f"the coded content is cut short after {len(coded) - 6} bytes ({given} decoded)",
    )


@pytest.mark.parametrize("name", [*sorted(CODERS), "identity"])
def test_nothing_after_the_end_is_no_further_member(name: str) -> None:
    decoder = ContentDecoder(name)
    assert decoder.feed(CODERS[name](b"x") if name in CODERS else b"x") == b"x"
    assert decoder.feed(b"") == b""
    decoder.end()
    ContentDecoder(name).end()  # no content at all is not cut short


@pytest.mark.parametrize("name", sorted(CODERS))
def test_a_bomb_stops_early(name: str) -> None:
    coded = CODERS[name](bytes(16 * MEBIBYTE))
    decoder = ContentDecoder(name)
    with pytest.raises(CodingViolation) as raised:
        decoder.feed(coded)
    grew = r"a decompression bomb: (\d+) bytes of content grew to more than \d+"
    found = re.fullmatch(grew, raised.value.detail)
    assert raised.value.fault is CodingFault.BOUNDS
    assert found is not None and int(found[1]) == len(coded)
    assert decoder.given <= limits.MAX_CONTENT_BYTES + 3 * MEBIBYTE


def test_a_small_body_may_grow_to_the_free_amount() -> None:
    assert len(undo("gzip", gzip.compress(bytes(limits.FREE_CONTENT_BYTES)))) == MEBIBYTE
    with pytest.raises(CodingViolation):
        undo("gzip", gzip.compress(bytes(3 * MEBIBYTE)))


def test_content_may_grow_a_hundredfold(monkeypatch: pytest.MonkeyPatch) -> None:
    coded = gzip.compress(bytes(50_000))
    monkeypatch.setattr(limits, "FREE_CONTENT_BYTES", 50_000 - 100 * len(coded))
    assert undo("gzip", coded) == bytes(50_000)
    monkeypatch.setattr(limits, "FREE_CONTENT_BYTES", 50_000 - 100 * len(coded) - 1)
    with pytest.raises(CodingViolation) as raised:
        undo("gzip", coded)
    assert raised.value.detail == (
        f"a decompression bomb: {len(coded)} bytes of content grew to more than 50000"
    )


def test_too_large_altogether_even_when_hardly_compressed() -> None:
    decoder = ContentDecoder("identity")
    whole = bytes(limits.MAX_CONTENT_BYTES)
    assert decoder.feed(whole) is whole
    with pytest.raises(CodingViolation) as raised:
        decoder.feed(b"x")
    assert raised.value.detail == (
        "a decompression bomb: 10485761 bytes of content grew to more than 10485761"
    )


def test_deflate_without_its_wrapper_is_understood() -> None:
    assert undo("deflate", bare(b"bare " * 100)) == b"bare " * 100


def test_members_follow_each_other() -> None:
    assert undo("gzip", gzip.compress(b"one") + gzip.compress(b"two")) == b"onetwo"
    assert undo("zstd", zstandard.compress(b"one") + zstandard.compress(b"two")) == b"onetwo"


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_too_many_members(name: str) -> None:
    assert undo(name, CODERS[name](b"x") * limits.MAX_MEMBERS) == b"x" * limits.MAX_MEMBERS
    with pytest.raises(CodingViolation) as raised:
        undo(name, CODERS[name](b"x") * (limits.MAX_MEMBERS + 1))
    assert (raised.value.fault, raised.value.detail) == (
        CodingFault.BOUNDS, "compressed content of more than 256 members or frames",
    )  # fmt: skip


def test_codings_around_each_other() -> None:
    assert undo("gzip, br", brotli.compress(gzip.compress(b"twice"))) == b"twice"
    with pytest.raises(CodingViolation) as raised:
        ContentDecoder("gzip, GZIP,, identity, x-gzip")
    assert (raised.value.fault, raised.value.detail) == (
        CodingFault.BOUNDS, "3 nested content codings; the limit is 2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [("gzip", "gzip"), ("x-gzip", "gzip"), ("deflate", "deflate"), ("br", "brotli"),
     ("zstd", "zstd")],
)  # fmt: skip
def test_damage_is_told_by_where_it_begins(name: str, said: str) -> None:
    with pytest.raises(CodingViolation) as raised:
        undo(name, b"\xffno content of any coding")
    assert (raised.value.fault, raised.value.detail) == (
        CodingFault.CORRUPT, f"corrupt compressed content: it is not {said} data",
    )  # fmt: skip
    decoder = ContentDecoder(name)
    coded = CODERS[name](random.Random(1).randbytes(300_000))
    given = len(decoder.feed(coded[:200_000]))
    assert given
    with pytest.raises(CodingViolation) as raised:
        for _ in range(2000):
            decoder.feed(b"\xff" * 200)
    assert raised.value.fault is CodingFault.CORRUPT
    assert raised.value.detail == (
        f"corrupt compressed content: the {said} data is damaged after {decoder.given} decoded "
        "bytes"
    )


def test_an_unknown_coding() -> None:
    with pytest.raises(CodingViolation) as raised:
        ContentDecoder("rot13" + "x" * 36)
    assert (raised.value.fault, raised.value.detail) == (
        CodingFault.UNKNOWN, f"unknown content coding 'rot13{'x' * 35}…'",
    )  # fmt: skip


def test_a_zstd_window_over_the_cap_is_refused() -> None:
    squeeze = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=25)
    )
    stream = squeeze.compressobj()
    coded = stream.compress(b"x" * 100) + stream.flush()
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: corrupt compressed content: it is not zstd data$",
    ):
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
