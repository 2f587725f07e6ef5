"""The options that every verb shares, one name each."""

from __future__ import annotations

from typing import Any, Literal, Self

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to look. Secrets are not here: they are read from their files when a probe needs them."""

    timeout_seconds: float = 10.0
    family: Literal["any", "ipv4", "ipv6"] = "any"
    ca_file: str | None = None
    ca_store: str | None = None
    """Where the public roots are (a hashed directory or a bundle), not the system's place."""
    server_name: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    resolver: str | None = None
    via: str | None = None
    """Jump hosts, nearest first: ``ssh://bastion,ssh://second``."""
    user: str | None = None
    identities: tuple[str, ...] = ()
    """Private key files to log in with."""
    agent: bool = True
    """Whether the keys of a running ssh-agent (SSH_AUTH_SOCK) may be used."""
    password_file: str | None = None
    """Whose first line is the password; else the environment variable SEVENTH_PASSWORD."""
    known_hosts: str | None = None
    """A known_hosts file; else the user's own and the system's."""
    ssh_config: str | None = None
    """An ssh_config file for host aliases; None is the user's own, ``none`` is none."""
    ntp_keys: str | None = None
    """A file of symmetric keys as chrony's and ntpd's ``keyfile``."""
    ntp_key: int | None = None
    """Which of them to authenticate with; None is the file's first."""
    max_tier: int = 1
    """Steps up to this tier are taken unasked; those above need their own permission."""
    allow_write: bool = False
    """Permission for tier 3: what leaves a trace that others can see."""
    intrusive: bool = False
    """Permission for tier 4: malformed input, limits, holding open."""
    i_own_this: bool = False
    """The person answers for tier 4 against a peer that is not on this machine."""
    hold_seconds: float = 0.0
    """How long a connection is held open to see keepalives and idle cuts; 0 is not at all."""
    transcript: bool = False
    method: str = "GET"
    """The request's method (HTTP); all but GET, HEAD and OPTIONS are tier 3."""
    headers: tuple[str, ...] = ()
    """More header fields, each ``Name: value``; a value may be ``file:PATH`` or ``env:NAME``."""
    token_file: str | None = None
    """Whose first line is a bearer token."""
    body_file: str | None = None
    """What to send as the request's body."""
    expect_status: int | str | None = None
    """The status that the answer must have; of several, as ``200,204``, ``2xx``, ``200-299``."""
    expect_json: str | None = None
    """A JMESPath expression that must hold of the answer's JSON."""
    max_body_bytes: int = 1024 * 1024
    """How much of a body is taken."""
    qlog_file: str | None = None
    """Where the log of a QUIC connection is written."""
    http_version: Literal["1.1", "2", "3"] | None = None
    """Speak this version of HTTP alone."""
    origin: str | None = None
    """The Origin of a WebSocket handshake; None is the target's own site."""
    subprotocols: tuple[str, ...] = ()
    """WebSocket subprotocols to offer, the preferred one first."""
    message_template: str | None = None
    """What to publish (WebSocket): text in which ``{id}`` is another word each time. The lines
    before the last are what every socket says first."""
    sockets: int = 10
    """How many sockets a fan-out is measured with."""
    direct: str | None = None
    """The same service without the proxy before it, to be compared: a URL (WebSocket)."""
    samples: int = 4
    """How many datagrams a clock is asked with (NTP)."""
    interval_seconds: float = 2.0
    """The pause between two of them; servers limit their rate."""

    @property
    def has_credential(self) -> bool:
        """Whether a credential was given, which is the permission for tier 2."""
        return bool(
            self.user or self.identities or self.password_file or self.ntp_keys or self.token_file
        )

    def denied(self, tier: int, *, loopback: bool) -> str | None:
        """Why a step of ``tier`` must not be taken; None when it may.

        ``loopback`` says whether the peer is on this machine.
        """
        if tier <= self.max_tier:
            return None
        if tier <= 1:
            return f"tier {tier} was not asked for"
        if tier == 2:
            return None if self.has_credential else "tier 2 needs a credential, such as --user"
        if tier == 3:
            return None if self.allow_write else "tier 3 needs --allow-write"
        if not self.intrusive:
            return "tier 4 needs --intrusive"
        if loopback or self.i_own_this:
            return None
        return "tier 4 needs --i-own-this for a peer that is not on this machine"

    def replace(self, **changes: Any) -> Self:
        """A copy with ``changes``; an option that does not exist is a TypeError."""
        return msgspec.structs.replace(self, **changes)
