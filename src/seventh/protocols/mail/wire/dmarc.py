"""DMARC (RFC 9989): records, the tree walk, and who may receive reports (RFC 9990).

Receivers of RFC 7489 find the organizational domain by a list of public suffixes, which is not
shipped: what they do is said where the domain has a record of its own, and is unknown otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import Any, Literal, get_args

from msgspec.structs import replace

from seventh.protocols.mail.facts.answer import Answer, Question
from seventh.protocols.mail.facts.dmarc import (
    Destination,
    DmarcFacts,
    DmarcRecord,
    Flaw,
    Policy,
    Problem,
    Step,
)
from seventh.protocols.mail.wire.tag_list import read_tags
from seventh.wire.text import printable

MAX_STEPS = 8
"""The most questions of a tree walk (RFC 9989 §4.10)."""
MAX_DESTINATIONS = 8
_VERSION = re.compile(rb"[vV][ \t]*=[ \t]*DMARC1[ \t]*(;|$)")
_SIZE = re.compile(r"![0-9]+[kmgt]?$", re.IGNORECASE)
_POLICIES: tuple[str, ...] = get_args(Policy)
_REMOVED = frozenset({"pct", "rf", "ri"})
_VALUES: dict[str, tuple[str, ...]] = {
    "p": _POLICIES, "sp": _POLICIES, "np": _POLICIES, "adkim": ("r", "s"), "aspf": ("r", "s"),
    "t": ("y", "n"), "psd": ("y", "n", "u"),
}  # fmt: skip
_FAILURE_OPTIONS = frozenset("01ds")


def is_record(text: bytes) -> bool:
    """Return whether the text is a DMARC record, valid or not."""
    return _VERSION.match(text) is not None


def read_record(text: bytes, at: str = "") -> DmarcRecord:
    """Read a DMARC record; an invalid tag has its default, and is among the problems."""
    listed = read_tags(text)
    tags = {name.lower(): value for name, value in reversed(listed.tags.items())}
    order = list(dict.fromkeys(name.lower() for name in listed.tags))
    problems = [_problem("malformed", text=piece) for piece in listed.malformed]
    problems += [_problem("repeated", name, name) for name in listed.repeated]
    valid: dict[str, str] = {}
    for name in order:
        value = tags[name]
        flaw = _flaw(name, value)
        if flaw is not None:
            problems.append(_problem(flaw, name, f"{name}={value}"))
        else:
            valid[name] = value.lower()
    if "p" in order and order[1:2] != ["p"]:
        problems.append(_problem("order", "p", f"p={tags['p']}"))
    reports, wrong = _uris("rua", tags.get("rua", ""))
    failures, more = _uris("ruf", tags.get("ruf", ""))
    policies: dict[str, Any] = {name: valid.get(name) for name in ("sp", "np")}
    return DmarcRecord(
        at=at, text=printable(text.decode("utf-8", "replace"), 1000),
        policy=valid.get("p", "none"), has_policy="p" in valid,  # type: ignore[arg-type]
        subdomains=policies["sp"], missing=policies["np"],
        testing=valid.get("t") == "y", psd=valid.get("psd", "u"),  # type: ignore[arg-type]
        strict_dkim=valid.get("adkim") == "s", strict_spf=valid.get("aspf") == "s",
        percent=_percent(tags.get("pct", "")), reports=reports, failures=failures,
        problems=(*problems, *wrong, *more),
    )  # fmt: skip


def _problem(flaw: Flaw, tag: str = "", text: str = "") -> Problem:
    return Problem(flaw=flaw, tag=printable(tag, 40), text=printable(text, 200))


def _flaw(name: str, value: str) -> Flaw | None:
    if name in _REMOVED:
        return "removed"
    if name in _VALUES:
        return None if value.lower() in _VALUES[name] else "value"
    if name == "fo":
        options = [option.strip().lower() for option in value.split(":")]
        right = set(options) <= _FAILURE_OPTIONS and len(set(options)) == len(options)
        return None if right and not {"0", "1"} <= set(options) else "value"
    return None if name in {"v", "rua", "ruf"} else "unknown"


def _percent(value: str) -> int | None:
    number = value.strip()
    if not (number.isascii() and number.isdigit() and len(number) <= 3):
        return None
    return int(number) if int(number) <= 100 else None


def _uris(tag: str, value: str) -> tuple[tuple[str, ...], list[Problem]]:
    """Return the addresses that reports can be sent to, and what is wrong with the others."""
    found: list[str] = []
    problems: list[Problem] = []
    for each in filter(None, (part.strip() for part in value.split(","))):
        plain = _SIZE.sub("", each)
        if plain != each:
            problems.append(_problem("size", tag, f"{tag}={each}"))
        if destination_of(plain):
            found.append(printable(plain, 300))
        else:
            problems.append(_problem("uri", tag, f"{tag}={each}"))
    return tuple(found), problems


def destination_of(uri: str) -> str:
    """Return the domain that a report address is in; empty if reports cannot be sent there.

    Receivers only have to support ``mailto`` (RFC 9990).
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() != "mailto":
        return ""
    local, at, domain = rest.partition("?")[0].rpartition("@")
    domain = domain.lower().removesuffix(".")
    right = local and at and re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", domain)
    return domain if right else ""


def discover(domain: str) -> Generator[Question, Answer, DmarcFacts]:
    """Walk the tree from ``domain``, and say which record applies to its mail."""
    found: list[DmarcRecord] = []
    walk: list[Step] = []
    for name in names_to_ask(domain):
        answer = yield f"_dmarc.{name}", "TXT"
        step, record = _step(name, answer)
        walk.append(step)
        if record is not None:
            found.append(record)
            if record.psd != "u":
                break
    apex = yield domain, "TXT"
    facts = DmarcFacts(walk=tuple(walk), misplaced=_misplaced(walk, apex))
    own = next((record for record in found if record.at == domain), None)
    if facts.unknown and own is None:
        return facts
    organizational = None if facts.unknown else organizational_domain(domain, found)
    by_name = {record.at: record for record in found}
    public = next((record for record in found if record.psd == "y"), None)
    record = own or by_name.get(organizational or "") or public
    if record is None:
        return replace(facts, organizational=organizational)
    return replace(
        facts, record=record, organizational=organizational, applied=applied(record, domain),
        older=record.policy if record is own else None,
    )  # fmt: skip


def names_to_ask(domain: str) -> tuple[str, ...]:
    """Return the domains of the tree walk, the longest first: at most eight."""
    labels = domain.split(".")
    above = labels[-(MAX_STEPS - 1) :] if len(labels) > MAX_STEPS else labels[1:]
    return (domain, *(".".join(above[at:]) for at in range(len(above))))


def _step(name: str, answer: Answer) -> tuple[Step, DmarcRecord | None]:
    if not answer.known:
        return Step(domain=name, outcome="unknown", detail=answer.detail), None
    records = [text for text in answer.texts if is_record(text)]
    if len(records) > 1:
        return Step(domain=name, outcome="several"), None
    if not records:
        return Step(domain=name, outcome="none"), None
    return Step(domain=name, outcome="record"), read_record(records[0], name)


def _misplaced(walk: Sequence[Step], apex: Answer) -> str:
    """Return a record at the domain itself, if there is none at its right place."""
    if walk[0].outcome != "none":
        return ""
    text = next((text for text in apex.texts if is_record(text)), b"")
    return printable(text.decode("utf-8", "replace"), 1000)


def organizational_domain(domain: str, found: Sequence[DmarcRecord]) -> str:
    """Return the organizational domain by the records that the walk has found."""
    if not found:
        return domain
    last = found[-1]
    if last.psd == "y" and last.at != domain:
        labels = domain.split(".")
        return ".".join(labels[-(last.at.count(".") + 2) :])
    return last.at


def applied(record: DmarcRecord, domain: str) -> Policy:
    """Return what receivers do with mail of ``domain`` that fails, by RFC 9989."""
    asked: Policy = record.policy
    if record.at != domain and record.subdomains is not None:
        asked = record.subdomains
    if record.testing:
        return "quarantine" if asked == "reject" else "none"
    return asked


def authorise(
    record: DmarcRecord, organizational: str
) -> Generator[Question, Answer, tuple[Destination, ...]]:
    """Ask whether each domain that is to receive reports has published that it takes them."""
    named = [destination_of(uri) for uri in (*record.reports, *record.failures)]
    found: list[Destination] = []
    for domain in list(dict.fromkeys(named))[:MAX_DESTINATIONS]:
        if domain == organizational or domain.endswith(f".{organizational}"):
            found.append(Destination(domain=domain, state="own"))
            continue
        answer = yield f"{record.at}._report._dmarc.{domain}", "TXT"
        found.append(Destination(domain=domain, state=_authorisation(answer)))
    return tuple(found)


def _authorisation(answer: Answer) -> Literal["authorised", "not-authorised", "unknown"]:
    if any(is_record(text) for text in answer.texts):
        return "authorised"
    return "not-authorised" if answer.known else "unknown"


VERSION_ONLY = "v=DMARC1"
"""What a domain publishes that takes another one's reports."""


def first_record(domain: str) -> str:
    """Return the record to begin with, which changes nothing and brings reports."""
    return f"v=DMARC1; p=none; rua=mailto:dmarc-reports@{domain}"


def stricter(record: DmarcRecord) -> str:
    """Return the record with the next stricter policy, and without what weakens it.

    Empty where not all of the record is known: its text was cut, or it has bytes beyond ASCII.
    """
    if not record.text.isascii() or "\\" in record.text:
        return ""
    left_out = {"v", "p", "sp", "np", "t", *_REMOVED}
    tags = read_tags(record.text).tags.items()
    kept = [f"{n.lower()}={v}" for n, v in tags if n.lower() not in left_out and _is_kept(n, v)]
    return "; ".join(["v=DMARC1", f"p={next_policy(record)}", *kept])


def next_policy(record: DmarcRecord) -> Policy:
    """Return the next stricter policy."""
    return "quarantine" if record.policy == "none" else "reject"


def _is_kept(name: str, value: str) -> bool:
    return _flaw(name.lower(), value) is None
