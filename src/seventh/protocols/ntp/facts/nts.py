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
    """The result with one AEAD algorithm."""

    number: int
    name: str
    outcome: AeadOutcome
    keys: Keys = ""
    detail: str = ""


class NtsFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Key establishment, then authenticated NTP."""

    # -- the summary, which is shown first
    ke_reason: str = ""
    """The failure reason for which a client gets no keys; empty where it gets them."""
    aead_name: str = ""
    cookies: int | None = None
    """The number issued by the key establishment."""
    authenticated: int = 0
    """Replies authenticated with our key."""
    port_state: PortState = ""
    """The state of the TCP port; empty: not tested."""
    # -- key establishment
    ke_address: str = ""
    ke_port: int | None = None
    ke_phase: str = ""
    """The phase that failed: ``nts.ke_tls`` or ``nts.ke_records``."""
    ke_detail: str = ""
    tls_version: str = ""
    alpn: str = ""
    established: bool | None = None
    """Whether keys and cookies were issued; None: not requested."""
    records: int | None = None
    error_code: int | None = None
    warning_codes: tuple[int, ...] = ()
    ignored_records: tuple[int, ...] = ()
    """Types of unknown records that are not critical."""
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
    """Requests answered with NTSN only."""
    unauthenticated: int = 0
    """Replies to our requests that failed authentication; they were discarded."""
    unauthenticated_detail: str = ""
    cookies_asked: int = 0
    """The number of fresh cookies that the authenticated replies should contain."""
    cookies_returned: int = 0
    request_bytes: int | None = None
    # -- where authenticated requests get no reply
    plain_answered: bool | None = None
    """Whether the port answers a plain request of 48 bytes; None: not sent."""
    padded_answered: bool | None = None
    """Whether it answers a plain request padded to the size of an NTS request."""
    # -- intrusive
    bad_cookie: Literal["", "nak", "silent", "time"] = ""
    """The response to a damaged cookie; empty: not sent."""
    # -- which clock is wrong
    certificate_valid_here: bool | None = None
    """Whether the server's certificates are in their validity period by this machine's clock."""
    certificate_valid_there: bool | None = None
    """Whether they are by the server's own clock."""


def clock_difference(offset_seconds: float) -> str:
    """Return an offset in the largest unit of which it has two or more: ``-45.0 d``."""
    for divisor, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if abs(offset_seconds) >= 2 * divisor:
            return f"{offset_seconds / divisor:+.1f} {unit}"
    return f"{offset_seconds:+.1f} s"
