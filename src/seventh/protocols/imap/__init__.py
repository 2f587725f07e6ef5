"""IMAP: the greeting, capabilities, STARTTLS, and a mailbox that is only read."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme


class ImapOptions(RoomOptions, frozen=True, kw_only=True):
    """What is done with the mailbox."""

    idle_seconds: Annotated[
        float,
        Meta(ge=0, le=1800),
        Option(
            flag="idle", metavar="SECONDS",
            help="time to stay in IDLE after the login, less than --timeout",
        ),
    ] = 0.0  # fmt: skip


SPEC = Spec(
    name="imap",
    title="IMAP",
    schemes=(Scheme(name="imap", port=143), Scheme(name="imaps", port=993)),
    options=ImapOptions,
    phases=(
        PhaseSpec("imap.greeting", "connection, or end of the TLS handshake, to the greeting"),
        PhaseSpec("imap.capability", "CAPABILITY, before TLS if the greeting lists none"),
        PhaseSpec("imap.starttls", "STARTTLS to the go-ahead for TLS"),
        PhaseSpec("tls", "ClientHello to the end of the handshake, local computation included"),
        PhaseSpec("imap.id", "ID"),
        PhaseSpec("imap.login", "the login, from its first command to the result"),
        PhaseSpec("imap.examine", "EXAMINE INBOX, which opens the mailbox read-only"),
        PhaseSpec("imap.fetch", "FETCH of the newest message's Date field, with PEEK"),
        PhaseSpec("imap.quota", "GETQUOTAROOT INBOX"),
        PhaseSpec("imap.idle", "IDLE to its confirmation; with --idle, to DONE"),
        PhaseSpec("imap.logout", "LOGOUT"),
        PhaseSpec("imap.injection", "STARTTLS together with a command in clear, then TLS"),
    ),
    metrics=(
        Metric(
            "seventh_ttfb_seconds", "histogram", "connection or TLS handshake to the greeting",
            "greeting_seconds",
        ),
        Metric("seventh_imap_login_seconds", "gauge", "duration of the login", "login.seconds"),
        Metric(
            "seventh_imap_examine_seconds", "gauge", "EXAMINE INBOX to its result",
            "examine_seconds",
        ),
        Metric(
            "seventh_imap_fetch_seconds", "gauge", "FETCH of one header field", "fetch_seconds"
        ),
        Metric("seventh_imap_messages", "gauge", "messages in the mailbox", "messages"),
        Metric("seventh_imap_quota_ratio", "gauge", "used share of the quota", "quota.ratio"),
    ),
    shared=(
        "ca_file", "ca_store", "crl_files", "server_name", "cert_file", "key_file", "user",
        "password_file", "token_file", "allow_plaintext", "implicit_port",
    ),
    tiers={
        0: "reads the greeting and the capabilities, starts TLS where it is offered, and logs "
        "out; TLS handshakes on further connections, one with the port of implicit TLS; looks "
        "up SRV and CAA records",
        1: "sends ID",
        2: "logs in, opens INBOX read-only (EXAMINE), reads the newest message's Date field with "
        "PEEK, reads the quota, and enters IDLE; changes nothing",
        4: "sends a command in clear together with STARTTLS",
    },
    layers=("tls", "mail"),
    standards=(
        "RFC 9051", "RFC 3501", "RFC 8314", "RFC 2177", "RFC 7162", "RFC 9208", "RFC 5530",
        "RFC 2971",
    ),
    connections=20,
)  # fmt: skip
