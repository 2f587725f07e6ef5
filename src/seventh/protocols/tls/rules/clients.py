"""The rule on clients that cannot connect; ``clients.toml`` has what each offers by default."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from seventh.model.severity import Severity
from seventh.model.tlsclients import TlsFit, TlsList
from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.protocols.tls.rules.examples import GOOD
from seventh.protocols.tls.rules.handshake import EVERY_SERVER, unasked
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule
from seventh.wire.table import read_text

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_ANY = "Offer TLS 1.3, and in TLS 1.2 ECDHE with AES-GCM and ChaCha20-Poly1305."
_GROUPS = {
    "nginx": "ssl_ecdh_curve X25519:prime256v1;",
    "apache": "SSLOpenSSLConfCmd Groups X25519:P-256",
    "haproxy": "# in global; remove curves from bind lines\nssl-default-bind-curves X25519:P-256",
    "openssl": "Groups = X25519:P-256",
    "any": "Accept the groups X25519 and P-256 (secp256r1).",
}
"""By product, the groups that every client of the tables has."""
_WORDS: Mapping[TlsList, str] = {
    "version": "TLS version", "suite": "cipher suite", "group": "group",
    "signature": "signature algorithm",
}  # fmt: skip
_LISTS = {
    f"{code}-{end}": f"{{client}} has no {word} in common with the server: "
    f"it offers {{offers}}{accepts}"
    for code, word in _WORDS.items()
    for end, accepts in (("list", ""), ("lists", ", the server accepts {accepts}"))
}
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
    title="Clients have no TLS version, cipher suite or group in common with the server",
    evidence="unreachable {settings}: {clients}; {what}",
    phrases={
        "settings": {
            "default": "with default settings",
            "given": "for --as",
            "both": "with default settings, or for --as",
        },
        "what": {
            "version": "the server refuses TLS 1.2 and 1.3",
            "suites": "the server has no TLS 1.3, and in TLS 1.2 none of their cipher suites",
            **_LISTS,
        },
    },
    why="The handshake fails before any request. Users of these clients see only that the "
    "connection failed, while older clients and tests with OpenSSL may work.",
    fix={
        "nginx": f"{EVERY_SERVER}\nssl_protocols TLSv1.2 TLSv1.3;\nssl_ciphers {_CIPHERS};",
        "apache": f"SSLProtocol -all +TLSv1.2 +TLSv1.3\nSSLCipherSuite {_CIPHERS}",
        "haproxy": "# in global; remove ciphers and versions from bind lines\n"
        "ssl-default-bind-options ssl-min-ver TLSv1.2\n"
        f"ssl-default-bind-ciphers {_CIPHERS}",
        "caddy": "tls {{\n\tprotocols tls1.2 tls1.3\n}}",
        "openssl": f"MinProtocol = TLSv1.2\nMaxProtocol = TLSv1.3\nCipherString = {_CIPHERS}",
        "any": _ANY,
    },
    references=("RFC 9325 §4.2", "RFC 9325 §3.1"),
    seed=("12.10.4",),
    good=GOOD,
    bad=_RSA_ONLY,
    directives={
        "nginx": ("ssl_protocols", "ssl_ciphers"), "caddy": ("tls protocols", "tls ciphers"),
    },
)  # fmt: skip
def clients_cut(tls: TlsFacts) -> Verdict:
    """Report clients that cannot agree with the server: current ones, and those of ``--as``."""
    verdict = _of_current(tls)
    given = [fit for fit in tls.as_clients if fit.lacking is not None]
    if not given:
        return verdict
    first = given[0]
    names = tuple(dict.fromkeys(fit.client for fit in given))
    params: dict[str, Any] = {"settings": "given", "clients": names, "what": ()}
    if isinstance(verdict, Hit):
        merged = dict.fromkeys((*verdict.params["clients"], *names))  # type: ignore[misc]
        what = (verdict.params["what"],)
        params = {"settings": "both", "clients": tuple(merged), "what": what}
    params["what"] += (f"{first.lacking}-{'lists' if first.server_list else 'list'}",)
    hit = Hit(**params, client=first.client, offers=first.client_list, accepts=first.server_list)
    return _fixed(hit, given)


def _fixed(hit: Hit, given: Sequence[TlsFit]) -> Hit:
    """Set the lines for the lists at fault; those of the rule are for versions and suites."""
    lacking = {fit.lacking for fit in given}
    text = _ANY
    if hit.params["settings"] == "given" and lacking == {"group"}:
        text = _GROUPS["any"]
        for product, line in _GROUPS.items():
            hit.fixed_by(product, line)
    elif hit.params["settings"] == "given" and lacking == {"signature"}:
        text = "Serve a certificate with an RSA key of 2048 bits or more, too."
        for product in _GROUPS:
            hit.fixed_by(product, "# add a certificate with an RSA key of 2048 bits or more")
    on_clients = [
        f"Or, in the openssl.cnf of {fit.client}: "
        + "; ".join(f"{name} = {value}" for name, value in fit.client_sets.items())
        for fit in given if fit.client_sets
    ]  # fmt: skip
    return hit.fixed_by("any", text, *on_clients)


def _of_current(tls: TlsFacts) -> Verdict:
    """Judge current clients; with TLS 1.3 all of them agree with the server.

    A file does not show the key of the certificate, which a suite has to fit.
    """
    if "TLSv1.3" in tls.versions:
        return None
    if "TLSv1.3" not in tls.versions_refused:
        return unasked(tls, Topic.HELLOS)
    if "TLSv1.2" in tls.versions_refused:
        names = tuple(client.name for client in clients() if not client.before_tls12)
        return Hit(settings="default", what="version", clients=names)
    if not tls.suites:
        return unasked(tls, Topic.ALL_SUITES)
    accepted = {suite.removeprefix("TLS_") for suite in tls.suites}
    common = {client.name: client.suites & accepted for client in clients()}
    names = tuple(name for name, suites in common.items() if not suites)
    if names:
        return Hit(settings="default", what="suites", clients=names)
    if tls.configured and any(len(set(map(_needs_ecdsa, found))) == 1 for found in common.values()):
        return Skip("the certificate's key decides which clients have a cipher suite in common")
    return None


def _needs_ecdsa(suite: str) -> bool:
    return "_ECDSA_" in suite
