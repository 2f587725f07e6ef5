"""Several targets judged together, after each was checked on its own."""

from __future__ import annotations

from collections.abc import Sequence

from seventh.model.report import Report
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.sources import SourceFacts
from seventh.protocols.ntp.facts.together import compare_sources, source_of

RULES = frozenset(
    ["NTP-FALSETICKER", "NTP-SMEAR-MIX", "NTP-FEW", "NTP-SAMEUP", "NTP-LEAP", "NTP-LOOP"]
)
"""The rules that judge several servers together."""


def together(reports: Sequence[Report]) -> NtpFacts | None:
    """Compare the servers of the reports; None if there are not two different ones.

    Only ``sources`` is set. A target that failed is one source without time.
    """
    listed: list[SourceFacts] = []
    for report in reports:
        ntp = report.facts.get("ntp")
        facts = ntp if isinstance(ntp, NtpFacts) else NtpFacts()
        if facts.sources is not None:
            listed += facts.sources.sources
        else:
            why = str(report.failure.reason) if report.failure is not None else ""
            listed.append(source_of(report.target, facts, why=why))
    sources = compare_sources(listed, len({report.target for report in reports}))
    if sum(source.verdict != "repeated" for source in sources.sources) < 2:
        return None
    return NtpFacts(sources=sources)
