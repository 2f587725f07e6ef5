"""The services that belong on one address, from ``services.toml``."""

from __future__ import annotations

import functools
from fnmatch import fnmatchcase

import msgspec

from seventh.model.listenfacts import Listener
from seventh.wire.table import read_text


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the table, whose head explains the fields."""

    name: str
    programs: tuple[str, ...]
    ports: frozenset[int]
    source: str
    udp: bool = False
    any_port: bool = False
    grave: bool = False
    fix: tuple[str, ...] = ()

    def runs(self, listener: Listener, forwarders: frozenset[str]) -> bool:
        """Return whether this service is what listens there."""
        if listener.transport == "udp" and not self.udp:
            return False
        if not listener.program or listener.program in forwarders:
            return listener.port in self.ports
        ours = any(fnmatchcase(listener.program, name) for name in self.programs)
        return ours and (self.any_port or listener.port in self.ports)


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    services: tuple[Service, ...]
    forwarders: frozenset[str]


@functools.cache
def _table() -> _Table:
    import tomllib  # for looks at this machine alone

    return msgspec.convert(tomllib.loads(read_text(__package__, "services.toml")), _Table)


def services() -> tuple[Service, ...]:
    """Return every row."""
    return _table().services


def service_of(listener: Listener) -> Service | None:
    """Return the row of what listens there; None for one that may listen on all addresses."""
    forwarders = _table().forwarders
    return next((row for row in services() if row.runs(listener, forwarders)), None)
