"""The gist: what is chosen of facts, by their shape alone."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import ClassVar, Literal

import msgspec
import pytest
from msgspec.structs import fields

from seventh.model.facts import Facts
from seventh.model.netfacts import Difference, NetFacts
from seventh.render.fact_words import HIDDEN, label_of
from seventh.render.summary import duration, instant, summary
from tests.render.samples import FACTS


class Kind(Enum):
    FULL = "full"


class Named(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    sizes: tuple[int, ...] = ()
    count: int = 0


class Bare(msgspec.Struct, frozen=True, kw_only=True):
    number: int = 0
    items: tuple[str, ...] = ()


class Odd(Facts, frozen=True, kw_only=True):
    port: int = 0
    ident: str = ""
    software: str = ""
    kind: Kind | None = None
    wait_seconds: float | None = None
    expiry_timestamp_seconds: float | None = None
    size_bytes: int | None = None
    raw: bytes = b""
    flags: frozenset[str] = frozenset()
    by_address: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    bare: tuple[Bare, ...] = ()
    one: Bare | None = None
    lists: Bare | None = None
    named: tuple[Named, ...] = ()
    nothing: tuple[str, ...] | None = ("default",)


def test_what_was_not_learnt_is_not_said() -> None:
    assert summary(Odd()) == []
    assert summary(Odd(port=22, nothing=(), ident="")) == []


def test_units_join_their_values() -> None:
    facts = Odd(wait_seconds=0.5, size_bytes=3, expiry_timestamp_seconds=1.8e9, raw=b"abc")
    assert summary(facts) == [
        ("wait", "500 ms"), ("expiry", "2027-01-15T08:00:00Z"), ("size", "3 B"), ("raw", "3 B"),
    ]  # fmt: skip


def test_what_was_said_is_not_said_again() -> None:
    facts = Odd(ident="SSH-2.0-thing_1", software="thing_1", wait_seconds=0.25)
    assert summary(facts) == [("identification", "SSH-2.0-thing_1"), ("wait", "250 ms")]
    assert summary(facts, shown=["ssh://SSH-2.0-thing_1"], timed={0.25}) == []


def test_collections_are_short() -> None:
    facts = Odd(
        flags=frozenset("dcba"),
        by_address={"::1": ("x", "y"), "127.0.0.1": ("z",)},
        bare=(Bare(number=1), Bare(number=2)),
        one=Bare(number=7, items=("a",)),
        lists=Bare(items=("a", "b")),
        named=(Named(name="first"), Named(name="second"), Named(name="first")),
        kind=Kind.FULL,
    )
    assert summary(facts) == [
        ("kind", "full"), ("flags", "a, b, c (+1)"), ("by address", "127.0.0.1: z; ::1: 2 items"),
        ("bare", "2"), ("one", "number 7"), ("lists", "2 items"), ("named", "first, second"),
    ]  # fmt: skip


def test_a_chain_reads_as_a_chain() -> None:
    assert ("chain", "CN=leaf ← CN=middle ← CN=root") in summary(FACTS)


@pytest.mark.parametrize("timestamp", [1e300, -1e300, float("nan"), float("inf")])
def test_an_instant_outside_the_calendar_is_a_dash(timestamp: float) -> None:
    assert instant(timestamp) == "-"


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """A record that says itself what is worth a line."""

    SHOWN: ClassVar = ("name", "share", "late_seconds", "code")

    name: str = ""
    got: int = 0
    asked: int = 0
    late_seconds: float | None = None
    code: int | None = None

    @property
    def share(self) -> str:
        return f"{self.got}/{self.asked}"


class Sent(Facts, frozen=True, kw_only=True):
    one: Reached | None = None
    many: tuple[Reached, ...] = ()
    waits_seconds: tuple[float, ...] = ()
    short_bytes: int = 0
    long_bytes: int = 0
    odd_bytes: int = 0
    seconds: float = 0.0


def test_a_record_may_choose_what_is_said_of_it() -> None:
    one = Reached(got=3, asked=4, late_seconds=0.25)
    assert summary(Sent(one=one)) == [("one", "share 3/4, late 250 ms")]
    many = (Reached(name="a", got=1, asked=1, code=1002), Reached(name="b"))
    assert summary(Sent(many=many)) == [("many", "a 1/1 1002, b 0/0")]


def test_times_and_sizes_have_fitting_units() -> None:
    facts = Sent(waits_seconds=(0.0005, 1.5), short_bytes=4096, long_bytes=16 << 20,
                 odd_bytes=100_000, seconds=1.2)  # fmt: skip
    assert summary(facts) == [
        ("waits", "500 µs, 1.50 s"), ("short", "4096 B"), ("long", "16 MiB"),
        ("odd", "97.7 KiB"), ("took", "1.20 s"),
    ]  # fmt: skip


def test_what_differs_between_addresses_is_named() -> None:
    values = {"192.0.2.1": "A", "192.0.2.2": "B"}
    traits = ("certificate", "status")
    facts = NetFacts(differences=tuple(Difference(trait=t, values=values) for t in traits))
    assert summary(facts) == [("differences", "certificate, status")]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    outcome: Literal["refused", "not-answered"] = "refused"
    retry: bool | None = None
    complete: bool | None = None
    sizes_bytes: int = 0


class Coded(Facts, frozen=True, kw_only=True):
    rtt_seconds: float | None = None
    loss_ratio: float | None = None
    max_early_data_bytes: int | None = None
    leap: int | None = None
    penalties: str | None = None
    client: Literal["not-requested", "optional"] | None = None
    group: str = ""
    strict_kex: bool | None = None
    answer: Answer | None = None
    unknown: Mapping[str, str] = msgspec.field(default_factory=dict)


@pytest.mark.field
def test_a_count_or_measure_of_zero_is_no_line() -> None:
    assert summary(Coded(rtt_seconds=0.0, loss_ratio=0.0, max_early_data_bytes=0, leap=0)) == []


@pytest.mark.field
def test_a_truth_that_is_false_is_a_line() -> None:
    assert summary(Coded(strict_kex=False)) == [("strict key exchange", "no")]


@pytest.mark.field
def test_codes_are_words() -> None:
    facts = Coded(
        rtt_seconds=0.02,
        leap=1,
        penalties="crash:90 authfail:5 refuseconnection:10 max:600",
        client="not-requested",
        group="x25519-mlkem",
    )
    assert summary(facts) == [
        ("round trip", "20.0 ms"),
        ("leap", "a minute of 61 seconds is announced"),
        (
            "penalties of a source",
            "crash 90 s, failed login 5 s, refused connection 10 s, at most 600 s",
        ),
        ("client", "not requested"),
        ("group", "x25519-mlkem"),  # a name, not a word of a list
    ]


@pytest.mark.field
def test_a_record_in_a_row_says_what_holds_by_its_label() -> None:
    facts = Coded(answer=Answer(outcome="not-answered", retry=False, complete=True))
    assert summary(facts) == [("answer", "not answered, retry: no, complete")]


@pytest.mark.field
def test_reasons_are_kept_apart_from_what_they_are_for() -> None:
    facts = Coded(unknown={"forwarding": "needs --allow-write", "exec": "no login was tried"})
    assert summary(facts) == [
        ("unknown", "exec: no login was tried; forwarding: needs --allow-write")
    ]


@pytest.mark.field
@pytest.mark.parametrize("kind", Facts.__subclasses__(), ids=lambda kind: kind.__name__)
def test_no_label_has_the_spelling_of_code(kind: type[Facts]) -> None:
    for field in fields(kind):
        if field.name in HIDDEN:
            continue
        words = label_of(field.name, field.name).split()
        assert not {"kex", "rtt", "algs", "ident", "cert", "alpn", "sshfp", "dh", "h2"} & set(words)
        assert "_" not in " ".join(words)


class Deep(msgspec.Struct, frozen=True, kw_only=True):
    kind: str = ""
    first: int = 0
    second: bool | None = None
    third_seconds: float = 0.0
    fourth: str = ""
    some: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    many: tuple[str, ...] = ()
    most: tuple[str, ...] = ()
    reach: int = 0


class Holder(Facts, frozen=True, kw_only=True):
    record: Deep | None = None
    records: tuple[Deep, ...] = ()
    certificate_chain: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    by_name: Mapping[str, object] = msgspec.field(default_factory=lambda: {"default": 1})
    ratio: float | None = None
    blob: bytes = b""
    word: str = ""
    kind: Literal["not-asked", "A-B", "plain"] | None = None
    tags: tuple[Literal["not-asked"], ...] = ()


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        # a record: the first three that were learnt, and lists only where there is nothing else
        ({"record": Deep(kind="a", first=1, second=False, fourth="d")},
         "kind a, first 1, second: no"),
        ({"record": Deep(second=True, third_seconds=2.0, fourth="a, b", some=("x",))},
         "second, third 2.00 s, fourth (a, b)"),
        ({"record": Deep(some=("x",), more=("y", "z"), many=("a",), most=("b",), reach=3)},
         "1 some, 2 more, 1 many"),
        # records: their names, or their number
        ({"records": (Deep(kind="a"), Deep(kind="b"), Deep(kind="a"))}, "a, b"),
        ({"records": (Deep(kind="a"), Deep(first=1))}, "a, 1 item"),
        ({"records": (Deep(first=1), Deep(first=2))}, "2"),
        # lists: three, then their number
        ({"texts": ("a", "b", "c")}, "a, b, c"),
        ({"texts": ("a", "b", "c", "d", "e", "a")}, "a, b, c (+2)"),
        ({"certificate_chain": ("a", "b")}, "a ← b"),
        # mappings: sorted; with sentences, each one is set apart
        ({"by_name": {"b": 2.5, "a": True}}, "a yes, b 2.5"),
        ({"by_name": {"b": "it failed", "a": "no"}}, "a: no; b: it failed"),
        ({"by_name": {"a": ("x",), "b": ("x", "y"), "c": frozenset("z")}},
         "a: x; b: 2 items; c: z"),
        ({"by_name": {"a": None}}, "a None"),
        ({"by_name": {"default": 1}}, None),
        # numbers, bytes and long texts
        ({"ratio": 1.23456789}, "1.23457"),
        ({"ratio": float("inf")}, "-"),
        ({"blob": b"12345"}, "5 B"),
        ({"word": "x" * 96}, "x" * 96),
        ({"word": "x" * 97}, "x" * 96 + "…"),
        # the words of a list of words have no dashes
        ({"kind": "not-asked"}, "not asked"),
        ({"kind": "A-B"}, "A-B"),
        ({"kind": "plain"}, "plain"),
        ({"word": "not-asked"}, "not-asked"),
    ],
)  # fmt: skip
def test_each_shape_has_its_short_form(facts: dict[str, object], text: str | None) -> None:
    made = summary(Holder(**facts))  # type: ignore[arg-type]
    assert [shown for _, shown in made] == ([text] if text is not None else [])


class Twice(Facts, frozen=True, kw_only=True):
    ident: str = ""
    parts: tuple[str, ...] = ()
    count: int = 0
    end: str = ""
    code: Kind | None = None


@pytest.mark.parametrize(
    ("facts", "labels"),
    [
        (Twice(ident="a,one, two", parts=("one", "two")), ["identification"]),
        (Twice(ident="version 1234", count=1234), ["identification", "count"]),
        (Twice(count=1234, end="1234"), ["count", "end"]),  # a number says nothing of a name
        (Twice(ident="abcd", end="abc"), ["identification", "end"]),  # too short to be told
        (Twice(ident="abcde", end="abcd"), ["identification"]),
        (Twice(ident="abcd", end="abcde"), ["identification", "end"]),
        (Twice(parts=("some", "more"), end="more"), ["parts"]),
        (Twice(ident="it is full", code=Kind.FULL), ["identification", "code"]),
    ],
)
def test_a_text_within_an_earlier_one_is_left_out(facts: Facts, labels: list[str]) -> None:
    assert [label for label, _ in summary(facts)] == labels


def test_a_time_that_a_phase_shows_is_left_out_to_the_nanosecond() -> None:
    assert summary(Odd(wait_seconds=0.1 + 0.2), timed={0.3}) == []
    assert summary(Odd(wait_seconds=0.300000002), timed={0.3}) == [("wait", "300 ms")]
    assert summary(Odd(size_bytes=3), timed={3}) == [("size", "3 B")]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1e-9, "1 ns"), (9.994e-7, "999 ns"), (1e-6, "1.00 µs"), (-2e-9, "-2 ns"),
        (0.000_999_4, "999 µs"), (0.000_999_5, "1.00 ms"), (0.000_01, "10.0 µs"),
        (0.999_4, "999 ms"), (0.999_5, "1.00 s"), (119.9, "120 s"), (120, "2.0 min"),
        (7199, "120.0 min"), (7200, "2.0 h"), (172_799, "48.0 h"), (172_800, "2.0 days"),
        (float("inf"), "-"),
    ],
)  # fmt: skip
def test_a_duration_changes_its_unit_at_a_thousand_and_at_two(seconds: float, text: str) -> None:
    assert duration(seconds) == text


NAMES = ("name", "subject", "id", "algorithm", "address", "host", "trait", "kind", "type",
         "version")  # fmt: skip


@pytest.mark.parametrize("at", range(len(NAMES)), ids=NAMES)
def test_a_record_in_a_list_is_told_by_its_best_name(at: int) -> None:
    record = msgspec.defstruct("Record", [(name, str, "") for name in NAMES], frozen=True)
    holder = msgspec.defstruct(
        "RecordHolder", [("records", tuple[record, ...], ())], bases=(Facts,), frozen=True
    )
    known = {name: f"the {name}" for name in NAMES[at:]}
    assert summary(holder(records=(record(**known),))) == [("records", f"the {NAMES[at]}")]
