"""The mail exchangers: MX records, their addresses, and the names of these."""

from __future__ import annotations

import functools
import ipaddress

from seventh.model.exchangers import (
    Confirmed,
    Exchanger,
    ExchangerAddress,
    ExchangersFacts,
    NameState,
    ReverseName,
)
from seventh.model.failure import Failed, Reason
from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.net.resolve import NO_SUCH_NAME
from seventh.net.wait import all_of
from seventh.protocols.mail import MailOptions
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.answer import Answer, Mx
from seventh.protocols.mail.wire.reverse import is_generic
from seventh.wire.address import is_literal, reach

MAX_HOSTS = 16
MAX_ADDRESSES = 8
"""How many addresses of one exchanger are looked at."""
MAX_NAMES = 4
"""How many names of one address are followed back to it."""
_KINDS = {"any": ("AAAA", "A"), "ipv4": ("A",), "ipv6": ("AAAA",)}


async def learn(
    ctx: ProbeContext, questions: Questions, domain: str, notes: Notes[DomainFacts]
) -> None:
    """Learn the exchangers, and whether the domain takes mail.

    Raises Failed where the domain does not exist, and where DNS does not answer.
    """
    with ctx.watch.phase("mail.exchangers"):
        answer = await questions.ask(domain, "MX")
        if (failed := _failure(answer)) is not None:
            raise failed
        found = await _exchangers(ctx, questions, answer)
        sender = ctx.options.of(MailOptions).sender_ip
        sending = await _address(questions, sender) if sender is not None else None
    ctx.notes(ExchangersFacts).learn(
        domain=domain, internal=ctx.options.of(MailOptions).internal, sender=sending,
        **{name: getattr(found, name) for name in ("outcome", "detail", "hosts", "omitted",
                                                   "null_beside")},
    )  # fmt: skip
    receives = {"found": True, "implicit": True, "null": False, "none": False}
    notes.learn(receives=receives.get(found.outcome or ""))


def _failure(answer: Answer) -> Failed | None:
    """Return why nothing can be said of the domain: it does not exist, or DNS did not answer."""
    if answer.outcome == "nxdomain":
        return Failed(Reason.RESOLVE_NXDOMAIN, f"{answer.name}: {NO_SUCH_NAME}")
    if answer.known:
        return None
    reason = Reason.RESOLVE_TIMEOUT if answer.outcome == "timeout" else Reason.RESOLVE_FAILED
    return Failed(reason, f"{answer.name}: {answer.detail}")


async def _exchangers(ctx: ProbeContext, questions: Questions, answer: Answer) -> ExchangersFacts:
    domain = answer.name
    look = functools.partial(host_of, questions, _KINDS[ctx.options.family])
    if answer.empty:
        itself = await look(Mx(0, domain))
        if itself.state == "unknown":
            return ExchangersFacts(outcome="unknown", detail=itself.detail)
        usable = itself.state == "ok"
        return ExchangersFacts(outcome="implicit" if usable else "none", hosts=(itself,) * usable)
    hosts = [mx for mx in answer.exchangers if mx.host != "."]
    if is_null(answer):
        return ExchangersFacts(outcome="null")
    return ExchangersFacts(
        outcome="found", hosts=tuple(await all_of(map(look, hosts[:MAX_HOSTS]))),
        omitted=len(hosts[MAX_HOSTS:]), null_beside=len(hosts) < len(answer.exchangers),
    )  # fmt: skip


def is_null(answer: Answer) -> bool:
    """Return whether the domain declares that it takes no mail (RFC 7505)."""
    return bool(answer.exchangers) and all(mx.host == "." for mx in answer.exchangers)


async def host_of(questions: Questions, kinds: tuple[str, ...], mx: Mx) -> Exchanger:
    """Return one exchanger, with its addresses of these kinds; its state is that of all."""
    made = functools.partial(Exchanger, preference=mx.preference, host=mx.host)
    if is_literal(mx.host):
        return made(state="address")
    answers = await all_of(questions.ask(mx.host, kind) for kind in _KINDS["any"])
    ips = [ip for answer in answers if answer.rtype in kinds for ip in answer.names]
    addresses = tuple(await all_of(_address(questions, ip) for ip in ips[:MAX_ADDRESSES]))
    failed = next((answer.detail for answer in answers if not answer.known), "")
    return made(state=_state(answers), addresses=addresses, detail=failed)


def _state(answers: list[Answer]) -> NameState:
    if any(answer.aliases for answer in answers):
        return "alias"
    if any(answer.names for answer in answers):
        return "ok"
    return "no-address" if all(answer.known for answer in answers) else "unknown"


async def _address(questions: Questions, ip: str) -> ExchangerAddress:
    return ExchangerAddress(ip=ip, reach=reach(ip), reverse=await reverse_name(questions, ip))


async def reverse_name(questions: Questions, ip: str) -> ReverseName:
    """Return the names of an address, followed back to it."""
    address = ipaddress.ip_address(ip)
    answer = await questions.ask(address.reverse_pointer, "PTR")
    if not answer.known:
        return ReverseName(outcome="unknown")
    if answer.empty:
        return ReverseName(outcome="none", confirmed="no")
    kind = "A" if address.version == 4 else "AAAA"
    back = await all_of(questions.ask(name, kind) for name in answer.names[:MAX_NAMES])
    return ReverseName(
        outcome="found", names=answer.names[:MAX_NAMES], confirmed=_confirmed(ip, back),
        generic=all(is_generic(name, ip) for name in answer.names),
    )  # fmt: skip


def _confirmed(ip: str, back: list[Answer]) -> Confirmed:
    address = ipaddress.ip_address(ip)
    if any(ipaddress.ip_address(name) == address for each in back for name in each.names):
        return "yes"
    return "no" if all(each.known for each in back) else "unknown"
