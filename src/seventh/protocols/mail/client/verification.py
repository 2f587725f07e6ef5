"""One message, verified: its signatures, its ARC chain, SPF of its client, and DMARC."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from seventh.protocols.mail.facts.answer import Answer
from seventh.protocols.mail.facts.dmarc import DmarcRecord
from seventh.protocols.mail.facts.message import MessageFacts, MessageHop
from seventh.protocols.mail.wire import arc, received
from seventh.protocols.mail.wire.dkim import read_signature
from seventh.protocols.mail.wire.dkim_key import choose
from seventh.protocols.mail.wire.dmarc import discover
from seventh.protocols.mail.wire.header import named
from seventh.protocols.mail.wire.message import Message, domain_of
from seventh.protocols.mail.wire.spf_check import Sender, address_of, check_host
from seventh.protocols.mail.wire.verify import Verifying
from seventh.wire.text import printable

if TYPE_CHECKING:
    from seventh.protocols.mail.client.questions import Questions  # DNS, which --offline needs not

MAX_SIGNATURES = 10
Method = Literal["dkim", "spf"]
Answers = Mapping[str, Answer]


async def judge(message: Message, questions: Questions | None) -> MessageFacts:
    """Return what a message shows; without ``questions`` only what needs no DNS."""
    fields = message.fields
    verifying = [
        Verifying(read_signature(field))
        for field in named(fields, "dkim-signature")[:MAX_SIGNATURES]
    ]
    chain = arc.read_chain(fields)
    last = Verifying(chain.sets[-1].signature) if chain.sets else None
    size = _hash_body(message, [*verifying, *([last] if last is not None else [])])
    wanted = [each.signature.key_name for each in verifying if each.body is not None]
    answers = await _ask(questions, [*wanted, *chain.key_names])
    signatures = tuple(
        each.verdict(fields, answers.get(each.signature.key_name), message.body, size)
        for each in verifying
    )
    hops = received.hops_of(fields)
    froms = message.addresses("from")
    facts = MessageFacts(
        from_domain=printable(domain_of(froms[0]), 253) if froms else "",
        froms=len(froms),
        size_bytes=message.header_bytes + size,
        signatures=signatures,
        arc=_arc(chain, last, message, size, answers),
        arc_sets=len(chain.sets) or None,
        arc_sealers=tuple(printable(one.domain, 253) for one in chain.sets[:8]),
        hops=hops,
        claims=received.claims_of(fields),
    )
    hop = received.client_of(hops)
    if hop is not None:
        facts = await _with_spf(facts, hop, message, questions)
    return await _with_dmarc(facts, questions)


def _hash_body(message: Message, verifying: Sequence[Verifying]) -> int:
    """Feed the body to all at once; return its length."""
    bodies = [each.body for each in verifying if each.body is not None]
    size = 0
    for piece in message.body():
        size += len(piece)
        for body in bodies:
            body.feed(piece)
    for each in verifying:
        each.body_ended()
    return size


async def _ask(questions: Questions | None, names: Sequence[str]) -> Answers:
    if questions is None:
        return {}
    unique = list(dict.fromkeys(names))
    found = await asyncio.gather(*(questions.ask(name, "TXT") for name in unique))
    return dict(zip(unique, found, strict=True))


def _arc(
    chain: arc.Chain, last: Verifying | None, message: Message, size: int, answers: Answers
) -> Literal["none", "pass", "fail", "unknown"]:
    if chain.broken:
        return "fail"
    if last is None:
        return "none"
    signed = last.verdict(message.fields, answers.get(last.signature.key_name), message.body, size)
    signature = {"pass": True, "fail": False, "unknown": None}[signed.outcome]
    seals: list[bool | None] = []
    for number, one in enumerate(chain.sets):
        answer = answers.get(one.key_name)
        if answer is None or not answer.known:
            seals.append(None)
            continue
        parsed = choose(answer.texts)
        usable = parsed is not None and parsed.key.state == "usable" and parsed.public is not None
        seals.append(
            usable
            and parsed is not None
            and parsed.public is not None
            and arc.seal_holds(chain, number, parsed.public)
        )
    return arc.verdict(seals, signature)


async def _with_spf(
    facts: MessageFacts, hop: MessageHop, message: Message, questions: Questions | None
) -> MessageFacts:
    """Add SPF's verdict now: the record may have changed since the message came."""
    path = message.addresses("return-path")
    domain = domain_of(path[0]) if path else hop.helo.lower().rstrip(".")
    facts = replace(facts, client=hop.client, spf_domain=printable(domain, 253))
    if questions is None or "." not in domain:
        return facts
    local = path[0].rpartition("@")[0] if path else ""
    sender = Sender(
        address=address_of(hop.client), domain=domain, local=local or "postmaster", helo=hop.helo
    )
    verdict = await questions.run(check_host(sender))
    return replace(facts, spf=verdict.result)


async def _with_dmarc(facts: MessageFacts, questions: Questions | None) -> MessageFacts:
    """Add DMARC's verdict: which of what passed is aligned with From."""
    passed: list[tuple[Method, str]] = [
        ("dkim", each.domain) for each in facts.signatures if each.outcome == "pass"
    ]
    if facts.spf == "pass":
        passed.append(("spf", facts.spf_domain))
    if questions is None or not (facts.signatures or facts.client):
        return replace(facts, dmarc="unknown")
    if not facts.from_domain or facts.froms != 1:
        return replace(facts, dmarc="fail")
    policy = await questions.run(discover(facts.from_domain))
    if policy.record is None:
        return replace(facts, dmarc="unknown" if policy.unknown else "none")
    organizations = {facts.from_domain: policy.organizational}
    for _, domain in passed:
        if domain not in organizations:
            found = await questions.run(discover(domain))
            organizations[domain] = found.organizational
    by = tuple(dict.fromkeys(
        method for method, domain in passed
        if _aligned(policy.record, method, domain, organizations, facts.from_domain)
    ))  # fmt: skip
    facts = replace(facts, policy=policy.applied, aligned_by=by)
    if by:
        return replace(facts, dmarc="pass")
    undecided = (
        facts.spf in {None, "temperror"}
        or any(each.outcome == "unknown" for each in facts.signatures)
        or None in organizations.values()
    )
    return replace(facts, dmarc="unknown" if undecided else "fail")


def _aligned(
    record: DmarcRecord,
    method: Method,
    domain: str,
    organizations: Mapping[str, str | None],
    from_domain: str,
) -> bool:
    """Return whether DMARC counts what passed as ``domain`` (RFC 9989 §4.10)."""
    strict = record.strict_dkim if method == "dkim" else record.strict_spf
    if strict or domain == from_domain:
        return domain == from_domain
    organization = organizations[domain]
    return organization is not None and organization == organizations[from_domain]
