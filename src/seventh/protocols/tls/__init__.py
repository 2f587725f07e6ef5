"""TLS: the handshake, the certificate, and what a server should refuse."""

from __future__ import annotations

from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme

SPEC = Spec(
    name="tls",
    title="TLS",
    # What a bare host has at 443 is looked at as https, its TLS included.
    schemes=(Scheme(name="tls", port=443, well_known=False),),
    phases=(
        PhaseSpec("tls", "ClientHello to the end of the handshake, our own computing included"),
        PhaseSpec("tls.hello", "ClientHello to the server's first bytes"),
        PhaseSpec("tls.finish", "the server's first bytes to the end of the handshake"),
        PhaseSpec("tls.resumed", "a second handshake that takes up the session of the first"),
        PhaseSpec("tls.early", "a third that offers early data"),
        PhaseSpec("tls.compared", "further handshakes, with other addresses or offers"),
    ),
    metrics=(
        Metric(
            "seventh_cert_expiry_timestamp_seconds",
            "gauge",
            "when the first certificate of the chain expires, as Unix time",
            "cert_expiry_timestamp_seconds",
        ),
        Metric(
            "seventh_tls_handshake_seconds",
            "gauge",
            "a full handshake",
            "handshake_seconds",
        ),
        Metric(
            "seventh_tls_resumed_seconds",
            "gauge",
            "a handshake that takes up an earlier session",
            "resumed_seconds",
        ),
        Metric(
            "seventh_tls_resumption_gain_seconds",
            "gauge",
            "what resumption saves: full less resumed",
            "resumption_gain_seconds",
        ),
        Metric(
            "seventh_tls_ticket_lifetime_seconds",
            "gauge",
            "how long the server says that its session ticket is good for",
            "ticket_lifetime_seconds",
        ),
        Metric(
            "seventh_tls_max_early_data_bytes",
            "gauge",
            "how much early data the session ticket allows",
            "max_early_data_bytes",
        ),
        Metric(
            "seventh_tls_chain_bytes",
            "gauge",
            "the size of the certificates that the server sends",
            "chain_bytes",
        ),
    ),
    shared=("ca_file", "ca_store", "server_name", "cert_file", "key_file"),
    tiers={
        0: "handshakes and bare hellos that stop at the server's answer; no application data",
        1: "offers early data of no bytes; a HEAD request where a client certificate was asked for",
    },
    standards=("RFC 9846", "RFC 9325", "RFC 9525", "RFC 5280"),
    connections=16,
)
