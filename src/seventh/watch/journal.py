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

VERSION = 2
NONE = -1
"""Instead of the duration of a phase that a pulse has not."""
KINDS = "bhiq"
"""The types of columns, as arrays have them, from the narrowest."""
_COMPRESSOR = zstandard.ZstdCompressor(level=1, write_checksum=True)
_DECOMPRESSOR = zstandard.ZstdDecompressor()
_MAX_BYTES = 64 * 1024 * 1024
"""The maximum size of a blob, decompressed: a damaged one may claim any."""


class CorruptError(Exception):
    """A blob that is not a journal's, or of another version."""


class _Column(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    data: bytes


class _Blob(msgspec.Struct, frozen=True, array_like=True):
    version: int
    causes: tuple[Cause | None, ...]
    names: tuple[tuple[str, ...], ...]
    """Each set of phases that occurs."""
    columns: tuple[_Column, _Column, _Column, _Column, _Column, _Column]
    """Target, vantage, time, lag, cause and phases (both as an index)."""
    durations: dict[str, _Column]


_DECODER = msgspec.msgpack.Decoder(_Blob)


def encode(pulses: Sequence[Pulse]) -> bytes:
    """Return the blob of ``pulses``, in their order; no phase occurs twice in one pulse."""
    causes: dict[Cause | None, int] = {}
    names: dict[tuple[str, ...], int] = {}
    cause_of = [causes.setdefault(pulse.cause, len(causes)) for pulse in pulses]
    names_of = [
        names.setdefault(tuple([name for name, _ in pulse.phases]), len(names)) for pulse in pulses
    ]
    durations = {name: [NONE] * len(pulses) for phases in names for name in phases}
    for index, pulse in enumerate(pulses):
        for name, duration in pulse.phases:
            durations[name][index] = duration
    blob = _Blob(
        VERSION, tuple(causes), tuple(names),
        (
            _packed([pulse.target for pulse in pulses]),
            _packed([pulse.vantage for pulse in pulses]),
            _packed([pulse.at_ns for pulse in pulses]),
            _packed([pulse.lag_ns for pulse in pulses]),
            _packed(cause_of),
            _packed(names_of),
        ),
        {name: _packed(column) for name, column in durations.items()},
    )  # fmt: skip
    return _COMPRESSOR.compress(msgspec.msgpack.encode(blob))


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a blob: an item for each pulse."""

    targets: array[int]
    vantages: array[int]
    at_ns: array[int]
    lags_ns: array[int]
    cause_of: array[int]
    """Index into causes."""
    names_of: array[int]
    """Index into names."""
    durations_ns: dict[str, array[int]]
    """By phase; :data:`NONE` where a pulse has not this one."""
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
        targets, vantages, at_ns, lags_ns, cause_of, names_of = map(_array, blob.columns)
        durations_ns = {name: _array(column) for name, column in blob.durations.items()}
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError) as error:
        raise CorruptError(str(error)) from None
    columns = (targets, vantages, at_ns, lags_ns, cause_of, names_of, *durations_ns.values())
    if {len(column) for column in columns} != {len(targets)}:
        raise CorruptError("columns of different lengths")
    if not _within(cause_of, len(blob.causes)) or not _within(names_of, len(blob.names)):
        raise CorruptError("an unknown cause or set of phases")
    if any(name not in durations_ns for phases in blob.names for name in phases):
        raise CorruptError("a phase without durations")
    return Blob(
        targets=targets, vantages=vantages, at_ns=at_ns, lags_ns=lags_ns, cause_of=cause_of,
        names_of=names_of, durations_ns=durations_ns, causes=blob.causes, names=blob.names,
    )  # fmt: skip


def decode(data: bytes) -> Iterator[Pulse]:
    """Yield the pulses of a blob; raises CorruptError before the first."""
    return _pulses(read(data))


def _pulses(blob: Blob) -> Iterator[Pulse]:
    sets = [
        [(name, blob.durations_ns[name]) for name in phases]
        for phases in blob.names
    ]  # fmt: skip
    for index, (target, vantage, at_ns, lag_ns, cause, phases) in enumerate(
        zip(
            blob.targets, blob.vantages, blob.at_ns, blob.lags_ns, blob.cause_of, blob.names_of,
            strict=True,
        )
    ):  # fmt: skip
        yield Pulse(
            target=target, vantage=vantage, at_ns=at_ns, lag_ns=lag_ns, cause=blob.causes[cause],
            phases=tuple([(name, column[index]) for name, column in sets[phases]]),
        )  # fmt: skip


def _packed(values: list[int]) -> _Column:
    """Return a column of the narrowest type, its numbers in little-endian order."""
    for kind in KINDS[:-1]:
        try:
            return _Column(kind, _bytes(array(kind, values)))
        except OverflowError:
            continue
    return _Column(KINDS[-1], _bytes(array(KINDS[-1], values)))


def _bytes(column: array[int]) -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _array(packed: _Column) -> array[int]:
    """Return a column's numbers; raises ValueError."""
    if packed.kind not in KINDS:
        raise ValueError(f"a column of type {packed.kind}")
    column = array(packed.kind)
    column.frombytes(packed.data)
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _within(indices: array[int], count: int) -> bool:
    """Return whether all indices are of one of ``count`` items."""
    if count == 1:
        return not any(indices)
    return not indices or (min(indices) >= 0 and max(indices) < count)
