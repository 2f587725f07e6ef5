"""Decoding of content codings (RFC 9110 §8.4): gzip, deflate, br (RFC 7932), zstd (RFC 8878).

A small body can decode to a very large one, so it is decoded piece by piece within :mod:`limits`.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Protocol

from seventh.model.failure import ProtocolViolation
from seventh.net.stopwatch import now_ns
from seventh.web import limits
from seventh.wire.text import quoted

_STEP = 65536
_FEED = 64
"""The bytes fed at once to a library without a limit on its output."""
_TURN_NS = 4_000_000
"""How long decoding runs before the event loop continues."""
NAMES = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd"})
"""The supported codings besides ``identity``."""


class CodingFault(StrEnum):
    """Why content could not be decoded."""

    CORRUPT = "corrupt"
    """The content does not, or not wholly, have the coding that is named."""
    CUT_SHORT = "cut-short"
    UNKNOWN = "unknown"
    """The coding is not supported."""
    NO_DECODER = "no-decoder"
    """The coding's library is not installed on this machine, so nothing is known."""
    BOUNDS = "bounds"
    """The decoded content is too large, or there are too many codings."""


class CodingViolation(ProtocolViolation):
    """Content that cannot be decoded."""

    def __init__(self, fault: CodingFault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


class _Coding(Protocol):
    """A decoder of one coding."""

    @property
    def ended(self) -> bool:
        """Whether the content is complete."""
        ...

    def feed(self, data: bytes, room: int) -> bytes:
        """Decode ``data``, after what waits, into about ``room`` bytes at most."""
        ...

    @property
    def waits(self) -> bool:
        """Whether input is waiting to be decoded."""
        ...


class ContentDecoder:
    """Decodes the codings of one Content-Encoding, the last applied first.

    Raises CodingViolation for an unknown coding, corrupt data and content beyond the limits;
    :attr:`taken` and :attr:`given` then hold the progress.
    """

    __slots__ = ("_between", "_codings", "given", "taken")

    def __init__(self, content_encoding: str) -> None:
        names = [n.strip().lower() for n in content_encoding.split(",")]
        names = [n for n in names if n and n != "identity"]
        if len(names) > limits.MAX_CODINGS:
            raise CodingViolation(
                CodingFault.BOUNDS,
                f"{len(names)} nested content codings; the limit is {limits.MAX_CODINGS}",
            )
        self._codings = [_coding(name) for name in reversed(names)]
        self._between = [0] * len(names)
        """The bytes decoded from each coding: any of them may grow."""
        self.taken = 0
        """The number of input bytes."""
        self.given = 0
        """The number of decoded bytes."""

    def feed(self, data: bytes) -> bytes:
        """Decode ``data``."""
        self.taken += len(data)
        if not self._codings:
            self.given += len(data)
            self._check(self.given)
            return data
        return b"".join(self._pieces(0, data))

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Decode ``data`` in steps of bounded work, some of which yield nothing."""
        self.taken += len(data)
        return self._pieces(0, data)

    def _pieces(self, level: int, data: bytes) -> Iterator[bytes]:
        if level == len(self._codings):
            self.given += len(data)
            self._check(self.given)
            yield data
            return
        coding = self._codings[level]
        while True:
            given = coding.feed(data, _STEP)
            self._between[level] += len(given)
            self._check(self._between[level])
            yield from self._pieces(level + 1, given)
            data = b""
            if not coding.waits:
                return

    def _check(self, given: int) -> None:
        grown = limits.FREE_CONTENT_BYTES + limits.MAX_CONTENT_RATIO * self.taken
        if given > min(grown, limits.MAX_CONTENT_BYTES):
            raise CodingViolation(
                CodingFault.BOUNDS,
                f"a decompression bomb: {self.taken} bytes of content grew to more than {given}",
            )

    def end(self) -> None:
        """Raise CodingViolation if the content is cut short."""
        if self.taken and not all(c.ended for c in self._codings):
            raise CodingViolation(
                CodingFault.CUT_SHORT,
                f"the coded content is cut short after {self.taken} bytes ({self.given} decoded)",
            )


def undo(content_encoding: str, data: bytes) -> bytes:
    """Return ``data`` decoded. Raises CodingViolation."""
    decoder = ContentDecoder(content_encoding)
    out = decoder.feed(data)
    decoder.end()
    return out


async def undo_in_turns(content_encoding: str, data: bytes) -> bytes:
    """Return ``data`` decoded, yielding to the event loop every few milliseconds."""
    decoder = ContentDecoder(content_encoding)
    out: list[bytes] = []
    began_ns = now_ns()
    for piece in decoder.pieces(data):
        out.append(piece)
        if now_ns() - began_ns > _TURN_NS:
            await asyncio.sleep(0)
            began_ns = now_ns()
    decoder.end()
    return b"".join(out)


def _coding(name: str) -> _Coding:
    if name in {"gzip", "x-gzip"}:
        return _Zlib(gzip=True)
    if name == "deflate":
        return _Zlib(gzip=False)
    try:
        if name == "br":
            return _Brotli()
        if name == "zstd":
            return _Zstd()
    except ModuleNotFoundError as error:
        raise CodingViolation(
            CodingFault.NO_DECODER, f"{name} not decoded: {error.name} is not installed here"
        ) from None
    raise CodingViolation(CodingFault.UNKNOWN, f"unknown content coding {quoted(name, 40)}")


def _corrupt(name: str, given: int) -> CodingViolation:
    """Return the violation for a library's error after ``given`` decoded bytes."""
    return CodingViolation(
        CodingFault.CORRUPT,
        f"corrupt compressed content: the {name} data is damaged after {given} decoded bytes"
        if given
        else f"corrupt compressed content: it is not {name} data",
    )


class _Zlib:
    """gzip (RFC 1952) with all its members; deflate with zlib's header or raw.

    RFC 9110 §8.4.1.2 requires the header; some servers omit it.
    """

    __slots__ = ("_given", "_gzip", "_inflate", "_members", "_over", "_rest", "_started", "ended")

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._given = 0
        self._inflate: Any = None
        self._members = 1
        self._over = False
        """Whether bytes other than a further member follow the content."""
        self._rest = b""
        self._started = b""
        self.ended = False

    @property
    def waits(self) -> bool:
        """Whether input is waiting to be decoded."""
        return bool(self._rest)

    def feed(self, data: bytes, room: int) -> bytes:
        """Decode at most ``room`` bytes."""
        data = self._rest + data
        self._rest = b""
        if self._inflate is None:
            self._started += data
            if len(self._started) < 2:
                return b""
            data, self._started = self._started, b""
            self._inflate = zlib.decompressobj(self._window_bits(data))
        if self.ended:
            data = self._next_member(data)
            if self.ended:
                return b""
        try:
            out: bytes = self._inflate.decompress(data, room)
        except zlib.error:
            raise _corrupt("gzip" if self._gzip else "deflate", self._given) from None
        self._given += len(out)
        self.ended = self._inflate.eof
        self._rest = self._inflate.unused_data if self.ended else self._inflate.unconsumed_tail
        if self.ended and not self._gzip:
            self._rest = b""
        return out

    def _next_member(self, data: bytes) -> bytes:
        """Begin the next member if ``data`` has one (RFC 1952 §2.2); other data is ignored."""
        if not data or self._over:
            return b""
        data = self._started + data
        self._started = b""
        if self._gzip and data == b"\x1f":
            self._started = data
        elif self._gzip and data.startswith(b"\x1f\x8b"):
            self._members = _one_more(self._members)
            self._inflate = zlib.decompressobj(31)
            self.ended = False
        else:
            self._over = True
        return data

    def _window_bits(self, data: bytes) -> int:
        if self._gzip:
            return 31
        wrapped = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        return 15 if wrapped else -15


class _Brotli:
    """br; its decoder limits its output and keeps the remaining input."""

    __slots__ = ("_decoder", "_error", "_given", "waits")

    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]

        self._decoder = brotli.Decompressor()
        self._error = brotli.error
        self._given = 0
        self.waits = False

    @property
    def ended(self) -> bool:
        """Whether the content is complete."""
        return bool(self._decoder.is_finished())

    def feed(self, data: bytes, room: int) -> bytes:
        """Decode about ``room`` bytes at most."""
        if self.ended:
            self.waits = False
            if data:
                raise _corrupt(
                    "brotli", self._given
                )  # the library raises the same for a surplus within one piece
            return b""
        try:
            out: bytes = self._decoder.process(data, output_buffer_limit=room)
        except self._error:
            raise _corrupt("brotli", self._given) from None
        self._given += len(out)
        # can_accept_more_data() may be true while output is left: ask until there is none.
        self.waits = bool(out) and not self.ended
        return out


class _Zstd:
    """zstd; fed in small pieces, because four bytes may decode to 128 KiB."""

    __slots__ = ("_decoder", "_error", "_frames", "_given", "_make", "_rest", "ended")

    def __init__(self) -> None:
        import zstandard

        reader = zstandard.ZstdDecompressor(max_window_size=limits.MAX_ZSTD_WINDOW)
        self._make = reader.decompressobj
        self._decoder: Any = self._make()
        self._error = zstandard.ZstdError
        self._rest = memoryview(b"")
        self._given = 0
        self._frames = 1
        self.ended = False

    @property
    def waits(self) -> bool:
        """Whether input is waiting to be decoded."""
        return bool(self._rest)

    def feed(self, data: bytes, room: int) -> bytes:
        """Decode the next small piece; the rest waits."""
        rest = memoryview(bytes(self._rest) + data) if data else self._rest
        piece = rest[:_FEED]
        if not piece:
            return b""
        if self.ended:  # frames may follow each other (RFC 8878 §3.1)
            self._frames = _one_more(self._frames)
            self._decoder = self._make()
            self.ended = False
        try:
            out: bytes = self._decoder.decompress(piece)
        except self._error:
            raise _corrupt("zstd", self._given) from None
        self._given += len(out)
        self.ended = bool(self._decoder.eof)
        unused = len(self._decoder.unused_data) if self.ended else 0
        self._rest = rest[len(piece) - unused :]
        return out


def _one_more(members: int) -> int:
    if members >= limits.MAX_MEMBERS:
        raise CodingViolation(
            CodingFault.BOUNDS,
            f"compressed content of more than {limits.MAX_MEMBERS} members or frames",
        )
    return members + 1
