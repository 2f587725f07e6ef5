"""DMARC records, the tree walk, and report addresses in other domains."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.mail.facts.answer import Answer, Question
from seventh.protocols.mail.facts.dmarc import (
    Destination,
    DmarcFacts,
    DmarcRecord,
    Problem,
    Step,
)
from seventh.protocols.mail.wire.dmarc import (
    authorise,
    destination_of,
    discover,
    first_record,
    is_record,
    names_to_ask,
    read_record,
    stricter,
)
from tests.protocols.mail.spf_zone import Zone, answer

T = TypeVar("T")
REJECT = "v=DMARC1; p=reject"


def run(
    evaluation: Generator[Question, Answer, T], zone: Zone, asked: list[str] | None = None
) -> T:
    question = next(evaluation)
    while True:
        if asked is not None:
            asked.append(question[0])
        try:
            question = evaluation.send(answer(zone, *question))
        except StopIteration as end:
            found: T = end.value
            return found


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        (b"v=DMARC1", True),
        (b"v=DMARC1;p=none", True),
        (b"V = DMARC1 ; p=none", True),
        (b"v=dmarc1; p=none", False),
        (b"v=DMARC12; p=none", False),
        (b" v=DMARC1; p=none", False),
        (b"p=none; v=DMARC1", False),
        (b"v=spf1 -all", False),
    ],
)
def test_a_record_begins_with_its_version(text: bytes, counts: bool) -> None:
    assert is_record(text) is counts


def record(text: str, **fields: object) -> DmarcRecord:
    return DmarcRecord(text=text, **{"has_policy": True, **fields})  # type: ignore[arg-type]


def problem(flaw: str, tag: str = "", text: str = "") -> tuple[Problem, ...]:
    return (Problem(flaw=flaw, tag=tag, text=text),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rest", "fields"),
    [
        ("p=none", {}),
        ("p=Reject; SP=QUARANTINE; np=none", {
            "policy": "reject", "subdomains": "quarantine", "missing": "none"}),
        ("p=reject; t=y; psd=n; adkim=s; aspf=s; fo=1:d:s", {
            "policy": "reject", "testing": True, "psd": "n", "strict_dkim": True,
            "strict_spf": True}),
        ("", {"has_policy": False}),
        ("p=rejected", {
            "has_policy": False, "problems": problem("value", "p", "p=rejected")}),
        ("p=reject; t=x", {"policy": "reject", "problems": problem("value", "t", "t=x")}),
        ("p=reject; adkim=strict", {
            "policy": "reject", "problems": problem("value", "adkim", "adkim=strict")}),
        ("p=reject; fo=0:1", {"policy": "reject", "problems": problem("value", "fo", "fo=0:1")}),
        ("p=reject; fo=1:1", {"policy": "reject", "problems": problem("value", "fo", "fo=1:1")}),
        ("p=reject; fo=x", {"policy": "reject", "problems": problem("value", "fo", "fo=x")}),
        ("p=reject; pct=50", {
            "policy": "reject", "percent": 50, "problems": problem("removed", "pct", "pct=50")}),
        ("p=reject; pct=100", {
            "policy": "reject", "percent": 100, "problems": problem("removed", "pct", "pct=100")}),
        ("p=reject; pct=101", {
            "policy": "reject", "problems": problem("removed", "pct", "pct=101")}),
        ("p=reject; new=1", {"policy": "reject", "problems": problem("unknown", "new", "new=1")}),
        ("p=reject; oops", {"policy": "reject", "problems": problem("malformed", "", "oops")}),
        ("rua=mailto:a@b.example; p=reject", {
            "policy": "reject", "reports": ("mailto:a@b.example",),
            "problems": problem("order", "p", "p=reject")}),
        ("p=none; rua=mailto:a@b.example!10m, https://b.example/", {
            "reports": ("mailto:a@b.example",),
            "problems": (
                Problem(flaw="size", tag="rua", text="rua=mailto:a@b.example!10m"),
                Problem(flaw="uri", tag="rua", text="rua=https://b.example/"),
            )}),
        ("p=none; ruf=mailto:a@b.example", {"failures": ("mailto:a@b.example",)}),
        ("p=none; rua=,", {}),
    ],
)  # fmt: skip
def test_every_tag_is_read(rest: str, fields: dict[str, object]) -> None:
    text = f"v=DMARC1; {rest}"
    assert read_record(text.encode()) == record(text, **fields)


def test_what_is_kept_of_long_texts() -> None:
    tag, value = "t" * 41, "x" * 300
    uri, longer = f"mailto:{'u' * 281}@b.example.org"[:300], f"mailto:{'u' * 284}@b.example"
    assert (len(uri), len(longer)) == (300, 301)
    text = f"v=DMARC1; p=none; {tag}={value}; rua={uri},{longer}; {'y' * 900}"
    read = read_record(text.encode())
    assert read.text == text[:1000] + "…"
    assert read.reports == (uri, longer[:300] + "…")
    assert read.problems == (
        Problem(flaw="malformed", text="y" * 200 + "…"),
        Problem(flaw="unknown", tag="t" * 40 + "…", text=f"{tag}={value}"[:200] + "…"),
    )


@pytest.mark.parametrize("tag", ["pct", "rf", "ri"])
def test_tags_that_were_removed(tag: str) -> None:
    read = read_record(f"v=DMARC1; p=none; {tag}=1".encode())
    assert read.problems == problem("removed", tag, f"{tag}=1")


@pytest.mark.parametrize(
    ("value", "percent"), [("0", 0), ("00", 0), ("100", 100), ("0100", None), ("-1", None)]
)
def test_a_percentage(value: str, percent: int | None) -> None:
    assert read_record(f"v=DMARC1; pct={value}".encode()).percent == percent


def test_the_first_of_a_repeated_tag_counts() -> None:
    read = read_record(b"v=DMARC1; p=reject; p=none")
    assert (read.policy, read.problems) == ("reject", problem("repeated", "p", "p"))


@pytest.mark.parametrize(
    ("uri", "domain"),
    [
        ("mailto:a@B.Example", "b.example"),
        ("MAILTO:a@b.example.", "b.example"),
        ("mailto:a@b.example?subject=x@y", "b.example"),
        ("mailto:@b.example", ""),
        ("mailto:b.example", ""),
        ("mailto:a@", ""),
        ("mailto:a@b..example", ""),
        ("a@b.example", ""),
        ("https://b.example/", ""),
    ],
)
def test_reports_go_by_mail(uri: str, domain: str) -> None:
    assert destination_of(uri) == domain


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ("example.org", ("example.org", "org")),
        ("a.b.example.org", ("a.b.example.org", "b.example.org", "example.org", "org")),
        ("1.2.3.4.5.6.7.org", ("1.2.3.4.5.6.7.org", "2.3.4.5.6.7.org", "3.4.5.6.7.org",
                               "4.5.6.7.org", "5.6.7.org", "6.7.org", "7.org", "org")),
        ("x.1.2.3.4.5.6.7.org", ("x.1.2.3.4.5.6.7.org", "2.3.4.5.6.7.org", "3.4.5.6.7.org",
                                 "4.5.6.7.org", "5.6.7.org", "6.7.org", "7.org", "org")),
    ],
)  # fmt: skip
def test_a_walk_asks_eight_questions_at_most(domain: str, names: tuple[str, ...]) -> None:
    assert names_to_ask(domain) == names
    asked: list[str] = []
    run(discover(domain), {}, asked)
    assert asked == [*(f"_dmarc.{name}" for name in names), domain]


def found(zone: Zone, domain: str = "a.example.org") -> tuple[object, ...]:
    facts = run(discover(domain), zone)
    at = facts.record.at if facts.record is not None else None
    return at, facts.organizational, facts.applied, facts.older


ORG, SUB, TOP = "_dmarc.example.org", "_dmarc.a.example.org", "_dmarc.org"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ({}, (None, "a.example.org", None, None)),
        ({SUB: {"TXT": (REJECT,)}}, ("a.example.org", "a.example.org", "reject", "reject")),
        ({ORG: {"TXT": (REJECT,)}}, ("example.org", "example.org", "reject", None)),
        ({ORG: {"TXT": (f"{REJECT}; sp=none",)}}, ("example.org", "example.org", "none", None)),
        (
            {SUB: {"TXT": ("v=DMARC1; p=quarantine; t=y",)}, ORG: {"TXT": (REJECT,)}},
            ("a.example.org", "example.org", "none", "quarantine"),
        ),
        ({SUB: {"TXT": (f"{REJECT}; t=y",)}}, (
            "a.example.org", "a.example.org", "quarantine", "reject")),
        (
            {SUB: {"TXT": (f"{REJECT}; psd=n",)}, ORG: {"TXT": (REJECT,)}},
            ("a.example.org", "a.example.org", "reject", "reject"),
        ),
        (
            {ORG: {"TXT": (f"{REJECT}; psd=y",)}},
            ("example.org", "a.example.org", "reject", None),
        ),
        (
            {ORG: {"TXT": (REJECT,)}, TOP: {"TXT": ("v=DMARC1; p=none; psd=y",)}},
            ("example.org", "example.org", "reject", None),
        ),
        ({TOP: {"TXT": ("v=DMARC1; p=none",)}}, ("org", "org", "none", None)),
        ({SUB: {"TXT": (REJECT, REJECT)}}, (None, "a.example.org", None, None)),
        ({SUB: {"TXT": (REJECT, "v=spf1 -all")}}, (
            "a.example.org", "a.example.org", "reject", "reject")),
        ({SUB: {"TXT": "servfail"}, ORG: {"TXT": (REJECT,)}}, (None, None, None, None)),
        ({ORG: {"TXT": "servfail"}}, (None, None, None, None)),
        (
            {SUB: {"TXT": (REJECT,)}, TOP: {"TXT": "timeout"}},
            ("a.example.org", None, "reject", "reject"),
        ),
    ],
)  # fmt: skip
def test_the_record_that_applies(zone: Zone, expected: tuple[object, ...]) -> None:
    assert found(zone) == expected


def test_a_record_of_a_public_suffix_is_not_its_own_organization() -> None:
    zone: Zone = {"_dmarc.bank": {"TXT": (f"{REJECT}; psd=y",)}}
    assert found(zone, "bank") == ("bank", "bank", "reject", "reject")


def test_a_walk_says_what_each_name_has() -> None:
    zone: Zone = {SUB: {"TXT": (REJECT, REJECT)}, TOP: {"TXT": "servfail"}}
    assert run(discover("a.example.org"), zone) == DmarcFacts(
        walk=(
            Step(domain="a.example.org", outcome="several"),
            Step(domain="example.org", outcome="none"),
            Step(domain="org", outcome="unknown", detail="as the test says"),
        )
    )


@pytest.mark.parametrize(
    ("at", "misplaced"), [({}, REJECT), ({"TXT": (REJECT,)}, ""), ({"TXT": "servfail"}, "")]
)
def test_a_record_at_the_domain_itself(at: dict[str, tuple[str, ...]], misplaced: str) -> None:
    zone: Zone = {"example.org": {"TXT": ("v=spf1 -all", REJECT)}, ORG: at}
    assert run(discover("example.org"), zone).misplaced == misplaced


def test_other_domains_say_that_they_take_reports() -> None:
    zone: Zone = {
        "example.org._report._dmarc.one.example": {"TXT": ("v=DMARC1",)},
        "example.org._report._dmarc.two.example": {"TXT": ("v=DMARC",)},
        "example.org._report._dmarc.three.example": {"TXT": "refused"},
    }
    uris = ("a@example.org", "a@in.example.org", "a@one.example", "b@one.example", "a@two.example",
            "a@three.example", "a@notexample.org")  # fmt: skip
    asking = DmarcRecord(at="example.org", reports=tuple(f"mailto:{uri}" for uri in uris))
    assert run(authorise(asking, "example.org"), zone) == (
        Destination(domain="example.org", state="own"),
        Destination(domain="in.example.org", state="own"),
        Destination(domain="one.example", state="authorised"),
        Destination(domain="two.example", state="not-authorised"),
        Destination(domain="three.example", state="unknown"),
        Destination(domain="notexample.org", state="not-authorised"),
    )


def test_a_record_with_many_addresses_asks_eight_domains() -> None:
    uris = tuple(f"mailto:a@{number}.example" for number in range(20))
    assert len(run(authorise(DmarcRecord(reports=uris), "x"), {})) == 8


LONG = "v=DMARC1; p=none; rua=mailto:" + "a" * 961 + "@b.example"
"""A thousand characters: the longest record whose text is kept whole."""


@pytest.mark.parametrize(
    "text", [LONG.replace("a@", "aa@"), "v=DMARC1; rua=mailto:\u00fc@b.example", "v=DMARC1; a=\\1"]
)
def test_a_record_that_is_not_known_whole_is_not_written_anew(text: str) -> None:
    assert stricter(read_record(text.encode())) == ""


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("v=DMARC1; p=none; rua=mailto:a@b.example",
         "v=DMARC1; p=quarantine; rua=mailto:a@b.example"),
        ("v=DMARC1;p=quarantine;sp=none;np=none;t=y;adkim=s",
         "v=DMARC1; p=reject; adkim=s"),
        ("v=DMARC1; p=reject; t=y; pct=20; adkim=q; oops", "v=DMARC1; p=reject"),
        ("v=DMARC1", "v=DMARC1; p=quarantine"),
        (LONG, LONG.replace("none", "quarantine")),
    ],
)  # fmt: skip
def test_the_next_stricter_record(text: str, better: str) -> None:
    assert stricter(read_record(text.encode())) == better
    assert read_record(better.encode()).problems == ()


def test_the_first_record_is_without_a_fault() -> None:
    text = first_record("example.org")
    assert read_record(text.encode(), "example.org") == record(
        text, at="example.org", reports=("mailto:dmarc-reports@example.org",)
    )


@given(st.binary(max_size=300))
def test_any_text_is_read(text: bytes) -> None:
    read = read_record(b"v=DMARC1;" + text)
    assert not stricter(read) or is_record(stricter(read).encode())
