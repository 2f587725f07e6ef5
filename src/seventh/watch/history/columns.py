"""Blobs of the journal as the columns of one batch, without an object for each pulse."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

from seventh.watch.journal import KINDS, NONE, Blob, CorruptError, read
from seventh.watch.samples import Cause

_PULSES = 250_000
"""Pulses of a batch: what is in memory at once."""
_NARROWEST = KINDS[0]


class Columns:
    """One batch. ``causes`` are numbered over all batches."""

    def __init__(self, causes: dict[Cause | None, int]) -> None:
        self.causes = causes
        self.targets, self.vantages = array(_NARROWEST), array(_NARROWEST)
        self.at_ns, self.lags_ns = array(_NARROWEST), array(_NARROWEST)
        self.cause_of = array(_NARROWEST)
        self.durations_ns: dict[str, array[int]] = {}
        """By phase; NONE where a pulse has not this one."""

    def __len__(self) -> int:
        return len(self.targets)

    def add(self, blob: Blob) -> None:
        """Append the pulses of a blob."""
        before = len(self)
        self.targets = _joined(self.targets, blob.targets)
        self.vantages = _joined(self.vantages, blob.vantages)
        self.at_ns = _joined(self.at_ns, blob.at_ns)
        self.lags_ns = _joined(self.lags_ns, blob.lags_ns)
        self.cause_of = _joined(self.cause_of, self._renumbered(blob))
        durations = blob.durations_ns
        for phase in durations:
            if phase not in self.durations_ns:
                self.durations_ns[phase] = _none(before)
        for phase, column in self.durations_ns.items():
            more = durations.get(phase)
            self.durations_ns[phase] = _joined(
                column, more if more is not None else _none(len(blob.targets))
            )

    def _renumbered(self, blob: Blob) -> array[int]:
        numbers = [self.causes.setdefault(cause, len(self.causes)) for cause in blob.causes]
        if numbers == list(range(len(numbers))):
            return blob.cause_of
        return array("i", [numbers[index] for index in blob.cause_of])


def batches(blobs: Iterable[bytes], damaged: list[str]) -> Iterator[Columns]:
    """Yield the pulses of ``blobs``; what is wrong with damaged ones is appended to ``damaged``."""
    causes: dict[Cause | None, int] = {}
    batch = Columns(causes)
    for data in blobs:
        try:
            batch.add(read(data))
        except CorruptError as error:
            damaged.append(str(error))
        if len(batch) >= _PULSES:
            yield batch
            batch = Columns(causes)
    if len(batch):
        yield batch


def _none(count: int) -> array[int]:
    return array(_NARROWEST, [NONE]) * count


def _joined(column: array[int], more: array[int]) -> array[int]:
    """Append ``more`` to a column, which has the wider type of both."""
    if column.typecode != more.typecode:
        kind = max(column.typecode, more.typecode, key=KINDS.index)
        if column.typecode != kind:
            column = array(kind, column)
        else:
            more = array(kind, more)
    column += more
    return column
