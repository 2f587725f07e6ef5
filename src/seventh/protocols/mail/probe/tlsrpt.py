"""TLS reporting."""

from __future__ import annotations

from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.wire.tlsrpt import read_answer


async def learn(
    ctx: ProbeContext, questions: Questions, domain: str, notes: Notes[DomainFacts]
) -> None:
    """Learn the record."""
    notes.learn(tlsrpt=read_answer(await questions.ask(f"_smtp._tls.{domain}", "TXT")))
