"""Whether the resolver validates, and whether the domain's own answers do."""

from __future__ import annotations

from collections.abc import Iterable

from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.net.wait import all_of
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.answer import Answer
from seventh.protocols.mail.facts.dane import DnssecFacts
from seventh.protocols.mail.wire.dane import security_of

_KINDS = ("MX", "TXT")


async def learn(
    ctx: ProbeContext, questions: Questions, domain: str, notes: Notes[DomainFacts]
) -> None:
    """Learn it of the records at the domain's name."""
    answers = await all_of(questions.ask(domain, kind) for kind in _KINDS)
    validates = await validation_of(questions, answers)
    notes.learn(
        dnssec=DnssecFacts(
            validates=validates,
            security=security_of(answers[0], validates=validates),
            bogus=await bogus(questions, answers),
        )
    )


async def validation_of(questions: Questions, answers: Iterable[Answer]) -> bool | None:
    """Return whether the resolver is known to validate; only what it has validated shows it.

    Where none of the answers does, the root is asked for, which is signed.
    """
    if any(each.authenticated for each in answers):
        return True
    if not questions.trusted:
        return None
    return (await questions.ask(".", "SOA")).authenticated or None


async def bogus(questions: Questions, answers: Iterable[Answer]) -> tuple[str, ...]:
    """Return the questions that fail only where the resolver validates (RFC 4035 §5.5).

    A failure that has passed when it is asked again proves nothing.
    """
    failed = [each for each in answers if each.outcome == "servfail"]
    found = await all_of(_is_bogus(questions, each) for each in failed)
    return tuple(f"{a.rtype} {a.name}" for a, is_so in zip(failed, found, strict=True) if is_so)


async def _is_bogus(questions: Questions, failed: Answer) -> bool:
    unchecked = await questions.ask(failed.name, failed.rtype, checking_disabled=True)
    if not unchecked.known:
        return False
    return (await questions.ask(failed.name, failed.rtype, again=True)).outcome == "servfail"
