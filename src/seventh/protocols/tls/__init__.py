"""TLS: the handshake, the certificate, and obsolete versions and suites."""

from __future__ import annotations

from typing import Annotated, get_args

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.starttls import StarttlsName
from seventh.model.target import Scheme


class TlsOptions(RoomOptions, frozen=True, kw_only=True):
    """How TLS begins."""

    starttls: Annotated[
        StarttlsName | None,
        Option(
            flag="starttls", metavar="PROTOCOL",
            help="protocol whose dialogue in clear precedes TLS, on a target with a port: "
            f"{', '.join(get_args(StarttlsName))}",
            default="none",
        ),
    ] = None  # fmt: skip


SPEC = Spec(
    name="tls",
    title="TLS",
    # What a bare host has at 443 is looked at as https, its TLS included.
    schemes=(Scheme(name="tls", port=443, well_known=False),),
    options=TlsOptions,
    phases=(
        PhaseSpec("tls.greeting", "with --starttls: connection to the end of the greeting"),
        PhaseSpec("tls.starttls", "with --starttls: first command to the go-ahead for TLS"),
        PhaseSpec("tls", "ClientHello to the end of the handshake, local computation included"),
        PhaseSpec("tls.hello", "ClientHello to the first bytes of the server"),
        PhaseSpec("tls.finish", "first bytes of the server to the end of the handshake"),
        PhaseSpec("tls.resumed", "second handshake, resuming the session of the first"),
        PhaseSpec("tls.early", "third handshake, offering early data"),
        PhaseSpec("tls.compared", "further handshakes, with other addresses or other offers"),
    ),
    metrics=(
        Metric(
            "seventh_cert_expiry_timestamp_seconds",
            "gauge",
            "earliest expiry in the certificate chain, as Unix time",
            "cert_expiry_timestamp_seconds",
            also=("days_left",),
        ),
        Metric(
            "seventh_cert_expiry_timestamp_seconds",
            "gauge",
            "earliest expiry in the certificate files of this machine's services, as Unix time",
            "local.cert_expiry_timestamp_seconds",
            source="local",
        ),
        Metric(
            "seventh_tls_handshake_seconds",
            "gauge",
            "duration of a full handshake",
            "handshake_seconds",
        ),
        Metric(
            "seventh_tls_resumed_seconds",
            "gauge",
            "duration of a resumed handshake",
            "resumed_seconds",
        ),
        Metric(
            "seventh_tls_resumption_gain_seconds",
            "gauge",
            "time saved by resumption: full minus resumed handshake",
            "resumption_gain_seconds",
        ),
        Metric(
            "seventh_tls_ticket_lifetime_seconds",
            "gauge",
            "lifetime of the session ticket, as declared by the server",
            "ticket_lifetime_seconds",
        ),
        Metric(
            "seventh_tls_max_early_data_bytes",
            "gauge",
            "early data allowed by the session ticket",
            "max_early_data_bytes",
        ),
        Metric(
            "seventh_tls_chain_bytes",
            "gauge",
            "size of the certificates sent by the server",
            "chain_bytes",
        ),
    ),
    shared=(
        "ca_file",
        "ca_store",
        "crl_files",
        "server_name",
        "cert_file",
        "key_file",
        "hold_seconds",
        "as_clients",
    ),
    tiers={
        0: "looks up CAA records; completes handshakes, one without the server name, and with a "
        "web server one for the name with or without www., if it has the same address; sends "
        "further ClientHellos, read up to the first reply; no application data; with --starttls, "
        "the dialogue up to the go-ahead on each connection",
        1: "offers empty early data; sends a HEAD request if a client certificate is requested",
        4: "holds up to eight idle connections open, and sends a TCP keepalive on each",
    },
    standards=("RFC 9846", "RFC 9325", "RFC 9525", "RFC 5280"),
    connections=19,
)
