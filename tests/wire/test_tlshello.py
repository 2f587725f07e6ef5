"""Hellos: what we encode we decode, chunks do not matter, and nothing a peer sends breaks it."""

from __future__ import annotations

import contextlib
import hashlib
import re
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation, UsageError
from seventh.wire import tlsflight, tlshello
from seventh.wire import tlsnames as n
from seventh.wire.reader import vector
from tests.peers import need_binary

u16 = st.integers(0, 0xFFFF)
extensions = st.lists(st.tuples(u16, st.binary(max_size=40)), max_size=6).map(tuple)
client_hellos = st.builds(
    tlshello.ClientHello,
    version=u16,
    random=st.binary(min_size=32, max_size=32),
    session_id=st.binary(max_size=32),
    suites=st.lists(u16, max_size=20).map(tuple),
    compressions=st.binary(max_size=4),
    extensions=st.none() | extensions,
)
server_hellos = st.builds(
    tlshello.ServerHello,
    version=u16,
    random=st.binary(min_size=32, max_size=32),
    session_id=st.binary(max_size=32),
    suite=st.sampled_from(sorted(n.SUITES)),
    compression=st.integers(0, 255),
    extensions=extensions,
)


@given(client_hellos)
def test_a_client_hello_comes_back(hello: tlshello.ClientHello) -> None:
    assert tlshello.parse_client_hello(tlshello.encode_client_hello(hello)[4:]) == hello


@given(server_hellos)
def test_a_server_hello_comes_back(hello: tlshello.ServerHello) -> None:
    (event,) = tlsflight.FlightReader().receive(
        tlshello.record(n.HANDSHAKE, tlshello.encode_server_hello(hello))
    ) or [None]
    assert event == hello


flights = st.lists(
    st.one_of(
        server_hellos.map(tlshello.encode_server_hello),
        st.binary(max_size=60).map(lambda b: tlshello.message(n.CERTIFICATE, b)),
        st.binary(max_size=60).map(lambda b: tlshello.message(n.SERVER_KEY_EXCHANGE, b)),
        st.just(tlshello.message(n.SERVER_HELLO_DONE, b"")),
    ).map(lambda message: tlshello.record(n.HANDSHAKE, message))
    | st.binary(min_size=2, max_size=2).map(lambda b: tlshello.record(n.ALERT, b))
    | st.just(tlshello.record(n.HANDSHAKE, b""))
    | st.binary(max_size=30).map(lambda b: tlshello.record(n.APPLICATION_DATA, b)),
    max_size=8,
).map(b"".join)


def _outcome(chunks: list[bytes]) -> tuple[list[tlshello.Event], str]:
    reader, events = tlsflight.FlightReader(), []
    try:
        for chunk in chunks:
            events += reader.receive(chunk)
    except ProtocolViolation as violation:
        return [], violation.detail
    return events, ""


@given(flights)
def test_byte_by_byte_is_the_same_as_at_once(flight: bytes) -> None:
    assert _outcome([flight]) == _outcome([flight[i : i + 1] for i in range(len(flight))])


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_give_events_or_a_violation(data: bytes, headed: bool) -> None:
    if headed:
        data = b"\x16\x03\x03" + len(data).to_bytes(2, "big") + data
    _outcome([data])


@pytest.mark.parametrize(
    "parse",
    [
        tlshello.parse_client_hello,
        tlshello.parse_server_hello,
        tlshello.parse_encrypted_extensions,
        lambda b: tlshello.parse_ticket(b, n.TLS13),
        lambda b: tlshello.parse_ticket(b, n.TLS12),
        lambda b: tlshello.certificates(b, n.TLS13),
        lambda b: tlshello.certificates(b, n.TLS12),
        lambda b: tlshello.parse_key_exchange(b, 0x009E),
        lambda b: tlshello.parse_key_exchange(b, 0xC02F),
    ],
)
@given(data=st.binary(max_size=200))
def test_any_body_is_parsed_or_a_violation(parse: Callable[[bytes], object], data: bytes) -> None:
    with contextlib.suppress(ProtocolViolation):
        parse(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"SSH-2.0-x\r\n", "content type 83"),
        (b"\x16\x02", "record version 2"),
        (b"\x16\x03\x03\xff\xff", "record of 65535 bytes"),
        (tlshello.record(22, b"\x02\x7f\xff\xff"), "handshake message of 8388607 declared bytes"),
        (tlshello.record(22, b"") * 17, "empty records"),
        (tlshello.record(21, b"\x01\x5a") * 9, "alerts"),
        (tlshello.record(21, b"\x01"), "an alert of 1 bytes"),
        (tlshello.record(22, tlshello.message(11, b"")), "before the ServerHello"),
        (tlshello.record(20, b"\x01") * 30_000, "longer than 131072"),
    ],
)
def test_limits(data: bytes, said: str) -> None:
    with pytest.raises(ProtocolViolation, match=re.escape(said)):
        tlsflight.FlightReader().receive(data)


def test_too_many_certificates() -> None:
    body = (4 * 65).to_bytes(3, "big") + b"\x00\x00\x01x" * 65
    with pytest.raises(ProtocolViolation, match=r"^protocol-violation: more than 64 certificates$"):
        tlshello.certificates(body, n.TLS12)


def test_a_retry_names_the_group() -> None:
    hello = tlshello.ServerHello(
        version=n.TLS12,
        random=hashlib.sha256(b"HelloRetryRequest").digest(),
        suite=0x1301,
        extensions=((n.SUPPORTED_VERSIONS, b"\x03\x04"), (n.KEY_SHARE, b"\x11\xec")),
    )
    assert hello.negotiated == n.TLS13
    assert n.group_name(hello.group or 0) == "X25519MLKEM768"


def test_an_empty_key_share_is_sent() -> None:
    data = tlshello.ask_for_group((n.X25519MLKEM768,), b"r" * 32, name="host.example")
    hello = tlshello.parse_client_hello(data[9:])
    assert hello.extension(n.KEY_SHARE) == b"\x00\x00"
    assert hello.best_version == n.TLS13
    assert b"host.example" in (hello.extension(n.SERVER_NAME) or b"")


def test_an_sslv3_hello_has_no_extensions() -> None:
    data = tlshello.offer(n.SSL3, (0x000A,), b"r" * 32, name="host.example")
    assert data[1:3] == b"\x03\x00"
    hello = tlshello.parse_client_hello(data[9:])
    assert hello.extensions is None
    assert hello.best_version == n.SSL3


def test_a_prime_is_measured_without_its_leading_zeros() -> None:
    prime = b"\x00" * 64 + b"\x01" + b"\x00" * 63
    body = len(prime).to_bytes(2, "big") + prime
    assert tlshello.parse_key_exchange(body, 0x009E).prime_bits == 505
    assert tlshello.parse_key_exchange(b"\x03\x00\x1d\x20", 0xC02F).group == n.X25519
    assert tlshello.parse_key_exchange(b"", 0x002F) == tlshello.KeyExchange()


def test_tickets_of_both_versions() -> None:
    old = tlshello.parse_ticket(b"\x00\x00\x1c\x20\x00\x03abc", n.TLS12)
    assert (old.lifetime_seconds, old.ticket, old.max_early_data) == (7200, b"abc", 0)
    early = b"\x00\x08\x00\x2a\x00\x04\x00\x00\x40\x00"
    body = b"\x00\x00\x1c\x20" + b"addd" + b"\x01n" + b"\x00\x03abc" + early
    assert tlshello.parse_ticket(body, n.TLS13).max_early_data == 16384


@pytest.mark.parametrize(
    ("name", "grade"),
    [
        ("TLS_RSA_WITH_NULL_SHA", "broken"),
        ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", "broken"),
        ("TLS_ECDHE_RSA_WITH_RC4_128_SHA", "broken"),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "broken"),
        ("TLS_DH_anon_WITH_AES_128_GCM_SHA256", "broken"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "obsolete"),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "obsolete"),
        ("TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", "obsolete"),
        ("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "good"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "good"),
        ("TLS_AES_128_GCM_SHA256", "good"),
        ("0xfafa", "good"),
    ],
)
def test_suites_are_graded(name: str, grade: str) -> None:
    assert n.grade(name) == grade


@pytest.mark.peer
def test_the_names_are_those_that_openssl_knows() -> None:
    said = subprocess.run(
        [need_binary("openssl"), "ciphers", "-V", "-stdname", "ALL:eNULL:@SECLEVEL=0"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    rows = re.findall(r"0x(\w\w),0x(\w\w) - (TLS_\S+)", said)
    assert len(rows) > 50
    shared = 0
    for high, low, name in rows:
        code = int(high + low, 16)
        if code in n.SUITES:
            shared += 1
            assert n.SUITES[code] == name.replace("_ANON_", "_anon_")
    assert shared >= 50


@pytest.mark.parametrize(
    ("name", "sent"),
    [("host.example", "host.example"), ("host.example.", "host.example"), ("192.0.2.1", None),
     ("::1", None), ("a" * 253, "a" * 253)],
)  # fmt: skip
def test_an_address_has_no_server_name(name: str, sent: str | None) -> None:
    assert tlshello.sni(name) == sent


@pytest.mark.parametrize("name", ["", ".", "bücher.example", "a" * 254])
def test_what_is_no_server_name(name: str) -> None:
    with pytest.raises(UsageError, match="--server-name"):
        tlshello.sni(name)


def test_a_certificate_message_of_tls_1_3_may_have_a_context() -> None:
    entry = vector(3, b"der") + vector(2, b"")
    body = vector(1, b"context") + vector(3, entry)
    assert tlshello.certificates(body, n.TLS13) == ((b"der",), None)


@pytest.mark.parametrize("curves", [True, False])
def test_an_offer_names_groups_unless_told_otherwise(curves: bool) -> None:
    more = {} if curves else {"curves": False}
    hello = tlshello.offer(n.TLS12, n.DHE_SUITES, b"c" * 32, **more)
    parsed = tlshello.parse_client_hello(hello[9:])
    assert (parsed.extension(n.SUPPORTED_GROUPS) is not None) is curves
