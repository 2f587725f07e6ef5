"""Changes as they happen: one look a second for all browsers, and for each what it has not read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from typing import Any

import msgspec

from seventh.render.summary import duration
from seventh.serve.pages.fleet import Row
from seventh.serve.pages.templating import percent

MOST = 100
"""Browsers at once: connections remain for metrics and the API."""
MOST_ROWS = 200
_LOOK_SECONDS = 1.0
_QUIET_SECONDS = 15.0
"""After which a comment shows whether the browser is still there."""


class _Reader:
    """One browser: what it shows, and what it has not read yet. Bounded by the fleet."""

    def __init__(self, numbers: Collection[int]) -> None:
        self.numbers = frozenset(numbers)
        self.cells: dict[int, str] = {}
        self.rows: dict[int, tuple[str, str]] = {}
        self.moved = False
        self.wake = asyncio.Event()


class Live:
    """What changes, for those who look."""

    def __init__(self, watched: Callable[[], Iterable[Row]], changed: Callable[[], Iterable[Row]]
                 ) -> None:  # fmt: skip
        """Look at all that is ``watched``, and then at what has ``changed`` since the last look."""
        self._watched, self._changed = watched, changed
        self._readers: set[_Reader] = set()
        self._cells: dict[int, str] = {}
        self._looking: asyncio.Task[None] | None = None
        self.ended = False

    @property
    def full(self) -> bool:
        """Whether no further browser is served."""
        return len(self._readers) >= MOST

    async def events(self, numbers: Collection[int]) -> AsyncIterator[bytes]:
        """Yield what changes, as server-sent events (HTML's section 9.2), until the end."""
        reader = _Reader(numbers)
        self._readers.add(reader)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_often())
        try:
            yield b"retry: 3000\n: seventh\n\n"
            while not self.ended:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_QUIET_SECONDS):
                        await reader.wake.wait()
                yield _taken(reader)
        finally:
            self._readers.discard(reader)
            if not self._readers and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    def end(self) -> None:
        """End all streams: the server stops."""
        self.ended = True
        for reader in self._readers:
            reader.wake.set()

    async def _look_often(self) -> None:
        self._cells = {row.number: row.cell for row in self._watched()}
        self._changed()  # what was before is on the pages
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._look()

    def _look(self) -> None:
        rows = [*self._changed()]
        if not rows:
            return
        cells = {}
        moved = False
        for row in rows:
            before = self._cells.get(row.number)
            if before != row.cell:
                cells[row.number] = self._cells[row.number] = row.cell
                moved |= before is not None and not (before + row.cell).isdigit()
        for reader in self._readers:
            shown = {row.number: row for row in rows if row.number in reader.numbers}
            reader.cells |= cells
            reader.rows |= {number: _words(row) for number, row in shown.items()}
            reader.moved |= moved
            if reader.cells or reader.rows:
                reader.wake.set()


def _words(row: Row) -> tuple[str, str]:
    return (duration(row.total_ns / 1e9) if row.total_ns is not None else "–", percent(row.loss))


def _taken(reader: _Reader) -> bytes:
    if not reader.wake.is_set():
        return b":\n\n"
    reader.wake.clear()
    told: dict[str, Any] = {"cells": reader.cells, "rows": reader.rows, "moved": reader.moved}
    reader.cells, reader.rows, reader.moved = {}, {}, False
    return b"data: " + msgspec.json.encode(told) + b"\n\n"
