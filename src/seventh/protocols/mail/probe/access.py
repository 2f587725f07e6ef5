"""The servers for mail clients: those that SRV records name, else usual names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from seventh.model.mailfacts import MailFacts, ServiceRecord
from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.net.wait import all_of
from seventh.protocols.mail import MailOptions
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.access import AccessFacts, ClientServer
from seventh.protocols.mail.facts.answer import Answer, Mx
from seventh.protocols.mail.probe.exchangers import host_of, is_null
from seventh.protocols.mail.probe.servers import check, is_unreached, may_be_checked

SCHEMES = {
    "_imaps": "imaps", "_submissions": "smtps", "_pop3s": "pop3s", "_imap": "imap",
    "_submission": "submission", "_pop3": "pop3",
}  # fmt: skip
"""By service, the scheme of its check; implicit TLS first, as RFC 8314 prefers it."""
_JUDGED = ("_imaps", "_submissions")
"""What is asked for without ``--access``, too."""
USUAL = {"imap": ("imaps",), "mail": ("imaps", "smtps"), "smtp": ("smtps",), "pop": ("pop3s",)}
"""By a label that many domains use, what is looked for there."""
PORTS = {"imaps": 993, "smtps": 465, "pop3s": 995}
MAX_SERVERS = 8


async def learn(
    ctx: ProbeContext, questions: Questions, domain: str, notes: Notes[DomainFacts]
) -> None:
    """Learn the records that clients should find; with ``--access`` find and check the servers."""
    wanted = ctx.options.of(MailOptions).access
    names = {each: f"{each}._tcp.{domain}" for each in (SCHEMES if wanted else _JUDGED)}
    answers = dict(zip(
        names, await all_of(questions.ask(name, "SRV") for name in names.values()), strict=True
    ))  # fmt: skip
    found = AccessFacts(
        offered=tuple(s for s, answer in answers.items() if _targets(answer)),
        not_offered=tuple(
            s for s, answer in answers.items() if answer.services and not _targets(answer)
        ),
        unknown=tuple(s for s, answer in answers.items() if not answer.known),
        servers=tuple(_named(answers)),
    )  # fmt: skip
    if wanted and not answers["_imaps"].services and not found.servers and not found.unknown:
        found = AccessFacts(
            not_offered=found.not_offered, servers=tuple(await _guessed(questions, domain))
        )
    notes.learn(access=found)
    mx = await questions.ask(domain, "MX")
    if mx.known:  # a domain that takes no mail needs no servers
        ctx.notes(MailFacts).learn(
            has_name=True,
            has_mail=not is_null(mx),
            records=tuple(_record(names[each], answers[each]) for each in _JUDGED),
        )
    if wanted:
        await _check(ctx, questions, found.servers[:MAX_SERVERS])


def _targets(answer: Answer) -> list[tuple[str, int]]:
    return [(each.target, each.port) for each in answer.services if each.target != "."]


def _named(answers: dict[str, Answer]) -> Iterable[ClientServer]:
    for service, answer in answers.items():
        for host, port in _targets(answer):
            yield ClientServer(scheme=SCHEMES[service], host=host, port=port)


async def _guessed(questions: Questions, domain: str) -> Iterable[ClientServer]:
    """Return the servers at usual names that have an address."""
    names = [f"{label}.{domain}" for label in USUAL]
    answers = await all_of(questions.ask(name, kind) for name in names for kind in ("A", "AAAA"))
    there = {answer.name for answer in answers if answer.names}
    return [
        ClientServer(
            scheme=scheme, host=f"{label}.{domain}", port=PORTS[scheme], guessed=True
        )
        for label, schemes in USUAL.items()
        if f"{label}.{domain}" in there
        for scheme in schemes
    ]  # fmt: skip


def _record(name: str, answer: Answer) -> ServiceRecord:
    """Return the records as the rules of a mail host judge them."""
    texts = (f"{s.priority} {s.weight} {s.port} {s.target}" for s in answer.services)
    if not answer.known:
        return ServiceRecord(name=name, outcome="unknown")
    return ServiceRecord(
        name=name, outcome="found" if answer.services else "none", targets=tuple(texts)
    )


async def _check(ctx: ProbeContext, questions: Questions, servers: Sequence[ClientServer]) -> None:
    """Check the servers; one at a guessed name that does not answer is not reported."""

    async def one(server: ClientServer) -> None:
        host = await host_of(questions, ("AAAA", "A"), Mx(0, server.host))
        if not may_be_checked(host, internal=ctx.options.of(MailOptions).internal):
            return
        report = await check(ctx, server.scheme, host, server.port)
        if server.guessed and is_unreached(report):
            ctx.parts.remove(report)

    if ctx.check_part is not None:
        await all_of(one(server) for server in servers)
