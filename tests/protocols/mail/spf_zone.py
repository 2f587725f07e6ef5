"""A zone without a network: answers to an evaluator's questions."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TypeVar

from seventh.protocols.mail.facts.answer import Answer, Mx, Outcome, Question
from seventh.protocols.mail.facts.spf import SpfFacts, SpfVerdict
from seventh.protocols.mail.wire import spf_domain
from seventh.protocols.mail.wire.spf_check import Sender, address_of, check_host

T = TypeVar("T")
Zone = Mapping[str, Mapping[str, tuple[str, ...] | Outcome]]
"""``{"example.org": {"TXT": ("v=spf1 -all",), "A": "servfail"}}``"""


def answer(zone: Zone, name: str, rtype: str) -> Answer:
    records = zone.get(name, {}).get(rtype, ())
    if isinstance(records, str):
        return Answer(name=name, rtype=rtype, outcome=records, detail="as the test says")
    if not records:
        return Answer(name=name, rtype=rtype, outcome="no-data" if name in zone else "nxdomain")
    if rtype in {"TXT", "SPF"}:
        texts = tuple(record.encode("utf-8", "surrogateescape") for record in records)
        return Answer(name=name, rtype=rtype, outcome="ok", texts=texts)
    if rtype == "MX":
        pairs = [record.split() for record in records]
        exchangers = tuple(
            Mx(int(preference), host.rstrip(".") or ".") for preference, host in pairs
        )
        return Answer(name=name, rtype=rtype, outcome="ok", exchangers=exchangers)
    return Answer(name=name, rtype=rtype, outcome="ok", names=records)


def verdict(
    zone: Zone,
    ip: str,
    domain: str = "example.org",
    asked: list[Question] | None = None,
    **more: str,
) -> SpfVerdict:
    """The verdict on a sender."""
    check = check_host(Sender(address=address_of(ip), domain=domain, **more))  # type: ignore[arg-type]
    try:
        question = next(check)
        while True:
            if asked is not None:
                asked.append(question)
            question = check.send(answer(zone, *question))
    except StopIteration as end:
        found: SpfVerdict = end.value
        return found


def learnt(
    zone: Zone, ip: str | None = None, domain: str = "example.org",
    reply: Callable[[Zone, str, str], Answer] = answer,
) -> SpfFacts:  # fmt: skip
    """The facts of a domain."""
    return drive(
        spf_domain.learn(domain, None if ip is None else address_of(ip)),
        lambda name, rtype: reply(zone, name, rtype),
    )


def drive(
    learning: Generator[tuple[Question, ...], tuple[Answer, ...], T],
    reply: Callable[[str, str], Answer],
) -> T:
    try:
        wanted = next(learning)
        while True:
            wanted = learning.send(tuple(reply(*question) for question in wanted))
    except StopIteration as end:
        found: T = end.value
        return found
