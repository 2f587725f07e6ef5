"""POP3: the greeting, capabilities, STLS, and a mailbox that is only counted."""

from __future__ import annotations

from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme

SPEC = Spec(
    name="pop3",
    title="POP3",
    schemes=(Scheme(name="pop3", port=110), Scheme(name="pop3s", port=995)),
    phases=(
        PhaseSpec("pop3.greeting", "connection, or end of the TLS handshake, to the greeting"),
        PhaseSpec("pop3.capa", "CAPA"),
        PhaseSpec("pop3.stls", "STLS to the go-ahead for TLS"),
        PhaseSpec("tls", "ClientHello to the end of the handshake, local computation included"),
        PhaseSpec("pop3.auth", "the login, from its first command to the result"),
        PhaseSpec("pop3.stat", "STAT"),
        PhaseSpec("pop3.uidl", "UIDL, to the end of the list"),
        PhaseSpec("pop3.quit", "QUIT"),
        PhaseSpec("pop3.injection", "STLS together with a command in clear, then TLS"),
    ),
    metrics=(
        Metric(
            "seventh_ttfb_seconds", "histogram", "connection or TLS handshake to the greeting",
            "greeting_seconds",
        ),
        Metric("seventh_pop3_login_seconds", "gauge", "duration of the login", "login.seconds"),
        Metric("seventh_pop3_messages", "gauge", "messages in the mailbox", "messages"),
        Metric("seventh_pop3_mailbox_bytes", "gauge", "size of the mailbox", "size_bytes"),
    ),
    shared=(
        "ca_file", "ca_store", "crl_files", "server_name", "cert_file", "key_file", "user",
        "password_file", "token_file", "allow_plaintext", "implicit_port",
    ),
    tiers={
        0: "reads the greeting and the capabilities, starts TLS where it is offered, and quits; "
        "TLS handshakes on further connections, one with the port of implicit TLS; looks up SRV "
        "and CAA records",
        2: "logs in, which locks the mailbox until the end, and sends STAT and UIDL; reads and "
        "deletes no message",
        4: "sends a command in clear together with STLS",
    },
    layers=("tls", "mail"),
    standards=("RFC 1939", "RFC 2449", "RFC 2595", "RFC 5034", "RFC 8314"),
    connections=20,
)  # fmt: skip
