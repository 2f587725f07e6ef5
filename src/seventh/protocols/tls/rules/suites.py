"""The rule for the accepted cipher suites."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.protocols.tls.rules.examples import GOOD
from seventh.protocols.tls.rules.handshake import unasked
from seventh.rules.rule import Hit, Source, Verdict, rule
from seventh.wire.tlsnames import grade


@rule(
    "TLS-WEAK-CIPHER",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Weak cipher suites accepted",
    evidence="{what}",
    phrases={
        "what": {
            "accepted": "accepts {suites}",
            "accepted-at-least": "accepts at least {suites}",
            "accepted-and-untested": "accepts at least {suites}; {untested} other weak suites were "
            "not tested",
            "allowed": "the configuration allows {suites}",
            "allowed-if-supported": "the configuration allows {suites}. OpenSSL refuses NULL and "
            "anonymous suites unless the list has @SECLEVEL=0, and most builds since 1.1.0 have "
            "no RC4, DES, 3DES or EXPORT suites",
        }
    },
    why="NULL, EXPORT, RC4, DES, 3DES and anonymous suites give little or no protection. CBC "
    "suites allow padding oracle attacks. With static RSA, an attacker who obtains the server key "
    "later can decrypt recorded traffic.",
    fix={
        "nginx": "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;",
        "apache": "SSLCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20",
        "haproxy": "# in global; remove ciphers from bind lines\n"
        "ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20",
        "caddy": "tls {{\n\tciphers TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 "
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 "
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 "
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256\n}}",
        "postfix": "tls_high_cipherlist = ECDHE+AESGCM:ECDHE+CHACHA20\nsmtpd_tls_ciphers = high",
        "dovecot": "ssl_cipher_list = ECDHE+AESGCM:ECDHE+CHACHA20",
        "postgresql": "ssl_ciphers = 'ECDHE+AESGCM:ECDHE+CHACHA20'",
        "mysql": "ssl_cipher = ECDHE+AESGCM:ECDHE+CHACHA20",
        "inn": 'tlsciphers: "ECDHE+AESGCM:ECDHE+CHACHA20"',
        "proftpd": "TLSCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20",
        "prosody": 'ssl = {{ ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20" }}',
        "openssl": "CipherString = ECDHE+AESGCM:ECDHE+CHACHA20",
    },
    references=("RFC 9325 §4",),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(broken_suites=("TLS_RSA_WITH_RC4_128_SHA",)),
    directives={
        "nginx": ("ssl_ciphers", "ssl_protocols"),
        "caddy": ("tls ciphers", "tls protocols"),
    },
)
def weak_cipher(tls: TlsFacts) -> Verdict:
    """Report broken suites; at medium those with CBC or without forward secrecy only."""
    broken = list(tls.broken_suites or ())
    obsolete = list(tls.obsolete_suites or ())
    if tls.cipher is not None:
        for found, wanted in ((broken, "broken"), (obsolete, "obsolete")):
            if grade(tls.cipher) == wanted and tls.cipher not in found:
                found.append(tls.cipher)
    if broken:
        return _weak(tls, (*broken, *obsolete), broken)
    if tls.broken_suites is None:
        return unasked(tls, Topic.BROKEN_SUITES)
    if obsolete:
        return _weak(tls, tuple(obsolete), [])
    return unasked(tls, Topic.OBSOLETE_SUITES) if tls.obsolete_suites is None else None


def _weak(tls: TlsFacts, suites: tuple[str, ...], broken: list[str]) -> Hit:
    """Return the hit: a handshake proves a suite, a file only asks its library for it."""
    severity = None if broken else Severity.MEDIUM
    if not tls.configured:
        what = "accepted" if tls.all_suites else "accepted-at-least"
        if not tls.unasked_suites:
            return Hit(severity, suites=suites, what=what)
        return Hit(
            severity, suites=suites, untested=tls.unasked_suites, what="accepted-and-untested"
        )
    open_ = any("_NULL_" in suite or "_anon_" in suite for suite in broken)
    if broken and not (open_ and tls.security_level == 0):
        return Hit(Severity.MEDIUM, suites=suites, what="allowed-if-supported")
    return Hit(severity, suites=suites, what="allowed")
