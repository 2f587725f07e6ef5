"""Targets from arguments, files and standard input, each with its options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seventh import given, protocols
from seventh.cli.streams import stdin_bytes
from seventh.engine import tables
from seventh.engine.tables import Given
from seventh.model.failure import UsageError, system_error
from seventh.model.near import near, unknown
from seventh.model.options import Options
from seventh.model.target import Target, parse_target
from seventh.model.textfile import read_text, text_of, within

Job = tuple[Target, Options]
MAX_FILE_BYTES = 64 * 1024 * 1024


def gather(arguments: list[str], files: list[str], options: Options, typed: Given) -> list[Job]:
    """Return all jobs in the order written; raises UsageError, with file and line, for a bad one.

    ``options`` are made from ``typed``. Typed options override the defaults of a file; options of a
    target override both.
    """
    jobs: list[Job] = []
    for text in arguments:
        if text == "-":
            jobs.extend(_lines(text, options))
        else:
            jobs.extend(_jobs(parse_target(text, protocols.schemes()), options))
    for name in files:
        is_toml = name.endswith(".toml")
        jobs.extend(_toml(name, options, typed) if is_toml else _lines(name, options))
    if not jobs:
        raise UsageError("no target: name one, such as `seventh check ssh://host`")
    return jobs


def check_used(typed: Given, jobs: list[Job], places: Iterable[Target] = ()) -> None:
    """Raise UsageError for a typed option that neither a target nor a place of --from uses."""
    specs = {protocols.room_of(target.scheme).name for target, _ in jobs}
    specs |= {protocols.room_of(hop.scheme).name for _, own in jobs for hop in own.via}
    specs |= {protocols.room_of(place.scheme).name for place in places}
    rooms = protocols.rooms()
    for name in typed:
        each = given.options()[name]
        if not any(given.uses(rooms[room], each) for room in specs):
            users = [room for room, spec in rooms.items() if given.uses(spec, each)]
            raise UsageError(
                f"{each.flag}: no target uses it; it is an option of {', '.join(users)} "
                f"(`seventh check --help {min(specs)}` lists the options of {min(specs)})"
            )


def check_limits(jobs: list[Job]) -> None:
    """Raise UsageError for a limit that is not valid or that no target with it knows."""
    rooms: dict[Options, list[str]] = {}
    for target, options in jobs:
        only = Options(maximums=options.maximums, minimums=options.minimums)
        rooms.setdefault(only, []).append(protocols.room_of(target.scheme).name)
    for options, names in rooms.items():
        tables.check_limits(options, names)


def read(name: str) -> str:
    """Read a text file, or standard input for ``-``, without a byte order mark.

    Raises UsageError if that fails.
    """
    if name != "-":
        return read_text(name, MAX_FILE_BYTES)
    named = _shown(name)
    try:
        data = stdin_bytes(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{named}: cannot be read: {system_error(error)}") from None
    return text_of(named, within(named, data, MAX_FILE_BYTES))


def _shown(name: str) -> str:
    return "stdin" if name == "-" else name


def _jobs(targets: Iterable[Target], options: Options) -> Iterator[Job]:
    """Pair targets with options, without UDP ports where only TCP is carried."""
    schemes = protocols.schemes()
    for target in targets:
        reached = schemes[target.scheme].transport == "tcp" or not options.carried
        if reached or not target.of_bare_host:
            yield target, options


def _lines(name: str, options: Options) -> Iterator[Job]:
    for number, line in enumerate(read(name).splitlines(), 1):
        if text := line.split("#", 1)[0].strip():
            yield from _jobs(_targets(f"{_shown(name)}:{number}", text), options)


def _targets(where: str, text: str) -> tuple[Target, ...]:
    try:
        return parse_target(text, protocols.schemes())
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _toml(name: str, options: Options, typed: Given) -> Iterator[Job]:
    content = tables.load(name, read(name))
    listed, defaults = content.pop("target", None), content.pop("defaults", {})
    for key in content:
        wrong = unknown("table", key, ["target", "defaults"], shown="[{}]")
        raise UsageError(f"{name}: {wrong.replace('[target]', '[[target]]')}")
    if not isinstance(listed, list) or not isinstance(defaults, dict):
        raise UsageError(
            f'{name}: write one [[target]] table with url = "…" per target; [defaults], before '
            "them, is optional"
        )
    # The permissions that were typed hold for the file's defaults, which may need them.
    permitted = tables.made(name, {k: v for k, v in typed.items() if tables.grants(k)}, Options())
    common = tables.made(
        f"{name}: defaults", tables.by_field(f"{name}: defaults", defaults, ["url"]), permitted
    )
    base = tables.made(name, typed, common.replace(transcript=options.transcript))
    for number, table in enumerate(listed, 1):
        where = f"{name}: target {number}"
        if not isinstance(table, dict) or not isinstance(table.get("url"), str):
            meant = near("url", table) if isinstance(table, dict) else []
            hint = f", not {meant[0]}" if meant and meant[0] != "url" else ""
            raise UsageError(f'{where}: needs url = "…"{hint}')
        given_here = tables.by_field(where, {k: v for k, v in table.items() if k != "url"}, ["url"])
        own = tables.made(where, given_here, base)
        targets = _targets(where, table["url"])
        tables.check_own(where, given_here, targets)
        if {"maximums", "minimums"} & given_here.keys():
            tables.check_own_limits(where, own, targets)
        yield from _jobs(targets, own)
