"""The records of the NTS key establishment."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


# -- grammar ---------------------------------------------------------------------------------------

U16 = struct.Struct("!H")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ([Record(99, critical=True)], "critical record"),
        ([Record(RecordType.NEXT_PROTOCOL, b"\0", critical=True)], "16-bit"),
        ([Record(RecordType.ERROR, b"\0\0\0", critical=True)], "3 bytes"),
        ([Record(RecordType.NTPV4_PORT, b"\0\0")], "port 0"),
        ([Record(RecordType.NTPV4_SERVER, b"a b")], "host name"),
        ([Record(RecordType.NTPV4_SERVER, b"fe80::1%eth0")], "host name"),
        ([Record(RecordType.NTPV4_SERVER, b"")], "host name"),
        ([Record(RecordType.NTPV4_SERVER, "ntp.exämple".encode())], "host name"),
        ([Record(RecordType.NTPV4_PORT, b"\0\1")] * 2, "more than one"),
        ([Record(RecordType.AEAD_ALGORITHM, b"\0\x0f\0\x1e")], "more than one AEAD"),
        ([Record(RecordType.NEW_COOKIE)], "empty cookie"),
    ],
)
def test_a_response_that_breaks_the_rules(sent: list[Record], said: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        read_response(sent)
    assert said in caught.value.detail


def test_unknown_records_that_are_not_critical_are_ignored() -> None:
    response = read_response([Record(99, b"x"), Record(99, b"y"), Record(77)])
    assert response.ignored == (77, 99)


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (Response(error=1), "bad request"),
        (Response(error=9), "unassigned"),
        (Response(protocols=(NTPV4,), aeads=(15,), cookies=(b"c",), warnings=(3,)), "warning 3"),
        (Response(), "NTPv4"),
        (Response(protocols=()), "NTPv4"),
        (Response(protocols=(NTPV4,), aeads=()), "none of the AEAD"),
        (Response(protocols=(NTPV4,), aeads=(17,), cookies=(b"c",)), "not offered"),
        (Response(protocols=(NTPV4,), aeads=(15,)), "no cookie"),
        (Response(protocols=(NTPV4,), aeads=(15,), cookies=(b"c",)), ""),
    ],
)
def test_what_gives_nothing_to_go_on_with(response: Response, said: str) -> None:
    refusal = response.refusal(Request(aeads=(15, 30)))
    assert said in refusal
    assert bool(refusal) == bool(said)


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [Record(RecordType.NEXT_PROTOCOL, U16.pack(0), critical=True)],
        [Record(RecordType.ERROR, U16.pack(0)), *read(Request().encode())],
    ],
)
def test_a_request_that_breaks_the_rules(sent: list[Record]) -> None:
    with pytest.raises(ProtocolViolation):
        read_request(sent)


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


def test_names_for_people() -> None:
    assert nts_ke.aead_name(15) == "AES-SIV-CMAC-256"
    assert nts_ke.aead_name(1) == "AEAD 1"
    assert nts_ke.name_of(5) == "new cookie"
    assert nts_ke.name_of(4711) == "type-4711"
