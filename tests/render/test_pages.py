"""Whole pages and explanations of made-up rules and protocols, each in a file of ``whole/``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from seventh import protocols
from seventh.labkit.serve import Fault
from seventh.model.checklist import CheckLine
from seventh.model.facts import Facts
from seventh.model.option import Option, RoomOptions
from seventh.model.severity import Severity
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme
from seventh.model.verb import Verb
from seventh.render import pages, protocol_page
from seventh.render.explain import explain, explain_planned, listing
from seventh.render.wording import built_in, is_prose
from seventh.rules.planned import Planned
from seventh.rules.rule import AnyRule, Hit, Source, Verdict, rule

pytestmark = pytest.mark.usefixtures("demo_room")
WHOLE = Path(__file__).with_name("whole")


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    number: int = 0
    same: str = "s"
    renamed: int = msgspec.field(default=0, name="otherName")


class Wide(Facts, frozen=True, kw_only=True):
    """Facts of every shape."""

    text: str = ""
    inner: Inner | None = None
    second: Inner | None = None
    some: tuple[str, ...] = ()
    twelve: tuple[int, ...] = ()
    flags: frozenset[str] = frozenset()
    table: Mapping[str, Inner] = msgspec.field(default_factory=dict)
    alike: int = 5
    raw: bytes = b""


@rule(
    "DEMO-WIDE", Severity.MEDIUM, tier=4, source=Source.FILE,
    title="Wide [facts]", evidence="{what} of {{braces}}, {size:.1f} {size!r}",
    why="",
    fix={
        "any": "Give it as many words as a sentence needs.",
        "nginx": "wide on;",
        "demod": "Then another sentence for a product of its own.",
    },
    phrases={"what": {"a": "an <a> of {size}", "b": "a b", "c": "a b"}},
    directives={"nginx": ("wide", "nar|row"), "demod": ("Wide",)},
    good=Wide(inner=Inner(number=1), some=("a",)),
    bad=Wide(
        text="a\x1b", inner=Inner(number=2, renamed=3), second=Inner(renamed=1),
        some=tuple("abcdefghijklm"), twelve=tuple(range(12)), flags=frozenset("ba"),
        table={"b": Inner(), "a": Inner(number=7)}, raw=b"abc",
    ),
)  # fmt: skip
def wide(facts: Wide) -> Verdict:
    """Judge <how> wide it is.

    Further words.
    """
    return Hit(what="a", size=2.25) if facts.text else None


class DemoOptions(RoomOptions, frozen=True, kw_only=True):
    count: Annotated[
        int, Meta(ge=1, le=9), Option(flag="count", metavar="N", help="how many requests to send")
    ] = 4
    either: Annotated[
        str, Option(flag="either", help="either of two", switches=(("-a", "a", "only a"),
                                                                   ("-b", "b", "only b")))
    ] = ""  # fmt: skip


SPEC = Spec(
    name="demo", title="Demo & more",
    schemes=(Scheme(name="demo", port=7), Scheme(name="demos", port=None)),
    phases=(PhaseSpec("demo.hello", "from the connection to the greeting"),),
    metrics=(
        Metric("seventh_demo_seconds", "gauge", "time to greet", "wait_seconds"),
        Metric("seventh_demo_total", "counter", "greetings by kind", "kinds", "kind"),
    ),
    tiers={1: "greets", 0: "connects"},
    options=DemoOptions,
    shared=("user", "server_name"),
    verbs=(Verb(name="press", help="press it", tier=1),),
    standards=tuple(f"RFC {number}" for number in range(9990, 9999)),
)  # fmt: skip
LINES = (
    CheckLine("It is *wide*", rules=("DEMO-WIDE", "DEMO-SLOW")),
    CheckLine("It greets", facts=("text", "some"), look="--count 4"),
)
FAULTS = (Fault(name="slow", meaning="answers late", triggers=("DEMO-SLOW",)),)
PLANNED = (
    Planned(room="demo", id="DEMO-LATER", title="Later", severity=Severity.LOW, tier=2,
            source=(Source.WIRE, Source.DNS), waits_for="the demo protocol"),
    Planned(room="demo", id="DEMO-A-FIRST", title="First", severity=Severity.HIGH, tier=0,
            source=(Source.SERIES,), waits_for="series"),
    Planned(room="demo", id="DEMO-SOONER", title="Sooner", severity=Severity.INFO, tier=1,
            source=(Source.TELEMETRY,), waits_for="the demo protocol"),
    Planned(room="demo", id="DEMO-SLOW", title="Built already", severity=Severity.INFO, tier=1,
            source=(Source.WIRE,), waits_for="nothing"),
)  # fmt: skip


def rules() -> tuple[AnyRule, ...]:
    return (*built_in("demo"), wide)


MADE: dict[str, Callable[[], str]] = {
    "rule-DEMO-WIDE.md": lambda: pages.page("demo", wide),
    "rule-DEMO-WEAK.md": lambda: pages.pages({"demo": rules()})["DEMO-WEAK.md"],
    "rule-DEMO-SLOW.md": lambda: pages.pages({"demo": rules()})["DEMO-SLOW.md"],
    "rules.md": lambda: pages.index({"other": (wide,), "demo": rules()}),
    "protocol.md": lambda: protocol_page.page(SPEC, rules()),
    "protocol-small.md": lambda: protocol_page.page(protocols.rooms()["demo"], ()),
    "protocols.md": lambda: protocol_page.index({"demo": SPEC}),
    "protocol.txt": lambda: protocol_page.explain_protocol(SPEC),
    "explain-DEMO-WIDE.txt": lambda: explain(wide),
    "explain-DEMO-WEAK.txt": lambda: explain(built_in("demo")[1]),
    "explain-planned.txt": lambda: explain_planned(PLANNED[0]),
    "listing.txt": lambda: listing(rules(), PLANNED),
}


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The room "demo" has a checklist and a lab of its own."""
    has_part, part = protocols.has_part, protocols.part
    lab: Any = type("Lab", (), {"FAULTS": FAULTS})
    mine = {("demo", "lab")}
    monkeypatch.setattr(
        protocols, "has_part", lambda room, name: (room, name) in mine or has_part(room, name)
    )
    monkeypatch.setattr(
        protocols, "part", lambda room, name: lab if (room, name) in mine else part(room, name)
    )
    monkeypatch.setattr(protocols, "checklist", lambda room: LINES)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("name", MADE)
def test_the_whole_text(name: str) -> None:
    assert MADE[name]() == (WHOLE / name).read_text(encoding="utf-8")


def test_a_list_without_rules_has_only_what_is_planned() -> None:
    assert listing((), PLANNED[:1]) == (
        "Not built yet, waiting for the demo protocol:\nDEMO-LATER  low       2  W/D  Later\n"
    )
    assert listing(()) == ""


@pytest.mark.parametrize(
    ("fix", "prose"),
    [
        ("Six words are prose: one, two", True),
        ("Only five words are here", False),
        ("six words, of which 4.2 some-9 3 are", False),  # 5 of 8
        ("seven of these ten words are plain 1 2 3", True),
        ("six of these nine words 1 2 3", False),
        ("Sentences of 1 2 3 4 5 6 end so.", True),
        ("sentences of 1 2 3 4 5 6 end so.", False),
        ("Sentences of 1 2 3 4 5 6 end so", False),
        ("9entences of 1 2 3 4 5 6 end so.", False),
        ("A sentence with a comment # is a line to copy.", False),
        ("Two lines that are prose, both.\n\nAnd this is the second of them.", True),
        ("", False),
        (" \n ", False),
    ],
)
def test_prose_is_six_words_a_line_most_of_them_plain(fix: str, prose: bool) -> None:
    assert is_prose(fix) is prose
