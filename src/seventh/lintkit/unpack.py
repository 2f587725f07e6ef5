"""A file's content without its compression, in pieces, as often as it is read.

A kind of compression is recognised by the content. What it expands to is bounded, and never held.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

MAX_BYTES = 256 << 20
"""What a file, or what it expands to, may have."""
PIECE_BYTES = 1 << 18
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
"""The header of a file in a zip archive."""
_ENCRYPTED, _LENGTH_LATER = 1, 8
_STORED, _DEFLATED = 0, 8


class UnpackError(ValueError):
    """The content cannot be read; the text says why."""


class Content:
    """The content of a file that can be read from its beginning again."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def head(self, count: int) -> bytes:
        """Return the first bytes. Raises UnpackError."""
        found = b""
        for piece in self.pieces():
            found += piece
            if len(found) >= count:
                break
        return found[:count]

    def pieces(self) -> Iterator[bytes]:
        """Yield the content from its beginning. Raises UnpackError."""
        total = 0
        for piece in self._unpacked():
            total += len(piece)
            if total > MAX_BYTES:
                raise UnpackError(f"more than {MAX_BYTES >> 20} MiB of content")
            yield piece

    def _unpacked(self) -> Iterator[bytes]:
        self._file.seek(0)
        start = self._file.read(_LOCAL.size)
        if start.startswith(_GZIP):
            self._file.seek(0)
            return self._inflated(zlib.MAX_WBITS | 16)
        if start.startswith(_ZIP):
            return self._of_archive(start)
        self._file.seek(0)
        return self._read()

    def _read(self) -> Iterator[bytes]:
        while piece := self._file.read(PIECE_BYTES):
            yield piece

    def _of_archive(self, start: bytes) -> Iterator[bytes]:
        """Yield the first file of an archive, which has to be the only one."""
        if len(start) < _LOCAL.size:
            raise UnpackError("a zip archive that is cut off")
        _, _, flags, method, _, _, _, size, _, name, extra = _LOCAL.unpack(start)
        if flags & _ENCRYPTED:
            raise UnpackError("an encrypted zip archive")
        self._file.seek(name + extra, 1)
        if method == _DEFLATED:
            yield from self._inflated(-zlib.MAX_WBITS)
        elif method == _STORED and not flags & _LENGTH_LATER:
            yield from self._stored(size)
        else:
            raise UnpackError(f"a zip archive with compression method {method}: extract it first")

    def _stored(self, size: int) -> Iterator[bytes]:
        while size and (piece := self._file.read(min(size, PIECE_BYTES))):
            size -= len(piece)
            yield piece
        if size:
            raise UnpackError("a zip archive that is cut off")
        self._check_last(self._file.read(len(_ZIP)))

    def _inflated(self, window: int) -> Iterator[bytes]:
        inflate = zlib.decompressobj(window)
        pending = b""
        while True:
            pending = pending or self._file.read(PIECE_BYTES)
            if not pending:
                raise UnpackError("compressed content that is cut off")
            try:
                piece = inflate.decompress(pending, PIECE_BYTES)
            except zlib.error:
                raise UnpackError("compressed content that is damaged") from None
            if piece:
                yield piece
            pending = inflate.unconsumed_tail
            if not inflate.eof:
                continue
            rest = inflate.unused_data or self._file.read(PIECE_BYTES)
            if window < 0:
                self._check_last(rest)
                return
            if not rest.startswith(_GZIP):
                return  # padding, or the end
            inflate, pending = zlib.decompressobj(window), rest

    def _check_last(self, rest: bytes) -> None:
        # A data descriptor of 12 to 24 bytes may precede the next header.
        if _ZIP in rest[:32]:
            raise UnpackError("a zip archive of several files: extract it first")
