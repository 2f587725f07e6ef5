"""The login, and the status of the host's keys in known_hosts."""

from __future__ import annotations

from typing import Literal

import msgspec

from seventh.protocols.ssh.facts.certificates import SshCertificate

Names = tuple[str, ...]
Verdict = Literal["known", "unknown", "changed", "revoked"]
Outcome = Literal["granted", "partial", "refused", "wanted", "unfit"]


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """The status in known_hosts of one host key seen."""

    status: Verdict
    key: str
    """Its type and SHA-256 fingerprint."""
    file: str = ""
    """The file of the deciding line; empty if no line decides."""
    line: int = 0
    pinned: str = ""
    """The fingerprint in that line, if it differs."""
    detail: str = ""


class AuthStep(msgspec.Struct, frozen=True, kw_only=True):
    """One authentication request and its answer (RFC 4252)."""

    method: str
    """``none``, ``publickey``, ``password`` or ``keyboard-interactive``."""
    outcome: Outcome
    """``wanted``: the server accepts a signature of this key, or asks a question. ``unfit``: not
    tried, because the server does not accept this kind of credential."""
    seconds: float | None = None
    """From our request to the server's answer."""
    key: str = ""
    """Type, fingerprint and source of the key."""
    algorithm: str = ""
    """The signature's."""
    detail: str = ""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """The login; a configuration file sets the methods, the banner and keepalives."""

    user: str = ""
    outcome: Literal["", "granted", "rejected", "untried"] = ""
    """``untried``: the methods were requested, and there was no credential to try."""
    method: str = ""
    """The method that succeeded, such as ``publickey``; several are joined by ``+``."""
    service_seconds: float | None = None
    none_seconds: float | None = None
    """From the ``none`` request to its refusal with the list of methods: the server's own delay
    (reverse DNS, PAM, GSSAPI) before any credential."""
    auth_seconds: float | None = None
    """From the first credential to the final answer."""
    total_seconds: float | None = None
    """From the start of the connection to the successful login."""
    methods: Names | None = None
    """The methods offered to the user; None if not requested."""
    root_methods: Names | None = None
    """The same for root; empty if root logins are disabled."""
    root_source: Literal["", "wire", "file"] = ""
    """The source: OpenSSH offers a method to root even if PermitRootLogin refuses it, so a file is
    the better evidence."""
    empty_passwords: bool | None = None
    """Whether a configuration file allows logins with an empty password."""
    none_accepted: Names = ()
    """Users who logged in without any credential."""
    steps: tuple[AuthStep, ...] = ()
    banner: str = ""
    """USERAUTH_BANNER (RFC 4252 §5.4)."""
    certificates: tuple[SshCertificate, ...] = ()
    """The certificates of the user's keys."""
    still_wanted: Names = ()
    """Methods that the server still required at the end of a rejected login."""
    partial: bool = False
    """Whether a step was a partial success: the server requires several methods."""
    rekey_seconds: float | None = None
    """Duration of a key exchange that we started in the session."""
    rekey_error: str = ""
    """Its failure; empty if none, or if not tried."""
    rekeys: int | None = None
    """Key exchanges after the first, started by either side."""
    peer_rekeys: int | None = None
    """Those that the server started."""
    ping_seconds: float | None = None
    """Round trip of a transport ping (``ping@openssh.com``)."""
    session_seconds: float | None = None
    """From the successful login to our disconnect."""
    held_seconds: float | None = None
    """How long the session was held open and idle."""
    keepalives: int | None = None
    """Keepalives received in that time."""
    keepalive_seconds: float | None = None
    """The median gap between them, or the interval in a configuration file; 0 is disabled."""
    keepalive_source: Literal["", "wire", "file"] = ""
