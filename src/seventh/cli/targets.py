"""Targets from arguments, files and stdin, each with its options."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from seventh import protocols
from seventh.cli.options import LISTS, NAMES
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.target import Target, parse_target

Job = tuple[Target, Options]
MAX_FILE_BYTES = 64 * 1024 * 1024


def gather(arguments: list[str], files: list[str], options: Options) -> list[Job]:
    """Every job in the order written; UsageError (with file and line) for the first bad one."""
    jobs: list[Job] = []
    for text in arguments:
        if text == "-":
            jobs.extend(_lines(sys.stdin.read(), "stdin", options))
        else:
            jobs.extend((target, options) for target in parse_target(text, protocols.schemes()))
    for name in files:
        if name == "-":
            jobs.extend(_lines(sys.stdin.read(), "stdin", options))
        elif name.endswith(".toml"):
            jobs.extend(_toml(name, options))
        else:
            jobs.extend(_lines(read(name), name, options))
    if not jobs:
        raise UsageError("no target: write one, such as `seventh check ssh://host`")
    return jobs


def read(name: str) -> str:
    """A text file's content; UsageError that says why it cannot be read."""
    path = Path(name)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UsageError(f"{name}: larger than {MAX_FILE_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 text at byte {error.start}") from None


def _lines(text: str, name: str, options: Options) -> Iterator[Job]:
    for number, line in enumerate(text.splitlines(), 1):
        written = line.split("#", 1)[0].strip()
        if written:
            yield from _at(f"{name}:{number}", written, options)


def _at(where: str, text: str, options: Options) -> Iterator[Job]:
    try:
        targets = parse_target(text, protocols.schemes())
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    for target in targets:
        yield target, options


def _toml(name: str, options: Options) -> Iterator[Job]:
    import tomllib

    try:
        content = tomllib.loads(read(name))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: not valid TOML: {error}") from None
    tables = content.pop("target", None)
    if content or not isinstance(tables, list):
        raise UsageError(f'{name}: write one [[target]] table per target, each with url = "…"')
    for number, table in enumerate(tables, 1):
        where = f"{name}: target {number}"
        if not isinstance(table, dict) or not isinstance(table.get("url"), str):
            raise UsageError(f'{where}: needs url = "…"')
        own = _own_options(where, {k: v for k, v in table.items() if k != "url"}, options)
        yield from _at(where, table["url"], own)


def _own_options(where: str, table: dict[str, Any], options: Options) -> Options:
    changes: dict[str, Any] = {}
    for key, value in table.items():
        if key not in NAMES:
            raise UsageError(
                f"{where}: unknown option {key!r}; there are {', '.join(sorted(NAMES))}"
            )
        if key in LISTS and isinstance(value, str):
            value = [value]
        changes[NAMES[key]] = value
    try:
        known = {field: getattr(options, field) for field in options.__struct_fields__}
        return msgspec.convert({**known, **changes}, Options)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}: {error}") from None
