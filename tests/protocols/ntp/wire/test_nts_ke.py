"""The records of the NTS key establishment."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ntp.wire import nts_ke
from seventh.protocols.ntp.wire.nts_ke import (
    END,
    MAX_BODY_BYTES,
    MAX_COOKIES,
    MAX_MESSAGE_BYTES,
    MAX_RECORDS,
    NTPV4,
    Record,
    RecordReader,
    RecordType,
    Request,
    Response,
    encode,
    read_request,
    read_response,
)

numbers = st.integers(0, 0xFFFF)
records = st.builds(
    Record,
    st.integers(1, 0x7FFF),
    st.binary(max_size=40),
    st.booleans(),
)
cookies = st.lists(st.binary(min_size=1, max_size=MAX_BODY_BYTES), max_size=MAX_COOKIES)
responses = st.builds(
    Response,
    protocols=st.none() | st.lists(numbers, max_size=4).map(tuple),
    aeads=st.none() | st.lists(numbers, max_size=1).map(tuple),
    cookies=cookies.map(tuple),
    error=st.none() | numbers,
    warnings=st.lists(numbers, max_size=3).map(tuple),
    server=st.sampled_from(["", "ntp.example.net", "192.0.2.1", "2001:db8::1"]),
    port=st.none() | st.integers(1, 0xFFFF),
    compliant_export=st.booleans(),
)


def outcome(data: bytes, step: int) -> tuple[list[Record], bool, str]:
    """What a reader makes of ``data`` in pieces of ``step`` bytes, and why it stopped."""
    reader = RecordReader()
    try:
        for at in range(0, len(data), step):
            reader.receive(data[at : at + step])
    except ProtocolViolation as violation:
        return reader.records, reader.complete, violation.detail
    return reader.records, reader.complete, ""


def read(data: bytes) -> list[Record]:
    reader = RecordReader()
    reader.receive(data)
    assert reader.complete
    return reader.records


@given(st.lists(records, max_size=20), st.binary(max_size=3))
def test_in_one_piece_equals_byte_by_byte(sent: list[Record], more: bytes) -> None:
    data = encode(sent) + more
    assert outcome(data, len(data)) == outcome(data, 1)


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes_give_records_or_a_violation(data: bytes, step: int) -> None:
    assert outcome(data, len(data) or 1) == outcome(data, step) == outcome(data, 1)


@given(st.lists(records, max_size=20))
def test_what_is_encoded_is_decoded(sent: list[Record]) -> None:
    assert read(encode(sent)) == sent


@given(st.lists(numbers, min_size=1, max_size=6), st.booleans())
def test_a_request_survives_the_way(aeads: list[int], compliant: bool) -> None:
    request = Request(aeads=tuple(aeads), compliant_export=compliant)
    assert read_request(read(request.encode())) == request


@given(responses)
def test_a_response_survives_the_way(response: Response) -> None:
    assert read_response(read(response.encode())) == response


@given(st.lists(records, max_size=12))
def test_any_records_are_understood_or_a_violation(sent: list[Record]) -> None:
    for understand in (read_request, read_response):
        with contextlib.suppress(ProtocolViolation):
            understand(sent)


# -- caps ------------------------------------------------------------------------------------------


def violation_of(data: bytes) -> str:
    reader = RecordReader()
    with pytest.raises(ProtocolViolation) as caught:
        reader.receive(data)
    return caught.value.detail


def test_a_flood_of_records_ends() -> None:
    one = Record(0x4000).encode()
    assert str(MAX_RECORDS) in violation_of(one * (MAX_RECORDS + 1))
    RecordReader().receive(one * MAX_RECORDS)


def test_a_long_message_ends() -> None:
    """Unknown records may have long bodies; the message as a whole may not."""
    assert str(MAX_MESSAGE_BYTES) in violation_of(Record(0x4000, bytes(60_000)).encode())


def test_a_declared_length_allocates_nothing() -> None:
    reader = RecordReader()
    reader.receive(struct.pack("!HH", 0x4000, 0xFFFF))
    assert not reader.complete
    assert reader.records == []


def test_a_known_record_with_a_huge_length_is_refused_at_its_header() -> None:
    head = struct.pack("!HH", RecordType.NEW_COOKIE, MAX_BODY_BYTES + 1)
    assert "new cookie" in violation_of(head)


def test_nothing_may_follow_the_end() -> None:
    assert "follow" in violation_of(END.encode() + b"\0")
    assert "body" in violation_of(Record(0, b"x", critical=True).encode())


def test_cookies_beyond_eight_are_counted_and_dropped() -> None:
    sent = [Record(RecordType.NEW_COOKIE, bytes([n + 1]) * 100) for n in range(12)]
    response = read_response(sent)
    assert len(response.cookies) == MAX_COOKIES
    assert response.surplus_cookies == 4


def test_each_limit_is_exact() -> None:
    """A message of 16384 bytes, 128 records, bodies of 256 bytes."""
    assert outcome(Record(99, bytes(16376)).encode() + END.encode(), 999)[1:] == (True, "")
    longer = Record(99, bytes(16377)).encode() + END.encode()
    assert violation_of(longer) == "a message of more than 16384 bytes"
    assert len(read(encode([Record(5, b"c")] * 128))) == 128
    more = encode([Record(5, b"c")] * 129)
    assert violation_of(more) == "more than 128 records in one message"
    assert len(read(encode([Record(5, bytes(256))]))[0].body) == 256
    assert violation_of(Record(5, bytes(257)).encode()) == (
        "a new cookie record declares 257 bytes; clients accept at most 256"
    )
    assert violation_of(Record(0, b"x").encode()) == "an end-of-message record with a body"
    assert violation_of(END.encode() + END.encode()) == "bytes follow the end-of-message record"


# -- grammar ---------------------------------------------------------------------------------------

U16 = struct.Struct("!H")
NO_HOST = "the server record holds neither a host name nor an address"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ([Record(99, critical=True)], "a critical record of the unknown type 99"),
        ([Record(RecordType.NEXT_PROTOCOL, b"\0", critical=True)],
         "a list of 16-bit numbers in 1 bytes"),
        ([Record(RecordType.ERROR, b"\0\0\0", critical=True)],
         "a record with the error has 3 bytes instead of 2"),
        ([Record(RecordType.NTPV4_PORT, b"\0")],
         "a record with the port has 1 bytes instead of 2"),
        ([Record(RecordType.NTPV4_PORT, b"\0\0")], "the server names port 0"),
        ([Record(RecordType.NTPV4_SERVER, b"a b")], NO_HOST),
        ([Record(RecordType.NTPV4_SERVER, b"fe80::1%eth0")], NO_HOST),
        ([Record(RecordType.NTPV4_SERVER, b"")], NO_HOST),
        ([Record(RecordType.NTPV4_SERVER, "ntp.exämple".encode())], NO_HOST),
        ([Record(RecordType.NTPV4_PORT, b"\0\1")] * 2, "more than one ntpv4 port record"),
        ([Record(RecordType.AEAD_ALGORITHM, b"\0\x0f\0\x1e")],
         "a response with more than one AEAD algorithm"),
        ([Record(RecordType.NEW_COOKIE)], "an empty cookie"),
    ],
)  # fmt: skip
def test_a_response_that_breaks_the_rules(sent: list[Record], said: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        read_response(sent)
    assert caught.value.detail == said


def test_unknown_records_that_are_not_critical_are_ignored() -> None:
    response = read_response([Record(99, b"x"), Record(99, b"y"), Record(77)])
    assert response.ignored == (77, 99)


NO_AEAD = (
    "the server supports none of the AEAD algorithms offered: AES-SIV-CMAC-256, AES-128-GCM-SIV"
)
GRANTED = Response(protocols=(NTPV4,), aeads=(15,), cookies=(b"c",))


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (replace(GRANTED, error=0),
         "the server answers with error 0 (unrecognized critical record)"),
        (replace(GRANTED, error=1), "the server answers with error 1 (bad request)"),
        (replace(GRANTED, error=2), "the server answers with error 2 (internal server error)"),
        (replace(GRANTED, error=3), "the server answers with error 3 (unassigned)"),
        (replace(GRANTED, warnings=(3, 4)), "the server answers with warning 3 (unassigned)"),
        (replace(GRANTED, protocols=None), "the server does not offer NTPv4 as the next protocol"),
        (replace(GRANTED, protocols=(1,)), "the server does not offer NTPv4 as the next protocol"),
        (replace(GRANTED, protocols=(1, NTPV4)), ""),
        *((replace(GRANTED, aeads=aeads), NO_AEAD) for aeads in (None, ())),
        (replace(GRANTED, aeads=(17,)),
         "the server selected AES-SIV-CMAC-512, which was not offered"),
        (replace(GRANTED, aeads=(30,)), ""),
        (replace(GRANTED, cookies=()), "the server sent no cookie"), (GRANTED, ""),
    ],
)  # fmt: skip
def test_what_gives_nothing_to_go_on_with(response: Response, why: str) -> None:
    assert response.refusal(Request(aeads=(15, 30))) == why


PROTOCOL = Record(RecordType.NEXT_PROTOCOL, U16.pack(0), critical=True)
AEAD = Record(RecordType.AEAD_ALGORITHM, U16.pack(15), critical=True)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ([], "a request without next protocol"), ([AEAD], "a request without next protocol"),
        ([PROTOCOL], "a request without aead algorithm"),
        ([Record(RecordType.ERROR, U16.pack(0)), PROTOCOL, AEAD],
         "a request with an error or a warning"),
        ([Record(RecordType.WARNING, U16.pack(0)), PROTOCOL, AEAD],
         "a request with an error or a warning"),
        ([PROTOCOL, AEAD, PROTOCOL], "more than one next protocol record"),
        ([PROTOCOL, AEAD, AEAD], "more than one aead algorithm record"),
        ([PROTOCOL, AEAD, Record(99, critical=True)], "a critical record of the unknown type 99"),
        ([PROTOCOL, Record(RecordType.AEAD_ALGORITHM, b"abc")],
         "a list of 16-bit numbers in 3 bytes"),
    ],
)  # fmt: skip
def test_a_request_that_breaks_the_rules(sent: list[Record], why: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        read_request(sent)
    assert caught.value.detail == why


@pytest.mark.parametrize("kind", [RecordType.NEW_COOKIE, RecordType.WARNING, RecordType.ERROR, 99])
def test_what_may_be_there_several_times(kind: int) -> None:
    """RFC 8915 §4.1: all but the records of one value."""
    read_response([Record(kind, b"ab"), Record(kind, b"cd")])


@pytest.mark.parametrize(
    "kind",
    [RecordType.NEXT_PROTOCOL, RecordType.AEAD_ALGORITHM, RecordType.NTPV4_SERVER,
     RecordType.NTPV4_PORT, RecordType.COMPLIANT_128GCM_EXPORT],
)  # fmt: skip
def test_what_may_be_there_once(kind: RecordType) -> None:
    with pytest.raises(ProtocolViolation, match=f"more than one {nts_ke.name_of(kind)} record"):
        read_response([Record(kind, b"ab"), Record(kind, b"ab")])


def test_the_first_error_counts_and_every_warning() -> None:
    sent = [Record(kind, U16.pack(n)) for kind in (2, 3) for n in (5, 6)]
    response = read_response(sent)
    assert (response.error, response.warnings) == (5, (5, 6))


@pytest.mark.parametrize(("count", "surplus"), [(7, 0), (8, 0), (9, 1)])
def test_the_cookies_that_are_kept(count: int, surplus: int) -> None:
    response = read_response([Record(RecordType.NEW_COOKIE, bytes([n])) for n in range(count)])
    assert response.cookies == tuple(bytes([n]) for n in range(min(count, 8)))
    assert response.surplus_cookies == surplus


# -- on the wire -----------------------------------------------------------------------------------


def test_a_request_looks_as_the_standard_draws_it() -> None:
    data = Request(aeads=(15, 30), compliant_export=True).encode()
    assert data.hex(" ", 2) == (
        "8001 0002 0000 "  # critical, next protocol, NTPv4
        "8004 0004 000f 001e "  # critical, AEAD algorithms
        "0400 0000 "  # chrony's record, not critical
        "8000 0000"  # critical, end of message
    )


def test_the_exporter_gets_protocol_algorithm_and_direction() -> None:
    assert nts_ke.exporter_context(15, to_server=True) == b"\0\0\0\x0f\0"
    assert nts_ke.exporter_context(30, to_server=False) == b"\0\0\0\x1e\1"


def test_a_response_looks_as_the_standard_draws_it() -> None:
    response = Response(
        protocols=(0,), aeads=(15,), cookies=(b"ab",), error=1, warnings=(2,), server="a", port=123,
        compliant_export=True,
    )  # fmt: skip
    assert response.encode() == bytes.fromhex(
        "8002 0002 0001  8001 0002 0000  8003 0002 0002  8004 0002 000f  0400 0000"
        "8006 0001 61  8007 0002 007b  0005 0002 6162  8000 0000"
    )


def test_numbers_are_those_of_the_registries() -> None:
    assert {kind.name: int(kind) for kind in RecordType} == {
        "END_OF_MESSAGE": 0, "NEXT_PROTOCOL": 1, "ERROR": 2, "WARNING": 3, "AEAD_ALGORITHM": 4,
        "NEW_COOKIE": 5, "NTPV4_SERVER": 6, "NTPV4_PORT": 7, "COMPLIANT_128GCM_EXPORT": 1024,
    }  # fmt: skip
    assert {aead.name: int(aead) for aead in nts_ke.Aead} == {
        "AES_SIV_CMAC_256": 15, "AES_SIV_CMAC_384": 16, "AES_SIV_CMAC_512": 17,
        "AES_128_GCM_SIV": 30,
    }  # fmt: skip
    assert (nts_ke.ALPN, nts_ke.PORT, nts_ke.NTPV4, nts_ke.NTP_PORT) == ("ntske/1", 4460, 0, 123)
    assert nts_ke.EXPORTER_LABEL == b"EXPORTER-network-time-security"


def test_names_for_people() -> None:
    assert nts_ke.aead_name(15) == "AES-SIV-CMAC-256"
    assert nts_ke.aead_name(1) == "AEAD 1"
    assert nts_ke.name_of(5) == "new cookie"
    assert nts_ke.name_of(4711) == "type-4711"
