"""Values as people and programs read them, and assignments."""

from __future__ import annotations

import pytest

from seventh.model.failure import UsageError
from seventh.protocols.snmp.client.shown import Book, Grid, Row, assignment, row_of
from seventh.protocols.snmp.wire.message import Binding, Kind

NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
Value = int | bytes | float | tuple[int, ...] | None


@pytest.mark.parametrize(
    ("kind", "value", "shown", "line"),
    [
        (Kind.INTEGER, -5, -5, "sysName.0 = Integer32: -5"),
        (Kind.OCTETS, b"a|b", "a|b", "sysName.0 = OctetString: a|b"),
        (Kind.OCTETS, "é".encode(), "é", "sysName.0 = OctetString: é"),
        (Kind.OCTETS, b"\0\x11\xff", "00:11:ff", "sysName.0 = OctetString: 00:11:ff"),
        (Kind.OCTETS, b"\x1b[31m", "1b:5b:33:31:6d", "sysName.0 = OctetString: 1b:5b:33:31:6d"),
        (Kind.IP, b"\xc0\0\2\1", "192.0.2.1", "sysName.0 = IpAddress: 192.0.2.1"),
        (Kind.OID, (1, 3, 6, 1, 2, 1, 1, 3), "1.3.6.1.2.1.1.3",
         "sysName.0 = ObjectIdentifier: sysUpTime"),
        (Kind.TICKS, 8640000 + 366101, 9006101, "sysName.0 = TimeTicks: 1 d 01:01:01.01"),
        (Kind.TICKS, 1, 1, "sysName.0 = TimeTicks: 00:00:00.01"),
        (Kind.FLOAT, 0.5, 0.5, "sysName.0 = Float: 0.5"),
        (Kind.NO_SUCH_OBJECT, None, None, "sysName.0 = noSuchObject"),
    ],
)  # fmt: skip
def test_rows(kind: Kind, value: Value, shown: object, line: str) -> None:
    row = row_of(Binding(NAME, kind, value))
    assert (row.value, str(row), row.oid) == (shown, line, "1.3.6.1.2.1.1.5.0")


def row(text: str) -> Row:
    return row_of(Binding(NAME, Kind.OCTETS, text.encode()))


def test_a_book_is_markdown() -> None:
    assert str(Book(target="snmp://h:161", rows=(row("a|b"),))) == (
        "# snmp://h:161\n\n| OID | name | type | value |\n|---|---|---|---|\n"
        "| 1.3.6.1.2.1.1.5.0 | sysName.0 | OctetString | a\\|b |"
    )


def test_a_grid_has_its_columns_aligned() -> None:
    grid = Grid(columns=("index", "ifDescr"), rows=(("1", "lo"), ("10", "eth0")))
    assert str(grid) == "index  ifDescr\n1      lo\n10     eth0"
    assert str(Grid(columns=("index",), rows=())) == "index"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("i:-2147483648", Kind.INTEGER, -(2**31)), ("u:4294967295", Kind.GAUGE32, 2**32 - 1),
        ("s:a=b:c", Kind.OCTETS, b"a=b:c"), ("s:", Kind.OCTETS, b""),
        ("x:00:11 ff", Kind.OCTETS, b"\0\x11\xff"), ("t:5", Kind.TICKS, 5),
        ("o:sysUpTime", Kind.OID, (1, 3, 6, 1, 2, 1, 1, 3)),
        ("a:192.0.2.1", Kind.IP, b"\xc0\0\2\1"), ("c:7", Kind.COUNTER32, 7),
        ("C:18446744073709551615", Kind.COUNTER64, 2**64 - 1),
    ],
)  # fmt: skip
def test_assignments(text: str, kind: Kind, value: Value) -> None:
    assert assignment(f"sysName.0={text}") == Binding(NAME, kind, value)


@pytest.mark.parametrize(
    "text",
    ["i:2147483648", "i:-2147483649", "i:x", "u:4294967296", "u:-1", "c:" + "1" * 21, "x:0",
     "a:192.0.2", "a:192.0.2.256", "C:18446744073709551616"],
)  # fmt: skip
def test_values_that_their_type_cannot_have(text: str) -> None:
    letter, _, value = text.partition(":")
    with pytest.raises(UsageError) as raised:
        assignment(f"sysName.0={text}")
    assert str(raised.value) == f"sysName.0: '{value}' is not of type {letter}"


@pytest.mark.parametrize("text", ["", "sysName.0", "sysName.0=x", "sysName.0=q:1", "=s:1"])
def test_what_is_no_assignment(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        assignment(text)
    assert str(raised.value) == (
        f"{text!r} is not an assignment: write OID=TYPE:VALUE, with the type i (integer), u "
        "(unsigned), s (text), x (hexadecimal), o (OID), a (address), t (ticks), c or C (counter)"
    )
