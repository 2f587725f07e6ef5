"""Heartbeats: jobs that report here, whose silence is a failure.

A report is a pulse that succeeded, or that failed if the job says so; a job that is overdue has one
pulse that failed. So their verdicts, alerts and history are those of any target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from seventh.model.failure import Blame, Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.watch.config import WatchedTarget
from seventh.watch.keys import HeartbeatKeys, Labels
from seventh.watch.samples import Cause, Outcome, Pulse
from seventh.watch.verdict import Policy, State, Threshold

PHASE = "heartbeat"
OVERDUE = Cause(Reason.NO_REPLY, PHASE, Blame.PEER)
FAILED = Cause(Reason.UNEXPECTED_ANSWER, PHASE, Blame.PEER)
"""Of a job that reports its own failure."""
_FOREVER_NS = 1 << 62
POLICY = Policy(
    down=Threshold(bad=1, of=1, good=1, good_of=1), stale_ns=_FOREVER_NS,
)  # fmt: skip
"""One report decides, and holds until the next: it was late already."""


class Heartbeat(msgspec.Struct, kw_only=True):
    """One job, and when it was last heard of."""

    name: str
    labels: Labels
    every_ns: int
    grace_ns: int
    since_ns: int
    """When it was last heard of; without that, when the wait began."""
    heard: bool = False
    overdue: bool = False
    """Whether its present silence was noted."""
    tokens: tuple[str, ...] = ()
    """The SHA-256 of its own tokens, in hexadecimal."""

    @property
    def due_ns(self) -> int:
        """When it is overdue."""
        return self.since_ns + self.every_ns + self.grace_ns

    def stored(self) -> WatchedTarget:
        """Return it as the store registers targets."""
        return WatchedTarget(
            name=self.name, target=Target(scheme="heartbeat", host=self.name, port=0),
            options=Options(), labels=self.labels, every_ns=self.every_ns, policy=POLICY,
        )  # fmt: skip


def heartbeats(
    tables: Iterable[HeartbeatKeys], before: Mapping[str, Heartbeat], now_ns: int
) -> list[Heartbeat]:
    """Return the jobs of a configuration; of those that were there before, what is known stays.

    A table with a URL is no job: it is a signal that is sent.
    """
    made = []
    for each in tables:
        if each.url is not None:  # a signal that we send
            continue
        known = before.get(each.name)
        made.append(Heartbeat(
            name=each.name, labels=each.labels, every_ns=round(each.every * 1e9),
            grace_ns=round(each.grace * 1e9), since_ns=known.since_ns if known else now_ns,
            heard=known is not None and known.heard,
            overdue=known is not None and known.overdue, tokens=each.token_sha256,
        ))  # fmt: skip
    return made


def tokens_of(jobs: Mapping[int, Heartbeat], name: str) -> tuple[str, ...]:
    """Return the hashes of a job's own tokens; none for a name that no job has."""
    return next((each.tokens for each in jobs.values() if each.name == name), ())


def take(heartbeat: Heartbeat, pulse: Pulse) -> None:
    """Note a pulse of the job."""
    if pulse.cause == OVERDUE:
        heartbeat.overdue = True
    elif pulse.outcome is not Outcome.UNKNOWN:
        heartbeat.since_ns, heartbeat.heard, heartbeat.overdue = pulse.at_ns, True, False


def restore(heartbeat: Heartbeat, state: State) -> None:
    """Note what the state of the job shows after a restart."""
    if state.failing and state.cause == OVERDUE:
        heartbeat.overdue = True
    elif state.last_ns:
        heartbeat.since_ns, heartbeat.heard = state.last_ns, True


def overdue(jobs: Mapping[int, Heartbeat], now_ns: int) -> list[Pulse]:
    """Return a pulse for each job whose silence is too long and was not noted."""
    return [
        Pulse(target=number, at_ns=now_ns, cause=OVERDUE)
        for number, each in jobs.items()
        if not each.overdue and now_ns > each.due_ns
    ]
