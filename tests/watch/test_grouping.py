"""Which alerts are one notification, and the causes that they share."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh.model.failure import Blame, Reason
from seventh.watch.evidence import Common, Evidence, Shared, common_of
from seventh.watch.grouping import (
    MOST_CAUSES,
    MOST_NAMED,
    Grouped,
    Member,
    New,
    Notification,
    Open,
    Suspect,
    group,
)
from seventh.watch.samples import Cause
from seventh.watch.verdict import Condition
from tests.watch.made import REFUSED

DOWN, DEGRADED = Condition.DOWN, Condition.DEGRADED
EXPIRED = Cause(Reason.TLS_CERTIFICATE_EXPIRED, "tls", Blame.PEER)
SEEN = Evidence(at_ns=1, address="192.0.2.7", issuer="CN=X")


def cause(reason: Reason) -> Cause:
    return Cause(reason, "p", Blame.PEER)


@pytest.mark.parametrize(
    ("reason", "host", "evidence", "expected"),
    [
        (Reason.TLS_CERTIFICATE_EXPIRED, "a", SEEN, (Shared.ISSUER, "CN=X")),
        (Reason.TLS_CERTIFICATE_EXPIRED, "a", replace(SEEN, issuer=""),
         (Shared.NETWORK, "192.0.2.0/24")),
        (Reason.TLS_CERTIFICATE_EXPIRED, "a", None, (Shared.HOST, "a")),
        (Reason.CONNECT_TIMEOUT, "a", SEEN, (Shared.NETWORK, "192.0.2.0/24")),
        (Reason.CONNECT_TIMEOUT, "192.0.2.9", None, (Shared.NETWORK, "192.0.2.0/24")),
        (Reason.CONNECT_TIMEOUT, "2001:db8:1:2::3", None, (Shared.NETWORK, "2001:db8:1::/48")),
        (Reason.RESOLVE_TIMEOUT, "a", None, (Shared.NOTHING, "")),
        (Reason.RESOLVE_FAILED, "a", None, (Shared.NOTHING, "")),
        (Reason.RESOLVE_NXDOMAIN, "a", Evidence(at_ns=1), (Shared.HOST, "a")),
    ],
)  # fmt: skip
def test_what_a_failure_shares(
    reason: Reason, host: str, evidence: Evidence | None, expected: tuple[Shared, str]
) -> None:
    made = common_of(DOWN, "", cause(reason), host, evidence)
    assert made == Common(
        kind=DOWN, phase="p", reason=reason, blame=Blame.PEER, shared=expected[0], value=expected[1]
    )


def test_what_is_slow_shares_its_phase_and_network() -> None:
    assert common_of(DEGRADED, "tls", EXPIRED, "a", SEEN) == Common(
        kind=DEGRADED, phase="tls", shared=Shared.NETWORK, value="192.0.2.0/24"
    )


def suspect(
    target: int, incident: int | None = None, host: str = "h", since: int = 0,
    receivers: tuple[str, ...] = ("ops",), why: Cause = REFUSED, evidence: Evidence | None = None,
) -> Suspect:  # fmt: skip
    member = Member(name=f"t{target}", url=f"tcp://{host}:{target}", since_ns=since, cause=why)
    return Suspect(
        target=target, member=member, common=common_of(DOWN, "", why, host, evidence),
        receivers=receivers, incident=incident, evidence=evidence,
    )  # fmt: skip


def named(new: New) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return new.notification.targets, new.incidents


def opened(number: int, new: New) -> Open:
    common = new.notification.common
    return Open(
        id=number, kind=common.kind, reason=common.reason, phase=common.phase,
        targets=frozenset(new.notification.targets),
    )  # fmt: skip


def test_one_notification_has_all_targets_that_fail_by_its_cause() -> None:
    fired = suspect(3, 30, since=7, evidence=SEEN, why=EXPIRED)
    beside = [
        suspect(1, since=5, evidence=replace(SEEN, at_ns=2), why=EXPIRED),
        suspect(2, since=6, evidence=SEEN),
        suspect(4, receivers=(), evidence=SEEN, why=EXPIRED),
    ]
    grouped = group([fired], beside, [])
    assert grouped == Grouped(new=[
        New(
            notification=Notification(
                common=fired.common, since_ns=5, members=(fired.member, beside[0].member),
                targets=(1, 3), evidence=SEEN,
            ),
            receivers=("ops",), incidents=(30,),
        )
    ])  # fmt: skip
    # When the threshold of the other is met, it joins; another target begins one of its own.
    later = [suspect(1, 31, evidence=SEEN, why=EXPIRED), suspect(5, 32, evidence=SEEN, why=EXPIRED)]
    again = group(later, [], [opened(9, grouped.new[0])])
    assert (again.joined, [named(new) for new in again.new]) == ([(31, 9)], [((5,), (32,))])
    # By another cause it is another matter.
    other = group([suspect(1, 33)], [], [opened(9, grouped.new[0])])
    assert (other.joined, [named(new) for new in other.new]) == ([], [((1,), (33,))])


def test_causes_and_receivers_are_kept_apart() -> None:
    fired = [suspect(1, 1), suspect(2, 2, host="other"), suspect(3, 3), suspect(4, 4, receivers=())]
    grouped = group(fired, [], [])
    assert [(named(new), new.receivers) for new in grouped.new] == [
        (((1, 3), (1, 3)), ("ops",)), (((2,), (2,)), ("ops",)), (((4,), (4,)), ()),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("hosts", "notifications"), [(MOST_CAUSES, MOST_CAUSES), (MOST_CAUSES + 1, 1)]
)
def test_a_storm_of_single_causes_is_one(hosts: int, notifications: int) -> None:
    fired = [suspect(n, n, host=f"h{n}") for n in range(hosts)]
    beside = [suspect(100, host="h100"), suspect(101, host="h101", why=EXPIRED)]
    grouped = group(fired, beside, [])
    assert len(grouped.new) == notifications
    assert [n for new in grouped.new for n in new.incidents] == [*range(hosts)]
    if notifications == 1:
        assert grouped.new[0].notification.targets == (*range(hosts), 100)


def test_a_notification_lists_some_and_counts_all() -> None:
    (new,) = group([suspect(n, n) for n in range(MOST_NAMED + 1)], [], []).new
    assert (len(new.notification.members), len(new.notification.targets)) == (
        MOST_NAMED, MOST_NAMED + 1,
    )  # fmt: skip
