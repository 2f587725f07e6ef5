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
from seventh.render.summary import instant, summary
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
