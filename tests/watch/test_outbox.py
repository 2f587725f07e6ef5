"""The outbox: nothing is lost or sent twice, ends follow what they end, and errors are visible."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.watch import outbox, records, schema
from seventh.watch.alerts import Alert
from seventh.watch.backoff import MOST_NS, Backoff, backoff_ns
from seventh.watch.evidence import common_of
from seventh.watch.fleet import Fleet, Watched
from seventh.watch.grouping import Grouped, Member, New, Notification, Suspect, group
from seventh.watch.keys import NotifyKeys
from seventh.watch.outbox import Due, Firing, Waiting
from seventh.watch.records import Batch
from seventh.watch.samples import Pulse
from seventh.watch.verdict import Condition, Policy, Threshold
from tests.watch.made import REFUSED, SECOND, pulse

T = TypeVar("T")
DOWN = Condition.DOWN
EAGER = Policy(down=Threshold(bad=1, of=1, good=1, good_of=1))
BOTH = ("ops", "log")


def opened(path: str = ":memory:") -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    schema.migrate(database, "s")
    database.execute("UPDATE identity SET id = 'store'")
    return database


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    made = opened()
    yield made
    made.close()


def play(database: sqlite3.Connection, fleet: Fleet, *pulses: Pulse) -> None:
    for each in pulses:
        records.write(database, Batch(pulses=[each], seen=fleet.observe(each)))


def member(target: int, since_ns: int) -> Member:
    return Member(name=f"t{target}", url="", since_ns=since_ns, cause=REFUSED)


def suspect(incident: int | None, alert: Alert) -> Suspect:
    return Suspect(
        target=alert.target, member=member(alert.target, alert.since_ns), incident=incident,
        common=common_of(alert.kind, alert.phase, alert.cause, "h", None), receivers=BOTH,
    )  # fmt: skip


def look(database: sqlite3.Connection, now_ns: int) -> None:
    """Do what Alerting does."""
    fired = [suspect(*each) for each in outbox.pending(database)]
    outbox.notify(database, group(fired, [], outbox.still_open(database)), now_ns)


def claimed(
    database: sqlite3.Connection, now_ns: int, *busy: str
) -> list[tuple[int, str, bool, int]]:
    due = outbox.claim(database, now_ns, busy)
    return [(each.id, each.receiver, each.resolved, each.tries) for each in due]


def fleet_of(*targets: int) -> Fleet:
    return Fleet([Watched(target=each, policy=EAGER) for each in targets])


def test_what_is_due_is_sent_once_and_its_end_after_it(database: sqlite3.Connection) -> None:
    fleet = fleet_of(1)
    play(database, fleet, pulse(1, REFUSED))
    look(database, SECOND)
    play(database, fleet, pulse(2))
    look(database, 2 * SECOND)
    look(database, 3 * SECOND)
    assert claimed(database, SECOND - 1) == []
    assert claimed(database, 2 * SECOND, "log") == [(1, "ops", False, 1)]
    assert claimed(database, 2 * SECOND) == [(2, "log", False, 1)]
    assert claimed(database, 62 * SECOND - 1) == []
    outbox.done(database, 1, 3 * SECOND)
    assert claimed(database, 3 * SECOND) == [(3, "ops", True, 1)]
    (again,) = outbox.claim(database, 62 * SECOND, ["ops"])
    assert again == Due(
        id=2, key="seventh-store-1-firing", number=1, receiver="log", resolved=False, tries=2,
        queued_ns=SECOND, at_ns=SECOND, resolved_ns=2 * SECOND, given_up=False,
        notification=Notification(
            common=common_of(DOWN, "", REFUSED, "h", None), since_ns=SECOND,
            members=(member(1, SECOND),), targets=(1,),
        ),
    )  # fmt: skip
    outbox.done(database, 2, 62 * SECOND)
    outbox.done(database, 3, 62 * SECOND)
    (end,) = outbox.claim(database, 63 * SECOND)
    assert (end.id, end.key, end.resolved) == (4, "seventh-store-1-resolved", True)
    outbox.done(database, 4, 63 * SECOND)
    assert (claimed(database, 999 * SECOND), outbox.waiting(database)) == ([], [])


def test_a_restart_sends_at_once_what_was_being_sent(database: sqlite3.Connection) -> None:
    play(database, fleet_of(1), pulse(1, REFUSED))
    look(database, SECOND)
    assert len(claimed(database, SECOND)) == 2
    assert claimed(database, SECOND) == []
    outbox.release(database)
    assert claimed(database, SECOND) == [(1, "ops", False, 2), (2, "log", False, 2)]


def test_what_failed_is_tried_again_and_new_alerts_come_first(
    database: sqlite3.Connection,
) -> None:
    fleet = fleet_of(1, 2)
    play(database, fleet, pulse(1, REFUSED, 1))
    look(database, SECOND)
    play(database, fleet, pulse(2, REFUSED, 2))
    look(database, 2 * SECOND)
    (first, _) = outbox.claim(database, 2 * SECOND)
    outbox.failed(database, first, "status 500", 9 * SECOND, 2 * SECOND)
    assert outbox.waiting(database) == [
        Waiting(receiver="log", count=2, tries=1, since_ns=SECOND, error=""),
        Waiting(receiver="ops", count=2, tries=1, since_ns=SECOND, error="status 500"),
    ]
    assert claimed(database, 9 * SECOND, "log") == [(3, "ops", False, 1)]
    assert claimed(database, 9 * SECOND - 1, "log") == []
    assert claimed(database, 9 * SECOND, "log") == [(1, "ops", False, 2)]


def test_a_receiver_waits_after_failures_until_it_works_or_is_changed() -> None:
    keys = NotifyKeys(kind="webhook", name="ops", url="env:A")
    backoff = Backoff()
    for now, until in ((0, 2), (10, 14), (20, 28)):
        backoff.failed(keys, now * SECOND, 1)
        assert backoff.waiting(until * SECOND - 1, {"ops": keys}) == {"ops"}
        assert backoff.waiting(until * SECOND, {"ops": keys}) == set()
    changed = NotifyKeys(kind="webhook", name="ops", url="env:B")
    assert backoff.waiting(21 * SECOND, {"ops": changed}) == set()
    backoff.received("ops")
    assert backoff.waiting(21 * SECOND, {"ops": keys}) == set()
    backoff.failed(keys, 0, 1)
    assert backoff.waiting(2 * SECOND, {"ops": keys}) == set()


@pytest.mark.parametrize(("late", "left"), [(0, 1), (1, 2)])
def test_it_is_given_up_after_a_week(database: sqlite3.Connection, late: int, left: int) -> None:
    play(database, fleet_of(1), pulse(1, REFUSED))
    look(database, SECOND)
    (due, _) = outbox.claim(database, SECOND)
    outbox.failed(database, due, "refused", SECOND, SECOND + outbox.KEPT_NS - late)
    assert sum(each.count for each in outbox.waiting(database)) == left
    query = "SELECT error, done_ns IS NULL FROM outbox WHERE id = 1"
    assert database.execute(query).fetchall() == [("refused", late)]


def test_what_has_no_receiver_any_more_is_given_up(database: sqlite3.Connection) -> None:
    play(database, fleet_of(1), pulse(1, REFUSED))
    look(database, SECOND)
    outbox.give_up(database, 1, "gone", 5)
    assert [each.receiver for each in outbox.waiting(database)] == ["log"]


def test_a_notification_ends_when_all_its_alerts_have_ended(database: sqlite3.Connection) -> None:
    fleet = fleet_of(1, 2)
    play(database, fleet, pulse(1, REFUSED, 1), pulse(2, REFUSED, 2))
    look(database, 2 * SECOND)
    assert outbox.received(database, "ops") == []
    for due in outbox.claim(database, 2 * SECOND):
        outbox.done(database, due.id, 2 * SECOND)
    play(database, fleet, pulse(3, None, 1))
    look(database, 3 * SECOND)
    assert [each.number for each in outbox.received(database, "ops")] == [1]
    assert claimed(database, 3 * SECOND) == []
    records.write(database, Batch(seen=fleet.reload([], 4 * SECOND)))
    look(database, 5 * SECOND)
    ends = outbox.claim(database, 5 * SECOND)
    assert [(e.receiver, e.resolved_ns, e.given_up) for e in ends] == [
        ("ops", 4 * SECOND, False), ("log", 4 * SECOND, False),
    ]  # fmt: skip
    assert outbox.received(database, "ops") == []


def test_what_is_no_longer_watched_is_given_up(database: sqlite3.Connection) -> None:
    fleet = fleet_of(1)
    play(database, fleet, pulse(1, REFUSED))
    look(database, SECOND)
    for due in outbox.claim(database, SECOND):
        outbox.done(database, due.id, SECOND)
    records.write(database, Batch(seen=fleet.reload([], 2 * SECOND)))
    look(database, 3 * SECOND)
    assert [(e.resolved, e.given_up) for e in outbox.claim(database, 3 * SECOND)] == [
        (True, True)
    ] * 2


def test_alerts_are_listed_and_acknowledged(database: sqlite3.Connection) -> None:
    play(database, fleet_of(1), pulse(1, REFUSED))
    alert = Alert(
        target=1, kind=DOWN, since_ns=SECOND, fired_ns=SECOND, sent_ns=SECOND, cause=REFUSED
    )
    assert outbox.firing(database) == [Firing(id=1, target="", kind=DOWN, alert=alert)]
    assert outbox.acknowledge(database, 1, "me", 5)
    assert outbox.firing(database)[0].acknowledged_by == "me"
    assert not outbox.acknowledge(database, 2, "me", 5)
    database.execute("UPDATE incident SET resolved_ns = 9")
    assert not outbox.acknowledge(database, 1, "me", 10)
    assert outbox.firing(database) == []


def test_an_older_store_sends_nothing_of_its_past(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    old = sqlite3.connect(path, isolation_level=None)
    old.executescript(f"BEGIN; {schema.MIGRATIONS[0]} PRAGMA user_version = 1; COMMIT;")
    old.execute(
        "INSERT INTO incident (target, kind, phase, since_ns, fired_ns, sent_ns, cause)"
        " VALUES (1, 'down', '', 1, 1, 1, 'null'), (2, 'down', '', 1, 1, NULL, 'null')"
    )
    old.close()
    new = opened(path)
    assert outbox.pending(new) == []
    look(new, 5)
    assert claimed(new, 5) == []
    assert len(outbox.firing(new)) == 2
    new.close()


@pytest.mark.parametrize(
    ("tries", "share", "seconds"),
    [(1, 0, 0), (1, 1, 2), (1, 0.5, 1), (2, 1, 4), (9, 1, 512), (10, 1, 900), (10**6, 1, 900)],
)
def test_backoff_is_a_random_part_of_a_growing_time(
    tries: int, share: float, seconds: float
) -> None:
    assert backoff_ns(tries, share) == seconds * SECOND
    assert MOST_NS == 900 * SECOND


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pulse"), st.integers(1, 3), st.booleans()),
        st.tuples(
            st.sampled_from(["look", "send", "fail", "restart", "reload"]),
            st.just(0),
            st.just(True),
        ),
    ),
    max_size=40,
)


class Played:
    """Steps in any order: pulses, looks, sending that works or fails, restarts, reloads."""

    def __init__(self) -> None:
        self.database = opened()
        self.fleet = fleet_of(1, 2, 3)
        self.got: list[str] = []
        self.now = 0

    def step(self, kind: str, target: int, good: bool) -> None:
        self.now += 100 * SECOND
        if kind == "pulse":
            cause = None if good else REFUSED
            play(self.database, self.fleet, pulse(self.now / SECOND, cause, target))
        elif kind == "look":
            look(self.database, self.now)
        elif kind == "restart":
            outbox.release(self.database)
        elif kind == "reload":
            self.reload()
            self.fleet.reload([Watched(target=n, policy=EAGER) for n in (1, 2, 3)], self.now)
        else:
            self.send(works=kind == "send")

    def send(self, *, works: bool) -> None:
        for due in outbox.claim(self.database, self.now):
            if works:
                self.got.append(f"{due.receiver} {due.key}")
                outbox.done(self.database, due.id, self.now)
            else:
                outbox.failed(self.database, due, "x", self.now, self.now)

    def reload(self) -> None:
        records.write(self.database, Batch(seen=self.fleet.reload([], self.now)))


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_every_notification_is_received_once_and_then_its_end(
    steps: list[tuple[str, int, bool]],
) -> None:
    played = Played()
    for step in steps:
        played.step(*step)
    played.reload()
    for _ in range(40):
        played.step("look", 0, True)
        played.step("send", 0, True)
    database = played.database
    (begun,) = database.execute("SELECT count(*) FROM notification").fetchone()
    for receiver in BOTH:
        own = [each for each in played.got if each.startswith(receiver)]
        pairs = [[f"{receiver} seventh-store-{n}-{end}" for end in ("firing", "resolved")]
                 for n in range(1, begun + 1)]  # fmt: skip
        assert sorted(own) == sorted(each for pair in pairs for each in pair)
        assert all(own.index(first) < own.index(end) for first, end in pairs)
    sent = database.execute("SELECT notification FROM incident WHERE sent_ns IS NOT NULL")
    assert all(number for (number,) in sent)
    database.close()


def test_a_parent_with_a_thousand_children_is_one_notification(
    database: sqlite3.Connection,
) -> None:
    children = range(2, 1002)
    watched = [Watched(target=1, policy=EAGER, network="n", patience_ns=SECOND)]
    watched += [
        Watched(target=n, policy=EAGER, parents=(1,), network="n", patience_ns=SECOND)
        for n in children
    ]
    fleet = Fleet(watched)
    play(database, fleet, pulse(1, None, 1))
    for second in (10, 20):
        for child in children[:500]:
            play(database, fleet, pulse(second, REFUSED, child))
        play(database, fleet, pulse(second, REFUSED, 1))
        for child in children[500:]:
            play(database, fleet, pulse(second, REFUSED, child))
        look(database, second * SECOND)
    # Half of them fired before the parent did: they waited for its verdict.
    rows = database.execute("SELECT data FROM notification").fetchall()
    assert [msgspec.json.decode(data)["targets"] for (data,) in rows] == [[1]]
    assert len(fleet.alerts) == 1001


@pytest.mark.parametrize(("age", "left"), [(outbox.FORGOTTEN_NS, 1), (outbox.FORGOTTEN_NS + 1, 0)])
def test_what_is_over_is_forgotten_after_a_month(
    database: sqlite3.Connection, age: int, left: int
) -> None:
    fleet = fleet_of(1, 2)
    play(database, fleet, pulse(1, REFUSED, 1), pulse(1, REFUSED, 2), pulse(2, None, 1))
    ((first, alert), (second, other)) = outbox.pending(database)
    for number, each in ((first, alert), (second, other)):
        outbox.notify(database, group([suspect(number, each)], [], []), 2 * SECOND)
    for _ in range(2):
        for due in outbox.claim(database, 2 * SECOND):
            outbox.done(database, due.id, 2 * SECOND)
    for due in outbox.claim(database, 2 * SECOND):
        outbox.done(database, due.id, 2 * SECOND)
    outbox.forget(database, 2 * SECOND + age)
    count = "SELECT (SELECT count(*) FROM notification), (SELECT count(*) FROM outbox)"
    assert database.execute(count).fetchone() == (1 + left, 2 + 4 * left)


def test_nothing_to_group_is_nothing(database: sqlite3.Connection) -> None:
    outbox.notify(database, Grouped(), 1)
    assert outbox.still_open(database) == []


def test_without_receivers_nothing_is_queued(database: sqlite3.Connection) -> None:
    play(database, fleet_of(1), pulse(1, REFUSED))
    ((number, alert),) = outbox.pending(database)
    (new,) = group([suspect(number, alert)], [], []).new
    silent = New(notification=new.notification, receivers=(), incidents=new.incidents)
    outbox.notify(database, Grouped(new=[silent]), 1)
    assert [each.id for each in outbox.still_open(database)] == [1]
    assert claimed(database, 99 * SECOND) == []


def test_a_receiver_that_is_gone_for_a_day_gets_all_of_it_in_order(
    database: sqlite3.Connection,
) -> None:
    fleet, backoff = fleet_of(1), Backoff()
    keys = NotifyKeys(kind="webhook", name="ops", url="env:A")
    attempts = now = 0
    for hour in range(24):
        play(database, fleet, pulse(hour * 3600 + 1, REFUSED), pulse(hour * 3600 + 2))
        for step in range(360):
            now = (hour * 3600 + step * 10) * SECOND
            look(database, now)
            for due in outbox.claim(database, now, {"log"} | backoff.waiting(now, {"ops": keys})):
                attempts += 1
                backoff.failed(keys, now, 1)
                outbox.failed(database, due, "gone", now, now)
    assert attempts == 104  # nine growing waits, then one each quarter of an hour
    (waiting,) = (each for each in outbox.waiting(database) if each.receiver == "ops")
    assert (waiting.count, waiting.since_ns, waiting.error) == (48, 0, "gone")
    got = []
    while dues := outbox.claim(database, now + 900 * SECOND, ["log"]):
        for due in dues:
            got.append(due.key)
            outbox.done(database, due.id, now)
    firing, ends = (
        [f"seventh-store-{n}-{end}" for n in range(1, 25)] for end in ("firing", "resolved")
    )
    assert sorted(got) == sorted(firing + ends)
    assert all(got.index(a) < got.index(b) for a, b in zip(firing, ends, strict=True))
