"""From datagrams to lines and acknowledgements: storms, refusals, limits, what is full."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh.net.udp_listener import Origin
from seventh.protocols.snmp.lab.notifier import Notifier, passwords_of
from seventh.protocols.snmp.lab.setup import COMMUNITY
from seventh.protocols.snmp.receive.accounts import Account, Accounts
from seventh.protocols.snmp.receive.receiver import Engine, Receiver
from seventh.protocols.snmp.wire.message import Binding, Kind
from seventh.watch.traps import intake as module
from seventh.watch.traps.intake import Intake, Pending
from seventh.watch.traps.senders import Senders

ENGINE = Engine(id=bytes.fromhex("8000000005") + b"receiver", boots=2, started_ns=0)
SECOND = 10**9
WALL = 1_800_000_000 * SECOND
SENDER = Notifier()
USER = Account(name=b"monitor", passwords=passwords_of(SENDER))


def origin(ip: str = "192.0.2.1", port: int = 5000) -> Origin:
    return Origin(ip, port, (ip, port))


def intake(limit: float = 1e6, max_bytes: int = 10**9) -> Intake:
    receiver = Receiver(ENGINE, Accounts([COMMUNITY.encode()], [USER]))
    return Intake(receiver, Senders(limit), max_bytes)


def lines(pending: Pending | None) -> list[dict[str, Any]]:
    if pending is None:
        return []
    found = [msgspec.json.decode(line) for _, data in pending.parts for line in data.splitlines()]
    assert pending.records == len(found)
    return found


def shown(pending: Pending | None) -> list[tuple[str, str, int]]:
    return [(e["event"], e.get("verdict", ""), e.get("count", 1)) for e in lines(pending)]


def test_a_record_has_all_that_is_known() -> None:
    one = intake()
    one.take(SENDER.v3(5), origin(), SECOND, WALL + 1_234_567)
    (record,) = lines(one.flush())
    assert record == {
        "schema": "seventh.trap/1", "id": f"{ENGINE.id.hex()}-2-1",
        "at": "2027-01-15T08:00:00.001234Z", "event": "notification",
        "clock": {"synchronised": None, "error_seconds": None},
        "source": "192.0.2.1", "port": 5000, "version": "3", "verdict": "authentic",
        "user": "monitor", "level": "authPriv", "engine": SENDER.engine_id.hex(),
        "notification": {
            "kind": "trap", "oid": "1.3.6.1.6.3.1.1.5.3", "name": "linkDown",
            "uptime_seconds": 1.0,
            "bindings": [{"oid": "1.3.6.1.2.1.2.2.1.1.2", "name": "ifIndex.2",
                          "type": "Integer32", "value": 2, "text": "2"}],
        },
    }  # fmt: skip
    assert one.flush() is None


def test_no_record_has_a_community() -> None:
    one = intake()
    for community in (COMMUNITY, "another-secret"):
        one.take(SENDER.v2c(community), origin(), SECOND, WALL)
    proxied = Binding((1, 3, 6, 1, 6, 3, 18, 1, 4, 0), Kind.OCTETS, b"third-secret")
    one.take(SENDER.v2c(COMMUNITY, SENDER.pdu(1, proxied)), origin(), SECOND, WALL)
    pending = one.flush()
    assert pending is not None
    text = b"".join(data for _, data in pending.parts)
    assert (b"secret" in text, COMMUNITY.encode() in text) == (False, False)
    assert pending.records == 3


def test_an_inform_is_acknowledged_with_its_batch_and_written_once() -> None:
    one = intake()
    data = SENDER.v2c(COMMUNITY, SENDER.pdu(inform=True))
    assert one.take(data, origin(), SECOND, WALL) is None
    assert one.take(data, origin(port=5001), SECOND, WALL) is None
    pending = one.flush()
    assert pending is not None
    assert [to.port for _, to in pending.answers] == [5000, 5001]
    assert shown(pending) == [("notification", "unauthenticated", 1)]
    assert one.senders.by_address["192.0.2.1"].retransmitted == 1


def test_in_a_storm_the_same_is_counted_and_what_differs_is_kept() -> None:
    one = intake()
    for number in range(150):
        one.take(SENDER.v2c(COMMUNITY, SENDER.pdu(number)), origin(), SECOND + number, WALL)
    other = Binding((1, 3, 6, 1, 2, 1, 2, 2, 1, 8, 2), Kind.INTEGER, 1)
    one.take(SENDER.v2c(COMMUNITY, SENDER.pdu(1, other)), origin(), SECOND + 150, WALL)
    written = shown(one.flush())
    assert written.count(("notification", "unauthenticated", 1)) == 102
    assert written[-1] == ("repeated", "unauthenticated", 49)
    assert sum(count for _, _, count in written) == 151


def test_an_inform_in_a_storm_is_acknowledged_with_its_count() -> None:
    one = intake()
    for number in range(110):
        data = SENDER.v2c(COMMUNITY, SENDER.pdu(inform=True))
        one.take(data, origin(), SECOND + number, WALL)
    pending = one.flush()
    assert pending is not None
    assert (len(pending.answers), sum(count for _, _, count in shown(pending))) == (110, 110)


def test_what_is_refused_is_written_once_a_minute() -> None:
    one = intake()
    for _ in range(5):
        one.take(SENDER.v2c("other"), origin(), SECOND, WALL)
    assert shown(one.flush()) == [("rejected", "unknown-community", 1)]
    one.tick(30 * SECOND)
    assert one.flush() is None
    one.tick(61 * SECOND)
    assert shown(one.flush()) == [("repeated", "unknown-community", 4)]
    one.take(SENDER.v2c("other"), origin(), 62 * SECOND, WALL)
    one.take(SENDER.v2c("other"), origin(), 62 * SECOND, WALL)
    assert shown(one.finish()) == [
        ("rejected", "unknown-community", 1), ("repeated", "unknown-community", 1),
    ]  # fmt: skip


def test_refusals_of_invented_senders_do_not_fill_the_disk() -> None:
    one = intake()
    for number in range(1000):
        one.take(b"junk", origin(f"192.0.2.{number}"), SECOND, WALL)
    assert len(lines(one.flush())) == 100
    assert one.totals == {("", "malformed"): 1000}


def test_above_its_limit_a_sender_is_counted_alone() -> None:
    one = intake(limit=1)
    for _ in range(10):
        one.take(SENDER.v2c(COMMUNITY), origin(), SECOND, WALL)
    assert shown(one.flush()) == [
        ("notification", "unauthenticated", 1), ("notification", "unauthenticated", 1),
        ("rejected", "limited", 1),
    ]  # fmt: skip
    assert one.totals == {("2c", "unauthenticated"): 2, ("", "limited"): 8}


def test_nothing_is_accepted_where_there_is_no_place() -> None:
    one = intake(max_bytes=600)
    for number in range(10):
        data = SENDER.v2c(COMMUNITY, SENDER.pdu(inform=True))
        one.take(data, origin(), SECOND + number, WALL)
    pending = one.flush()
    assert pending is not None
    assert (pending.records, len(pending.answers), one.dropped) == (2, 2, 8)


def test_a_batch_is_cut_into_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PART_BYTES", 1000)
    one = intake()
    for number in range(7):
        one.take(SENDER.v2c(COMMUNITY), origin(), SECOND + number, WALL)
    pending = one.flush()
    assert pending is not None
    assert [count for count, _ in pending.parts] == [2, 2, 2, 1]
    assert len(lines(pending)) == 7
