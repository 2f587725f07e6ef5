"""What is learnt of a domain's DMARC policy."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

Policy = Literal["none", "quarantine", "reject"]
Flaw = Literal["malformed", "repeated", "value", "unknown", "removed", "order", "uri", "size"]
"""``removed``: a tag that RFC 9989 has not any more. ``order``: ``p`` is not the second tag, where
older receivers expect it. ``size``: a limit behind a report address, which receivers ignore."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one tag."""

    SHOWN: ClassVar = ("flaw", "text")

    flaw: Flaw
    tag: str = ""
    text: str = ""
    """The tag as it is written."""


class DmarcRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One DMARC record. A tag that is absent or not valid has its default."""

    SHOWN: ClassVar = ("text",)

    at: str = ""
    """The domain whose it is, without ``_dmarc.``."""
    text: str = ""
    policy: Policy = "none"
    """``p``."""
    has_policy: bool = False
    """Whether ``p`` is there and valid."""
    subdomains: Policy | None = None
    """``sp``."""
    missing: Policy | None = None
    """``np``, for subdomains that do not exist."""
    testing: bool = False
    """``t=y``: one step less than the policy is applied (RFC 9989 §4.7)."""
    psd: Literal["y", "n", "u"] = "u"
    strict_dkim: bool = False
    strict_spf: bool = False
    percent: int | None = None
    """``pct``, which only receivers of RFC 7489 read."""
    reports: tuple[str, ...] = ()
    """The usable addresses of ``rua``."""
    failures: tuple[str, ...] = ()
    """The usable addresses of ``ruf``."""
    problems: tuple[Problem, ...] = ()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One question of the tree walk."""

    SHOWN: ClassVar = ("domain", "outcome")

    domain: str
    outcome: Literal["record", "none", "several", "unknown"]
    detail: str = ""
    """Why it is unknown."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A domain that is to receive reports."""

    SHOWN: ClassVar = ("domain", "state")

    domain: str
    state: Literal["own", "authorised", "not-authorised", "unknown"]
    """``authorised``: it has published that it takes reports on this domain (RFC 9990)."""


class DmarcFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The record that applies to the domain, and how it was found."""

    record: DmarcRecord | None = None
    organizational: str | None = None
    """The organizational domain by the tree walk; None where a look-up failed."""
    applied: Policy | None = None
    """What receivers by RFC 9989 do with mail of this domain that fails; None without a record."""
    older: Policy | None = None
    """What receivers by RFC 7489 do; None where that is not known, as they find the organizational
    domain by a list of public suffixes."""
    walk: tuple[Step, ...] = ()
    misplaced: str = ""
    """A record that is at the domain itself, where receivers do not look for it."""
    destinations: tuple[Destination, ...] = ()

    @property
    def unknown(self) -> str:
        """Why it is not known which record applies; empty if it is."""
        return next((step.detail or "no answer" for step in self.walk
                     if step.outcome == "unknown"), "")  # fmt: skip
