"""Hellos byte by byte, as the standards write them, and what is malformed in one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from seventh.model.failure import ProtocolViolation
from seventh.wire import tlshello
from seventh.wire import tlsnames as n
from seventh.wire.reader import vector

SCHEMES = (
    "0403 0503 0603 0807 0808 0804 0805 0806 0809 080a 080b"
    "0401 0501 0601 0203 0201 0402 0202 0101"
)  # RFC 8446 §4.2.3; SHA-224 and DSA from RFC 5246 §7.4.1.4.1
RANDOM = bytes(range(32))


def test_an_offer_of_tls_1_2_byte_by_byte() -> None:
    """RFC 5246 §7.4.1.2, RFC 6066 §3, RFC 8422 §5.1, RFC 7627 §5.1, RFC 5077 §3.2."""
    extensions = bytes.fromhex(
        "0000 0008 0006 00 0003 612e62"  # server_name: a.b
        "000a 000c 000a 001d 0017 0018 0019 001e"  # supported_groups
        "000b 0002 01 00"  # ec_point_formats: uncompressed
        f"000d 0028 0026 {SCHEMES}"  # signature_algorithms
        "0017 0000 0023 0000"  # extended_master_secret, session_ticket
    )
    body = (
        bytes.fromhex("0303") + RANDOM + bytes.fromhex("00 0004 c02f 00ff 02 01 00")
        + len(extensions).to_bytes(2, "big") + extensions
    )  # fmt: skip
    sent = b"\x16\x03\x01" + (len(body) + 4).to_bytes(2, "big") + b"\x01\x00" + (
        len(body).to_bytes(2, "big") + body
    )  # fmt: skip
    assert tlshello.offer(n.TLS12, (0xC02F,), RANDOM, name="a.b", compressions=b"\1\0") == sent


@pytest.mark.parametrize(
    ("version", "record", "extensions"),
    [
        (n.SSL3, "0300", ""),
        (n.TLS10, "0301", "0008 0017 0000 0023 0000"),
        (n.TLS11, "0301", "0008 0017 0000 0023 0000"),
        (n.TLS12, "0301", f"0034 000d 0028 0026 {SCHEMES} 0017 0000 0023 0000"),
    ],
)
def test_an_offer_of_each_version(version: int, record: str, extensions: str) -> None:
    body = (
        version.to_bytes(2, "big") + RANDOM + bytes.fromhex(f"00 0004 000a 00ff 01 00 {extensions}")
    )
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    head = b"\x16" + bytes.fromhex(record) + len(message).to_bytes(2, "big")
    assert tlshello.offer(version, (0x000A,), RANDOM, curves=False) == head + message


@pytest.mark.parametrize(
    ("name", "extension"), [(None, ""), ("a.b", "0000 0008 0006 00 0003 612e62")]
)
def test_a_question_for_a_group_byte_by_byte(name: str | None, extension: str) -> None:
    """RFC 8446 §4.1.2: an empty key share asks for a HelloRetryRequest (§4.2.8)."""
    extensions = bytes.fromhex(
        f"{extension} 000a 0004 0002 001d 000d 0028 0026 {SCHEMES}002b 0003 02 0304 0033 0002 0000"
    )
    body = (
        bytes.fromhex("0303") + RANDOM + b"\x20" + RANDOM
        + bytes.fromhex("0006 1301 1302 1303 01 00") + len(extensions).to_bytes(2, "big")
        + extensions
    )  # fmt: skip
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    sent = b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message
    assert tlshello.ask_for_group((29,), RANDOM, name=name) == sent


def test_what_a_hello_has_if_nothing_is_said() -> None:
    mine = tlshello.ClientHello(version=0x0303, random=RANDOM, suites=(1,))
    assert tlshello.encode_client_hello(mine) == bytes.fromhex(
        f"01 00002b 0303 {RANDOM.hex()} 00 0002 0001 01 00 0000"
    )
    server = tlshello.ServerHello(version=0x0303, random=RANDOM, suite=1)
    encoded = tlshello.encode_server_hello(server)
    assert encoded == bytes.fromhex(f"02 000026 0303 {RANDOM.hex()} 00 0001 00")
    assert tlshello.parse_server_hello(encoded[4:]) == server


@pytest.mark.parametrize(
    ("size", "sizes"),
    [(0, [0]), (1, [1]), (16384, [16384]), (16385, [16384, 1]), (32769, [16384, 16384, 1])],
)
def test_a_long_payload_is_sent_in_several_records(size: int, sizes: list[int]) -> None:
    data = b"".join(b"\x17\x03\x01" + each.to_bytes(2, "big") + b"x" * each for each in sizes)
    assert tlshello.record(23, b"x" * size) == data


def test_an_alert_is_fatal() -> None:
    assert tlshello.alert(40) == bytes.fromhex("15 0303 0002 02 28")
    assert tlshello.alert(0, 0x0301) == bytes.fromhex("15 0301 0002 02 00")


def shared(*pairs: tuple[int, bytes]) -> tlshello.ServerHello:
    return tlshello.ServerHello(version=0x0303, random=RANDOM, suite=0x1301, extensions=pairs)


@pytest.mark.parametrize(
    ("pairs", "group", "version"),
    [
        ((), None, 0x0303),
        (((51, b""),), None, 0x0303),
        (((51, b"\x1d"),), None, 0x0303),
        (((51, b"\0\x1d"), (43, b"\3\4")), 0x1D, 0x0304),
        (((51, b"\0\x1d\0\1x"), (43, b"\3\4\0")), 0x1D, 0x0303),
        (((43, b""),), None, 0x0303), (((43, b"\3"),), None, 0x0303),
    ],
)  # fmt: skip
def test_the_group_and_version_of_a_server_hello(
    pairs: tuple[tuple[int, bytes], ...], group: int | None, version: int
) -> None:
    assert (shared(*pairs).group, shared(*pairs).negotiated) == (group, version)


@pytest.mark.parametrize(
    ("versions", "best"),
    [(None, 0x0303), (b"\0", 0x0303), (b"\2\x7a\x7a", 0x0303), (b"\4\x7a\x7a\3\4", 0x0304),
     (b"\4\3\1\3\2", 0x0302)],
)  # fmt: skip
def test_the_highest_known_version_of_a_client_hello(versions: bytes | None, best: int) -> None:
    pairs = () if versions is None else ((43, versions),)
    hello = tlshello.ClientHello(version=0x0303, random=RANDOM, suites=(), extensions=pairs)
    assert hello.best_version == best


def test_what_is_cut_names_the_part() -> None:
    hello = tlshello.ClientHello(
        version=0x0303, random=RANDOM, suites=(), extensions=((43, b"\4\3"),)
    )
    with pytest.raises(
        ProtocolViolation, match=r"supported_versions is truncated: 4 bytes declared, 1 present$"
    ):
        _ = hello.best_version


HEAD = b"\3\3" + RANDOM


@pytest.mark.parametrize(
    ("parse", "data", "says"),
    [
        (tlshello.parse_client_hello, b"\3", "the ClientHello is truncated"),
        (tlshello.parse_client_hello, HEAD + b"\x21" + b"x" * 33,
         "session id of 33 bytes; the limit is 32"),
        (tlshello.parse_client_hello, HEAD + b"\0\0\3\0\1\2",
         "the list of cipher suites has 1 bytes too many"),
        (tlshello.parse_client_hello, HEAD + b"\0\0\3\0\1", "the ClientHello is truncated"),
        (tlshello.parse_client_hello, HEAD + b"\0\0\2\0\1\1\0\0\2\0\1",
         "the extensions is truncated"),
        (tlshello.parse_server_hello, HEAD, "the ServerHello is truncated"),
        (tlshello.ocsp_response, b"\2\0\0\0", "the CertificateStatus is of another type than OCSP"),
        (tlshello.ocsp_response, b"\1\0\0\1", "the CertificateStatus is truncated"),
        (tlshello.ocsp_response, b"\1\0\0\1xy", "the CertificateStatus has 1 bytes too many"),
        (lambda b: tlshello.certificates(b, n.TLS12), b"\0\0\4\0\0\2x",
         "the list of certificates is truncated"),
        (lambda b: tlshello.certificates(b, n.TLS12), b"\0\0\0x",
         "the Certificate message has 1 bytes too many"),
        (lambda b: tlshello.parse_ticket(b, n.TLS12), b"\0\0\0", "the NewSessionTicket"),
        (lambda b: tlshello.parse_key_exchange(b, 0xC02F), b"\3\0", "the ServerKeyExchange"),
        (tlshello.parse_encrypted_extensions, b"\0", "the EncryptedExtensions"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_named(
    parse: Callable[[bytes], object], data: bytes, says: str
) -> None:
    with pytest.raises(ProtocolViolation, match="protocol-violation: " + re.escape(says)):
        parse(data)


def test_sizes_at_their_limits() -> None:
    assert len(tlshello.parse_server_hello(HEAD + b"\x20" + RANDOM + b"\0\1\0").session_id) == 32
    most = tlshello.certificates((4 * 64).to_bytes(3, "big") + b"\0\0\1x" * 64, n.TLS12)
    assert most == ((b"x",) * 64, None)


def test_the_status_is_that_of_the_server_s_own_certificate() -> None:
    """RFC 8446 §4.4.2: each certificate has extensions of its own."""
    first = vector(3, b"own") + vector(2, b"\0\x0a" + vector(2, b"?") + b"\0\5" + vector(2, b"yes"))
    second = vector(3, b"ca") + vector(2, b"\0\5" + vector(2, b"no"))
    bare = vector(3, b"own") + vector(2, b"")
    tls13 = n.TLS13
    assert tlshello.certificates(b"\0" + vector(3, first + second), tls13) == (
        (b"own", b"ca"), b"yes",
    )  # fmt: skip
    assert tlshello.certificates(b"\0" + vector(3, bare + second), tls13) == ((b"own", b"ca"), None)
    assert tlshello.ocsp_response(b"\1\0\0\3abc") == b"abc"


@pytest.mark.parametrize(
    ("suite", "body", "key"),
    [
        (0xC02F, b"\3\0\x1d", tlshello.KeyExchange(group=29)),
        (0xC019, b"\3\0\x17", tlshello.KeyExchange(group=23)),  # ECDH_anon
        (0xC02F, b"\1\0\x1d", tlshello.KeyExchange()),  # explicit_prime
        (0x009E, b"\0\2\x04\0", tlshello.KeyExchange(prime_bits=11)),
        (0x0034, b"\0\1\xff", tlshello.KeyExchange(prime_bits=8)),  # DH_anon
        (0x002F, b"\3\0\x1d", tlshello.KeyExchange()),
    ],
)
def test_the_key_of_each_kind_of_exchange(
    suite: int, body: bytes, key: tlshello.KeyExchange
) -> None:
    assert tlshello.parse_key_exchange(body, suite) == key


@pytest.mark.parametrize(
    ("extensions", "most"),
    [("0000", 0), ("0008 002a 0004 00004000", 16384), ("0007 002a 0003 004000", 0),
     ("0008 0029 0004 00004000", 0)],
)  # fmt: skip
def test_a_ticket_of_tls_1_3(extensions: str, most: int) -> None:
    body = bytes.fromhex(f"00001c20 ffffffff 02 0102 0003 616263 {extensions}")
    assert tlshello.parse_ticket(body, n.TLS13) == tlshello.Ticket(
        lifetime_seconds=7200, ticket=b"abc", max_early_data=most
    )


@pytest.mark.parametrize(
    ("extensions", "name"),
    [((), None), (((16, b"\0\3\2h2"),), "h2"), (((16, b"\0\4\3a\xffb"),), "a\u00ffb"),
     (((16, b"\0\x42\x41" + b"x" * 65),), "x" * 64 + "…")],
)  # fmt: skip
def test_the_selected_protocol(extensions: tlshello.Extensions, name: str | None) -> None:
    assert tlshello.picked_protocol(extensions) == name


def test_the_selected_protocol_may_be_cut() -> None:
    with pytest.raises(ProtocolViolation, match="the selected protocol is truncated"):
        tlshello.picked_protocol(((16, b"\0\3\4h2"),))
