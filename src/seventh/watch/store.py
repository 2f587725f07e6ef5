"""What changes is SQLite, written by one thread; what is past is the history's.

A commit writes one blob of pulses, and in the same transaction what they led to: changes of
conditions, incidents, and what is to be sent. So after a crash there is all of it or nothing.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import msgspec

from seventh.model.failure import UsageError
from seventh.net.on_failure import on_failure
from seventh.watch.folder import lock
from seventh.watch.schema import MIGRATIONS, migrate

T = TypeVar("T")
FILE = "watch.sqlite3"


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder's database is for."""

    file: str = FILE
    migrations: tuple[str, ...] = MIGRATIONS
    durable: bool = False
    """Whether a commit waits until the disk has it: nothing is lost when the power fails."""


WATCH = Kind()
_PATIENCE_SECONDS = 5.0
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class StoreError(Exception):
    """A write that failed and was undone: a full disk, a damaged database."""


class Store:
    """The database of one folder. Its methods may be called from any thread."""

    def __init__(self, folder: Path, kind: Kind = WATCH) -> None:
        """Open the store; raises UsageError if that is not possible.

        A damaged database is moved aside (:attr:`moved`), and a new one is begun.
        """
        self.folder = folder
        self._kind = kind
        self.moved: Path | None = None
        self._lock = lock(folder)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        with on_failure(lambda: os.close(self._lock)):
            self._database = self._open()
        self._writer = threading.Thread(target=self._write, name="store", daemon=True)
        self._writer.start()

    def run(self, job: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Run ``job`` in the writer's thread, in one transaction.

        The future has its result when it is committed, or StoreError when it was undone.
        """
        future: Future[T] = Future()
        self._jobs.put(lambda: self._transact(job, future))
        return future

    def close(self) -> None:
        """Wait for what was begun, and close."""
        self._jobs.put(None)
        self._writer.join()
        self._database.close()
        os.close(self._lock)

    def _open(self) -> sqlite3.Connection:
        path = self.folder / self._kind.file
        try:
            return _connect(path, self._kind)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in _DAMAGED:
                raise UsageError(f"{path}: {error}; choose another folder with --state") from None
        self.moved = _move_aside(path)
        return _connect(path, self._kind)

    def _write(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _transact(self, job: Callable[[sqlite3.Connection], T], future: Future[T]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            with transaction(self._database):
                result = job(self._database)
        except sqlite3.Error as error:
            future.set_exception(StoreError(f"{self.folder / self._kind.file}: {error}"))
        except Exception as error:  # noqa: BLE001 - the caller's own error, raised there
            future.set_exception(error)
        else:
            future.set_result(result)


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block has done, or undo it."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    finally:
        if database.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # some errors have already undone it
                database.execute("ROLLBACK")


@contextlib.contextmanager
def beside(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open a store that another process may be using, in one transaction; raises UsageError."""
    path = folder / FILE
    if not path.exists():
        raise UsageError(f"{path}: no such file; name the folder of the store with --state")
    try:
        database = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None)
        with contextlib.closing(database):
            migrate(database, str(path))
            with transaction(database):
                yield database
    except sqlite3.Error as error:
        raise UsageError(f"{path}: {error}") from None


def _connect(path: Path, kind: Kind) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with on_failure(database.close):
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {'FULL' if kind.durable else 'NORMAL'}")
        database.execute("PRAGMA wal_autocheckpoint = 4000")
        ((found,),) = database.execute("PRAGMA quick_check(1)").fetchall()
        if found != "ok":
            error = sqlite3.DatabaseError(found)
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
        migrate(database, str(path), kind.migrations)
    return database


def _move_aside(path: Path) -> Path:
    """Rename a damaged database and its side files; return its new name."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    return aside
