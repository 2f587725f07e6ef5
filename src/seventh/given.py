"""Options made from names and values of a command line or a file."""

from __future__ import annotations

import functools
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from seventh import protocols
from seventh.model.failure import UsageError, system_error
from seventh.model.near import unknown
from seventh.model.option import Declared, RoomOptions, declared
from seventh.model.options import Options
from seventh.model.spec import Spec
from seventh.model.target import Target, parse_target

DEFAULTS = Options()


@functools.cache
def kinds() -> tuple[type[RoomOptions], ...]:
    """Return the structs in which protocols declare their own options, then those of verbs."""
    specs = protocols.rooms().values()
    own = [spec.options for spec in specs]
    of_verbs = [verb.options for spec in specs for verb in spec.verbs]
    return tuple(dict.fromkeys(kind for kind in (*own, *of_verbs) if kind is not None))


@functools.cache
def options() -> dict[str, Declared]:
    """Return every option by field name: the shared ones, then the protocols' own."""
    return {each.field: each for kind in (Options, *kinds()) for each in declared(kind)}


@functools.cache
def by_flag() -> dict[str, Declared]:
    """Return every option by its name on the command line and in a targets file.

    A verb's own option, which only its command line has, may have the name of a check's.
    """
    return {each.option.flag: each for each in reversed(options().values())}


def make(given: Mapping[str, Any], base: Options = DEFAULTS) -> Options:
    """Return ``base`` with the values of ``given``, shared options and protocols' own.

    Raises UsageError, which names the option, for a value that is not valid, and for an option that
    requires another.
    """
    values = {name: _value(options()[name], value) for name, value in given.items()}
    made = base.replace(**_of(Options, values))
    for kind in kinds():
        if changes := _of(kind, values):
            made = made.having(msgspec.structs.replace(made.of(kind), **changes))
    for name in given:
        each = options()[name]
        _check_need(each, get(made, each), lambda flag: get(made, by_flag()[flag]))
    return made


def _of(kind: type[msgspec.Struct], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of ``values`` that are fields of ``kind``."""
    fields = {each.field for each in declared(kind)}
    return {name: value for name, value in values.items() if name in fields}


def among(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of ``values`` that are options."""
    return {name: value for name, value in values.items() if name in options()}


def get(made: Options, each: Declared) -> Any:
    """Return the value of an option, shared or a protocol's own."""
    if each in declared(Options):
        return getattr(made, each.field)
    kind = next(kind for kind in kinds() if each in declared(kind))
    return getattr(made.of(kind), each.field)


def own(kind: type[RoomOptions], values: Mapping[str, Any]) -> RoomOptions:
    """Return the options of an area, those of ``values``; raises UsageError."""
    typed = {each.field: _value(each, values[each.field]) for each in declared(kind)
             if each.field in values}  # fmt: skip
    made = kind(**typed)
    flags = {each.option.flag: getattr(made, each.field) for each in declared(kind)}
    for each in declared(kind):
        _check_need(each, flags[each.option.flag], flags.get)
    return made


def uses(spec: Spec, each: Declared) -> bool:
    """Return whether checks of that protocol use the option."""
    option = each.option
    if option.always or each.field in spec.shared:
        return True
    if option.grants is not None:
        return option.grants in spec.tiers
    return spec.options is not None and each in declared(spec.options)


def _value(each: Declared, value: Any) -> Any:
    """Return a field's value from text or from TOML; raises UsageError if it is not valid."""
    read = {"via": _hops, "roundtrip": _mailbox}.get(each.field, each.option.read)
    if each.repeated and isinstance(value, str):
        value = (value,)
    if read is not None and (isinstance(value, str) or each.repeated):
        try:
            return tuple(map(read, value)) if each.repeated else read(value)
        except UsageError as error:
            raise UsageError(f"--{each.option.flag} {error}") from None
    try:
        made = msgspec.convert(value, each.checked)
    except msgspec.ValidationError:
        if each.choices and isinstance(value, str):
            suggestion = unknown("value", value, map(str, each.choices))
            raise UsageError(f"--{each.option.flag}: {suggestion}") from None
        raise UsageError(f"--{each.option.flag}: write {_wanted(each)}, not {value!r}") from None
    for name in made if each.repeated else (made,):
        if each.option.file and name is not None and name not in each.option.words:
            _check_readable(each, name)
    return made


def _wanted(each: Declared) -> str:
    """Describe the values of an option, in TOML's terms."""
    if each.bounds or each.is_number:
        return each.bounds or "a number"
    if each.is_switch:
        return "true or false"
    return "a string or a list of strings" if each.repeated else "a string"


def _hops(text: str) -> tuple[Target, ...]:
    """Return the jump hosts of ``--via``, all of one room that has a module ``jump``."""
    hops = tuple(
        hop for part in text.split(",") for hop in parse_target(part.strip(), protocols.schemes())
    )
    rooms = {protocols.room_of(hop.scheme).name for hop in hops}
    if len(rooms) != 1 or not protocols.has_part(rooms.pop(), "jump"):
        raise UsageError(f"{text!r}: write jump hosts as ssh://host[:port], separated by commas")
    return hops


def _mailbox(text: str) -> Target:
    """Return the mailbox of ``--roundtrip``, of a room that has a module ``mailbox``."""
    target, *more = parse_target(text, protocols.schemes())
    if more or not protocols.has_part(protocols.room_of(target.scheme).name, "mailbox"):
        raise UsageError(f"{text!r}: write the URL of a mailbox, such as imaps://host")
    return target


def _check_readable(each: Declared, name: str) -> None:
    try:
        path = Path(name) if each.option.file == "path" else Path(name).expanduser()
        mode = path.stat().st_mode
        # What is read from a FIFO, such as a shell's <(command), is lost for later.
        if each.option.file != "path" and not stat.S_ISFIFO(mode):
            with path.open("rb") as file:
                file.read(1)
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"--{each.option.flag} {name[:200]}: cannot be read: {system_error(error)}; check the "
            "path and its permissions"
        ) from None


def _check_need(each: Declared, value: Any, of: Callable[[str], Any]) -> None:
    """Raise UsageError if an option has a value, and the one that it needs, ``of(flag)``, none."""
    if each.option.needs is None or not value:
        return
    flag, why = each.option.needs
    if not of(flag):
        raise UsageError(f"--{each.option.flag} needs --{flag}: {why}")
