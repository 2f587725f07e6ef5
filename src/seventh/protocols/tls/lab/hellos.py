"""Answers to a ClientHello that OpenSSL would not give, for faults."""

from __future__ import annotations

import os

from seventh.labkit.tlsserve import HelloHook
from seventh.model.alert import Alert
from seventh.wire import tlshello
from seventh.wire import tlsnames as n

_ONE_PACKET_BYTES = 1000


def _hello(
    suite: int,
    *,
    version: int = n.TLS12,
    compression: int = 0,
    extended: bool = True,
    secure: bool = True,
) -> bytes:
    extensions: list[tuple[int, bytes]] = []
    if secure:
        extensions.append((n.RENEGOTIATION_INFO, b"\x00"))
    if extended:
        extensions.append((n.EXTENDED_MASTER_SECRET, b""))
    return tlshello.encode_server_hello(
        tlshello.ServerHello(
            version=version,
            random=os.urandom(32),
            suite=suite,
            compression=compression,
            extensions=tuple(extensions),
        )
    )


def _flight(*messages: bytes, version: int = n.TLS12) -> bytes:
    return tlshello.record(n.HANDSHAKE, b"".join(messages), version)


def _bare(hello: tlshello.ClientHello) -> bool:
    """Return whether a hello offers no TLS 1.3, as only the probe's bare hellos do."""
    return hello.best_version <= n.TLS12


def old_versions(hello: tlshello.ClientHello) -> bytes | None:
    """Accept a hello that offers nothing later than TLS 1.1."""
    version = hello.best_version
    if version >= n.TLS12:
        return None
    return _flight(_hello(0x002F, version=version, extended=False), version=version)


def accepts(suites: tuple[int, ...]) -> HelloHook:
    """Accept the first of ``suites`` that a bare hello with nothing better offers."""

    def answer(hello: tlshello.ClientHello) -> bytes | None:
        if not _bare(hello) or set(hello.suites) & set(n.GOOD_SUITES):
            return None
        wanted = [code for code in hello.suites if code in suites]
        return _flight(_hello(wanted[0])) if wanted and hello.best_version == n.TLS12 else None

    return answer


def small_prime(hello: tlshello.ClientHello) -> bytes | None:
    """Answer a hello that offers DHE only with a 1024-bit number in place of the prime."""
    offered = [code for code in hello.suites if code != n.RENEGOTIATION_SCSV]
    if not _bare(hello) or not set(offered) <= set(n.DHE_SUITES):
        return None
    prime = (1 << 1023 | 1).to_bytes(128, "big")
    key = b"".join(len(v).to_bytes(2, "big") + v for v in (prime, b"\x02", prime))
    return _flight(
        _hello(0x009E),
        tlshello.message(n.CERTIFICATE, (0).to_bytes(3, "big")),
        tlshello.message(n.SERVER_KEY_EXCHANGE, key + bytes([4, 3, 0, 0])),
        tlshello.message(n.SERVER_HELLO_DONE, b""),
    )


def no_large_hello(hello: tlshello.ClientHello) -> bytes | None:
    """Refuse a hello whose key shares do not fit into one packet."""
    shares = hello.extension(n.KEY_SHARE) or b""
    if len(shares) <= _ONE_PACKET_BYTES:
        return None
    return tlshello.alert(Alert.HANDSHAKE_FAILURE)


def tls12_hello(**wrong: int | bool) -> HelloHook:
    """Answer a TLS 1.2 hello that has good suites with a ServerHello that is wrong in one way."""

    def answer(hello: tlshello.ClientHello) -> bytes | None:
        good = [code for code in hello.suites if code in n.GOOD_SUITES]
        if not _bare(hello) or n.DEFLATE not in hello.compressions or not good:
            return None
        return _flight(_hello(0xC02B, **wrong))  # type: ignore[arg-type]  # the names are _hello's

    return answer
