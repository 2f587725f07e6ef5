"""A TLS report (RFC 8460): how deliveries to the domain fared, by policy and failure."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from seventh.model.drawing import Drawing, Span


class TlsFailure(msgspec.Struct, frozen=True, kw_only=True):
    """The failed sessions of one type, at one receiving host."""

    SHOWN: ClassVar = ("kind", "sessions", "host")

    kind: str
    """The result type, such as ``certificate-expired``."""
    sessions: int
    host: str = ""
    """The receiving MX."""
    reason: str = ""


class TlsPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions under one policy."""

    SHOWN: ClassVar = ("kind", "domain", "successful", "failed")

    kind: str
    """``sts``, ``tlsa`` or ``no-policy-found``."""
    domain: str = ""
    successful: int = 0
    failed: int = 0
    failures: tuple[TlsFailure, ...] = ()
    """The most frequent first."""
    more_failures: int = 0


class TlsReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the report says."""

    UNFOLDED: ClassVar = True

    organisation: str = ""
    report_id: str = ""
    begin: str = ""
    end: str = ""
    sessions: int = 0
    failed: int = 0
    policies: tuple[TlsPolicy, ...] = ()

    @property
    def failure_ratio(self) -> float | None:
        """The share of sessions that failed; None without any session."""
        return self.failed / self.sessions if self.sessions else None

    def drawings(self) -> tuple[Drawing, ...]:
        """Draw the failed sessions of each policy, and of each type of failure below it."""
        spans: list[Span] = []
        for policy in self.policies:
            label = f"{policy.kind} {policy.domain}".strip()
            value = f"{policy.failed} of {policy.successful + policy.failed} sessions failed"
            spans.append(Span(label=label, low=0, high=policy.failed, value=value,
                              empty=not policy.failed))  # fmt: skip
            for failure in policy.failures:
                words = (f"{failure.sessions} sessions", failure.host, failure.reason)
                spans.append(Span(label=f"  {failure.kind}", low=0, high=failure.sessions,
                                  value=", ".join(filter(None, words)),
                                  empty=not failure.sessions))  # fmt: skip
        return (Drawing(title="failed TLS sessions by policy", spans=tuple(spans)),)
