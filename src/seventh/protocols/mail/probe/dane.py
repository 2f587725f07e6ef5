"""The TLSA records of the exchangers, and the certificates that these have shown."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.exchangers import Exchanger, ExchangersFacts
from seventh.model.report import Report
from seventh.model.tlsfacts import CertificateFacts, TlsFacts
from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.net.wait import all_of
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.answer import Answer
from seventh.protocols.mail.facts.dane import DaneFacts, DaneHost
from seventh.protocols.mail.probe.dnssec import bogus, validation_of
from seventh.protocols.mail.probe.parts import differs, smtp_reports, tls_of
from seventh.protocols.mail.wire import dane


async def learn(
    ctx: ProbeContext, questions: Questions, domain: str, notes: Notes[DomainFacts]
) -> None:
    """Learn the records of each exchanger."""
    exchangers = ctx.notes(ExchangersFacts).facts
    if exchangers.outcome == "unknown":
        notes.learn(dane=DaneFacts(hosts=(DaneHost(host=domain, detail=exchangers.detail),)))
        return
    hosts = [host for host in exchangers.hosts if host.state != "address"]
    answers: list[Answer] = []
    found = await all_of(_records(questions, host, answers) for host in hosts)
    notes.learn(
        dane=DaneFacts(
            hosts=tuple(found), omitted=exchangers.omitted,
            bogus=await bogus(questions, answers),
        )
    )  # fmt: skip


async def _records(questions: Questions, host: Exchanger, answers: list[Answer]) -> DaneHost:
    """Return the records of an exchanger; ``answers`` gets all that was asked for it.

    They are below the name that an alias leads to, or else below the alias (RFC 7672 §2.2.3).
    """
    addresses = await all_of(questions.ask(host.host, kind) for kind in ("A", "AAAA"))
    validates = await validation_of(questions, addresses)
    asked = [each for each in addresses if each.outcome != "nxdomain"]
    security = dane.weakest(dane.security_of(each, validates=validates) for each in asked)
    aliases = [each.aliases[-1] for each in addresses if each.aliases]
    names = [*aliases[:1], host.host] if security == "secure" else [host.host]
    answer = await questions.ask(dane.PREFIX + names[0], "TLSA")
    answers += [*addresses, answer]
    if answer.empty and len(names) > 1:
        answer = await questions.ask(dane.PREFIX + names[1], "TLSA")
        answers.append(answer)
    return DaneHost(
        host=host.host, name=answer.name,
        outcome="found" if answer.tlsa else "none" if answer.empty else "unknown",
        security=dane.weakest((security, dane.security_of(answer, validates=validates))),
        records=tuple(map(dane.record_of, answer.tlsa)),
        detail=answer.detail if not answer.known else "",
    )  # fmt: skip


async def match(ctx: ProbeContext, notes: Notes[DomainFacts]) -> None:
    """Compare the TLSA records with the certificates that the exchangers have shown."""
    facts = notes.facts
    if facts.dane is None:
        return
    reports = smtp_reports(ctx)
    hosts = tuple(_matched(host, reports.get(host.host), facts.name) for host in facts.dane.hosts)
    notes.learn(dane=replace(facts.dane, hosts=hosts))


def _matched(host: DaneHost, report: Report | None, domain: str) -> DaneHost:
    names = (host.name.removeprefix(dane.PREFIX), host.host, domain)
    keys = dane.keys_of(host.records, _served(tls_of(report)), names)
    return replace(host, keys=keys, differs=differs(report))


def _served(tls: TlsFacts | None) -> tuple[CertificateFacts, ...]:
    """Return the certificates that senders get from a server: one for each type of key."""
    if tls is None:
        return ()
    return (tls, *(each for each in tls.other_certificates if each.sent_to == "key-type"))
