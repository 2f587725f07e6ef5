"""The verdict on a target as seen from one vantage: a state machine without a clock.

Only pulses change a verdict, and each has its own time. A state is therefore the same after a
restart, however often :func:`expire` looked at it: it is what a replay of the pulses gives.

Every alert that has fired is resolved exactly once: by pulses, or by :func:`fit` when the policy no
longer has it, or by :func:`retire` when the target is no longer watched.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.watch.samples import Cause, Outcome, Pulse

MAX_WINDOW = 64
"""The maximum number of pulses that a trigger remembers: a number of as many bits is stored."""


class Condition(StrEnum):
    """What is known of a target."""

    BURNING = "burning"
    """An error budget is spent too fast: a kind of alert, and no target's condition."""
    FINDING = "finding"
    """A full check found something new: a kind of alert, and no target's condition."""
    UNKNOWN = "unknown"
    UP = "up"
    DEGRADED = "degraded"
    """It answers, and a phase is too slow."""
    FLAPPING = "flapping"
    """It changes between up and down too often for each change to be an alert."""
    DOWN = "down"


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """N of M pulses to fire, and K of L to clear; pulses that are unknown do not count."""

    bad: int = 3
    of: int = 5
    good: int = 3
    good_of: int = 3
    for_ns: int = 0
    """How long it has to be met before the alert fires."""
    keep_ns: int = 0
    """How long it has to be cleared before the alert is resolved."""


class Slow(msgspec.Struct, frozen=True, kw_only=True):
    """A phase that must not take longer; a pulse without the phase does not count."""

    phase: str
    """The phase's name; empty for the sum of all phases."""
    limit_ns: int
    threshold: Threshold


class Flaps(msgspec.Struct, frozen=True, kw_only=True):
    """How many changes between up and down within a time are flapping."""

    changes: int = 6
    within_ns: int = 3600 * 10**9


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How the pulses of a target are judged."""

    down: Threshold = Threshold()
    slow: tuple[Slow, ...] = ()
    flaps: Flaps = Flaps()
    stale_ns: int = 60 * 10**9
    """How long after the last pulse nothing is known any more."""
    findings: Severity | None = None
    """The severity from which a new finding of a full check is an alert; None for none."""


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """The last results of one threshold, what they amount to, and whether its alert is firing."""

    bits: int = 0
    """The last results, the newest in the lowest bit; 1 is bad."""
    seen: int = 0
    """How many of the bits are results, at most :data:`MAX_WINDOW`."""
    bad: bool = False
    turned_ns: int = 0
    """When ``bad`` last changed."""
    bad_since_ns: int = 0
    """When the first of the last bad results was."""
    firing: bool = False


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All that is remembered of a target between two pulses."""

    condition: Condition = Condition.UNKNOWN
    since_ns: int = 0
    """Since when it has the condition."""
    last_ns: int = 0
    """When the last pulse began that was not unknown."""
    cause: Cause | None = None
    """The cause of the last failure."""
    down: Trigger = Trigger()
    slow: tuple[tuple[str, Trigger], ...] = ()
    """By phase."""
    turns_ns: tuple[int, ...] = ()
    """The last times at which it went up or down, as many as are flapping."""
    flapping: bool = False

    @property
    def failing(self) -> bool:
        """Whether the last pulse that was not unknown failed, verdict or not."""
        return bool(self.down.bits & 1)


class Changed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The condition is another."""

    at_ns: int
    old: Condition
    new: Condition
    cause: Cause | None = None


class Fired(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An alert began."""

    at_ns: int
    since_ns: int
    """When the first of its bad pulses was."""
    kind: Condition
    """DOWN or DEGRADED."""
    phase: str = ""
    """The slow phase; empty for the sum of all, and for DOWN."""
    cause: Cause | None = None


class Resolved(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An alert ended."""

    at_ns: int
    kind: Condition
    phase: str = ""
    given_up: bool = False
    """Whether it ended because it is no longer watched for, and not because it is good."""


Event = Changed | Fired | Resolved


def step(
    policy: Policy, state: State, pulse: Pulse, *, local: bool = False
) -> tuple[State, tuple[Event, ...]]:
    """Judge one more pulse.

    With ``local`` the vantage itself is in trouble: then a failure says nothing of the target.
    """
    at_ns = pulse.at_ns
    state, expired = expire(policy, state, at_ns)
    events: list[Event] = [*expired]
    outcome = pulse.outcome
    if outcome is Outcome.UNKNOWN or (local and outcome is Outcome.FAILED):
        return _become(Condition.UNKNOWN, state, at_ns, pulse.cause, events), tuple(events)
    failed = outcome is Outcome.FAILED
    cause = pulse.cause or state.cause
    down = _turn(policy.down, state.down, at_ns, bad=failed)
    turns = state.turns_ns
    if down.bad is not state.down.bad:
        turns = (*turns, at_ns)[-policy.flaps.changes :]
    flapping = _flapping(policy.flaps, turns, at_ns, state.flapping)
    down = _fire(policy.down, down, at_ns, held=flapping)
    if down.firing is not state.down.firing:
        events.append(_alert(down, at_ns, Condition.DOWN, cause=cause))
    slow = state.slow if failed else _slow(policy.slow, dict(state.slow), pulse, events)
    condition = _condition(state.condition, down, slow, failed=failed, flapping=flapping)
    state = State(
        condition=state.condition, since_ns=state.since_ns, last_ns=at_ns, cause=cause, down=down,
        slow=slow, turns_ns=turns, flapping=flapping,
    )  # fmt: skip
    return _become(condition, state, at_ns, pulse.cause, events), tuple(events)


def expire(policy: Policy, state: State, at_ns: int) -> tuple[State, tuple[Event, ...]]:
    """Forget the condition of a target that has had no pulse for too long.

    The event has the time when that was, not when it was looked at.
    """
    stale_ns = stale_at(policy, state)
    if state.condition is Condition.UNKNOWN or at_ns <= stale_ns:
        return state, ()
    events: list[Event] = []
    return _become(Condition.UNKNOWN, state, stale_ns, None, events), tuple(events)


def stale_at(policy: Policy, state: State) -> int:
    """Return when a target has had no pulse for too long, if it has none until then."""
    return max(state.last_ns, state.since_ns) + policy.stale_ns


def fit(policy: Policy, state: State, at_ns: int) -> tuple[State, tuple[Event, ...]]:
    """Resolve the alerts of phases that ``policy`` no longer has."""
    phases = {slow.phase for slow in policy.slow}
    slow = tuple((phase, trigger) for phase, trigger in state.slow if phase in phases)
    gone = tuple((phase, trigger) for phase, trigger in state.slow if phase not in phases)
    return replace(state, slow=slow), _given_up(at_ns, gone)


def retire(state: State, at_ns: int) -> tuple[Event, ...]:
    """Resolve every alert of a target that is no longer watched."""
    down = (Resolved(at_ns=at_ns, kind=Condition.DOWN, given_up=True),)
    return (down if state.down.firing else ()) + _given_up(at_ns, state.slow)


def _given_up(at_ns: int, triggers: tuple[tuple[str, Trigger], ...]) -> tuple[Event, ...]:
    return tuple(
        Resolved(at_ns=at_ns, kind=Condition.DEGRADED, phase=phase, given_up=True)
        for phase, trigger in triggers
        if trigger.firing
    )


def _turn(threshold: Threshold, trigger: Trigger, at_ns: int, *, bad: bool) -> Trigger:
    """Add one result, and decide whether the threshold is met or cleared."""
    seen = min(trigger.seen + 1, MAX_WINDOW)
    bits = (trigger.bits << 1 | bad) & (1 << MAX_WINDOW) - 1
    good_of = min(seen, threshold.good_of)
    if trigger.bad:
        turns = good_of - _ones(bits, good_of) >= threshold.good
    else:
        turns = _ones(bits, threshold.of) >= threshold.bad
    begins = bad and not _ones(trigger.bits, threshold.of - 1)
    return Trigger(
        bits=bits,
        seen=seen,
        bad=trigger.bad is not turns,
        turned_ns=at_ns if turns else min(trigger.turned_ns, at_ns),
        bad_since_ns=at_ns if begins and not trigger.bad else trigger.bad_since_ns,
        firing=trigger.firing,
    )


def _ones(bits: int, count: int) -> int:
    """Return how many of the last ``count`` bits are set."""
    return (bits & (1 << count) - 1).bit_count()


def _fire(threshold: Threshold, trigger: Trigger, at_ns: int, *, held: bool = False) -> Trigger:
    """Decide whether the alert is firing: ``held`` makes it fire and keeps it from its end."""
    elapsed_ns = at_ns - trigger.turned_ns
    if trigger.firing:
        firing = held or trigger.bad or elapsed_ns < threshold.keep_ns
    else:
        firing = held or (trigger.bad and elapsed_ns >= threshold.for_ns)
    return trigger if firing is trigger.firing else replace(trigger, firing=firing)


def _flapping(flaps: Flaps, turns_ns: tuple[int, ...], at_ns: int, flapping: bool) -> bool:
    """Return whether the last changes are too many; once it is flapping, until it is quiet."""
    if not turns_ns or at_ns - turns_ns[-1] > flaps.within_ns:
        return False
    full = len(turns_ns) >= flaps.changes
    return flapping or (full and turns_ns[-1] - turns_ns[0] <= flaps.within_ns)


def _slow(
    policy: tuple[Slow, ...], triggers: dict[str, Trigger], pulse: Pulse, events: list[Event]
) -> tuple[tuple[str, Trigger], ...]:
    """Add the durations of one pulse to the triggers of slow phases."""
    durations = dict(pulse.phases)
    for slow in policy:
        duration = sum(durations.values()) if not slow.phase else durations.get(slow.phase)
        if duration is None:
            continue
        before = triggers.get(slow.phase, Trigger())
        after = _turn(slow.threshold, before, pulse.at_ns, bad=duration > slow.limit_ns)
        after = triggers[slow.phase] = _fire(slow.threshold, after, pulse.at_ns)
        if after.firing is not before.firing:
            events.append(_alert(after, pulse.at_ns, Condition.DEGRADED, slow.phase))
    return tuple(triggers.items())


def _alert(
    trigger: Trigger, at_ns: int, kind: Condition, phase: str = "", cause: Cause | None = None
) -> Event:
    if not trigger.firing:
        return Resolved(at_ns=at_ns, kind=kind, phase=phase)
    return Fired(at_ns=at_ns, since_ns=trigger.bad_since_ns, kind=kind, phase=phase, cause=cause)


def _condition(
    before: Condition,
    down: Trigger,
    slow: tuple[tuple[str, Trigger], ...],
    *,
    failed: bool,
    flapping: bool,
) -> Condition:
    if flapping:
        return Condition.FLAPPING
    if down.bad:
        return Condition.DOWN
    if failed:  # too few failures for a verdict
        return before if before is not Condition.FLAPPING else Condition.UP
    return Condition.DEGRADED if any(trigger.bad for _, trigger in slow) else Condition.UP


def _become(
    condition: Condition, state: State, at_ns: int, cause: Cause | None, events: list[Event]
) -> State:
    """Return the state with the condition, and note a change."""
    if condition is state.condition:
        return state
    events.append(Changed(at_ns=at_ns, old=state.condition, new=condition, cause=cause))
    return replace(state, condition=condition, since_ns=at_ns)
