"""Rules for the accepted TLS versions."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.protocols.tls.rules.examples import GOOD
from seventh.protocols.tls.rules.handshake import EVERY_SERVER, unasked
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

LEGACY = (Topic.SSL3, Topic.TLS10, Topic.TLS11)


@rule(
    "TLS-LEGACY",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Obsolete TLS versions accepted",
    evidence="{what}",
    phrases={
        "what": {
            "accepted": "accepts {versions}",
            "allowed": "the configuration allows {versions}. OpenSSL 3 refuses them unless the "
            "cipher list has @SECLEVEL=0; older OpenSSL accepts them",
            "allowed-seclevel-0": "the configuration allows {versions}, and @SECLEVEL=0 makes "
            "OpenSSL accept them",
            "allowed-sslv3": "the configuration allows {versions}, which most OpenSSL builds since "
            "1.1.0 do not support",
        }
    },
    why="SSLv3, TLS 1.0 and TLS 1.1 depend on MD5, SHA-1 and CBC without encrypt-then-MAC. "
    "Published attacks exist; clients have removed these versions.",
    fix={
        "nginx": f"{EVERY_SERVER}\nssl_protocols TLSv1.2 TLSv1.3;",
        "apache": "SSLProtocol -all +TLSv1.2 +TLSv1.3",
        "haproxy": "# in global; remove ssl-min-ver and ssl-max-ver from bind lines\n"
        "ssl-default-bind-options ssl-min-ver TLSv1.2",
        "postfix": "smtpd_tls_protocols = >=TLSv1.2",
        "dovecot": "ssl_min_protocol = TLSv1.2",
        "postgresql": "ssl_min_protocol_version = 'TLSv1.2'",
        "mysql": "tls_version = TLSv1.2,TLSv1.3",
        "inn": "tlsprotocols: [ TLSv1.2 TLSv1.3 ]",
        "proftpd": "TLSProtocol TLSv1.2 TLSv1.3",
        "prosody": 'ssl = {{ protocol = "tlsv1_2+" }}',
        "envoy": "# in tls_params of common_tls_context\ntls_minimum_protocol_version: TLSv1_2",
        "openssl": "MinProtocol = TLSv1.2",
    },
    references=("RFC 8996", "RFC 9325 §3.1.1"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(versions=("TLSv1.0", *GOOD.versions), versions_refused=("SSLv3", "TLSv1.1")),
    directives={
        "nginx": ("ssl_protocols",),
        "caddy": ("tls protocols",),
        "envoy": ("tls_params",),
    },
)
def legacy(tls: TlsFacts) -> Verdict:
    """Report each accepted version below TLS 1.2."""
    found = tuple(v for v in tls.versions if v in LEGACY)
    if found and tls.configured:
        return _allows(tls, found)
    if found:
        return Hit(versions=found, what="accepted")
    unknown = [topic for topic in LEGACY if topic not in tls.versions_refused]
    return unasked(tls, unknown[0]) if unknown else None


def _allows(tls: TlsFacts, found: tuple[str, ...]) -> Hit:
    """Return the hit for a file: whether the versions are accepted depends on its OpenSSL."""
    if found == (Topic.SSL3,):
        return Hit(Severity.MEDIUM, versions=found, what="allowed-sslv3")
    if tls.security_level == 0:
        return Hit(versions=found, what="allowed-seclevel-0")
    return Hit(Severity.MEDIUM, versions=found, what="allowed")


@rule(
    "TLS-NO13",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="TLS 1.3 not supported",
    evidence="best version is {version}",
    why="Every connection needs one more round trip than with TLS 1.3, and post-quantum key "
    "exchange is not available: it exists for TLS 1.3 only.",
    fix={
        "nginx": f"{EVERY_SERVER}\nssl_protocols TLSv1.2 TLSv1.3;",
        "apache": "SSLProtocol -all +TLSv1.2 +TLSv1.3",
        "haproxy": "# in global; remove ssl-max-ver and no-tlsv13 from bind lines\n"
        "ssl-default-bind-options ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.3",
        "caddy": "tls {{\n\tprotocols tls1.2 tls1.3\n}}",
        "envoy": "# in tls_params of common_tls_context\ntls_maximum_protocol_version: TLSv1_3",
        "any": "Link the server with OpenSSL 1.1.1 or newer and set its maximum version to 1.3.",
    },
    references=("RFC 9325", "RFC 9846"),
    seed=("12.12",),
    good=GOOD,
    bad=GOOD.learn(
        version="TLSv1.2", versions=("TLSv1.2",), versions_refused=("TLSv1.1", "TLSv1.3")
    ),
    directives={
        "nginx": ("ssl_protocols",),
        "caddy": ("tls protocols",),
        "envoy": ("tls_params",),
    },
)
def no_tls13(tls: TlsFacts) -> Verdict:
    """Report a main handshake, which offers TLS 1.3, that ended with less."""
    if "TLSv1.3" in tls.versions:
        return None
    if "TLSv1.3" in tls.versions_refused and tls.versions:
        return Hit(version=tls.versions[-1])
    return Skip("no handshake succeeded, so the versions are unknown")
