"""Packets, timestamps and control messages: what we encode we decode, and no bytes break it."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ntp.wire import control
from seventh.protocols.ntp.wire import packet as codec
from seventh.protocols.ntp.wire.packet import ExtensionField, Packet, parse, to_ntp, to_unix_ns

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


# -- who else answers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        (b"\x23\x00\x81\x01" + bytes(8), "DNS"),
        (b"\x00" * 48, "unknown protocol"),
        (b"", "unknown protocol"),
        (b"\x24\x02", None),
        (b"\x24\x02\x00\x00" + b"\x7f" * 80, None),
    ],
)
def test_foreign_protocols(data: bytes, named: str | None) -> None:
    request = Packet(transmit=7).encode()
    assert codec.foreign_protocol(data, request) == named
    assert codec.foreign_protocol(request, request) == "echo service (it returns the request)"


# -- mode 6 ----------------------------------------------------------------------------------------


def fragments(data: bytes, size: int, sequence: int = 7) -> list[bytes]:
    return [
        control.fragment(sequence, data[at : at + size], offset=at, more=at + size < len(data))
        for at in range(0, max(len(data), 1), size)
    ]


@given(st.binary(min_size=1, max_size=600), st.integers(20, 600), st.randoms(use_true_random=False))
def test_fragments_in_any_order_give_the_same_data(data: bytes, size: int, random: object) -> None:
    parts = fragments(data, size)
    random.shuffle(parts)  # type: ignore[attr-defined]
    reply = control.ControlReply(7)
    for part in parts:
        assert not reply.complete
        assert reply.receive(part)
    assert reply.complete
    assert reply.data == data
    assert reply.packets == len(parts)
    assert reply.bytes_received == sum(map(len, parts))


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_any_bytes_are_a_fragment_or_not_or_a_violation(datagrams: list[bytes]) -> None:
    reply = control.ControlReply(0)
    for data in datagrams:
        try:
            taken = reply.receive(data)
        except ProtocolViolation:
            continue
        assert taken in {True, False}
    assert len(reply.data) <= control.MAX_DATA_BYTES
    control.variables(reply.data)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=64))
def test_declared_lengths_are_never_believed(offset: int, count: int, data: bytes) -> None:
    head = b"\x16\x82\x00\x00\x00\x00\x00\x00" + offset.to_bytes(2) + count.to_bytes(2)
    reply = control.ControlReply(0)
    if count > len(data) or offset + count > control.MAX_DATA_BYTES:
        with pytest.raises(ProtocolViolation):
            reply.receive(head + data)
        assert reply.data == b""
    else:
        assert reply.receive(head + data)
        assert reply.data == (data[:count] if offset == 0 else b"")


def test_the_request_is_twelve_bytes_of_readvar() -> None:
    assert control.readvar(0x1234) == bytes.fromhex("160212340000000000000000")


def test_only_an_answer_to_our_request_counts() -> None:
    reply = control.ControlReply(7)
    assert not reply.receive(control.fragment(8, b"x=1"))
    assert not reply.receive(control.readvar(7))
    assert not reply.receive(b"\x16\x82")
    assert reply.bytes_received == 0


def test_an_error_answer() -> None:
    reply = control.ControlReply(7)
    assert reply.receive(control.fragment(7, b"", error=3))
    assert reply.complete
    assert reply.error_code == 3
    assert reply.bytes_received == 12


def test_a_flood_of_fragments_is_a_violation_that_is_still_counted() -> None:
    reply = control.ControlReply(7)
    part = control.fragment(7, b"x" * 100, more=True)
    for _ in range(control.MAX_FRAGMENTS):
        assert reply.receive(part)
    with pytest.raises(ProtocolViolation):
        reply.receive(part)
    assert reply.bytes_received == len(part) * (control.MAX_FRAGMENTS + 1)


def test_variables_keep_commas_inside_quotes_and_lose_controls() -> None:
    data = b'version="ntpd 4.2.8, Tue\x1b[2J", stratum=2,\r\n leap=0, flag'
    assert control.variables(data) == {
        "version": "ntpd 4.2.8, Tue\\x1b[2J", "stratum": "2", "leap": "0", "flag": "",
    }  # fmt: skip


@given(st.binary(max_size=2000))
def test_variables_of_any_bytes_are_bounded_and_clean(data: bytes) -> None:
    found = control.variables(data)
    assert len(found) <= control.MAX_VARIABLES
    assert all(name.isprintable() and value.isprintable() for name, value in found.items())
