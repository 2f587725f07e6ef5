"""What NTS showed (RFC 8915)."""

from __future__ import annotations

from typing import Literal

import msgspec

PortState = Literal["", "open", "refused", "timeout", "reset", "unreachable", "forbidden"]
Keys = Literal["", "rfc8915", "chrony-4.4"]
"""How the keys were exported: as the RFC says, or as chrony 4.4 to 4.6.0 does for algorithm 30."""


AeadOutcome = Literal["works", "not-chosen", "nak", "no-reply", "failed"]
"""``not-chosen``: offered alone, it was not accepted. ``nak``: its cookies were refused."""


class AeadTried(msgspec.Struct, frozen=True, kw_only=True):
    """What one AEAD algorithm came to."""

    number: int
    name: str
    outcome: AeadOutcome
    keys: Keys = ""
    detail: str = ""


class NtsFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Key establishment, then authenticated NTP."""

    # -- the gist, which people are shown first
    ke_reason: str = ""
    """Why a client would not get its keys, in a failure's word; empty when it would."""
    aead_name: str = ""
    cookies: int | None = None
    """How many the key establishment gave."""
    authenticated: int = 0
    """Replies that our key authenticates."""
    port_state: PortState = ""
    """What the TCP port said; empty when it was not asked."""
    # -- key establishment
    ke_address: str = ""
    ke_port: int | None = None
    ke_phase: str = ""
    """Where that showed: ``nts.ke_tls`` or ``nts.ke_records``."""
    ke_detail: str = ""
    tls_version: str = ""
    alpn: str = ""
    established: bool | None = None
    """Whether keys and cookies came; None when it did not get as far as asking for them."""
    records: int | None = None
    error_code: int | None = None
    warning_codes: tuple[int, ...] = ()
    ignored_records: tuple[int, ...] = ()
    """Types of records that nobody knows and that are not critical."""
    aead: int | None = None
    keys: Keys = ""
    surplus_cookies: int = 0
    cookie_bytes: int | None = None
    named_server: str = ""
    """The NTP server that the key establishment names; empty for its own host."""
    named_port: int | None = None
    ntp_address: str = ""
    ntp_port: int | None = None
    aeads: tuple[AeadTried, ...] = ()
    # -- authenticated NTP
    requests: int = 0
    naks: int = 0
    """Requests answered with NTSN and by nothing authenticated."""
    unauthenticated: int = 0
    """Replies with our origin timestamp that do not authenticate; none was believed."""
    unauthenticated_detail: str = ""
    cookies_asked: int = 0
    """How many fresh cookies the authenticated replies should have brought."""
    cookies_returned: int = 0
    request_bytes: int | None = None
    # -- where authenticated requests get no answer
    plain_answered: bool | None = None
    """Whether the same port then answers a plain request of 48 bytes; None when not asked."""
    padded_answered: bool | None = None
    """Whether it answers a plain request padded to the size of ours."""
    # -- intrusive
    bad_cookie: Literal["", "nak", "silent", "time"] = ""
    """What a damaged cookie was answered with; empty when none was sent."""
    # -- whose clock?
    certificate_valid_here: bool | None = None
    """Whether the server's certificates are within their dates by this machine's clock."""
    certificate_valid_there: bool | None = None
    """Whether they are by the time that the server itself gives."""


def clocks_apart(offset_seconds: float) -> str:
    """How far the server's clock is from ours, in words: ``45.0 days behind this machine's``."""
    size, unit = abs(offset_seconds), "seconds"
    for divisor, name in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if size >= 2 * divisor:
            size, unit = size / divisor, name
            break
    side = "ahead of" if offset_seconds > 0 else "behind"
    return f"{size:.1f} {unit} {side} this machine's"
