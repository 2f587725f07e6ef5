"""``devices.toml``: the agents, what is read of each, how often and with which credential."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from seventh import protocols
from seventh.engine import tables
from seventh.model.failure import UsageError
from seventh.model.option import Option, declared
from seventh.model.options import Options
from seventh.model.target import Target, parse_target
from seventh.model.textfile import read_text
from seventh.protocols.snmp.client.identity import Identity, identity_of
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.names import built_in, instance, parse_oid
from seventh.watch.rows import Row, keys, rows

MAX_FILE_BYTES = 64 * 1024 * 1024
DEFAULT = ("system", "ifTable", "ifXTable")
Objects = tuple[str, ...]


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """``[defaults]``: of all devices; every option of SNMP is possible, too."""

    every: Annotated[
        float, Meta(ge=1, le=86_400), Option(flag="every", help="seconds between two polls")
    ] = 60.0
    objects: Annotated[
        Objects, Option(flag="objects", help="what is read: scalars, tables and subtrees")
    ] = DEFAULT
    in_flight: Annotated[
        int, Meta(ge=1, le=64),
        Option(flag="in-flight", help="requests to one device at the same time"),
    ] = 2  # fmt: skip
    max_rows: Annotated[
        int, Meta(ge=1, le=1_000_000), Option(flag="max-rows", help="objects of one poll")
    ] = 20_000  # fmt: skip


class DeviceKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[[device]]``: one for each; every option of SNMP is possible, too."""

    url: Annotated[str, Option(flag="url", help="the agent, such as snmp://192.0.2.1")]
    name: Annotated[
        str, Meta(min_length=1, max_length=200), Option(flag="name", help="unique name",
                                                        default="its URL")
    ] = ""  # fmt: skip
    every: Annotated[
        Annotated[float, Meta(ge=1, le=86_400)] | None,
        Option(flag="every", help="seconds between two polls", default="of [defaults]"),
    ] = None  # fmt: skip
    objects: Annotated[
        Objects | None, Option(flag="objects", help="what is read", default="of [defaults]")
    ] = None
    in_flight: Annotated[
        Annotated[int, Meta(ge=1, le=64)] | None,
        Option(flag="in-flight", help="requests at the same time", default="of [defaults]"),
    ] = None  # fmt: skip
    max_rows: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Option(flag="max-rows", help="objects of one poll", default="of [defaults]"),
    ] = None  # fmt: skip


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a device."""

    instances: tuple[Oid, ...]
    """Read by GET."""
    subtrees: tuple[Oid, ...]
    """Read by walks."""


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One agent, with all that holds for it."""

    name: str
    target: Target
    options: Options
    identity: Identity | None
    wanted: Wanted
    every_ns: int
    in_flight: int
    max_rows: int


_TABLES: dict[str, type[msgspec.Struct]] = {"defaults": Defaults, "device": DeviceKeys}


def load(path: str) -> tuple[Device, ...]:
    """Read a file. Raises UsageError, in one line with the file and the table's line."""
    return read(path, read_text(path, MAX_FILE_BYTES))


def read(name: str, text: str) -> tuple[Device, ...]:
    """Read the text of a file. Raises UsageError, in one line."""
    found = rows(name, text, _TABLES, frozenset({"device"}))
    if not found["device"]:
        raise UsageError(f'{name}: write one [[device]] table with url = "snmp://…" per device')
    if len(found["defaults"]) > 1:
        raise UsageError(f"{found['defaults'][1].where}: only one [defaults] table is possible")
    reader = _Reader(found["defaults"][0] if found["defaults"] else Row(name, {}))
    devices = tuple(reader.device(row) for row in found["device"])
    seen: dict[str, str] = {}
    for row, device in zip(found["device"], devices, strict=True):
        if device.name in seen:
            raise UsageError(
                f"{row.where}: the name {device.name!r:.200} is that of {seen[device.name]}: add "
                "name = …"
            )
        seen[device.name] = row.where
    return devices


class _Reader:
    """Reads devices; credentials and objects that many share are read once."""

    def __init__(self, defaults: Row) -> None:
        self._defaults = keys(Defaults, defaults, _rest(defaults, Defaults))
        given = tables.by_field(defaults.where, _rest(defaults, Defaults), _flags(Defaults))
        self._base = tables.made(defaults.where, given, Options())
        self._identities: dict[Options, Identity | None] = {}
        self._wanted: dict[Objects, Wanted] = {}

    def device(self, row: Row) -> Device:
        """Read one table. Raises UsageError."""
        own, defaults = keys(DeviceKeys, row, _rest(row, DeviceKeys)), self._defaults
        given = tables.by_field(row.where, _rest(row, DeviceKeys), _flags(DeviceKeys))
        try:
            target, *more = parse_target(own.url, protocols.schemes())
        except UsageError as error:
            raise UsageError(f"{row.where}: {error}") from None
        if more or target.scheme != "snmp":
            raise UsageError(f"{row.where}: {own.url!r:.80}: write a URL such as snmp://192.0.2.1")
        tables.check_own(row.where, given, (target,))
        options = tables.made(row.where, given, self._base)
        objects = own.objects if own.objects is not None else defaults.objects
        try:
            if options not in self._identities:
                self._identities[options] = identity_of(options)
            if objects not in self._wanted:
                self._wanted[objects] = wanted(objects)
        except UsageError as error:
            raise UsageError(f"{row.where}: {error}") from None
        if self._identities[options] is None:
            raise UsageError(f"{row.where}: needs user or community-file, here or in [defaults]")
        return Device(
            name=own.name or str(target), target=target, options=options,
            identity=self._identities[options], wanted=self._wanted[objects],
            every_ns=round((own.every or defaults.every) * 1e9),
            in_flight=own.in_flight or defaults.in_flight,
            max_rows=own.max_rows or defaults.max_rows,
        )  # fmt: skip


def wanted(objects: Objects) -> Wanted:
    """Return what is read by GET, and what by walks. Raises UsageError."""
    instances: dict[Oid, None] = {}
    subtrees: dict[Oid, None] = {}
    known = built_in()
    for text in objects:
        oid = parse_oid(text)
        if oid in known.scalars or (oid[-1] == 0 and oid[:-1] in known.scalars):
            instances[instance(oid)] = None
        else:
            subtrees[oid] = None
    return Wanted(instances=tuple(instances), subtrees=tuple(subtrees))


def _flags(kind: type[msgspec.Struct]) -> list[str]:
    return [each.option.flag for each in declared(kind)]


def _rest(row: Row, kind: type[msgspec.Struct]) -> dict[str, Any]:
    own = set(_flags(kind))
    return {key: value for key, value in row.values.items() if key not in own}
