"""What an alert shows: the result of the full check that the first failure started, as data."""

from __future__ import annotations

import ipaddress
from enum import StrEnum

import msgspec

from seventh.model.checklist import LineVerdict
from seventh.model.failure import Blame, Failure, Reason
from seventh.model.phase import Phase
from seventh.model.report import Finding
from seventh.watch.samples import Cause
from seventh.watch.slo import Burn
from seventh.watch.verdict import Condition


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the protocol's checklist, judged."""

    room: str
    text: str
    """The statement of the good state."""
    verdict: LineVerdict
    found: tuple[str, ...] = ()
    """The rules of it that fired."""


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """How an error budget is spent."""

    objective: float
    days: int
    targets: int
    left: float | None
    """The share of the budget that is left."""
    burns: tuple[Burn, ...]
    """Of the pairs of windows that fire."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the full check of one target found."""

    at_ns: int
    failure: Failure | None = None
    phases: tuple[Phase, ...] = ()
    findings: tuple[Finding, ...] = ()
    """The most severe first."""
    lines: tuple[Line, ...] = ()
    address: str = ""
    """The address of the first attempt to connect; empty without one."""
    budget: Spending | None = None
    """How an objective's error budget is spent; no check was run then."""
    issuer: str = ""
    """The issuer of the server's certificate; empty if none was seen."""


class Shared(StrEnum):
    """What the targets of one alert have in common, besides the failure."""

    HOST = "host"
    NETWORK = "network"
    ISSUER = "issuer"
    NOTHING = "nothing"
    """Only the failure: the names that a resolver does not answer, or too many single causes."""


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """The cause by which alerts are one alert."""

    kind: Condition
    phase: str
    """The phase that fails, or is too slow; empty for the sum of all. A finding's rule; of an
    objective whether it is a page or a ticket."""
    reason: Reason | None = None
    """None for what is too slow."""
    blame: Blame | None = None
    shared: Shared = Shared.NOTHING
    value: str = ""
    """The host, network or issuer."""

    def without_place(self) -> Common:
        """Return the failure alone."""
        return msgspec.structs.replace(self, shared=Shared.NOTHING, value="")


def common_of(
    kind: Condition, phase: str, cause: Cause | None, host: str, evidence: Evidence | None
) -> Common:
    """Return the cause of one alert, as far as it is known.

    Certificates fail by their issuer, names by the resolver, the rest by the network: a /24 of
    IPv4, a /48 of IPv6, or without an address the host. ``phase`` is that of a slow one.
    """
    if cause is not None and kind is Condition.DOWN:
        shared, value = _shared(cause.reason, host, evidence)
        return Common(
            kind=kind, phase=cause.phase, reason=cause.reason, blame=cause.blame, shared=shared,
            value=value,
        )  # fmt: skip
    if kind in {Condition.FINDING, Condition.BURNING}:
        return Common(kind=kind, phase=phase)
    shared, value = _network(host, evidence)
    return Common(kind=kind, phase=phase, shared=shared, value=value)


_RESOLVER = frozenset({Reason.RESOLVE_TIMEOUT, Reason.RESOLVE_FAILED})


def _shared(reason: Reason, host: str, evidence: Evidence | None) -> tuple[Shared, str]:
    if reason in _RESOLVER:
        return Shared.NOTHING, ""
    if reason.name.startswith("TLS_CERTIFICATE") and evidence is not None and evidence.issuer:
        return Shared.ISSUER, evidence.issuer
    return _network(host, evidence)


def _network(host: str, evidence: Evidence | None) -> tuple[Shared, str]:
    try:
        address = ipaddress.ip_address(evidence.address if evidence is not None else host)
    except ValueError:
        return Shared.HOST, host
    prefix = 24 if address.version == 4 else 48
    return Shared.NETWORK, str(ipaddress.ip_network((address, prefix), strict=False))
