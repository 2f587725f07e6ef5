"""Content in gzip and zip: read again and again, bounded, and never trusted."""

from __future__ import annotations

import gzip
import io
import itertools
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.lintkit import unpack
from seventh.lintkit.unpack import Content, UnpackError

DATA = bytes(range(256)) * 300


def zipped(*files: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as made:
        for number, data in enumerate(files):
            made.writestr(f"report-{number}.xml", data)
    return archive.getvalue()


def read(data: bytes) -> bytes:
    content = Content(io.BytesIO(data))
    first = b"".join(content.pieces())
    assert b"".join(content.pieces()) == first
    assert content.head(7) == first[:7]
    return first


@pytest.mark.parametrize(
    "data",
    [
        DATA, gzip.compress(DATA), gzip.compress(DATA[:100]) + gzip.compress(DATA[100:]),
        gzip.compress(DATA) + b"\0" * 50, zipped(DATA), zipped(DATA, method=zipfile.ZIP_STORED),
    ],
    ids=["plain", "gzip", "members", "padded", "zip", "stored"],
)  # fmt: skip
def test_content(data: bytes) -> None:
    assert read(data) == DATA


def test_a_zip_that_was_written_as_a_stream() -> None:
    class Pipe(io.RawIOBase):
        """Cannot seek, so lengths follow the data."""

        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.xml", DATA)
    assert read(pipe.data) == DATA


def encrypted(archive: bytes) -> bytes:
    return archive[:6] + struct.pack("<H", 1) + archive[8:]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (gzip.compress(DATA)[:-20], "compressed content that is cut off"),
        (gzip.compress(DATA)[:30] + b"\xff" * 30, "compressed content that is damaged"),
        (zipped(DATA)[:100], "compressed content that is cut off"),
        (zipped(DATA, method=zipfile.ZIP_STORED)[:100], "a zip archive that is cut off"),
        (zipped(DATA)[:20], "a zip archive that is cut off"),
        (zipped(DATA, DATA), "a zip archive of several files: extract it first"),
        (zipped(DATA, b"", method=zipfile.ZIP_STORED),
         "a zip archive of several files: extract it first"),
        (encrypted(zipped(DATA)), "an encrypted zip archive"),
        (zipped(DATA, method=zipfile.ZIP_BZIP2),
         "a zip archive with compression method 12: extract it first"),
    ],
    ids=itertools.count(),  # an archive has the time at which it was made
)  # fmt: skip
def test_what_cannot_be_read(data: bytes, error: str) -> None:
    with pytest.raises(UnpackError) as raised:
        read(data)
    assert str(raised.value) == error


@pytest.mark.parametrize("bomb", [gzip.compress, zipped, bytes])
def test_a_bomb_ends_at_the_limit(bomb: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_BYTES", 1 << 20)
    assert callable(bomb)
    whole = bomb(bytes(1 << 20))
    assert len(read(whole)) == 1 << 20
    taken = 0
    with pytest.raises(UnpackError) as raised:
        for piece in Content(io.BytesIO(bomb(bytes(1 << 24)))).pieces():
            taken += len(piece)
            assert len(piece) <= unpack.PIECE_BYTES
    assert (taken, str(raised.value)) == (1 << 20, "more than 1 MiB of content")


@given(
    st.sampled_from([b"", b"\x1f\x8b", b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"PK\x03\x04"]),
    st.binary(max_size=120),
)
def test_any_bytes_are_content_or_an_error(start: bytes, rest: bytes) -> None:
    try:
        read(start + rest)
    except UnpackError:
        return
    assert not start or zlib
