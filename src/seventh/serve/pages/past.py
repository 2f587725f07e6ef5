"""What the history has of a target, read in a thread: few at once, and not again and again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import msgspec

from seventh.model.failure import UsageError
from seventh.serve.pages.charts import Band
from seventh.watch.history import files, log16
from seventh.watch.history.compact import reading
from seventh.watch.history.database import HistoryError, connect
from seventh.watch.history.query import History, Row, opened

SPANS = {"3h": (3 * 3600, 180), "24h": (86_400, 900), "7d": (7 * 86_400, 3600),
         "90d": (90 * 86_400, 86_400)}  # fmt: skip
"""What may be asked for: seconds in all, and of one step."""
_AT_ONCE = 2
_KEPT, _KEPT_SECONDS = 200, 30.0
_JOURNAL = 400_000
"""Pulses of a journal from which on a page does not read it: it takes a second for 5 million."""


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """What a plot shows."""

    begin_s: int
    end_s: int
    step_s: int
    bands: tuple[Band, ...] = ()
    phases: dict[str, dict[int, float]] = {}
    """Medians in seconds."""
    why: str = ""
    """Why there is nothing."""


class Reader:
    """Reads plots of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._known: OrderedDict[tuple[str, str, tuple[str, ...]], tuple[float, Drawn]] = (
            OrderedDict()
        )

    async def drawn(self, name: str, span: str, phases: tuple[str, ...]) -> Drawn:
        """Return the history of a target in a span, at most half a minute old."""
        key = (name, span, phases)
        async with self._free:
            if key in self._known and time.monotonic() < self._known[key][0]:
                return self._known[key][1]
            found = await asyncio.to_thread(self._read, name, span, phases, time.time())
        self._known[key] = time.monotonic() + _KEPT_SECONDS, found
        self._known.move_to_end(key)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return found

    def _read(self, name: str, span: str, phases: tuple[str, ...], now_s: float) -> Drawn:
        length, step_s = SPANS[span]
        end_s = int(now_s // step_s + 1) * step_s
        begin_s = end_s - length
        drawn = Drawn(begin_s=begin_s, end_s=end_s, step_s=step_s)
        try:
            with _opened(self._folder) as history:
                rows = history.spans(name, begin_s, end_s, step_s)
                medians = {
                    phase: {
                        at: _seconds(row.quantiles[1])
                        for at, row in history.spans(name, begin_s, end_s, step_s, phase).items()
                        if row.quantiles is not None
                    }
                    for phase in phases
                }
        except (UsageError, HistoryError) as error:
            return msgspec.structs.replace(drawn, why=str(error))
        return msgspec.structs.replace(
            drawn, bands=tuple(_band(at, row) for at, row in rows.items()), phases=medians
        )


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[History]:
    """Open the history: without its journal, if that is long."""
    with reading(folder) as journal:
        (pulses,) = journal.execute("SELECT coalesce(sum(pulses), 0) FROM journal").fetchone()
    if pulses <= _JOURNAL:
        with opened(folder) as history:
            yield history
        return
    with connect(folder / files.FOLDER / ".spill-pages") as database:
        yield History(folder, database, None)


def _band(at_s: int, row: Row) -> Band:
    known = row.pulses - row.unknown
    low = middle = high = None
    if row.quantiles is not None:
        low, middle, high, _ = map(_seconds, row.quantiles)
    return Band(at_s, low, middle, high, row.failed / known if known else None)


def _seconds(code: int) -> float:
    return log16.decode(code) / 1e9
