"""What others received of a domain's mail: a message, or a report about many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from seventh.model.drawing import Drawing
from seventh.model.facts import Facts
from seventh.protocols.mail.facts.aggregate import AggregateReport
from seventh.protocols.mail.facts.message import MessageFacts
from seventh.protocols.mail.facts.tls_report import TlsReport


class ReceivedFacts(Facts, frozen=True, kw_only=True):
    """One message or one report; exactly one of the fields is set."""

    ROOM: ClassVar[str] = "received"
    OWNER: ClassVar[str] = "mail"

    kind: Literal["message", "dmarc-report", "tls-report"] | None = None
    message: MessageFacts | None = None
    aggregate: AggregateReport | None = None
    tls_report: TlsReport | None = None
    unknown: Mapping[str, str] = {}

    @property
    def undecided(self) -> str:
        """DMARC's verdict on a message, which is what it was read for."""
        if self.message is None or self.message.dmarc not in {None, "unknown"}:
            return ""
        why = self.unknown.get("DNS", "neither a signature nor a client's address to verify")
        return f"DMARC not verified: {why}"

    def drawings(self) -> tuple[Drawing, ...]:
        """Return the way of a message, or the table of a report."""
        content = self.message or self.aggregate or self.tls_report
        return () if content is None else content.drawings()
