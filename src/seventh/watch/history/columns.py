"""Blobs of the journal as the columns of one batch, without an object for each pulse."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TypeVar

from seventh.watch.journal import Blob, CorruptError, read
from seventh.watch.samples import Cause

T = TypeVar("T")
_PULSES = 250_000
"""Pulses of a batch: what is in memory at once."""


class Columns:
    """One batch. ``causes`` and ``sets`` of phases are numbered over all batches."""

    def __init__(self, causes: dict[Cause | None, int], sets: dict[tuple[str, ...], int]) -> None:
        self.causes, self.sets = causes, sets
        self.targets, self.vantages = array("I"), array("H")
        self.at_ns, self.lags_ns = array("q"), array("q")
        self.cause_of, self.set_of = array("H"), array("H")
        self.offsets, self.durations_ns = array("i", [0]), array("q")
        """The durations of pulse n are those from offsets[n] to offsets[n + 1]."""

    def __len__(self) -> int:
        return len(self.targets)

    def add(self, blob: Blob) -> None:
        """Append the pulses of a blob."""
        self.targets += blob.targets
        self.vantages += blob.vantages
        self.at_ns.extend(accumulate(blob.steps_ns))
        self.lags_ns += blob.lags_ns
        self.cause_of += _renumbered(blob.cause_of, blob.causes, self.causes)
        self.set_of += _renumbered(blob.names_of, blob.names, self.sets)
        start = len(self.durations_ns)
        self.durations_ns += blob.durations_ns
        if len(blob.names) == 1 and (width := len(blob.names[0])):
            self.offsets.extend(range(start + width, len(self.durations_ns) + 1, width))
        else:
            widths = [len(each) for each in blob.names]
            ends = accumulate([widths[index] for index in blob.names_of], initial=start)
            next(ends)
            self.offsets.extend(ends)


def batches(blobs: Iterable[bytes], damaged: list[str]) -> Iterator[Columns]:
    """Yield the pulses of ``blobs``; what is wrong with damaged ones is appended to ``damaged``."""
    causes: dict[Cause | None, int] = {}
    sets: dict[tuple[str, ...], int] = {}
    batch = Columns(causes, sets)
    for data in blobs:
        try:
            batch.add(read(data))
        except CorruptError as error:
            damaged.append(str(error))
        if len(batch) >= _PULSES:
            yield batch
            batch = Columns(causes, sets)
    if len(batch):
        yield batch


def _renumbered(indices: array[int], items: tuple[T, ...], known: dict[T, int]) -> array[int]:
    numbers = [known.setdefault(item, len(known)) for item in items]
    if numbers == list(range(len(numbers))):
        return indices
    return array("H", [numbers[index] for index in indices])
