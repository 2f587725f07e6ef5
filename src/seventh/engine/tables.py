"""Options in the tables of a TOML file: of targets, and their defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seventh import given, protocols
from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.model.options import Options
from seventh.model.target import Target

Given = Mapping[str, Any]
"""Options by field name, as typed on the command line."""


def load(name: str, text: str) -> dict[str, Any]:
    """Read TOML; raises UsageError, which names the file."""
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: not valid TOML: {error}") from None
    except (ValueError, RecursionError):  # raised by Python and not by the parser
        raise UsageError(
            f"{name}: not valid TOML: a number with too many digits, a date that does not exist, "
            "or brackets nested too deeply"
        ) from None


def grants(field: str) -> bool:
    """Return whether the option is a permission."""
    return given.options()[field].option.grants is not None


def by_field(where: str, table: Mapping[str, Any], others: Iterable[str]) -> dict[str, Any]:
    """Return a table's options by field name; ``others`` are the keys that it may have besides.

    Raises UsageError for a key that is no option, and for a permission.
    """
    known = given.by_flag()
    for key, value in table.items():
        if key not in known:
            if key.replace("_", "-") in known:
                raise UsageError(f"{where}: unknown option {key!r}: write {key.replace('_', '-')}")
            error = unknown("option", key, sorted([*known, *others]), "seventh check --help")
            raise UsageError(f"{where}: {error}")
        if known[key].option.grants is not None and value is not False:
            raise UsageError(
                f"{where}: {key} is a permission, which a file cannot give; type "
                f"{known[key].flag} on the command line"
            )
    return {known[key].field: value for key, value in table.items()}


def check_own(where: str, values: Given, targets: tuple[Target, ...]) -> None:
    """Raise UsageError for an option of a target that it does not use."""
    for name in values:
        each = given.options()[name]
        if not any(given.uses(protocols.room_of(target.scheme), each) for target in targets):
            schemes = ", ".join(protocols.schemes()[target.scheme].start for target in targets)
            raise UsageError(
                f"{where}: {schemes} does not use the option {each.option.flag!r}: remove it"
            )


def check_own_limits(where: str, own: Options, targets: tuple[Target, ...]) -> None:
    """Raise UsageError for a limit of a target that is not valid."""
    try:
        check_limits(own, [protocols.room_of(target.scheme).name for target in targets])
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def check_limits(options: Options, rooms: Iterable[str]) -> None:
    """Raise UsageError for a limit that is not valid or that no room knows."""
    if options.limited:
        from seventh.engine import limits  # for --max and --min only

        limits.check(options, rooms)


def made(where: str, values: Given, base: Options) -> Options:
    """Return ``base`` with options by field name; raises UsageError, which says where."""
    try:
        return given.make(values, base)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
