"""A DMARC aggregate report (RFC 9990, and RFC 7489 before it): what receivers saw, by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec

from seventh.model.drawing import Drawing, Span

SourceKind = Literal[
    "aligned", "dkim-only", "broken-signature", "own-unaligned", "other-domain", "unauthenticated"
]
"""What the data shows of messages. The first two pass DMARC; ``dkim-only``: SPF does not, as after
forwarding. The others fail. ``broken-signature``: a signature of the domain does not verify;
``own-unaligned``: authenticated as a domain above or below, which the policy does not count;
``other-domain``: authenticated, as a domain that is not this one; ``unauthenticated``: not at
all."""


class MailSource(msgspec.Struct, frozen=True, kw_only=True):
    """One address that sent mail with the domain in From."""

    SHOWN: ClassVar = ("address", "messages", "kind", "domains")

    address: str
    messages: int
    kind: SourceKind
    """That of most messages."""
    failed: int = 0
    """The messages that failed DMARC."""
    quarantined: int = 0
    rejected: int = 0
    domains: tuple[str, ...] = ()
    """The other domains that messages that failed were authenticated as."""
    reasons: tuple[str, ...] = ()
    """Why the receiver did not apply the policy, such as ``forwarded`` or ``mailing_list``."""


class AggregateReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the report says; addresses with failures come first, then those with most messages."""

    UNFOLDED: ClassVar = True

    organisation: str = ""
    report_id: str = ""
    domain: str = ""
    begin_timestamp_seconds: int | None = None
    end_timestamp_seconds: int | None = None
    policy: str = ""
    """p= as the receiver found it."""
    adkim: str = ""
    aspf: str = ""
    records: int = 0
    messages: int = 0
    failed: int = 0
    kinds: Mapping[str, int] = {}
    """The messages of each kind."""
    sources: tuple[MailSource, ...] = ()
    more_sources: int = 0
    """How many more addresses there are."""

    def drawings(self) -> tuple[Drawing, ...]:
        """Draw the messages of each source; a step for those that failed."""
        spans = tuple(
            Span(
                label=source.address, low=0, high=source.messages, value=_words(source),
                steps=tuple(
                    (name, count)
                    for name, count in (("failed", source.failed),
                                        ("passed", source.messages - source.failed))
                    if count
                ),
                empty=not source.messages,
            )
            for source in self.sources
        )  # fmt: skip
        return (Drawing(title="messages of each source", spans=spans),) if spans else ()


def _words(source: MailSource) -> str:
    failed = "" if source.failed in {0, source.messages} else f"{source.failed} failed"
    what = source.kind.replace("-", " ")
    parts = (
        f"{what} ({', '.join(source.domains)})" if source.domains else what,
        f"{source.messages} messages", failed,
        f"{source.quarantined} quarantined" if source.quarantined else "",
        f"{source.rejected} rejected" if source.rejected else "",
        *source.reasons,
    )  # fmt: skip
    return ", ".join(filter(None, parts))
