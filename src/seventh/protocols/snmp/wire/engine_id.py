"""The parts of an engine's id (RFC 3411 §5, SnmpEngineID)."""

from __future__ import annotations

import ipaddress
import tomllib
from enum import StrEnum
from functools import cache

import msgspec

from seventh.wire.table import read_text
from seventh.wire.text import printable

MIN_OCTETS, MAX_OCTETS = 5, 32
_NET_SNMP = 8072


class Format(StrEnum):
    """What the octets after the enterprise are."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    MAC = "mac"
    TEXT = "text"
    OCTETS = "octets"
    RANDOM = "random"
    """net-snmp's own: random octets, and the time when it was made."""
    ENTERPRISE = "enterprise"
    """A format of the enterprise, or the older one of 12 octets."""


_FORMATS = {1: Format.IPV4, 2: Format.IPV6, 3: Format.MAC, 4: Format.TEXT, 5: Format.OCTETS}
_LENGTHS = {Format.IPV4: 4, Format.IPV6: 16, Format.MAC: 6}


class EngineId(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine's id says."""

    enterprise: int
    name: str
    """The enterprise's; empty if it is not in our table."""
    format: Format
    content: str


def parse(engine_id: bytes) -> EngineId | None:
    """Return what an engine's id says; None if it is none."""
    if not MIN_OCTETS <= len(engine_id) <= MAX_OCTETS:
        return None
    enterprise = int.from_bytes(engine_id[:4]) & 0x7FFFFFFF
    kind, rest = Format.ENTERPRISE, engine_id[4:]
    if engine_id[0] & 0x80:
        kind, rest = _FORMATS.get(engine_id[4], Format.ENTERPRISE), engine_id[5:]
        if enterprise == _NET_SNMP and engine_id[4] == 0x80:
            kind = Format.RANDOM
        if len(rest) != _LENGTHS.get(kind, len(rest)):
            kind = Format.ENTERPRISE
    return EngineId(
        enterprise=enterprise, name=_names().get(enterprise, ""), format=kind,
        content=_content(kind, rest),
    )  # fmt: skip


def _content(kind: Format, octets: bytes) -> str:
    if kind in {Format.IPV4, Format.IPV6}:
        return str(ipaddress.ip_address(octets))
    if kind is Format.MAC:
        return octets.hex(":")
    return printable(octets, MAX_OCTETS) if kind is Format.TEXT else octets.hex()


@cache
def _names() -> dict[int, str]:
    table = tomllib.loads(read_text(__package__, "enterprises.toml"))
    return {int(number): name for number, name in table["enterprises"].items()}
