"""Names of objects: MIB-2, IF-MIB, HOST-RESOURCES-MIB and ENTITY-MIB, without any MIB file."""

from __future__ import annotations

import re
import tomllib
from functools import cache

import msgspec

from seventh.model.failure import UsageError
from seventh.model.near import near
from seventh.protocols.snmp.wire.ber import Oid, is_oid
from seventh.wire.table import read_text
from seventh.wire.text import printable

_NUMBERS = re.compile(r"\.?[0-9]{1,10}(\.[0-9]{1,10})*")
_NAME = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*::)?([A-Za-z][A-Za-z0-9-]*)((?:\.[0-9]{1,10})*)")
_SHOWN = 80
SENSITIVE: dict[str, Oid] = {
    "hrSWRunParameters": (1, 3, 6, 1, 2, 1, 25, 4, 2, 1, 5),
    "ipNetToMediaTable": (1, 3, 6, 1, 2, 1, 4, 22),
    "usmUserTable": (1, 3, 6, 1, 6, 3, 15, 1, 2, 2),
    "vacmAccessTable": (1, 3, 6, 1, 6, 3, 16, 1, 4),
    "snmpCommunityTable": (1, 3, 6, 1, 6, 3, 18, 1, 1),
}
"""Arguments of processes, neighbours, users, their rights, and communities."""


class Table(msgspec.Struct, frozen=True):
    """A table whose columns have names."""

    entry: Oid
    columns: dict[int, str]


class Names(msgspec.Struct, frozen=True):
    """The built-in table."""

    oids: dict[str, Oid]
    names: dict[Oid, str]
    scalars: frozenset[Oid]
    tables: dict[Oid, Table]


@cache
def built_in() -> Names:
    """Return the built-in names, read once."""
    given = tomllib.loads(read_text(__package__, "names.toml"))
    oids = {name: _oid(text) for name, text in given["subtrees"].items()}
    scalars: set[Oid] = set()
    tables: dict[Oid, Table] = {}
    for group in given["scalars"]:
        found = _below(_oid(group["at"]), group["names"])
        scalars.update(found.values())
        oids |= found
    for table in given["tables"]:
        at = _oid(table["at"])
        columns = _below((*at, 1), table["columns"])
        tables[at] = Table((*at, 1), {oid[-1]: name for name, oid in columns.items()})
        oids |= {table["name"]: at} | columns
    names = {oid: name for name, oid in oids.items()}
    return Names(oids, names, frozenset(scalars), tables)


def _below(at: Oid, names: list[str]) -> dict[str, Oid]:
    return {name: (*at, arc) for arc, name in enumerate(names, 1) if name}


def _oid(text: str) -> Oid:
    return tuple(map(int, text.lstrip(".").split(".")))


def parse_oid(text: str) -> Oid:
    """Read ``1.3.6.1``, ``sysName.0`` or ``IF-MIB::ifDescr.3``. Raises UsageError."""
    shown = printable(text, _SHOWN)
    if _NUMBERS.fullmatch(text):
        oid = _oid(text)
        if not is_oid(oid):
            raise UsageError(f"{shown!r} is not an object identifier of 2 to 128 arcs")
        return oid
    match = _NAME.fullmatch(text)
    if match is None:
        raise UsageError(f"{shown!r} is not an object: write numbers such as 1.3.6.1.2.1.1.3.0")
    known = built_in().oids
    if (base := known.get(match[1])) is None:
        meant = near(match[1], known)
        hint = f"did you mean {meant[0]}?" if meant else "write its number, such as 1.3.6.1.4.1.9"
        raise UsageError(f"unknown object {shown!r}: {hint}")
    oid = base + (_oid(match[2]) if match[2] else ())
    if not is_oid(oid):
        raise UsageError(f"{shown!r} is not an object identifier of 2 to 128 arcs")
    return oid


def instance(oid: Oid) -> Oid:
    """Return the instance that GET needs: of a scalar, its only one."""
    return (*oid, 0) if oid in built_in().scalars else oid


def named(oid: Oid) -> str:
    """Return an object with its longest known name: ``ifDescr.3``; without any, its numbers."""
    names = built_in().names
    for length in range(len(oid), 6, -1):
        if (name := names.get(oid[:length])) is not None:
            return ".".join((name, *map(str, oid[length:])))
    return dotted(oid)


def unnamed(enterprises: tuple[int, ...]) -> tuple[int, ...]:
    """Return those of ``enterprises`` none of whose objects has a name."""
    at = built_in().oids["enterprises"]
    known = {oid[len(at)] for oid in built_in().names if len(oid) > len(at) and oid[:6] == at}
    return tuple(number for number in enterprises if number not in known)


def dotted(oid: Oid) -> str:
    """Return an object identifier's numbers."""
    return ".".join(map(str, oid))
