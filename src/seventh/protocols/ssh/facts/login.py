"""What logging in showed, and what known_hosts says of the host's keys."""

from __future__ import annotations

from typing import Literal

import msgspec

Names = tuple[str, ...]
Verdict = Literal["known", "unknown", "changed", "revoked"]
Outcome = Literal["granted", "partial", "refused", "wanted", "unfit"]


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """What known_hosts says of one host key that was seen."""

    status: Verdict
    key: str
    """Its type and SHA-256 fingerprint."""
    file: str = ""
    """Where the line is that decides; empty where no line does."""
    line: int = 0
    pinned: str = ""
    """The fingerprint that stands there, where it is another."""
    detail: str = ""


class AuthStep(msgspec.Struct, frozen=True, kw_only=True):
    """One authentication request and its answer (RFC 4252)."""

    method: str
    """``none``, ``publickey``, ``password`` or ``keyboard-interactive``."""
    outcome: Outcome
    """``wanted``: the server would take a signature of this key, or asks a question. ``unfit``: no
    request went, for what we have does not fit what the server takes."""
    seconds: float | None = None
    """From our request to the server's answer."""
    key: str = ""
    """Type and fingerprint of the key, and where it came from."""
    algorithm: str = ""
    """The signature's."""
    detail: str = ""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What logging in showed. A configuration file fills the methods, the banner and keepalives."""

    user: str = ""
    outcome: Literal["", "granted", "rejected", "untried"] = ""
    """``untried``: the methods were asked for, and nothing was there to log in with."""
    method: str = ""
    """What the login was granted for: ``publickey``, or several with ``+`` between them."""
    service_seconds: float | None = None
    none_seconds: float | None = None
    """From the ``none`` request to its refusal, which has the method list: the server's own part of
    a slow login (names looked up, PAM, GSSAPI) before it has seen any credential."""
    auth_seconds: float | None = None
    """From the first credential that was offered to the last word on it."""
    total_seconds: float | None = None
    """From the connection's beginning to the granted login: a fresh connection's price."""
    methods: Names | None = None
    """What the user may go on with; None where nobody asked."""
    root_methods: Names | None = None
    """The same for root; empty where root may not log in at all."""
    root_source: Literal["", "wire", "file"] = ""
    """Who says so. OpenSSH lists a method for root whether or not PermitRootLogin lets it through,
    so that its file knows better than its wire."""
    empty_passwords: bool | None = None
    """Whether a configuration file lets users with an empty password in."""
    none_accepted: Names = ()
    """Users that were let in without any credential."""
    steps: tuple[AuthStep, ...] = ()
    banner: str = ""
    """USERAUTH_BANNER (RFC 4252 §5.4)."""
    still_wanted: Names = ()
    """What the server still wanted at the end of a rejected login."""
    partial: bool = False
    """Whether the server called any step a partial success: it wants several methods."""
    rekey_seconds: float | None = None
    """A key exchange that we began in the session."""
    rekey_error: str = ""
    """How it failed; empty where it did not, or was not tried."""
    rekeys: int | None = None
    """Key exchanges after the first, whoever began them."""
    peer_rekeys: int | None = None
    """How many of them the server began."""
    ping_seconds: float | None = None
    """A transport ping's round trip (``ping@openssh.com``)."""
    session_seconds: float | None = None
    """From the granted login to our goodbye."""
    held_seconds: float | None = None
    """How long the session was held without a word from us."""
    keepalives: int | None = None
    """The server's keepalives in that time."""
    keepalive_seconds: float | None = None
    """The median gap between them, else the interval that a configuration file sets; 0 is never."""
    keepalive_source: Literal["", "wire", "file"] = ""
