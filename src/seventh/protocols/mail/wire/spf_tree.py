"""The records of a domain's SPF as a tree: what they make receivers look up, and what passes.

:func:`collect` asks for all that the tree needs, side by side; the tree is then made of answers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping

import msgspec
from msgspec.structs import replace

from seventh.protocols.mail.facts.answer import Answer, Question
from seventh.protocols.mail.facts.spf import MAX_VOIDS, Family, RecordState, SpfRecord, SpfResult
from seventh.protocols.mail.wire import ranges, spf, spf_macros
from seventh.protocols.mail.wire.ranges import EVERYTHING, Ranges
from seventh.protocols.mail.wire.spf import Mechanism, Record
from seventh.protocols.mail.wire.spf_check import MOST
from seventh.protocols.mail.wire.spf_macros import Part
from seventh.wire.text import printable

Answers = Mapping[Question, Answer]
Asking = Generator[tuple[Question, ...], tuple[Answer, ...], dict[Question, Answer]]
MAX_QUESTIONS = 250
MAX_ASKING = 100
"""How many terms that ask for addresses are evaluated; all are counted."""
MAX_RECORDS = 64
"""How many records a tree has: includes of includes can be many times the questions."""
_MAX_ERRORS = 100


def target(parts: tuple[Part, ...], name: str, domain: str) -> str | None:
    """Return the name that a term in the record of ``name`` refers to.

    Empty where DNS cannot have it; None where it depends on the sender. ``domain`` is the sender's.
    """
    text = spf_macros.expand(parts, {"d": name, "o": domain})
    return None if text is None else spf_macros.as_name(text) or ""


def collect(domain: str, known: Answers) -> Asking:
    """Ask for all records that the domain's record leads to, and return them with ``known``."""
    answers = dict(known)
    wanted = list(dict.fromkeys([(domain, "TXT"), *_all_of(answers.values(), domain)]))
    while missing := [question for question in wanted if question not in answers]:
        missing = missing[: max(0, MAX_QUESTIONS - len(answers))]
        if not missing:
            break
        got = yield tuple(missing)
        answers.update(zip(missing, got, strict=True))
        wanted = list(dict.fromkeys(_all_of(got, domain)))
    return answers


def _all_of(answers: Iterable[Answer], domain: str) -> Iterable[Question]:
    """Yield what the answers refer to."""
    for answer in answers:
        if answer.rtype == "MX":
            for exchanger in answer.exchangers[:MOST]:
                if (host := spf_macros.as_name(exchanger.host)) is not None:
                    yield from ((host, "A"), (host, "AAAA"))
        elif answer.rtype == "TXT" and len(found := spf.records_of(answer.texts)) == 1:
            if len(found[0]) > spf.MAX_BYTES:
                continue
            record = spf.read(found[0])
            for mechanism in record.mechanisms:
                if mechanism.name not in _KINDS:
                    continue
                name = target(mechanism.domain, answer.name, domain)
                if name := name if mechanism.domain else answer.name:
                    yield from ((name, kind) for kind in _KINDS[mechanism.name])
            redirect = record.redirect
            if redirect and (name := target(redirect.value, answer.name, domain)):
                yield name, "TXT"


_KINDS = {"include": ("TXT",), "a": ("A", "AAAA"), "mx": ("MX",), "exists": ("A",)}


class Tree(msgspec.Struct, frozen=True):
    """A record with those below it, and what it does with addresses."""

    record: SpfRecord
    passes: Ranges = ()
    own: Ranges = ()
    """Of these, those that records of the domain itself have."""
    complete: bool = True
    """Whether everything is known that it refers to."""
    late: tuple[Family, ...] = ()
    """The families of which an address passes only after too many void look-ups."""


def tree(domain: str, answers: Answers) -> Tree:
    """Return the tree of the domain's record."""
    forest = _Forest(domain, answers)
    grown = forest.grow(domain, "", ())
    return replace(grown, late=tuple(sorted(forest.late)))


class _Forest:
    """The answers that a tree is made of, and how much more of them it may have."""

    def __init__(self, domain: str, answers: Answers) -> None:
        self.domain = domain
        self.answers = answers
        self.left = MAX_RECORDS
        self.terms_left = spf.MAX_TERMS
        self.asking_left = MAX_ASKING
        self.voids4 = self.voids6 = 0
        self.late: set[Family] = set()
        self.networks: dict[tuple[str, str, int], Ranges] = {}
        """The addresses of answers, with a prefix length: terms may repeat a name often."""

    def passes(self, addresses: Ranges) -> None:
        """Note addresses that pass after the look-ups so far, too many of which may be void."""
        if self.voids4 > MAX_VOIDS and ranges.count_ipv4(addresses):
            self.late.add("ipv4")
        if self.voids6 > MAX_VOIDS and ranges.has_ipv6(addresses):
            self.late.add("ipv6")

    def networks_of(self, answer: Answer, prefix: int) -> Ranges:
        """Return the networks around the addresses of an answer."""
        key = answer.name, answer.rtype, prefix
        if key not in self.networks:
            self.networks[key] = ranges.of(ranges.network(ip, prefix) for ip in answer.names)
        return self.networks[key]

    def refer(self, parts: tuple[Part, ...], term: str, path: tuple[str, ...]) -> Tree:
        """Return the record that a term in the last record of ``path`` refers to."""
        name = target(parts, path[-1], self.domain)
        if name:
            return self.grow(name, term, path)
        text = printable("".join(map(str, parts)), 253)
        if name is None:
            return _without(text, term, "sender", None)
        return _without(text, term, "none", "permerror")

    def grow(self, name: str, term: str, path: tuple[str, ...]) -> Tree:
        """Return the record of ``name``, which the records of ``path`` lead to."""
        if name in path:
            return _without(name, term, "loop", "permerror")
        answer = self.answers.get((name, "TXT"))
        if self.left <= 0 or answer is None or answer.outcome == "limit":
            return _without(name, term, "limit", None)
        self.left -= 1
        if not answer.known:
            return _without(name, term, "unknown", "temperror", answer.detail or answer.outcome)
        found = spf.records_of(answer.texts)
        if len(found) != 1:
            several: RecordState = "several" if found else "none"
            return _without(name, term, several, "permerror" if found or path else "none")
        if len(found[0]) > spf.MAX_BYTES:
            too_long = f"more than {spf.MAX_BYTES} bytes"
            return _without(name, term, "limit", None, too_long)
        record = spf.read(found[0])
        growth = _Growth(self, (*path, name), record)
        growth.evaluate()
        errors = record.errors[:_MAX_ERRORS]
        node = SpfRecord(
            name=name, term=printable(term, 200), state="found", text=printable(found[0], 4096),
            size=len(found[0]), lookups=growth.lookups, voids=(growth.voids4, growth.voids6),
            otherwise="permerror" if record.wrong else growth.otherwise, errors=errors,
            crowded=tuple(growth.crowded), uses_ptr=growth.uses_ptr,
            depends=tuple(growth.depends),
            useless=tuple(growth.useless), records=tuple(growth.records),
        )  # fmt: skip
        return Tree(node, ranges.union(growth.passes), ranges.union(growth.own), growth.complete)


def _without(
    name: str, term: str, state: RecordState, otherwise: SpfResult | None, detail: str = ""
) -> Tree:
    node = SpfRecord(
        name=name, term=printable(term, 200), state=state, otherwise=otherwise, detail=detail
    )
    return Tree(node, complete=state in {"none", "several", "loop"})


class _Growth:
    """The evaluation of one record for all senders at once."""

    def __init__(self, forest: _Forest, path: tuple[str, ...], record: Record) -> None:
        self.forest = forest
        self.path = path
        self.record = record
        self.owned = f".{path[-1]}".endswith(f".{forest.domain}")
        self.passes: list[tuple[int, int]] = []
        self.own: list[tuple[int, int]] = []
        self.decided = ranges.Growing()
        self.mechanisms = record.mechanisms[: forest.terms_left]
        forest.terms_left -= len(self.mechanisms)
        self.complete = len(self.mechanisms) == len(record.mechanisms)
        self.lookups = self.voids4 = self.voids6 = 0
        self.otherwise: SpfResult | None = None
        self.broken: SpfResult | None = None
        self.records: list[SpfRecord] = []
        self.useless: list[str] = []
        self.crowded: list[str] = []
        self.uses_ptr = False
        self.depends: list[str] = []

    def evaluate(self) -> None:
        """Evaluate the mechanisms, then the redirect."""
        for number, mechanism in enumerate(self.mechanisms):
            if self._matches_all(mechanism):
                self.otherwise = self.otherwise or spf.RESULTS[mechanism.qualifier]
                self._useless(*self.mechanisms[number + 1 :])
                break
        else:
            self._redirect()
        self.otherwise = self.broken or self.otherwise

    def _redirect(self) -> None:
        redirect = self.record.redirect
        if redirect is None:
            self.otherwise = self.otherwise or "neutral"
            return
        self.lookups += 1
        below = self._refer(redirect.value, str(redirect))
        self._decide("+", below.passes, below.own)
        self.otherwise = self.otherwise or below.record.otherwise

    def _refer(self, parts: tuple[Part, ...], term: str) -> Tree:
        below = self.forest.refer(parts, term, self.path)
        self.records.append(below.record)
        self.lookups += below.record.lookups
        self.voids4 += below.record.voids[0]
        self.voids6 += below.record.voids[1]
        self.complete &= below.complete
        return below

    def _matches_all(self, mechanism: Mechanism) -> bool:
        """Evaluate a mechanism, and return whether no sender is left after it."""
        own: Ranges | None = None
        certain = True
        match mechanism.name:
            case "all":
                matched, always = EVERYTHING, True
            case "include":
                self.lookups += 1
                below = self._refer(mechanism.domain, str(mechanism))
                matched, own = below.passes, below.own
                always = below.record.otherwise == "pass"
                certain = below.complete
                if below.record.otherwise in {"permerror", "temperror"}:
                    self.broken = self.broken or below.record.otherwise
                    certain = False
            case "ip4" | "ip6":
                matched, always = ranges.of([mechanism.network] if mechanism.network else []), False
            case _:
                self.lookups += 1
                found = self._found(mechanism)
                certain = found is not None
                self.complete &= certain
                matched, always = found or (), found == EVERYTHING
        if always and self.otherwise is None:
            self.otherwise = spf.RESULTS[mechanism.qualifier]
        new = self._decide(mechanism.qualifier, matched, own)
        if certain and not new:
            self._useless(mechanism)
        return self.decided.is_everything

    def _decide(self, qualifier: str, matched: Ranges, own: Ranges | None) -> Ranges:
        """Note the result of the senders that match and are not decided; return them."""
        new = self.decided.add(matched)
        if qualifier == "+":
            self.passes += new
            mine = new if self.owned else ()
            if own is None:
                self.forest.passes(new)
            self.own += mine if own is None else ranges.both(new, own)
        return new

    def _useless(self, *mechanisms: Mechanism) -> None:
        self.useless += [printable(str(mechanism), 200) for mechanism in mechanisms]

    def _found(self, mechanism: Mechanism) -> Ranges | None:
        """Return whom a mechanism that asks DNS matches; None if that is not known."""
        self.forest.asking_left -= 1
        if self.forest.asking_left < 0:
            return None
        if mechanism.name == "ptr":
            self.uses_ptr = True
            return None
        name: str | None = self.path[-1]
        if mechanism.domain:
            name = target(mechanism.domain, self.path[-1], self.forest.domain)
        if name is None:
            self.depends.append(printable(str(mechanism), 200))
            return None
        if not name:
            return ()
        if mechanism.name == "a":
            return self._addresses([name], mechanism)
        answer = self._answer(name, "MX" if mechanism.name == "mx" else "A")
        if answer is None:
            return None
        self._void(answer.empty, answer.empty)
        if mechanism.name == "exists":
            return EVERYTHING if answer.names else ()
        if len(answer.exchangers) > MOST:
            self.crowded.append(name)
            self.broken = self.broken or "permerror"
            return None
        hosts = (spf_macros.as_name(exchanger.host) for exchanger in answer.exchangers)
        return self._addresses([host for host in hosts if host is not None], mechanism)

    def _addresses(self, names: list[str], mechanism: Mechanism) -> Ranges | None:
        found: list[Ranges] = []
        for name in names:
            four, six = self._answer(name, "A"), self._answer(name, "AAAA")
            if four is None or six is None:
                return None
            self._void(four.empty, six.empty)
            found.append(self.forest.networks_of(four, mechanism.prefix4))
            found.append(self.forest.networks_of(six, mechanism.prefix6))
        return ranges.union(*found)

    def _void(self, ipv4: bool, ipv6: bool) -> None:
        """Count a look-up without a record."""
        for counting in (self, self.forest):
            counting.voids4 += ipv4
            counting.voids6 += ipv6

    def _answer(self, name: str, rtype: str) -> Answer | None:
        """Return an answer that says what there is; else the record's result is unknown."""
        answer = self.forest.answers.get((name, rtype))
        if answer is None or not answer.known:
            if answer is not None and answer.outcome != "limit":
                self.broken = self.broken or "temperror"
            return None
        return answer
