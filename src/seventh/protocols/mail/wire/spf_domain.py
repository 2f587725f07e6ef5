"""All that is learnt of a domain's SPF, as a generator of questions that are asked side by side."""

from __future__ import annotations

from collections.abc import Generator
from typing import Literal

from seventh.protocols.mail.facts.answer import Answer, Question
from seventh.protocols.mail.facts.spf import SpfFacts, SpfVerdict
from seventh.protocols.mail.wire import ranges, spf
from seventh.protocols.mail.wire.spf_check import Address, Sender, check_host
from seventh.protocols.mail.wire.spf_proposal import propose
from seventh.protocols.mail.wire.spf_tree import collect, tree
from seventh.wire.text import printable

_SHOWN = 10
"""How many records of a kind are kept."""


def learn(
    domain: str, sender_ip: Address | None = None
) -> Generator[tuple[Question, ...], tuple[Answer, ...], SpfFacts]:
    """Return the facts of the record of ``domain``, and the verdict on an address."""
    first = (domain, "TXT"), (domain, "SPF")
    answers = dict(zip(first, (yield first), strict=True))
    answers = yield from collect(domain, answers)
    txt, type99 = answers[first[0]], answers[first[1]]
    grown = tree(domain, answers)
    records = spf.records_of(txt.texts)
    verdict: SpfVerdict | None = None
    if sender_ip is not None:
        verdict = yield from judge(Sender(address=sender_ip, domain=domain), answers)
    missed = verdict is not None and (
        verdict.result not in {"pass", "temperror"} or verdict.path[-1:] == ("all",)
    )
    return SpfFacts(
        record=grown.record,
        several=_shown(records) if len(records) > 1 else (),
        similar=_shown(spf.similar_to(txt.texts)),
        type99=_found(type99),
        addresses=ranges.count_ipv4(grown.passes),
        own_addresses=ranges.count_ipv4(grown.own),
        ipv6=ranges.has_ipv6(grown.passes),
        late=grown.late,
        complete=grown.complete,
        verdict=verdict,
        proposed=(yield from propose(domain, answers, grown, sender_ip if missed else None)),
    )


def judge(
    sender: Sender, answers: dict[Question, Answer]
) -> Generator[tuple[Question, ...], tuple[Answer, ...], SpfVerdict]:
    """Return the verdict on a sender; what it asks is added to ``answers``."""
    check = check_host(sender)
    try:
        question = next(check)
        while True:
            if question not in answers:
                (answers[question],) = yield (question,)
            question = check.send(answers[question])
    except StopIteration as end:
        verdict: SpfVerdict = end.value
        return verdict


def _shown(texts: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(printable(text) for text in texts[:_SHOWN])


def _found(answer: Answer) -> Literal["found", "none", "unknown"]:
    if answer.known:
        return "found" if answer.texts else "none"
    return "unknown"
