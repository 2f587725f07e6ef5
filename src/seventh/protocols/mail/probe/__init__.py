"""The check of a mail domain: its exchangers, its records, its servers.

Each part is a module with a coroutine ``learn(ctx, questions, domain, notes)``, which writes its
own struct of :class:`DomainFacts` (``notes.learn(spf=…)``). The parts run side by side: those of
the second group read what DNS has of the exchangers, ``ctx.notes(ExchangersFacts).facts``. A part
never raises for what the network or a peer does; that is in its facts.
"""

from __future__ import annotations

from seventh.model.failure import UsageError
from seventh.net import dns_query
from seventh.net.probe_context import ProbeContext
from seventh.net.wait import all_of
from seventh.protocols.mail import MailOptions
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.probe import (
    access,
    dane,
    dkim,
    dmarc,
    dnsbl,
    dnssec,
    exchangers,
    mta_sts,
    servers,
    spf,
    tlsrpt,
)

_OF_THE_DOMAIN = (dnssec, spf, dkim, dmarc, mta_sts, tlsrpt, access)
_OF_THE_EXCHANGERS = (dane, dnsbl, servers)


def questions_of(ctx: ProbeContext) -> Questions:
    """Return the questions of a check.

    Raises Failed where no resolver is configured, and UsageError where this machine is not to ask.
    """
    if not ctx.resolves:
        raise UsageError(
            f"{ctx.route} does not carry the questions that {ctx.target} asks DNS: remove it, or "
            "use --from"
        )
    servers_asked = dns_query.servers_of(ctx.options.resolver)
    trusted = servers_asked.local or ctx.options.of(MailOptions).trust_ad
    return Questions(servers_asked, ctx.budget, trusted=trusted)


async def pulse(ctx: ProbeContext) -> None:
    """Learn the exchangers alone. Raises Failed where DNS does not say which there are."""
    questions = questions_of(ctx)
    try:
        await exchangers.learn(ctx, questions, ctx.target.host, ctx.notes(DomainFacts))
    finally:
        await questions.aclose()


async def check(ctx: ProbeContext) -> None:
    """Learn everything."""
    domain, notes, questions = ctx.target.host, ctx.notes(DomainFacts), questions_of(ctx)
    notes.learn(name=domain)
    try:
        await all_of([
            _by_exchangers(ctx, questions),
            _by_domain(ctx, questions),
        ])  # fmt: skip
    finally:
        notes.learn(questions=questions.asked)
        await questions.aclose()
    await dane.match(ctx, notes)
    mta_sts.compare(ctx, notes)


async def _by_domain(ctx: ProbeContext, questions: Questions) -> None:
    domain, notes = ctx.target.host, ctx.notes(DomainFacts)
    with ctx.watch.phase("mail.records"):
        await all_of(part.learn(ctx, questions, domain, notes) for part in _OF_THE_DOMAIN)


async def _by_exchangers(ctx: ProbeContext, questions: Questions) -> None:
    domain, notes = ctx.target.host, ctx.notes(DomainFacts)
    await exchangers.learn(ctx, questions, domain, notes)
    await all_of(part.learn(ctx, questions, domain, notes) for part in _OF_THE_EXCHANGERS)
