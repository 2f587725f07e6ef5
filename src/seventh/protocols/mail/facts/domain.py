"""What is learnt of a mail domain, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from seventh.model.drawing import Drawing
from seventh.model.facts import Facts
from seventh.protocols.mail.facts.access import AccessFacts
from seventh.protocols.mail.facts.dane import DaneFacts, DnssecFacts
from seventh.protocols.mail.facts.dkim import DkimFacts
from seventh.protocols.mail.facts.dmarc import DmarcFacts
from seventh.protocols.mail.facts.dnsbl import DnsblFacts
from seventh.protocols.mail.facts.mta_sts import MtaStsFacts
from seventh.protocols.mail.facts.spf import SpfFacts
from seventh.protocols.mail.facts.tlsrpt import TlsrptFacts


class DomainFacts(Facts, frozen=True, kw_only=True):
    """The records of a mail domain. Its exchangers are in ``exchangers``."""

    ROOM: ClassVar[str] = "domain"
    OWNER: ClassVar[str] = "mail"

    name: str = ""
    receives: bool | None = None
    """Whether it takes mail; None if that is not known."""
    spf: SpfFacts | None = None
    dkim: DkimFacts | None = None
    dmarc: DmarcFacts | None = None
    mta_sts: MtaStsFacts | None = None
    tlsrpt: TlsrptFacts | None = None
    dnssec: DnssecFacts | None = None
    dane: DaneFacts | None = None
    dnsbl: DnsblFacts | None = None
    access: AccessFacts | None = None
    questions: int | None = None
    """How many questions DNS was asked."""
    unknown: Mapping[str, str] = {}

    def drawings(self) -> tuple[Drawing, ...]:
        """Return the tree of SPF records."""
        return () if self.spf is None else self.spf.drawings()
