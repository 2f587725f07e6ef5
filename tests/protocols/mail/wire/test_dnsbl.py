"""Block lists: the names to ask for, and what their answers mean."""

from __future__ import annotations

from typing import Literal

import pytest

from seventh.model.failure import UsageError
from seventh.protocols.mail import block_list
from seventh.protocols.mail.facts.answer import Answer, Outcome
from seventh.protocols.mail.facts.dnsbl import BlockList, Listing
from seventh.protocols.mail.wire import dnsbl

ZONE = "bl.test"


def answer(*names: str, outcome: Outcome = "ok", detail: str = "") -> Answer:
    if not names and outcome == "ok":
        outcome = "nxdomain"
    return Answer(name="q", rtype="A", outcome=outcome, names=names, detail=detail)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.25", "25.2.0.192.bl.test"), ("127.0.0.2", "2.0.0.127.bl.test"),
        ("2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test"),
        ("::ffff:127.0.0.2",
         "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.test"),
    ],
)  # fmt: skip
def test_the_name_of_an_address(address: str, name: str) -> None:
    assert dnsbl.question(address, ZONE) == name


def test_versions() -> None:
    assert [dnsbl.version_of(address) for address in ("192.0.2.1", "2001:db8::1")] == [4, 6]


@pytest.mark.parametrize(
    ("has", "has_not", "state", "answers", "detail"),
    [
        (answer("127.0.0.2"), answer(), "usable", (), ""),
        (answer("127.0.0.10", "127.0.0.2"), answer(outcome="no-data"), "usable", (), ""),
        (answer("127.255.255.254"), answer("127.255.255.254"), "refused", ("127.255.255.254",), ""),
        (answer("127.0.0.2"), answer("127.255.255.255"), "refused", ("127.255.255.255",), ""),
        (answer("127.255.254.255"), answer(), "usable", (), ""),
        (answer(outcome="refused"), answer(), "refused", (), ""),
        (answer(), answer(), "lists-nothing", (), ""),
        (answer("198.51.100.7"), answer("198.51.100.7"), "lists-nothing", ("198.51.100.7",), ""),
        (answer("126.255.255.255"), answer(), "lists-nothing", ("126.255.255.255",), ""),
        (answer("128.0.0.0"), answer(), "lists-nothing", ("128.0.0.0",), ""),
        (answer("127.0.0.2"), answer("127.0.0.3"), "lists-all", ("127.0.0.3",), ""),
        (answer("127.0.0.2"), answer("198.51.100.7"), "usable", (), ""),
        (answer(outcome="servfail", detail="SERVFAIL"), answer(), "unknown", (), "q: SERVFAIL"),
        (answer("127.0.0.2"), answer(outcome="timeout"), "unknown", (), "q: timeout"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", [4, 6])
def test_the_test_points(
    version: Literal[4, 6], has: Answer, has_not: Answer, state: str, answers: tuple[str, ...],
    detail: str,
) -> None:  # fmt: skip
    judged = dnsbl.judge_list(ZONE, version, has, has_not)
    expected = BlockList(zone=ZONE, version=version, state=state, answers=answers, detail=detail)  # type: ignore[arg-type]
    assert judged == expected


@pytest.mark.parametrize(
    ("found", "state", "codes", "detail"),
    [
        (answer(), "clear", (), ""), (answer(outcome="no-data"), "clear", (), ""),
        (answer("127.0.0.4", "127.0.0.11"), "listed", ("127.0.0.4", "127.0.0.11"), ""),
        (answer("127.255.255.252"), "refused", ("127.255.255.252",), ""),
        (answer("127.0.0.4", "127.255.255.252"), "refused", ("127.255.255.252",), ""),
        (answer(outcome="refused"), "refused", (), ""),
        (answer("198.51.100.7"), "unknown", (),
         "q: answered 198.51.100.7, which is no answer of a block list"),
        (answer(outcome="truncated", detail="cut off"), "unknown", (), "q: cut off"),
        (answer(outcome="limit"), "unknown", (), "q: limit"),
    ],
)  # fmt: skip
def test_an_address(found: Answer, state: str, codes: tuple[str, ...], detail: str) -> None:
    expected = Listing(address="192.0.2.1", zone=ZONE, state=state, codes=codes, detail=detail)  # type: ignore[arg-type]
    assert dnsbl.judge("192.0.2.1", ZONE, found) == expected


def test_a_reason_is_printable_and_short() -> None:
    texts = (b"spam\x1b[0m", b"trap", b"x" * 400, b"fourth")
    reason = dnsbl.reason(Answer(name="q", rtype="TXT", outcome="ok", texts=texts))
    assert reason == "spam\\x1b[0m trap " + "x" * 286 + "…"


def test_answers_have_limits() -> None:
    listed = tuple(f"127.0.0.{n}" for n in range(2, 20))
    refused = tuple(f"127.255.255.{n}" for n in range(5))
    other = tuple(f"198.51.100.{n}" for n in range(5))
    assert dnsbl.codes(answer(*listed, *refused)) == listed[:16]
    assert dnsbl.refusals(answer(*listed, *refused)) == refused[:4]
    assert dnsbl.judge_list(ZONE, 4, answer(*other), answer()).answers == other[:4]
    assert dnsbl.judge("192.0.2.1", ZONE, answer(*other)).detail == (
        "q: answered 198.51.100.0, 198.51.100.1, 198.51.100.2, 198.51.100.3, "
        "which is no answer of a block list"
    )


def test_the_points_of_the_standard() -> None:
    """RFC 5782 §5."""
    assert dnsbl.TEST_POINTS == {
        4: ("127.0.0.2", "127.0.0.1"), 6: ("::ffff:127.0.0.2", "::ffff:127.0.0.1"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "zones"),
    [
        ((), ()), (("usual",), ("zen.spamhaus.org", "bl.spamcop.net")),
        (("bl.test", "bl.test"), ("bl.test",)),
        (("bl.test", "usual"), ("bl.test", *dnsbl.USUAL)),
        (("usual", dnsbl.USUAL[1]), dnsbl.USUAL),
    ],
)  # fmt: skip
def test_the_lists_that_are_asked(given: tuple[str, ...], zones: tuple[str, ...]) -> None:
    assert dnsbl.expanded(given) == zones


@pytest.mark.parametrize("text", ["Zen.Spamhaus.org.", "_x.key-1.dq.example.net", "usual", "a.b"])
def test_zones_that_can_be_asked(text: str) -> None:
    assert block_list(text) == text.lower().removesuffix(".")


@pytest.mark.parametrize(
    "text", ["", "bl", "bl..test", "-a.test", "a-.test", "bl test.org", "ü.test", "a." * 95 + "a"]
)
def test_zones_that_cannot(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        block_list(text)
    assert str(raised.value) == (
        f"{text!r}: write the zone of a block list, such as zen.spamhaus.org, or usual"
    )
