"""Targets from arguments, files and stdin, each with its options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from seventh import given, protocols
from seventh.cli.streams import stdin_bytes
from seventh.model.failure import UsageError
from seventh.model.near import near, unknown
from seventh.model.options import Options
from seventh.model.target import Target, parse_target

Job = tuple[Target, Options]
Given = Mapping[str, Any]
"""Options by their field's name, as the command line gave them."""
MAX_FILE_BYTES = 64 * 1024 * 1024


def gather(arguments: list[str], files: list[str], options: Options, typed: Given) -> list[Job]:
    """Return every job in the order written; UsageError (with file and line) for the first bad one.

    ``options`` are what ``typed`` makes; where a file has defaults, what was typed goes before
    these, and what a target says for itself before both.
    """
    jobs: list[Job] = []
    for text in arguments:
        if text == "-":
            jobs.extend(_lines(read(text), "stdin", options))
        else:
            jobs.extend(_jobs(parse_target(text, protocols.schemes()), options))
    for name in files:
        if name == "-":
            jobs.extend(_lines(read(name), "stdin", options))
        elif name.endswith(".toml"):
            jobs.extend(_toml(name, options, typed))
        else:
            jobs.extend(_lines(read(name), name, options))
    if not jobs:
        raise UsageError("no target: write one, such as `seventh check ssh://host`")
    return jobs


def check_used(typed: Given, jobs: list[Job]) -> None:
    """UsageError for an option on the command line that no target uses."""
    specs = {protocols.room_of(target.scheme).name for target, _ in jobs}
    specs |= {protocols.room_of(hop.scheme).name for _, own in jobs for hop in own.via}
    rooms = protocols.rooms()
    for name in typed:
        each = given.options()[name]
        if not any(given.uses(rooms[room], each) for room in specs):
            users = [room for room, spec in rooms.items() if given.uses(spec, each)]
            raise UsageError(
                f"{each.flag}: no target uses it; it is for {', '.join(users)} "
                f"(`seventh check --help {min(specs)}` lists what can be given)"
            )


def read(name: str) -> str:
    """Return a text file's content, or standard input's of ``-``, without a byte order mark.

    Raises UsageError that says why it cannot be read.
    """
    named = "stdin" if name == "-" else name
    try:
        if name == "-":
            data = stdin_bytes(MAX_FILE_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)  # a device tells no size
        if len(data) > MAX_FILE_BYTES:
            raise UsageError(f"{named}: larger than {MAX_FILE_BYTES} bytes")
        return data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise UsageError(f"{named}: not UTF-8 text at byte {error.start}") from None
        said = getattr(error, "strerror", None) or error
        raise UsageError(f"{named}: cannot be read: {said}") from None


def _jobs(targets: Iterable[Target], options: Options) -> Iterator[Job]:
    """Each target with its options; jump hosts carry TCP, so of a bare host only that is asked."""
    schemes = protocols.schemes()
    for target in targets:
        carried = schemes[target.scheme].transport == "tcp" or not options.via
        if carried or not target.of_bare_host:
            yield target, options


def _lines(text: str, name: str, options: Options) -> Iterator[Job]:
    for number, line in enumerate(text.splitlines(), 1):
        written = line.split("#", 1)[0].strip()
        if written:
            yield from _jobs(_targets(f"{name}:{number}", written), options)


def _targets(where: str, text: str) -> tuple[Target, ...]:
    try:
        return parse_target(text, protocols.schemes())
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _toml(name: str, options: Options, typed: Given) -> Iterator[Job]:
    import tomllib

    try:
        content = tomllib.loads(read(name))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: not valid TOML: {error}") from None
    except (ValueError, RecursionError):  # what the parser itself leaves to Python
        raise UsageError(
            f"{name}: not valid TOML: a number with too many digits, a date that does not exist, "
            "or brackets that are nested too deeply"
        ) from None
    tables, defaults = content.pop("target", None), content.pop("defaults", {})
    for key in content:
        wrong = unknown("table", key, ["target", "defaults"], shown="[{}]")
        raise UsageError(f"{name}: {wrong.replace('[target]', '[[target]]')}")
    if not isinstance(tables, list) or not isinstance(defaults, dict):
        raise UsageError(
            f'{name}: write one [[target]] table per target, each with url = "…", and, before '
            "them, [defaults] for all"
        )
    # What was permitted on the command line holds for what the file's defaults ask for.
    permitted = _made(name, {k: v for k, v in typed.items() if _grants(k)}, Options())
    usual = _made(f"{name}: defaults", _by_field(f"{name}: defaults", defaults), permitted)
    base = _made(name, typed, usual.replace(transcript=options.transcript))
    for number, table in enumerate(tables, 1):
        where = f"{name}: target {number}"
        if not isinstance(table, dict) or not isinstance(table.get("url"), str):
            meant = near("url", table) if isinstance(table, dict) else []
            hint = f", not {meant[0]}" if meant and meant[0] != "url" else ""
            raise UsageError(f'{where}: needs url = "…"{hint}')
        said = _by_field(where, {k: v for k, v in table.items() if k != "url"})
        own = _made(where, said, base)
        targets = _targets(where, table["url"])
        _check_own(where, said, targets)
        yield from _jobs(targets, own)


def _grants(field: str) -> bool:
    return given.options()[field].option.grants is not None


def _by_field(where: str, table: dict[str, Any]) -> dict[str, Any]:
    known = given.by_flag()
    for key, value in table.items():
        if key not in known:
            if key.replace("_", "-") in known:
                raise UsageError(f"{where}: unknown option {key!r}: write {key.replace('_', '-')}")
            said = unknown("option", key, sorted([*known, "url"]), "seventh check --help")
            raise UsageError(f"{where}: {said}")
        if known[key].option.grants is not None and value is not False:
            raise UsageError(
                f"{where}: {key} is a permission, which a file cannot give; type "
                f"{known[key].flag} on the command line"
            )
    return {known[key].field: value for key, value in table.items()}


def _check_own(where: str, said: Given, targets: tuple[Target, ...]) -> None:
    """UsageError for an option that a target has for itself and does not use."""
    for name in said:
        each = given.options()[name]
        if not any(given.uses(protocols.room_of(target.scheme), each) for target in targets):
            schemes = ", ".join(f"{target.scheme}://" for target in targets)
            raise UsageError(f"{where}: {schemes} does not use {each.option.flag!r}")


def _made(where: str, values: Given, base: Options) -> Options:
    try:
        return given.make(values, base)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
