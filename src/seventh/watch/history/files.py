"""The files of the history: where each is, what it says of itself, and how one is replaced.

::

    history/2026-11-30/20.parquet     the pulses of an hour (UTC), by target and time
    history/rollup/2026-11-30.parquet the quantiles and counts of a day and of its hours
    history/rollup/2026-11.parquet    those of a month, by target, once none of its days changes
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from seventh.model.failure import system_error
from seventh.net.on_failure import on_failure
from seventh.watch.history import log16
from seventh.watch.history.database import HistoryError, quoted

if TYPE_CHECKING:
    import duckdb

FOLDER = "history"
VERSION = 1
_KEY = "seventh"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MONTH_FILE = re.compile(r"\d{4}-\d\d\.parquet")
_HOUR = re.compile(r"([01]\d|2[0-3])\.parquet")
_ERRNO = re.compile(r'"errno":"(\d+)"')
# Beyond this number of values in a row group, integers are written as differences: half the size.
_DICTIONARY = 1000
# Rows that are read to find those of one target.
_ROW_GROUP = 61_440


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of itself, as JSON under the key ``seventh``."""

    version: int = VERSION
    kind: str = "pulses"
    store: str = ""
    """The identity of the database whose journal the pulses are of."""
    seq: int = 0
    """The file has every pulse of its hour from that journal up to this blob."""
    phases: tuple[str, ...] = ()
    """The phases that have a column, sorted."""
    hours: dict[str, int] = {}
    """Of a roll-up: the size of each file that it was made of, by name."""
    days: tuple[str, ...] = ()
    """Of a month: the days that it has."""
    log16: str = f"0 is 0 ns; any other code is 2 ** ((code - 1) / {log16.STEPS}) ns"


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not read, and why."""

    path: str
    why: str
    later: bool = False
    """Whether a later Seventh made it: it is good, and not to be replaced."""


def hour_path(folder: Path, hour: int) -> Path:
    """Return the file of an hour, counted since 1970."""
    at = datetime.fromtimestamp(hour * 3600, UTC)
    return folder / FOLDER / f"{at:%Y-%m-%d}" / f"{at:%H}.parquet"


def rollup_path(folder: Path, day: str) -> Path:
    """Return the file of a day's roll-ups, or of a month's (``2026-11``)."""
    return folder / FOLDER / "rollup" / f"{day}.parquet"


def hour_files(folder: Path) -> dict[int, Path]:
    """Return the files of hours, by hour, in order."""
    found = {}
    for day in _listed(folder / FOLDER, _DAY):
        start = hour_of(day.name)
        if start is not None:
            found.update({start + int(each.stem): each for each in _listed(day, _HOUR)})
    return found


def rollup_files(folder: Path) -> dict[int, Path]:
    """Return the files of roll-ups, by the first hour of their day, in order."""
    found = {}
    for path in _listed(folder / FOLDER / "rollup", re.compile(_DAY.pattern + r"\.parquet")):
        start = hour_of(path.stem)
        if start is not None:
            found[start] = path
    return found


def month_files(folder: Path) -> list[Path]:
    """Return the files of months, in order."""
    found = _listed(folder / FOLDER / "rollup", _MONTH_FILE)
    return [path for path in found if hour_of(f"{path.stem}-01") is not None]


def _listed(folder: Path, name: re.Pattern[str]) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if name.fullmatch(each.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def hour_of(day: str) -> int | None:
    """Return the first hour of a day, counted since 1970; None if there is no such day."""
    try:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) // 3600
    except ValueError:  # 2026-02-30
        return None


def month_end(month: str) -> int:
    """Return the hour after the last one of a month (``2026-11``), counted since 1970."""
    start = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)
    return int((start + timedelta(days=31)).replace(day=1).timestamp()) // 3600


def checked(
    database: duckdb.DuckDBPyConnection, paths: Iterable[Path], kind: str
) -> tuple[dict[Path, Meta], list[Skipped]]:
    """Return what the files say of themselves, and those that cannot be read."""
    wanted = list(paths)
    good: dict[Path, Meta] = {}
    skipped: list[Skipped] = []
    for path, found in _metas(database, wanted).items():
        if isinstance(found, str):
            skipped.append(Skipped(path=str(path), why=found))
        elif found.version > VERSION:
            why = f"made by a later Seventh (version {found.version}, this one knows {VERSION})"
            skipped.append(Skipped(path=str(path), why=why, later=True))
        elif found.kind != kind:
            skipped.append(Skipped(path=str(path), why=f"has no {kind}, but {found.kind}"))
        else:
            good[path] = found
    return good, skipped


def _metas(database: duckdb.DuckDBPyConnection, paths: list[Path]) -> dict[Path, Meta | str]:
    """Return of each file what it says of itself, or why it cannot be read."""
    import duckdb

    if not paths:
        return {}
    files = ", ".join(quoted(str(path)) for path in paths)
    try:
        rows = database.execute(
            f"SELECT file_name, value FROM parquet_kv_metadata([{files}])"  # noqa: S608
            f" WHERE key = {quoted(_KEY)}"
        ).fetchall()
    except duckdb.Error as error:
        if len(paths) > 1:  # one of them at least is damaged
            return {path: each for one in paths for path, each in _metas(database, [one]).items()}
        return {paths[0]: _line(error)}
    values = dict(rows)
    return {path: _meta(values.get(str(path))) for path in paths}


def _meta(value: bytes | None) -> Meta | str:
    if value is None:
        return "is not of the history: its metadata has no key seventh"
    try:
        return msgspec.json.decode(value, type=Meta)
    except msgspec.MsgspecError as error:
        return f"is not of the history: {error}"


def write(database: duckdb.DuckDBPyConnection, path: Path, query: str, meta: Meta) -> None:
    """Write a query's rows; the file is there as a whole or not at all. Raises HistoryError."""
    import duckdb

    text = quoted(msgspec.json.encode(meta).decode())

    def copy(beside: Path) -> None:
        database.execute(
            f"COPY ({query}) TO {quoted(str(beside))} (FORMAT parquet, COMPRESSION zstd,"
            f" COMPRESSION_LEVEL 1, PARQUET_VERSION V2, DICTIONARY_SIZE_LIMIT {_DICTIONARY},"
            f" ROW_GROUP_SIZE {_ROW_GROUP}, KV_METADATA {{{_KEY}: {text}}})"
        )

    try:
        replace(path, copy)
    except duckdb.Error as error:
        raise failed(path, error) from None
    except OSError as error:
        raise HistoryError(f"{path}: {system_error(error)}") from None


def failed(path: Path, error: duckdb.Error) -> HistoryError:
    """Return an error of DuckDB's as one line with the file's name."""
    return HistoryError(f"{path}: {_line(error)}")


def replace(path: Path, make: Callable[[Path], None]) -> None:
    """Have a file made beside ``path``, and put it there when it is on the disk."""
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True)
        _sync(path.parent.parent)
    beside = path.with_name(f".{path.name}.new")
    with on_failure(lambda: beside.unlink(missing_ok=True)):
        make(beside)
        _sync(beside)
        os.replace(beside, path)  # noqa: PTH105 - tests stop it here
        _sync(path.parent)


def move_aside(path: Path) -> Path:
    """Rename a file that cannot be read, so that it is neither lost nor in the way."""
    aside = path.with_name(f"{path.name}.damaged")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{number}")
    path.rename(aside)
    return aside


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line(error: Exception) -> str:
    """Return an error of the system's, or the first line of one of DuckDB's without its kind."""
    if (number := _ERRNO.search(str(error))) is not None:
        return os.strerror(int(number[1]))
    line = str(error).partition("\n")[0]
    return line.partition(": ")[2] or line
