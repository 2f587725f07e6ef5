"""The ClientHellos of ``--as``: what is sent is what the table has."""

from __future__ import annotations

import pytest

from seventh.model.failure import UsageError
from seventh.protocols.tls.rules.hellos import Hello, hello_of, hellos
from seventh.wire import tlshello
from seventh.wire import tlsnames as n
from seventh.wire.reader import Reader

RANDOM = bytes(range(32))


def listed(hello: tlshello.ClientHello, kind: int, width: int = 2) -> tuple[int, ...] | None:
    body = hello.extension(kind)
    if body is None:
        return None
    reader = Reader(body, "a list").nested(width, "a list")
    return tuple(reader.u16() for _ in range(reader.left // 2))


@pytest.mark.parametrize("row", hellos(), ids=lambda row: row.id)
def test_a_row_is_what_is_sent(row: Hello) -> None:
    record = row.encode(RANDOM, "host.example")
    assert record[:3] == b"\x16\x03\x01"
    sent = tlshello.parse_client_hello(record[9:])
    assert (sent.version, sent.random) == (n.TLS12, RANDOM)
    assert sent.suites == (*row.suites, n.RENEGOTIATION_SCSV)
    assert listed(sent, n.SUPPORTED_GROUPS) == row.groups
    assert listed(sent, n.SIGNATURE_ALGORITHMS) == row.signatures
    newest = n.TLS13 in row.versions
    assert listed(sent, n.SUPPORTED_VERSIONS, 1) == (row.versions if newest else None)
    assert sent.extension(n.KEY_SHARE) == (b"\x00\x00" if newest else None)
    assert sent.session_id == (RANDOM if newest else b"")
    assert sent.extension(n.SERVER_NAME) is not None
    unnamed = tlshello.parse_client_hello(row.encode(RANDOM, None)[9:])
    assert unnamed.extension(n.SERVER_NAME) is None


@pytest.mark.parametrize("row", hellos(), ids=lambda row: row.id)
def test_a_row_is_complete(row: Hello) -> None:
    """Newest version first, nothing twice, and what the fixes for servers count on."""
    assert list(row.versions) == sorted(row.versions, reverse=True)
    assert row.least in row.versions
    for codes in (row.suites, row.groups, row.signatures):
        assert codes and len(set(codes)) == len(codes)
    assert n.RENEGOTIATION_SCSV not in row.suites
    assert n.TLS12 in row.versions
    assert {0xC02F, 0xC02B} <= set(row.suites), "ECDHE+AESGCM"
    assert 0x0017 in row.groups
    assert 0x0401 in row.signatures


def test_wider_lists_begin_with_their_own() -> None:
    row = hello_of("openssl=1.0.2")
    wide = row.wider("suites", "groups")
    assert wide.suites[: len(row.suites)] == row.suites
    assert set(wide.suites) == {*row.suites, *n.SUITES}
    assert set(wide.groups) == {*row.groups, *n.GROUPS}
    assert wide.signatures == row.signatures
    assert set(row.wider("signatures").signatures) > set(row.signatures)


def test_names() -> None:
    assert hello_of("OpenSSL=1.1.1").name == "OpenSSL 1.1.1"
    assert hello_of("openssl").name == "OpenSSL 3.0"
    assert hello_of("java").name == "Java 17"
    assert [hello_of(text).name for text in ("go", "go=1.19")] == ["Go 1.26", "Go 1.19"]
    for text in ("openssl=0.9.8", "ssl", "/etc/ssh/ssh_config"):
        with pytest.raises(UsageError, match=f"^--as: unknown TLS client '{text}': "):
            hello_of(text)


def test_only_openssl_30_offers_more_than_it_completes() -> None:
    assert [row.id for row in hellos() if row.least != row.versions[-1]] == ["openssl=3.0"]
    assert hello_of("openssl=3.0").least == n.TLS12
