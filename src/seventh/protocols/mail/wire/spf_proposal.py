"""The record that a domain should publish, evaluated before it is shown."""

from __future__ import annotations

import re
from collections.abc import Generator

from msgspec.structs import replace

from seventh.protocols.mail.facts.answer import Answer, Question
from seventh.protocols.mail.facts.spf import MAX_LOOKUPS, MAX_VOIDS, SpfRecord
from seventh.protocols.mail.wire import ranges, spf
from seventh.protocols.mail.wire.spf import Mechanism, Modifier, Term
from seventh.protocols.mail.wire.spf_check import Address
from seventh.protocols.mail.wire.spf_tree import Answers, Tree, collect, target, tree

_MOST_ADDRESSES = 8
"""How many addresses may replace an ``a`` or ``mx``."""
_LENIENT = "-~?+"
"""Qualifiers of ``all``, the strictest first."""


def propose(
    domain: str, answers: Answers, now: Tree, sender_ip: Address | None = None
) -> Generator[tuple[Question, ...], tuple[Answer, ...], str]:
    """Return the record that repairs ``now``, that of ``domain``; empty if none is needed or found.

    It passes every address that passes now, has no error and stays within the limits. What it
    leaves out could not be evaluated or decided nothing.
    """
    answer = answers[domain, "TXT"]
    found = spf.records_of(answer.texts)
    if not answer.known or sum(map(len, found)) > spf.MAX_BYTES:
        return ""
    if sender_ip is None and _is_good(now):
        return ""
    terms = _terms(found) if found else (yield from _first_terms(domain))
    if terms is None:
        return ""
    if sender_ip is not None:
        terms = (_network(sender_ip), *terms)
    repaired = _repaired(terms, now.record)
    needed = tuple(term for term in repaired if str(term) not in now.record.useless)
    for candidate in (repaired, needed, _with_addresses(needed, domain, answers)):
        text = spf.write(candidate)
        published = {
            **answers, (domain, "TXT"): replace(answer, outcome="ok", texts=(text.encode(),))
        }  # fmt: skip
        published = yield from collect(domain, published)
        made = tree(domain, published)
        if _is_good(made) and _passes_all(made, now):
            return text
    return ""


def _first_terms(
    domain: str,
) -> Generator[tuple[Question, ...], tuple[Answer, ...], tuple[Term, ...] | None]:
    """Return a first record for a domain without one: its own exchangers, or no sender."""
    (answer,) = yield ((domain, "MX"),)
    if not answer.known:
        return None
    sends = any(exchanger.host != "." for exchanger in answer.exchangers)
    if not sends:
        return (Mechanism(name="all", qualifier="-"),)
    return Mechanism(name="mx"), Mechanism(name="all", qualifier="~")


def _terms(found: tuple[bytes, ...]) -> tuple[Term, ...] | None:
    """Return the terms of all records, as they were meant; None where that is not certain."""
    terms: list[Term] = []
    for text in found:
        instead = {error.position: error.instead for error in spf.read(text).errors}
        ended = False
        for term in re.finditer(rb"[^ ]+", text[len(spf.VERSION) :]):
            position = len(spf.VERSION) + term.start() + 1
            written = instead.get(position, term[0].decode("latin-1"))
            if not written:
                return None
            for meant in spf.read(f"{spf.VERSION} {written}".encode("latin-1")).terms:
                if isinstance(meant, Modifier) or not ended:
                    terms.append(meant)
                ended = ended or (isinstance(meant, Mechanism) and meant.name == "all")
    modifiers = [term for term in terms if isinstance(term, Modifier)]
    kinds = [modifier.name for modifier in modifiers if modifier.name in {"redirect", "exp"}]
    return None if len(kinds) > len(set(kinds)) else tuple(terms)


def _repaired(terms: tuple[Term, ...], now: SpfRecord) -> tuple[Term, ...]:
    """Return the terms without repetitions and dead includes; ``all`` last.

    An ``all`` that lets anyone pass, or leaves it open, becomes a soft fail.
    """
    dead = {record.term for record in now.records if record.state in {"none", "loop"}}
    mechanisms: list[Term] = []
    alls: list[Mechanism] = []
    for term in terms:
        if isinstance(term, Mechanism) and term.name == "all":
            alls.append(term)
        elif isinstance(term, Mechanism) and term not in mechanisms and str(term) not in dead:
            mechanisms.append(term)
    modifiers = [term for term in terms if isinstance(term, Modifier)]
    if alls:
        modifiers = [modifier for modifier in modifiers if modifier.name != "redirect"]
    elif any(modifier.name == "redirect" for modifier in modifiers):
        return (*mechanisms, *modifiers)
    else:
        alls = [Mechanism(name="all", qualifier="~")]
    last = max(alls, key=lambda each: _LENIENT.index(each.qualifier))
    if last.qualifier in "?+":
        last = Mechanism(name="all", qualifier="~")
    return (*mechanisms, last, *modifiers)


def _network(address: Address) -> Mechanism:
    return Mechanism(name=f"ip{address.version}", network=ranges.network(str(address)))


def _with_addresses(terms: tuple[Term, ...], domain: str, answers: Answers) -> tuple[Term, ...]:
    """Return the terms with the domain's own hosts as addresses, which need no look-up."""
    made: list[Term] = []
    for term in terms:
        networks = _own_addresses(term, domain, answers) if isinstance(term, Mechanism) else None
        if not isinstance(term, Mechanism) or networks is None:
            made.append(term)
            continue
        made += [
            Mechanism(name=f"ip{each.version}", qualifier=term.qualifier, network=each)
            for each in networks
        ]
    return tuple(dict.fromkeys(made))


def _own_addresses(mechanism: Mechanism, domain: str, answers: Answers) -> list[spf.Network] | None:
    """Return the networks of an ``a`` or ``mx`` whose hosts are the domain's; None elsewhere."""
    if mechanism.name not in {"a", "mx"}:
        return None
    name = target(mechanism.domain, domain, domain) if mechanism.domain else domain
    hosts = [name or ""]
    if mechanism.name == "mx" and (found := answers.get((hosts[0], "MX"))) is not None:
        hosts = [exchanger.host for exchanger in found.exchangers]
    if not all(f".{host}".endswith(f".{domain}") for host in hosts):
        return None
    networks: list[spf.Network] = []
    for host in hosts:
        for kind, prefix in (("A", mechanism.prefix4), ("AAAA", mechanism.prefix6)):
            answer = answers.get((host, kind))
            if answer is None or not answer.known:
                return None
            networks += [ranges.network(ip, prefix) for ip in answer.names]
    return networks if len(networks) <= _MOST_ADDRESSES else None


def _is_good(made: Tree) -> bool:
    """Return whether a receiver finds no fault in the record or in those below it."""
    record = made.record
    voids = min(record.voids) > MAX_VOIDS or made.late
    within_limits = record.lookups <= MAX_LOOKUPS and not voids
    return within_limits and record.otherwise in {"fail", "softfail", None}


def _passes_all(made: Tree, now: Tree) -> bool:
    """Return whether what passes now passes then; with ``+all`` that was everybody."""
    return now.record.otherwise == "pass" or not ranges.minus(now.passes, made.passes)
