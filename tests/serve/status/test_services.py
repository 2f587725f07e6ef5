"""What the public sees of targets: the label, and nothing else."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from seventh.serve.status.pages import atom, html
from seventh.serve.status.services import (
    DAYS,
    MOST_INCIDENTS,
    Part,
    Record,
    Service,
    Shown,
    Status,
    Trouble,
    services,
    troubles,
)
from seventh.watch.slo import DAY_NS, Seconds
from seventh.watch.verdict import Condition

S = 10**9
NOW = 20_000 * DAY_NS
STORE = uuid.uuid5(uuid.NAMESPACE_OID, "a")
UP, DOWN = Condition.UP, Condition.DOWN


def part(name: str, condition: Condition, since_ns: int = 5, *, work: bool = False) -> Part:
    return Part(
        labels={"status": name, "host": "web1"}, condition=condition, since_ns=since_ns,
        maintained=work, days=Seconds(good=9, bad=1),
    )  # fmt: skip


def test_a_service_is_as_its_worst_target() -> None:
    found = services(
        [part("shop", UP, 3), part("shop", DOWN, 9), part("shop", DOWN, 7), part("api", UP),
         part("", DOWN)], "status",
    )  # fmt: skip
    assert found == [
        Service(name="api", shown=Shown.WORKING, since_ns=5, days=Seconds(9, 1)),
        Service(name="shop", shown=Shown.DOWN, since_ns=7, days=Seconds(27, 3)),
    ]
    assert services([part("a", UP)], "other") == []


@pytest.mark.parametrize(
    ("condition", "work", "shown"),
    [
        (Condition.UP, False, Shown.WORKING), (Condition.UP, True, Shown.WORKING),
        (Condition.UNKNOWN, False, Shown.UNKNOWN), (Condition.DEGRADED, False, Shown.SLOW),
        (Condition.FLAPPING, False, Shown.UNSTABLE), (Condition.DOWN, False, Shown.DOWN),
        (Condition.DOWN, True, Shown.MAINTENANCE), (Condition.UNKNOWN, True, Shown.UNKNOWN),
    ],
)  # fmt: skip
def test_states(condition: Condition, work: bool, shown: Shown) -> None:
    (one,) = services([part("a", condition, work=work)], "status")
    assert one.shown is shown


def record(number: int, target: int = 1, kind: Condition = DOWN, begun: int = 0,
           ended: int | None = None) -> Record:  # fmt: skip
    return Record(id=number, target=target, kind=kind, since_ns=begun, resolved_ns=ended)


def test_incidents_of_services_alone_and_not_of_long_ago() -> None:
    old = NOW - DAYS * DAY_NS
    found = troubles(
        [record(1, begun=NOW - 9), record(2, ended=old), record(3, begun=1, ended=old + 1),
         record(4, target=2), record(5, target=3), record(6, kind=Condition.FINDING),
         record(7, kind=Condition.DEGRADED, begun=NOW - 5, ended=NOW)],
        {1: {"status": "shop"}, 2: {"team": "x"}}, "status", STORE, NOW,
    )  # fmt: skip
    assert found == [
        Trouble(id=str(uuid.uuid5(STORE, number)), service="shop", kind=kind, since_ns=begun,
                resolved_ns=ended)
        for number, kind, begun, ended in (
            ("7", Condition.DEGRADED, NOW - 5, NOW), ("1", DOWN, NOW - 9, None),
            ("3", DOWN, 1, old + 1),
        )
    ]  # fmt: skip
    many = [record(number, begun=number) for number in range(99)]
    newest = troubles(many, {1: {"status": "s"}}, "status", STORE, NOW)
    assert [each.since_ns for each in newest] == [*range(98, 98 - MOST_INCIDENTS, -1)]


NAME = "<script>shop</script> & \x1b[31m\x00"
STATUS = Status(
    title="Status of <Example>", url="https://status.example.org/", store=STORE, now_ns=NOW,
    services=[Service(name=NAME, shown=Shown.DOWN, since_ns=NOW - 60 * S, days=Seconds(999, 1)),
              Service(name="new", shown=Shown.UNKNOWN, since_ns=0, days=Seconds())],
    troubles=[
        Trouble(id=str(uuid.uuid5(STORE, "2")), service=NAME, kind=DOWN, since_ns=NOW - 60 * S,
                resolved_ns=None),
        Trouble(id=str(uuid.uuid5(STORE, "1")), service="api", kind=Condition.DEGRADED,
                since_ns=NOW - 900 * S, resolved_ns=NOW - 600 * S),
    ],
)  # fmt: skip


def test_the_page_escapes_and_needs_nothing_from_elsewhere() -> None:
    text = html(STATUS).decode()
    assert "<script" not in text
    assert "&lt;script&gt;shop&lt;/script&gt; &amp; \\x1b[31m\\x00" in text
    assert re.findall(r'(?:href|src)="([^"]*)"', text) == [
        "incidents.atom", "status.css", "incidents.atom"
    ]  # fmt: skip
    words = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    assert "Some services are down" in words
    assert "down 2024-10-03 23:59:00 99.9 %" in words
    assert "new not known – –" in words
    assert "api slow since 2024-10-03 23:45:00 , resolved 2024-10-03 23:50:00 after" in words


def test_all_is_well() -> None:
    good = [Service(name="a", shown=Shown.WORKING, since_ns=5, days=Seconds(good=5))]
    text = html(replace(STATUS, services=good, troubles=[])).decode()
    assert "All services work" in text
    assert "100 %" in text
    assert f"None in {DAYS} days." in text


A = "{http://www.w3.org/2005/Atom}"


def valid(feed: bytes) -> ET.Element:
    """Read a feed, and compare it with RFC 4287 §4: what is there, how often, and of which form."""
    root = ET.fromstring(feed)  # noqa: S314 - ours
    assert root.tag == f"{A}feed"

    def once(parent: ET.Element, name: str) -> str:
        (found,) = parent.findall(A + name)
        assert found.text
        return found.text

    def instant(text: str) -> dt.datetime:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)
        return dt.datetime.fromisoformat(text)

    assert root.find(f"{A}author/{A}name") is not None  # §4.1.1: or each entry has one
    ids = [once(each, "id") for each in (root, *root.findall(f"{A}entry"))]
    assert len({*ids}) == len(ids)
    assert all(uuid.UUID(each.removeprefix("urn:uuid:")) for each in ids)
    for each in (root, *root.findall(f"{A}entry")):
        once(each, "title")
        instant(once(each, "updated"))
    for entry in root.findall(f"{A}entry"):
        assert instant(once(entry, "published")) <= instant(once(entry, "updated"))
        once(entry, "content")  # §4.1.2: without it a link would be needed
    links = [(each.get("rel"), each.get("href")) for each in root.findall(f"{A}link")]
    assert len({*links}) == len(links)
    assert {child.tag for entry in root.findall(f"{A}entry") for child in entry} <= {
        A + name for name in ("id", "title", "published", "updated", "content")
    }
    return root


def test_the_feed_is_valid_and_its_ids_stay() -> None:
    root = valid(atom(STATUS))
    entries = [[child.text for child in entry] for entry in root.findall(f"{A}entry")]
    shown = NAME.replace("\x1b", "\\x1b").replace("\x00", "\\x00")
    assert entries == [
        [f"urn:uuid:{uuid.uuid5(STORE, '2')}", f"{shown} down", "2024-10-03T23:59:00Z",
         "2024-10-03T23:59:00Z", f"{shown}: down since 2024-10-03T23:59:00Z."],
        [f"urn:uuid:{uuid.uuid5(STORE, '1')}", "Resolved: api slow", "2024-10-03T23:45:00Z",
         "2024-10-03T23:50:00Z", ("api: slow since 2024-10-03T23:45:00Z, resolved at "
                                  "2024-10-03T23:50:00Z after 5.0 min.")],
    ]  # fmt: skip
    assert root.find(f"{A}updated").text == "2024-10-03T23:59:00Z"  # type: ignore[union-attr]
    ended = replace(STATUS.troubles[0], resolved_ns=NOW)
    again = valid(atom(replace(STATUS, troubles=[ended], services=[])))
    assert again.find(f"{A}entry/{A}id").text == entries[0][0]  # type: ignore[union-attr]
    assert again.find(f"{A}updated").text == "2024-10-04T00:00:00Z"  # type: ignore[union-attr]


def test_a_feed_without_incidents_is_valid() -> None:
    root = valid(atom(replace(STATUS, troubles=[], services=[], url="")))
    assert root.findall(f"{A}link") == []
    assert root.find(f"{A}updated").text == "2024-10-04T00:00:00Z"  # type: ignore[union-attr]
