"""Profiles of links: TOML files, those shipped and a user's own, checked key by key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta
from msgspec.structs import asdict, fields

from seventh.link.way import Milliseconds, Shape
from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.model.textfile import read_text

S = TypeVar("S", bound=msgspec.Struct)
MAX_BYTES = 1_000_000
Seconds = Annotated[float, Meta(ge=0, le=604_800)]
Port = Annotated[int, Meta(ge=1, le=65_535)]


class Allow(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """Ports of servers that a filter lets pass; None: all. The rest is dropped silently."""

    tcp_ports: tuple[Port, ...] | None = None
    udp_ports: tuple[Port, ...] | None = None


class NatKeys(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """The idle timers of a NAT; 0: none."""

    udp_idle_seconds: Seconds = 0.0
    tcp_idle_seconds: Seconds = 0.0


class RadioKeys(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A radio that sleeps: the wait to wake it, and the pause after which it sleeps."""

    wake_ms: Milliseconds = 0.0
    tail_seconds: Seconds = 0.0


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A change on the time line, counted from the start of the command."""

    at_seconds: Seconds
    for_seconds: Seconds = 0.0
    """0: until the end; an address changes at once."""
    every_seconds: Seconds = 0.0
    """0: it happens once."""
    outage: bool = False
    new_address: bool = False
    """The NAT forgets its mappings and gets another address."""
    up: Mapping[str, Any] = {}
    """Keys of ``[up]`` that change."""
    down: Mapping[str, Any] = {}


class Profile(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A link."""

    name: str
    title: str = ""
    sources: tuple[str, ...] = ()
    """Where the figures are from."""
    assumptions: tuple[str, ...] = ()
    """What is ours, and not in the sources."""
    up: Shape = Shape()
    down: Shape = Shape()
    allow: Allow | None = None
    nat: NatKeys | None = None
    radio: RadioKeys | None = None
    events: tuple[Event, ...] = ()


_TABLES: dict[str, type[msgspec.Struct]] = {
    "up": Shape, "down": Shape, "allow": Allow, "nat": NatKeys, "radio": RadioKeys,
}  # fmt: skip
_KEYS = ("title", "sources", "assumptions", *_TABLES, "event")


def names() -> list[str]:
    """Return the names of the shipped profiles."""
    files = resources.files("seventh.link").joinpath("profiles").iterdir()
    return sorted(each.name.removesuffix(".toml") for each in files if each.name.endswith(".toml"))


def find(name: str) -> Profile:
    """Return a shipped profile, or that of a file (``.toml``); raises UsageError in one line."""
    if name.endswith(".toml"):
        return read(Path(name).stem, name, read_text(name, MAX_BYTES))
    if name not in (known := names()):
        raise UsageError(unknown("profile", name, known, listed_by="seventh link list"))
    path = resources.files("seventh.link").joinpath("profiles", f"{name}.toml")
    return read(name, name, path.read_text(encoding="utf-8"))


def read(name: str, where: str, text: str) -> Profile:
    """Read the text of a profile; raises UsageError with ``where`` and the key."""
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{where}: not TOML: {error}") from None
    for key in content:
        if key not in _KEYS:
            raise UsageError(f"{where}: {unknown('key', key, _KEYS)}")
    made: dict[str, Any] = {
        key: _table(kind, f"{where}: [{key}]", content[key])
        for key, kind in _TABLES.items()
        if key in content
    }
    plain: dict[str, Any] = {
        key: content[key] for key in ("title", "sources", "assumptions") if key in content
    }
    profile = Profile(name=name, **made, **_values(Profile, where, plain))
    listed = content.get("event", [])
    if not isinstance(listed, list):
        raise UsageError(f"{where}: event is a table: write [[event]]")
    events = tuple(
        _event(profile, f"{where}: [[event]] {number}", each)
        for number, each in enumerate(listed, 1)
    )
    return msgspec.structs.replace(profile, events=events)


def _event(profile: Profile, where: str, table: object) -> Event:
    event = _table(Event, where, table)
    for side in ("up", "down"):
        changed(getattr(profile, side), f"{where}: {side}", getattr(event, side))
    if event.every_seconds and not event.for_seconds < event.every_seconds:
        raise UsageError(f"{where}: for-seconds: write less than every-seconds")
    if not (event.outage or event.new_address or event.up or event.down):
        raise UsageError(f"{where}: changes nothing: write outage, new-address, up or down")
    return event


def changed(shape: Shape, where: str, keys: Mapping[str, Any]) -> Shape:
    """Return ``shape`` with the keys of an event; raises UsageError."""
    return Shape(**(asdict(shape) | _values(Shape, where, keys)))


def _table(kind: type[S], where: str, table: object) -> S:
    if not isinstance(table, dict):
        raise UsageError(f"{where}: write a table")
    values = _values(kind, where, table)
    for field in fields(kind):
        if field.required and field.name not in values:
            raise UsageError(f"{where}: needs {field.encode_name} = …")
    return kind(**values)


def _values(kind: type[msgspec.Struct], where: str, table: Mapping[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    known = {field.encode_name: field.name for field in fields(kind)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise UsageError(f"{where}: {unknown('key', key, known)}")
        try:
            values[known[key]] = msgspec.convert(value, hints[known[key]])
        except msgspec.ValidationError:
            wanted = _wanted(hints[known[key]])
            raise UsageError(f"{where}: {key} = {value!r:.80}: write {wanted}") from None
    return values


def _wanted(hint: Any) -> str:
    """Return what may be written for a type."""
    for bounds in getattr(hint, "__metadata__", ()):
        low = f"above {bounds.gt:g}" if bounds.gt is not None else f"from {bounds.ge:g}"
        kind = "a whole number" if hint.__origin__ is int else "a number"
        return f"{kind} {low} to {bounds.le:.12g}"
    if get_origin(hint) is Mapping:
        return "a table, such as { delay-ms = 30 }"
    return {bool: "true or false", str: "a text"}.get(hint, _listed(hint))


def _listed(hint: Any) -> str:
    return "a list of texts" if str in get_args(hint) else "a list of ports, each from 1 to 65535"
