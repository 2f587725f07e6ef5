"""Packets and timestamps: what we encode we decode, and no bytes break it."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ntp.wire import packet as codec
from seventh.protocols.ntp.wire.packet import (
    ExtensionField,
    Mode,
    Packet,
    parse,
    to_ntp,
    to_unix_ns,
)

YEAR_NS = 365 * 86400 * 10**9
U64 = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)
S8 = st.integers(-128, 127)
FIELDS = st.builds(
    ExtensionField,
    st.integers(0, 0xFFFF),
    st.integers(3, 40).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n)),
)
TAILS = st.one_of(
    st.tuples(st.just(()), st.sampled_from([b"", bytes(4), bytes(20), bytes(24)])),
    # A last field without a MAC has at least 28 bytes, so that nobody takes it for one.
    st.tuples(
        st.lists(FIELDS, max_size=3).map(tuple),
        st.sampled_from([bytes(20), bytes(24)]),
    ),
    st.lists(FIELDS.filter(lambda f: len(f.value) >= 24), min_size=1, max_size=3).map(
        lambda fields: (tuple(fields), b"")
    ),
)


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    extensions, mac = draw(TAILS)
    return Packet(
        leap=draw(st.integers(0, 3)),
        version=4,
        mode=draw(st.integers(1, 5)),
        stratum=draw(st.integers(0, 255)),
        poll=draw(S8),
        precision=draw(S8),
        root_delay=draw(U32),
        root_dispersion=draw(U32),
        refid=draw(st.binary(min_size=4, max_size=4)),
        reference=draw(U64),
        origin=draw(U64),
        receive=draw(U64),
        transmit=draw(U64),
        extensions=extensions,
        mac=mac,
    )


@given(packets())
def test_what_is_encoded_is_decoded(packet: Packet) -> None:
    assert parse(packet.encode()) == packet


@given(st.binary(max_size=400))
@example(b"")
@example(b"\x24" + bytes(47))
@example(b"\x24" + bytes(47) + b"\x00\x00\x7f\xff" + bytes(24))
@example(b"\x24" * 65507)
def test_any_bytes_parse_or_are_a_violation(data: bytes) -> None:
    try:
        packet = parse(data)
    except ProtocolViolation:
        return
    assert parse(packet.encode()) == packet
    # Whatever it claims, its numbers can be used.
    assert packet.precision_seconds > 0
    assert packet.root_delay_seconds >= 0
    assert packet.kiss_code is None or packet.kiss_code.isascii()
    assert codec.refid_text(packet.refid, packet.stratum).isprintable()


@given(packets(), st.data())
def test_a_packet_cut_short_never_parses_as_a_longer_one(
    packet: Packet, data: st.DataObject
) -> None:
    whole = packet.encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    try:
        short = parse(whole[:cut])
    except ProtocolViolation:
        return
    assert cut >= codec.HEADER_BYTES
    assert len(short.encode()) == cut


@pytest.mark.parametrize(
    "tail",
    [
        bytes(8),
        bytes(12),
        bytes(16),
        b"\x01\x04\x00\x0c" + bytes(28),  # shorter than the least field
        b"\x01\x04\x00\x1d" + bytes(28),  # not whole words
        b"\x01\x04\x00\x24" + bytes(28),  # longer than what is there
        (b"\x01\x04\x00\x10" + bytes(12)) * 40,
    ],
)
def test_tails_that_do_not_add_up(tail: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        parse(Packet(mode=4).encode() + tail)


def test_a_version_3_packet_has_no_extension_fields() -> None:
    header = Packet(mode=4, version=3).encode()
    assert parse(header + bytes(12)).mac == bytes(12)
    with pytest.raises(ProtocolViolation):
        parse(header + b"\x01\x04\x00\x1c" + bytes(24))


@pytest.mark.parametrize("first", [0x04, 0x2C, 0x20, 0x26, 0x27])
def test_other_versions_and_modes_are_no_time_message(first: int) -> None:
    with pytest.raises(ProtocolViolation):
        parse(bytes([first]) + bytes(47))


@pytest.mark.parametrize(
    ("stratum", "refid", "code"),
    [
        (0, b"RATE", "RATE"),
        (0, b"DENY", "DENY"),
        (0, b"X\0\0\0", "X"),
        (1, b"GPS\0", None),
        (0, b"\0\0\0\0", None),
        (0, b"\xc0\x00\x02\x01", None),
        (0, b"ra\x1b[", None),
    ],
)
def test_kiss_codes(stratum: int, refid: bytes, code: str | None) -> None:
    assert Packet(stratum=stratum, refid=refid).kiss_code == code


# -- timestamps ------------------------------------------------------------------------------------


@given(
    st.integers(-100 * YEAR_NS, 300 * YEAR_NS),
    st.integers(-67 * YEAR_NS, 67 * YEAR_NS),
)
def test_an_instant_survives_the_wire_whatever_its_era(unix_ns: int, apart: int) -> None:
    assert to_unix_ns(to_ntp(unix_ns), unix_ns + apart) == unix_ns


@pytest.mark.parametrize(
    ("date", "era_offset"),
    [
        # RFC 5905 §6, figure 4.
        (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), 2_208_988_800),
        (dt.datetime(1972, 1, 1, tzinfo=dt.UTC), 2_272_060_800),
        (dt.datetime(1999, 12, 31, tzinfo=dt.UTC), 3_155_587_200),
        (dt.datetime(2036, 2, 8, tzinfo=dt.UTC), 63_104),
    ],
)
def test_the_dates_of_the_standard(date: dt.datetime, era_offset: int) -> None:
    ns = int(date.timestamp()) * 10**9
    assert to_ntp(ns) >> 32 == era_offset
    assert to_unix_ns(era_offset << 32, ns + YEAR_NS) == ns


def test_short_format_is_bounded() -> None:
    assert codec.to_short(-1) == 0
    assert codec.to_short(1e9) == 0xFFFFFFFF
    assert Packet(root_delay=codec.to_short(1.25)).root_delay_seconds == 1.25


# -- reference identifiers -------------------------------------------------------------------------


def test_reference_identifiers_of_addresses() -> None:
    assert codec.refid_of("192.0.2.1") == b"\xc0\x00\x02\x01"
    v6 = ipaddress.IPv6Address("2001:db8::1")
    digest = hashlib.md5(v6.packed, usedforsecurity=False).digest()
    assert codec.refid_of("2001:db8::1") == digest[:4]
    assert codec.refid_of("fe80::1%eth0") == codec.refid_of("fe80::1")


@pytest.mark.parametrize("refid", [b"LOCL", b"\x7f\x7f\x01\x01", b"\x7f\x7f\x01\x00"])
def test_local_clocks(refid: bytes) -> None:
    assert codec.is_local_clock(refid)
    assert not codec.is_local_clock(b"\x7f\x00\x00\x01")


def test_a_hostile_reference_identifier_is_cleaned() -> None:
    assert codec.refid_text(b"\x1b[2J", 1) == "\\x1b[2J"


@pytest.mark.parametrize(
    ("refid", "stratum", "text"),
    [
        (b"GPS\0", 1, "GPS"), (b"RATE", 0, "RATE"), (b"\xc0\0\2\1", 2, "192.0.2.1"),
        (b"GPS\0", 2, "71.80.83.0"), (bytes(4), 2, ""), (bytes(4), 16, ""), (bytes(4), 0, ""),
        (b"\0\0\0\1", 3, "0.0.0.1"),
    ],
)  # fmt: skip
def test_a_reference_identifier_is_a_code_or_an_address(
    refid: bytes, stratum: int, text: str
) -> None:
    assert codec.refid_text(refid, stratum) == text


def test_what_is_no_local_clock() -> None:
    """The address of chronyd's smeared time, other drivers of ntpd, and names like it."""
    for refid in (b"\x7f\x7f\x01\xff", b"\x7f\x7f\x02\x01", b"\x7f\x7f\x14\0", b"LOCA"):
        assert not codec.is_local_clock(refid)


def test_each_field_has_its_place() -> None:
    """A reply in the layout of RFC 5905 §7.3, figure 8."""
    data = bytes.fromhex(
        "dc 02 06 e9 00018000 00004000 c0000201"
        "ec9bf00000000001 ec9bf10000000002 ec9bf20000000003 ec9bf30000000004"
    )
    packet = Packet(
        leap=3, version=3, mode=Mode.SERVER, stratum=2, poll=6, precision=-23, root_delay=0x18000,
        root_dispersion=0x4000, refid=b"\xc0\0\2\1", reference=0xEC9BF00000000001,
        origin=0xEC9BF10000000002, receive=0xEC9BF20000000003, transmit=0xEC9BF30000000004,
    )  # fmt: skip
    assert parse(data) == packet
    assert packet.encode() == data
    assert (packet.root_delay_seconds, packet.root_dispersion_seconds) == (1.5, 0.25)
    assert packet.precision_seconds == 2.0**-23
    field = ExtensionField(0x0104, b"abcde")
    assert field.encode() == b"\x01\x04\x00\x10abcde" + bytes(7)
    assert ExtensionField(1, b"a" * 13).encode() == b"\0\1\0\x14" + b"a" * 13 + bytes(3)
    field = ExtensionField(0x0104, bytes(24))
    nak = parse(b"\xe4" + data[1:] + field.encode() + bytes(4))
    assert (nak.extensions, nak.mac) == ((field,), bytes(4))


@pytest.mark.parametrize(
    ("stratum", "effective"), [(0, 16), (1, 1), (15, 15), (16, 16), (17, 16), (255, 16)]
)
def test_a_stratum_of_0_or_above_16_is_16(stratum: int, effective: int) -> None:
    assert Packet(stratum=stratum).effective_stratum == effective


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x24" + bytes(46), "47 bytes; an NTP header has 48"),
        (b"\x04" + bytes(47), "NTP version 0"), (b"\x2c" + bytes(47), "NTP version 5"),
        (b"\x20" + bytes(47), "mode 0 is not a time message"),
        (b"\x26" + bytes(47), "mode 6 is not a time message"),
        (b"\x1c" + bytes(47 + 13), "13 bytes after a version 3 header"),
        (b"\x24" + bytes(47 + 12), "12 bytes at the end are neither a MAC nor an extension field"),
        (b"\x24" + bytes(47) + b"\0\1\0\x0c" + bytes(24),
         "an extension field declares 12 bytes, but 28 are left"),
        (b"\x24" + bytes(47) + b"\0\1\0\x20" + bytes(24),
         "an extension field declares 32 bytes, but 28 are left"),
        (b"\x24" + bytes(47) + (b"\0\1\0\x10" + bytes(12)) * 32 + bytes(28),
         "more than 32 extension fields"),
    ],
)  # fmt: skip
def test_each_violation(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolViolation) as raised:
        parse(data)
    assert raised.value.detail == says


@pytest.mark.parametrize("version", [1, 2, 3, 4])
@pytest.mark.parametrize("mode", [1, 2, 3, 4, 5])
def test_each_version_and_mode_of_a_time_message(version: int, mode: int) -> None:
    packet = parse(bytes([version << 3 | mode]) + bytes(47))
    assert (packet.version, packet.mode, packet.leap) == (version, mode, 0)


# -- who else answers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        (b"\x23\x00\x81\x01" + bytes(8), "DNS"),
        (b"\x00" * 48, "unknown protocol"),
        (b"", "unknown protocol"),
        (b"\x24\x02", None),
        # a server's or a broadcast's first byte, of version 1 to 4
        (b"\x0c", None),
        (b"\x25", None),
        (b"\x04", "unknown protocol"),
        (b"\x2c", "unknown protocol"),
        (b"\x23", "unknown protocol"),
        (b"\x26", "unknown protocol"),
        # a response of DNS with our first two bytes as its ID
        (b"\x23\x00\x80" + bytes(9), "DNS"),
        (b"\x23\x00\x80" + bytes(8), "unknown protocol"),
        (b"\x23\x00\x7f" + bytes(9), "unknown protocol"),
        (b"\x23\x01\x80" + bytes(9), "unknown protocol"),
        # our transmit timestamp as its origin: NTP, however strange
        (bytes(31) + b"\7", None),
        (bytes(30) + b"\7", "unknown protocol"),
        (bytes(31) + b"\7" + bytes(16), None),
        (bytes(31) + b"\6", "unknown protocol"),
        (b"\x24\x02\x00\x00" + b"\x7f" * 80, None),
    ],
)
def test_foreign_protocols(data: bytes, named: str | None) -> None:
    request = Packet(transmit=7).encode()
    assert codec.foreign_protocol(data, request) == named
    assert codec.foreign_protocol(request, request) == "echo service (it returns the request)"


@pytest.mark.parametrize(
    ("version", "lengths"), [(3, {0, 12, 20, 24}), (1, {0, 12, 20, 24}), (4, {0, 4, 20, 24})]
)
def test_the_lengths_of_a_mac(version: int, lengths: set[int]) -> None:
    header = Packet(version=version, mode=4, transmit=1).encode()
    accepted: set[int] = set()
    for length in range(25):
        with contextlib.suppress(ProtocolViolation):
            assert parse(header + bytes(length)).mac == bytes(length)
            accepted.add(length)
    assert accepted == lengths


@pytest.mark.parametrize(("length", "fits"), [(12, False), (16, True), (18, False), (28, True)])
def test_the_length_of_an_extension_field(length: int, fits: bool) -> None:
    field = (0x0104).to_bytes(2) + length.to_bytes(2) + bytes(max(0, length - 4))
    data = Packet(mode=4, transmit=1).encode() + field + bytes(20)
    if fits:
        assert [len(f.value) for f in parse(data).extensions] == [length - 4]
    else:
        with pytest.raises(ProtocolViolation, match=f"declares {length} bytes"):
            parse(data)
