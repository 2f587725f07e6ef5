"""The rule on clients that cannot connect; ``clients.toml`` has what each offers by default."""

from __future__ import annotations

import functools
import tomllib

import msgspec

from seventh.model.severity import Severity
from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.protocols.tls.rules.examples import GOOD
from seventh.protocols.tls.rules.handshake import unasked
from seventh.rules.rule import Hit, Source, Verdict, rule
from seventh.wire.table import read_text

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_RSA_ONLY = GOOD.learn(
    version="TLSv1.2", versions=("TLSv1.2",),
    versions_refused=("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.3"),
    cipher="TLS_RSA_WITH_AES_128_GCM_SHA256", suites=("TLS_RSA_WITH_AES_128_GCM_SHA256",),
    obsolete_suites=("TLS_RSA_WITH_AES_128_GCM_SHA256",),
)  # fmt: skip


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client's default offer in TLS 1.2."""

    name: str
    suites: frozenset[str]
    """IANA's names without ``TLS_``."""
    before_tls12: bool = False
    """Whether it also offers TLS 1.1."""


@functools.cache
def clients() -> tuple[Client, ...]:
    """Return the table of ``clients.toml``."""
    table = tomllib.loads(read_text(__package__, "clients.toml"))
    return msgspec.convert(table["client"], tuple[Client, ...])


@rule(
    "TLS-CLIENTS-CUT",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Current clients have no TLS version or cipher suite in common with the server",
    evidence="unreachable with default settings: {clients}; {what}",
    phrases={
        "what": {
            "version": "the server refuses TLS 1.2 and 1.3",
            "suites": "the server has no TLS 1.3, and in TLS 1.2 none of their cipher suites",
        }
    },
    why="The handshake fails before any request. Users of these clients see only that the "
    "connection failed, while older clients and tests with OpenSSL may work.",
    fix={
        "nginx": f"ssl_protocols TLSv1.2 TLSv1.3;\nssl_ciphers {_CIPHERS};",
        "apache": f"SSLProtocol -all +TLSv1.2 +TLSv1.3\nSSLCipherSuite {_CIPHERS}",
        "haproxy": "# in global; remove ciphers and versions from bind lines\n"
        "ssl-default-bind-options ssl-min-ver TLSv1.2\n"
        f"ssl-default-bind-ciphers {_CIPHERS}",
        "openssl": f"MinProtocol = TLSv1.2\nMaxProtocol = TLSv1.3\nCipherString = {_CIPHERS}",
        "any": "Offer TLS 1.3, and in TLS 1.2 ECDHE with AES-GCM and ChaCha20-Poly1305.",
    },
    references=("RFC 9325 §4.2", "RFC 9325 §3.1"),
    seed=("12.10.4",),
    good=GOOD,
    bad=_RSA_ONLY,
)
def clients_cut(tls: TlsFacts) -> Verdict:
    """Report clients that cannot agree with the server; with TLS 1.3 all of them can."""
    if "TLSv1.3" in tls.versions:
        return None
    if "TLSv1.3" not in tls.versions_refused:
        return unasked(tls, Topic.HELLOS)
    if "TLSv1.2" in tls.versions_refused:
        names = tuple(client.name for client in clients() if not client.before_tls12)
        return Hit(what="version", clients=names)
    if not tls.suites:
        return unasked(tls, Topic.ALL_SUITES)
    accepted = {suite.removeprefix("TLS_") for suite in tls.suites}
    names = tuple(client.name for client in clients() if not client.suites & accepted)
    return Hit(what="suites", clients=names) if names else None
