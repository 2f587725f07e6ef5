"""The journal's blobs: the pulses of one commit, in columns.

A blob is exact: what is decoded equals what was encoded, so that states can be replayed.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence

import msgspec
import zstandard

from seventh.watch.samples import Cause, Pulse

VERSION = 1
_COMPRESSOR = zstandard.ZstdCompressor(level=1, write_checksum=True)
_DECOMPRESSOR = zstandard.ZstdDecompressor()
_MAX_BYTES = 64 * 1024 * 1024
"""The maximum size of a blob, decompressed: a damaged one may claim any."""
_COLUMNS = "IHqqHH"
"""The types of the columns: target, vantage, distance of ``at_ns`` from the one before, lag, cause
and phases (both as an index), before the durations."""


class CorruptError(Exception):
    """A blob that is not a journal's, or of a later version."""


class _Blob(msgspec.Struct, frozen=True, array_like=True):
    version: int
    causes: tuple[Cause | None, ...]
    names: tuple[tuple[str, ...], ...]
    """Each set of phases that occurs."""
    columns: tuple[bytes, ...]
    durations_ns: bytes


_DECODER = msgspec.msgpack.Decoder(_Blob)


def encode(pulses: Sequence[Pulse]) -> bytes:
    """Return the blob of ``pulses``, in their order."""
    causes: dict[Cause | None, int] = {}
    names: dict[tuple[str, ...], int] = {}
    columns = tuple(array(kind) for kind in _COLUMNS)
    targets, vantages, steps, lags, cause_of, names_of = columns
    durations = array("q")
    before_ns = 0
    for pulse in pulses:
        targets.append(pulse.target)
        vantages.append(pulse.vantage)
        steps.append(pulse.at_ns - before_ns)
        before_ns = pulse.at_ns
        lags.append(pulse.lag_ns)
        cause_of.append(causes.setdefault(pulse.cause, len(causes)))
        phases = tuple([name for name, _ in pulse.phases])
        names_of.append(names.setdefault(phases, len(names)))
        durations.extend([duration for _, duration in pulse.phases])
    blob = _Blob(
        VERSION, tuple(causes), tuple(names), tuple(map(_bytes, columns)), _bytes(durations)
    )
    return _COMPRESSOR.compress(msgspec.msgpack.encode(blob))


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a blob; all but the last three have an item for each pulse."""

    targets: array[int]
    vantages: array[int]
    steps_ns: array[int]
    """From the pulse before to each; the first is the time itself."""
    lags_ns: array[int]
    cause_of: array[int]
    """Index into causes."""
    names_of: array[int]
    """Index into names."""
    durations_ns: array[int]
    """Of all phases of the first pulse, then of the second."""
    causes: tuple[Cause | None, ...]
    names: tuple[tuple[str, ...], ...]


def read(data: bytes) -> Blob:
    """Return the columns of a blob; raises CorruptError."""
    try:
        if not 0 <= zstandard.frame_content_size(data) <= _MAX_BYTES:
            raise CorruptError("a blob of unknown size")
        blob = _DECODER.decode(_DECOMPRESSOR.decompress(data))
        if blob.version != VERSION:
            raise CorruptError(f"a blob of version {blob.version}, not {VERSION}")
        columns = [
            _array(kind, column) for kind, column in zip(_COLUMNS, blob.columns, strict=True)
        ]
        targets, vantages, steps_ns, lags_ns, cause_of, names_of = columns
        durations_ns = _array("q", blob.durations_ns)
        if len(blob.names) == 1 and not any(names_of):
            named = len(names_of) * len(blob.names[0])
        else:
            named = sum([len(blob.names[index]) for index in names_of])
        if {len(column) for column in columns} != {len(targets)} or named != len(durations_ns):
            raise CorruptError("columns of different lengths")
        if cause_of and max(cause_of) >= len(blob.causes):
            raise CorruptError("an unknown cause")
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError, IndexError) as error:
        raise CorruptError(str(error)) from None
    return Blob(
        targets=targets, vantages=vantages, steps_ns=steps_ns, lags_ns=lags_ns, cause_of=cause_of,
        names_of=names_of, durations_ns=durations_ns, causes=blob.causes, names=blob.names,
    )  # fmt: skip


def decode(data: bytes) -> Iterator[Pulse]:
    """Yield the pulses of a blob; raises CorruptError before the first."""
    return _pulses(read(data))


def _pulses(blob: Blob) -> Iterator[Pulse]:
    at_ns = start = 0
    for target, vantage, step, lag, cause, index in zip(
        blob.targets, blob.vantages, blob.steps_ns, blob.lags_ns, blob.cause_of, blob.names_of,
        strict=True,
    ):  # fmt: skip
        at_ns += step
        names = blob.names[index]
        phases = tuple(zip(names, blob.durations_ns[start : start + len(names)], strict=True))
        start += len(names)
        yield Pulse(
            target=target, vantage=vantage, at_ns=at_ns, lag_ns=lag, cause=blob.causes[cause],
            phases=phases,
        )  # fmt: skip


def _bytes(column: array[int]) -> bytes:
    """Return the numbers in little-endian order."""
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()


def _array(kind: str, data: bytes) -> array[int]:
    column = array(kind)
    column.frombytes(data)
    if sys.byteorder == "big":
        column.byteswap()
    return column
