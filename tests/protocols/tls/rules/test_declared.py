"""What each rule says of itself: how grave, how intrusive, which settings of a file decide it."""

from __future__ import annotations

import pytest

from tests.verdicts import declared

DECLARED = {
    "TLS-0RTT-ON": "medium 1 W nginx:ssl_early_data caddy:0rtt",
    "TLS-0RTT-REPLAY": "high 4 W",
    "TLS-BIG-HELLO": "high 0 W",
    "TLS-CAA": "low 0 D",
    "TLS-CERT-EXPIRED": "critical 0 W",
    "TLS-CERT-EXPIRING": "medium 0 S",
    "TLS-CERT-HOST": "high 0 W",
    "TLS-CERT-LONG": "info 0 W",
    "TLS-CERT-NOTYET": "critical 0 W",
    "TLS-CERT-WEAK": "high 0 W",
    "TLS-CHAIN": "high 0 W",
    "TLS-CLIENTS-CUT": "high 0 W nginx:ssl_protocols|ssl_ciphers caddy:tls protocols|tls ciphers",
    "TLS-COMPRESS": "medium 0 W",
    "TLS-DH-SMALL": "high 0 W nginx:ssl_dhparam caddy:tls ciphers",
    "TLS-EMS": "medium 0 W",
    "TLS-LEGACY": "high 0 W nginx:ssl_protocols caddy:tls protocols envoy:tls_params",
    "TLS-MTLS-OPTIONAL": "medium 1 W nginx:ssl_verify_client caddy:tls client_auth",
    "TLS-NO-PQ": "low 0 W nginx:ssl_ecdh_curve caddy:tls curves",
    "TLS-NO-RESUME": "medium 0 W nginx:ssl_session_tickets|ssl_session_cache caddy:tls",
    "TLS-NO13": "medium 0 W nginx:ssl_protocols caddy:tls protocols envoy:tls_params",
    "TLS-RENEG": "medium 0 W",
    "TLS-REVOKED": "critical 0 W",
    "TLS-STAPLE": "low 0 W",
    "TLS-STAPLE-INVALID": "medium 0 W",
    "TLS-STARTTLS-INJECT": "high 0 W",
    "TLS-TICKET-LONG": "low 0 W nginx:ssl_session_timeout|ssl_protocols",
    "TLS-WEAK-CIPHER": "high 0 W nginx:ssl_ciphers|ssl_protocols caddy:tls ciphers|tls protocols",
}


@pytest.mark.parametrize("name", DECLARED)
def test_a_rule_by_its_declaration(name: str) -> None:
    assert declared("tls")[name] == DECLARED[name]
