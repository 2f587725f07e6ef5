"""Writes the status page: each file is replaced as a whole, or stays as it was."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from seventh.model.failure import system_error
from seventh.serve import queries
from seventh.serve.pages.templating import static
from seventh.serve.status.pages import atom, html
from seventh.serve.status.services import DAYS, Part, Record, Status, services, troubles
from seventh.watch.keys import Labels, StatusKeys
from seventh.watch.objectives import changes, kept
from seventh.watch.run import Watcher
from seventh.watch.slo import DAY_NS, Seconds, seconds
from seventh.watch.spans import Change
from seventh.watch.store import Store, StoreError
from seventh.watch.verdict import State

PAUSE_SECONDS = 15.0
_UNKNOWN = State()


class Publisher:
    """The status page of what is watched; ``folder`` is that of the command line."""

    def __init__(self, watcher: Watcher, store: Store, folder: str | None) -> None:
        self._watcher, self._store, self._folder = watcher, store, folder
        self._records: list[Record] = []
        self._changes: Mapping[int, list[Change]] = {}
        self._id = uuid.UUID(int=0)

    async def run(self) -> None:
        """Write the page every quarter of a minute, until this is cancelled."""
        await self._watcher.ready.wait()
        while True:
            keys = self._watcher.config.status or StatusKeys()
            folder = self._folder or keys.folder
            if folder is not None:
                self._watcher.health.status = await self.publish(Path(folder), keys)
            await asyncio.sleep(PAUSE_SECONDS)

    async def publish(self, folder: Path, keys: StatusKeys) -> str:
        """Write the page; return why it was not written, else nothing.

        What is read of the store is as it was while the store cannot be read.
        """
        now_ns = time.time_ns()
        with contextlib.suppress(StoreError):
            await asyncio.wrap_future(self._store.run(lambda db: self._read(db, now_ns)))
        status = await asyncio.to_thread(self._status, keys, now_ns)
        files = {
            "index.html": html(status), "incidents.atom": atom(status),
            "status.css": static("status.css"),
        }  # fmt: skip
        try:
            await asyncio.to_thread(_write, folder, files)
        except OSError as error:
            return f"{folder}: {system_error(error)}"
        return ""

    def _read(self, database: sqlite3.Connection, now_ns: int) -> None:
        (store,) = database.execute("SELECT id FROM identity").fetchone()
        found = queries.incidents(database, firing=False, before=None, most=queries.MOST)
        firing = queries.incidents(database, firing=True, before=None, most=queries.MOST)
        self._id = uuid.uuid5(uuid.NAMESPACE_OID, store)
        self._records = [
            Record(id=each.id, target=each.target, kind=each.kind, since_ns=each.since_ns,
                   resolved_ns=each.resolved_ns)
            for each in {each.id: each for each in (*found, *firing)}.values()
            if not each.given_up
        ]  # fmt: skip
        self._changes = changes(database, now_ns - DAYS * DAY_NS)

    def _status(self, keys: StatusKeys, now_ns: int) -> Status:
        watched = {
            number: each for number, each in self._watcher.watched() if keys.label in each.labels
        }
        labels = {number: each.labels for number, each in watched.items()}
        parts = [self._part(number, each.name, each.labels, now_ns)
                 for number, each in watched.items()]  # fmt: skip
        return Status(
            title=keys.title, url=keys.url, store=self._id, now_ns=now_ns,
            services=services(parts, keys.label),
            troubles=troubles(self._records, labels, keys.label, self._id, now_ns),
        )  # fmt: skip

    def _part(self, number: int, name: str, labels: Labels, now_ns: int) -> Part:
        state = self._watcher.fleet.states.get(number, _UNKNOWN)
        begin_ns = now_ns - DAYS * DAY_NS
        known = kept(
            self._changes.get(number, ()), self._watcher.config.maintenance,
            labels | {"target": name}, begin_ns, now_ns,
        )  # fmt: skip
        made = Part(
            labels=labels,
            condition=state.condition,
            since_ns=state.since_ns,
            maintained=bool(self._watcher.maintenance_of(number, now_ns)),
        )
        return replace(made, days=seconds(known, begin_ns, now_ns) if known else Seconds())


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Replace files that have changed; raises OSError, and then each is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        with contextlib.suppress(FileNotFoundError):
            if path.read_bytes() == content:
                continue
        temporary = folder / f".{name}.{os.getpid()}"
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
