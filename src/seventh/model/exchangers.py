"""The mail exchangers of a domain: names, addresses and reverse names, as DNS has them."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from seventh.model.facts import Facts

NameState = Literal["ok", "alias", "address", "no-address", "unknown"]
"""``alias``: the name is a CNAME (RFC 2181 §10.3). ``address``: an IP address stands where a name
belongs. ``unknown``: the look-up of its addresses failed."""
PortState = Literal["open", "refused", "silent", "unreachable"]
Confirmed = Literal["yes", "no", "unknown"]


class ReverseName(msgspec.Struct, frozen=True, kw_only=True):
    """The names of one address, and whether they lead back to it."""

    SHOWN: ClassVar = ("outcome", "names")

    outcome: Literal["found", "none", "unknown"]
    names: tuple[str, ...] = ()
    confirmed: Confirmed = "unknown"
    """Whether an address of a name is this address (RFC 8601 §2.7.3, ``iprev``)."""
    generic: bool = False
    """Whether all names have the address in them, as those of access networks do."""


class ExchangerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """One address of an exchanger."""

    SHOWN: ClassVar = ("ip", "port", "reverse")

    ip: str
    reach: Literal["public", "private", "loopback"]
    reverse: ReverseName | None = None
    port: PortState | None = None
    """What became of the connection to its SMTP port; None where none was tried."""


class Exchanger(msgspec.Struct, frozen=True, kw_only=True):
    """One MX record, or the domain itself where it has none (RFC 5321 §5.1)."""

    SHOWN: ClassVar = ("preference", "host", "state", "addresses")

    preference: int
    host: str
    """In lower case, without the final dot."""
    state: NameState = "unknown"
    addresses: tuple[ExchangerAddress, ...] = ()
    detail: str = ""
    """Why the state is unknown."""
    tls: str = ""
    """The version of TLS that its first address uses; empty if it is not known."""
    certificate: Literal["valid", "untrusted", "other-name", "unknown"] = "unknown"


class ExchangersFacts(Facts, frozen=True, kw_only=True):
    """The MX records of a domain."""

    ROOM: ClassVar[str] = "exchangers"
    OWNER: ClassVar[str] = "smtp"

    domain: str = ""
    outcome: Literal["found", "null", "implicit", "none", "unknown"] | None = None
    """``null``: the domain takes no mail (RFC 7505). ``implicit``: no MX record, and the domain has
    addresses itself. ``none``: neither."""
    detail: str = ""
    """Why it is unknown."""
    hosts: tuple[Exchanger, ...] = ()
    """By preference."""
    sender: ExchangerAddress | None = None
    """The address that sends the domain's mail: ``--sender-ip``."""
    internal: bool = False
    """Whether private addresses are expected: ``--internal``."""
    omitted: int = 0
    """How many more hosts there are than were looked at."""
    null_beside: bool = False
    """Whether a null MX stands beside other records."""
