"""What DNS block lists say of the addresses that send a domain's mail (RFC 5782)."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

ListState = Literal["usable", "refused", "lists-nothing", "lists-all", "unknown"]
"""What the test points show. ``refused``: the list does not answer this resolver.
``lists-nothing``: it does not have 127.0.0.2, so it is no list (any more). ``lists-all``: it has
127.0.0.1, too."""
ListingState = Literal["listed", "clear", "refused", "unknown"]


class BlockList(msgspec.Struct, frozen=True, kw_only=True):
    """A block list, asked about addresses of one version."""

    zone: str
    version: Literal[4, 6] = 4
    state: ListState = "unknown"
    answers: tuple[str, ...] = ()
    """What it answered, where that decides the state."""
    detail: str = ""
    """Why the state is unknown."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One address in one list."""

    SHOWN: ClassVar[tuple[str, ...]] = ("address", "zone", "state", "reason")

    address: str
    zone: str
    state: ListingState = "unknown"
    codes: tuple[str, ...] = ()
    """The addresses that the list answers with, which say why."""
    reason: str = ""
    """The list's text."""
    detail: str = ""
    """Why the state is unknown."""


class DnsblFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the block lists given with ``--dnsbl`` say of ``--sender-ip`` and the exchangers."""

    addresses: tuple[str, ...] = ()
    """The addresses that were looked up."""
    omitted: int = 0
    """How many more there are."""
    lists: tuple[BlockList, ...] = ()
    listings: tuple[Listing, ...] = ()
