"""The first flight of a server: records, messages, and their limits on both sides."""

from __future__ import annotations

import pytest

from seventh.model.failure import ProtocolViolation
from seventh.wire import tlsnames as n
from seventh.wire.tlsflight import FlightReader, NotTlsError
from seventh.wire.tlshello import (
    Alert,
    Certificates,
    Ciphertext,
    Event,
    HelloDone,
    KeyExchange,
    ServerHello,
)

HELLO = ServerHello(version=0x0303, random=bytes(32), suite=0xC02F)
HELLO_BYTES = b"\x02\x00\x00\x26\x03\x03" + bytes(32) + b"\0\xc0\x2f\0"


def record(kind: int, payload: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(payload).to_bytes(2, "big") + payload


def read(*records: bytes) -> list[Event] | str:
    """The events of a flight, or what is wrong with it."""
    try:
        return FlightReader().receive(b"".join(records))
    except ProtocolViolation as violation:
        return violation.detail


@pytest.mark.parametrize(
    ("records", "events"),
    [
        ([record(22, HELLO_BYTES)], [HELLO]), ([record(21, b"\1\x5a")], [Alert(1, 90)]),
        ([record(23, b"abc")], [Ciphertext(3)]), ([record(20, b"\1"), record(24, b"x")], []),
        ([record(20, HELLO_BYTES), record(24, HELLO_BYTES)], []),
        # several messages in a record, and one message in several records
        ([record(22, HELLO_BYTES + b"\x0b\0\0\3abc\x0c\0\0\3\3\0\x1d\x0e\0\0\0")],
         [HELLO, Certificates(b"abc"), KeyExchange(group=29), HelloDone()]),
        ([record(22, HELLO_BYTES[:5]), record(22, HELLO_BYTES[5:])], [HELLO]),
        # messages without a meaning here: CertificateRequest, CertificateStatus
        ([record(22, HELLO_BYTES), record(22, b"\x0d\0\0\0\x16\0\0\1x")], [HELLO]),
        ([record(22, HELLO_BYTES + b"\x0e\0\0")], [HELLO]),
    ],
)  # fmt: skip
def test_events(records: list[bytes], events: list[Event]) -> None:
    assert read(*records) == events


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x13", "content type 19 does not exist in TLS"),
        (b"\x19", "content type 25 does not exist in TLS"),
        (b"\x16\4", "record version 4.x does not exist in TLS"),
    ],
)
def test_what_is_no_tls_is_refused_at_its_first_byte(data: bytes, why: str) -> None:
    with pytest.raises(NotTlsError) as caught:
        FlightReader().receive(data)
    assert caught.value.detail == why
    for fits in (b"", b"\x14", b"\x18", b"\x16\3", b"\x16\3\xff\x48"):
        assert FlightReader().receive(fits) == []


@pytest.mark.parametrize(
    ("records", "events"),
    [
        # RFC 5246 §6.2.3: 2^14 + 2048 bytes
        ([record(23, bytes(18432))], [Ciphertext(18432)]),
        ([b"\x17\3\3\x48\1"], "record of 18433 bytes; the limit is 18432"),
        ([record(22, b"")] * 16, []), ([record(22, b"")] * 17, "more than 16 empty records"),
        ([record(21, b"\1\0")] * 8, [Alert(1, 0)] * 8),
        ([record(21, b"\1\0")] * 9, "more than 8 alerts"),
        ([record(21, b"\1")], "an alert of 1 bytes"),
        ([record(21, b"\1\2\3")], "an alert of 3 bytes"),
        ([record(22, b"\x0b\0\0\0")], "handshake message 11 before the ServerHello"),
        ([record(22, b"\2\2\0\0")], []),
        ([record(22, b"\2\2\0\1")], "handshake message of 131073 declared bytes"),
        ([record(20, b"\1") * 21845, b"\x14\3"], []),  # 131072 bytes
        ([record(20, b"\1") * 21845, b"\x14\3\3"], "the handshake is longer than 131072 bytes"),
    ],
    ids=range(13),
)  # fmt: skip
def test_limits(records: list[bytes], events: list[Event] | str) -> None:
    assert read(*records) == events


def test_a_key_exchange_is_read_by_the_suite_of_the_hello() -> None:
    static = HELLO_BYTES[:-3] + b"\0\x9e\0"
    assert read(record(22, static + b"\x0c\0\0\4\0\2\xff\0")) == [
        ServerHello(version=0x0303, random=bytes(32), suite=0x009E), KeyExchange(prime_bits=16),
    ]  # fmt: skip
    assert n.suite_name(0x009E).startswith("TLS_DHE_RSA_")
