"""What is learnt of a domain's MTA-STS record and policy (RFC 8461)."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

RecordState = Literal["found", "none", "several", "invalid", "unknown"]
RecordFault = Literal["version", "id-missing", "id", "field"]
FetchState = Literal[
    "ok",
    "no-host",
    "address",
    "unreachable",
    "tls",
    "certificate",
    "redirect",
    "status",
    "long",
    "http",
    "unknown",
]
"""``no-host``: the policy's host has no address. ``address``: it has one that a public domain must
not name. ``http``: no HTTP response came. ``unknown``: it could not be fetched from here, which
says nothing of other places."""
Mode = Literal["enforce", "testing", "none"]
PolicyFault = Literal["media-type", "version", "mode", "max-age", "mx", "no-mx", "line"]


class RecordError(msgspec.Struct, frozen=True):
    """What is wrong with the record."""

    kind: RecordFault
    value: str = ""


class PolicyError(msgspec.Struct, frozen=True):
    """What is wrong with the policy."""

    kind: PolicyFault
    value: str = ""
    """What stands there; empty for nothing."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The policy, as far as it can be read."""

    SHOWN: ClassVar[tuple[str, ...]] = ("mode", "mx", "max_age_seconds", "errors")

    mode: Mode | None = None
    mx: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    errors: tuple[PolicyError, ...] = ()


class RefusedHost(msgspec.Struct, frozen=True):
    """An exchanger to which servers that follow the policy do not deliver, and why."""

    host: str
    why: Literal["no-starttls", "certificate"]
    detail: str = ""


class MtaStsFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The record, the policy, and the exchangers that it shuts out."""

    record: RecordState = "unknown"
    id: str = ""
    record_errors: tuple[RecordError, ...] = ()
    detail: str = ""
    """Why the record is unknown."""
    fetch: FetchState | None = None
    """What became of fetching the policy; None where no record says that there is one."""
    fetch_detail: str = ""
    fetch_seconds: float | None = None
    status: int | None = None
    location: str = ""
    """Where the server redirects to."""
    policy: Policy | None = None
    hosts: tuple[str, ...] = ()
    """The domain's exchangers; empty where they are not known."""
    unmatched: tuple[str, ...] = ()
    """The exchangers that no ``mx`` of the policy matches."""
    refused: tuple[RefusedHost, ...] = ()
    """The exchangers whose server does not meet the policy."""
    unseen: tuple[str, ...] = ()
    """The exchangers of which that is not known."""
