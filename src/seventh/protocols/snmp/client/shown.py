"""What the verbs show: objects as rows, tables as grids, a device's objects as a book."""

from __future__ import annotations

import re

import msgspec

from seventh.model.failure import UsageError
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.message import ABSENT, Binding, Kind
from seventh.protocols.snmp.wire.names import dotted, named, parse_oid
from seventh.wire.text import printable

MAX_TEXT = 4096


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An object and its value."""

    oid: str
    name: str
    type: Kind
    value: int | float | str | None
    """Octets that are not text, as hexadecimal."""
    text: str
    """The value as people read it."""

    def __str__(self) -> str:
        if self.type in ABSENT:
            return f"{self.name} = {self.type}"
        return f"{self.name} = {self.type}: {self.text}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of a CSV file."""
        return (self.oid, self.name, self.type, "" if self.value is None else str(self.value))


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """A table."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        widths = [max(map(len, each)) for each in zip(self.columns, *self.rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in (self.columns, *self.rows)
        )


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A device's objects, written down as Markdown."""

    target: str
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        lines = [f"# {self.target}", "", "| OID | name | type | value |", "|---|---|---|---|"]
        for row in self.rows:
            cells = (row.oid, row.name, row.type, row.text)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        return "\n".join(lines)


def row_of(binding: Binding) -> Row:
    """Return a binding as a row."""
    value, text = _value(binding)
    return Row(
        oid=dotted(binding.oid), name=named(binding.oid), type=binding.kind, value=value, text=text
    )


def _value(binding: Binding) -> tuple[int | float | str | None, str]:
    value = binding.value
    if value is None:
        return None, ""
    if isinstance(value, tuple):
        return dotted(value), named(value)
    if isinstance(value, bytes):
        text = _octets(binding.kind, value)
        return text, text
    if binding.kind is Kind.TICKS and isinstance(value, int):
        return value, _ticks(value)
    return value, str(value)


def _octets(kind: Kind, octets: bytes) -> str:
    if kind is Kind.IP and len(octets) == 4:
        return ".".join(map(str, octets))
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return octets.hex(":")
    plain = all(character.isprintable() or character in "\t\r\n" for character in text)
    return printable(octets, MAX_TEXT) if plain else octets.hex(":")


def _ticks(value: int) -> str:
    """Return hundredths of a second as ``1 d 02:03:04.05``."""
    seconds, hundredths = divmod(value, 100)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    clock = f"{hours:02}:{minutes:02}:{seconds:02}.{hundredths:02}"
    return f"{days} d {clock}" if days else clock


_ASSIGNMENT = re.compile(r"([^=]+)=([iucstxoaC]):(.*)", re.DOTALL)
_UNSIGNED = {"u": (Kind.GAUGE32, 32), "c": (Kind.COUNTER32, 32), "t": (Kind.TICKS, 32),
             "C": (Kind.COUNTER64, 64)}  # fmt: skip


def assignment(text: str) -> Binding:
    """Read ``OID=TYPE:VALUE``; the types are net-snmp's letters. Raises UsageError."""
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{printable(text, 80)!r} is not an assignment: write OID=TYPE:VALUE, with the type i "
            "(integer), u (unsigned), s (text), x (hexadecimal), o (OID), a (address), t (ticks), "
            "c or C (counter)"
        )
    oid, letter, value = parse_oid(match[1]), match[2], match[3]
    try:
        kind, read = _read(letter, value)
    except ValueError:
        shown = printable(value, 80)
        raise UsageError(f"{printable(match[1], 80)}: {shown!r} is not of type {letter}") from None
    return Binding(oid, kind, read)


def _read(letter: str, value: str) -> tuple[Kind, int | bytes | Oid]:
    """Return a value of the type that ``letter`` names. Raises ValueError."""
    if letter == "i":
        number = _number(value)
        if not -(2**31) <= number < 2**31:
            raise ValueError
        return Kind.INTEGER, number
    if letter in _UNSIGNED:
        kind, bits = _UNSIGNED[letter]
        number = _number(value)
        if not 0 <= number < 2**bits:
            raise ValueError
        return kind, number
    if letter == "x":
        return Kind.OCTETS, bytes.fromhex(value.replace(":", " "))
    if letter == "o":
        return Kind.OID, parse_oid(value)
    if letter == "a":
        octets = bytes(map(_number, value.split(".")))
        if len(octets) != 4:
            raise ValueError
        return Kind.IP, octets
    return Kind.OCTETS, value.encode()


def _number(text: str) -> int:
    if len(text) > 20:
        raise ValueError
    return int(text)
