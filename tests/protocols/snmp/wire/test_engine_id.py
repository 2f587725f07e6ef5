"""What an engine's id says, by each of its formats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.snmp.wire.engine_id import EngineId, Format, parse


@pytest.mark.parametrize(
    ("data", "enterprise", "name", "format", "content"),
    [
        ("80001f8804 6c6162", 8072, "net-snmp", Format.TEXT, "lab"),
        ("80001f8880 0102030405060708", 8072, "net-snmp", Format.RANDOM, "0102030405060708"),
        ("8000000903 001122334455", 9, "Cisco", Format.MAC, "00:11:22:33:44:55"),
        ("8000000903 0011223344", 9, "Cisco", Format.ENTERPRISE, "0011223344"),
        ("80000a4c01 c0000201", 2636, "Juniper", Format.IPV4, "192.0.2.1"),
        ("8000000702" + "20010db8" + "00" * 11 + "01", 7, "", Format.IPV6, "2001:db8::1"),
        ("8000000705 ff", 7, "", Format.OCTETS, "ff"),
        ("8000000780 ff", 7, "", Format.ENTERPRISE, "ff"),
        ("000000090300112233445566", 9, "Cisco", Format.ENTERPRISE, "0300112233445566"),
    ],
)
def test_engine_ids(data: str, enterprise: int, name: str, format: Format, content: str) -> None:  # noqa: A002
    wanted = EngineId(enterprise=enterprise, name=name, format=format, content=content)
    assert parse(bytes.fromhex(data)) == wanted


@given(st.binary(max_size=40))
def test_an_id_has_5_to_32_octets(data: bytes) -> None:
    assert (parse(data) is not None) == (5 <= len(data) <= 32)
