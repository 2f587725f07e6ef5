"""The DMARC policy."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.wire.dmarc import authorise, discover


async def learn(
    ctx: ProbeContext, questions: Questions, domain: str, notes: Notes[DomainFacts]
) -> None:
    """Learn the record that applies, and whether its reports may be sent where it says."""
    found = await questions.run(discover(domain))
    if found.record is not None:
        own = found.organizational or found.record.at
        destinations = await questions.run(authorise(found.record, own))
        found = replace(found, destinations=destinations)
    notes.learn(dmarc=found)
