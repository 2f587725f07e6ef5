"""Names of objects, and what is none."""

from __future__ import annotations

import pytest

from seventh.model.failure import UsageError
from seventh.protocols.snmp.wire.names import built_in, instance, named, parse_oid

UPTIME = (1, 3, 6, 1, 2, 1, 1, 3)


@pytest.mark.parametrize(
    ("text", "oid", "name"),
    [
        ("1.3.6.1.2.1.1.3.0", (*UPTIME, 0), "sysUpTime.0"),
        (".1.3.6.1.2.1.1.3.0", (*UPTIME, 0), "sysUpTime.0"),
        ("sysUpTime", UPTIME, "sysUpTime"), ("sysUpTime.0", (*UPTIME, 0), "sysUpTime.0"),
        ("IF-MIB::ifDescr.3", (1, 3, 6, 1, 2, 1, 2, 2, 1, 2, 3), "ifDescr.3"),
        ("ifHCOutOctets", (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 10), "ifHCOutOctets"),
        ("tcpInErrs.0", (1, 3, 6, 1, 2, 1, 6, 14, 0), "tcpInErrs.0"),
        ("hrStorageUsed.1", (1, 3, 6, 1, 2, 1, 25, 2, 3, 1, 6, 1), "hrStorageUsed.1"),
        ("entPhysicalSerialNum.1", (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 11, 1),
         "entPhysicalSerialNum.1"),
        ("mib-2", (1, 3, 6, 1, 2, 1), "1.3.6.1.2.1"), ("1.3", (1, 3), "1.3"),
        ("enterprises.9.1", (1, 3, 6, 1, 4, 1, 9, 1), "1.3.6.1.4.1.9.1"),
        ("ifTable", (1, 3, 6, 1, 2, 1, 2, 2), "ifTable"),
    ],
)  # fmt: skip
def test_names(text: str, oid: tuple[int, ...], name: str) -> None:
    assert (parse_oid(text), named(oid)) == (oid, name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sysUpTme", "unknown object 'sysUpTme': did you mean sysUpTime?"),
        ("zzzzzzzz", "unknown object 'zzzzzzzz': write its number, such as 1.3.6.1.4.1.9"),
        ("1", "'1' is not an object identifier of 2 to 128 arcs"),
        ("4.1", "'4.1' is not an object identifier of 2 to 128 arcs"),
        ("1.3.4294967296", "'1.3.4294967296' is not an object identifier of 2 to 128 arcs"),
        ("sysName.4294967296", "'sysName.4294967296' is not an object identifier of 2 to 128 arcs"),
        ("1..3", "'1..3' is not an object: write numbers such as 1.3.6.1.2.1.1.3.0"),
        ("", "'' is not an object: write numbers such as 1.3.6.1.2.1.1.3.0"),
    ],
)
def test_what_is_no_object(text: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_oid(text)
    assert str(raised.value) == said


def test_a_scalar_has_one_instance() -> None:
    assert instance(UPTIME) == (*UPTIME, 0)
    assert instance((*UPTIME, 0)) == (*UPTIME, 0)
    assert instance(parse_oid("ifDescr")) == parse_oid("ifDescr")


def test_every_name_has_an_object_of_its_own() -> None:
    names = built_in()
    assert len(names.oids) == len(names.names)
    assert {parse_oid(name) for name in names.oids} == set(names.names)
