"""All targets together: pulses in, events and notices out, without a clock and without I/O.

Everything is decided by pulses in their order. After a restart the same pulses give the same
states, so that a snapshot and the journal after it are all that is stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import msgspec
from msgspec.structs import replace

from seventh.watch.alerts import CAUSES, VANTAGE, Alert, Hold, Notice, Parent, hold
from seventh.watch.findings import Drift
from seventh.watch.samples import Outcome, Pulse
from seventh.watch.vantage import Networks, Vantage
from seventh.watch.verdict import (
    Condition,
    Event,
    Fired,
    Policy,
    Resolved,
    State,
    expire,
    fit,
    retire,
    stale_at,
    step,
)

Key = tuple[int, Condition, str]
Silenced = Callable[[int, int], bool]
"""Whether a target is silenced at a time."""


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A target as the fleet needs it."""

    target: int
    policy: Policy = Policy()
    parents: tuple[int, ...] = ()
    network: str = ""
    """What fails together with this target because of its place: its host. Empty for none."""
    patience_ns: int = 60 * 10**9
    """How long a verdict on it takes: the alerts of targets that need it wait so long."""


class Seen(msgspec.Struct, kw_only=True):
    """What pulses led to, in its order."""

    log: list[tuple[int, Event] | Notice] = []
    """Events, each with its target, and notices."""
    drift: list[Drift] = []
    """Findings of full checks that are new or gone; pulses lead to none."""

    @property
    def events(self) -> list[tuple[int, Event]]:
        """The events alone."""
        return [each for each in self.log if not isinstance(each, Notice)]

    @property
    def notices(self) -> list[Notice]:
        """The notices alone."""
        return [each for each in self.log if isinstance(each, Notice)]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that is remembered between two pulses."""

    states: dict[int, State] = {}
    alerts: tuple[Alert, ...] = ()
    networks: Networks = Networks()


_NOTHING = Snapshot()
_TOGETHER_NS = 300 * 10**9
"""The longest time within which networks that stop answering do so together."""


class Fleet:
    """The states of all targets, and the alerts that are firing."""

    def __init__(
        self,
        watched: Iterable[Watched],
        snapshot: Snapshot = _NOTHING,
        *,
        silenced: Silenced = lambda target, at_ns: False,
    ) -> None:
        self._vantage = Vantage(_TOGETHER_NS, snapshot.networks)
        self._silenced = silenced
        self._watched: dict[int, Watched] = {}
        self._children: Mapping[int, set[int]] = {}
        self.states = dict(snapshot.states)
        self.alerts: dict[Key, Alert] = {alert.key: alert for alert in snapshot.alerts}
        self._stale_ns = 0
        """Until then no target can have been without a pulse for too long."""
        self.holds: dict[Key, Hold] = {}
        """Why alerts that are firing were not sent."""
        self._adopt(watched)

    def snapshot(self) -> Snapshot:
        """Return all that is remembered between two pulses."""
        return Snapshot(
            states=dict(self.states), alerts=tuple(self.alerts.values()),
            networks=self._vantage.networks(),
        )  # fmt: skip

    def begin(self, recorded: Iterable[Alert], at_ns: int) -> Seen:
        """After a restart and the replay, compare with the alerts that are recorded as firing.

        They differ where the configuration has changed: what fires only now is new, and what no
        longer fires, or is no longer watched, is resolved.
        """
        known = {alert.key: alert for alert in recorded}
        seen = Seen()
        for key, alert in self.alerts.items():
            before = known.pop(key, None)
            self.alerts[key] = replace(alert, sent_ns=before.sent_ns if before else None)
            if before is None:
                seen.log.append((alert.target, Fired(
                    at_ns=at_ns, since_ns=alert.since_ns, kind=alert.kind, phase=alert.phase,
                    cause=alert.cause,
                )))  # fmt: skip
        self.alerts |= known
        for alert in known.values():
            self._note(alert.target, (_given_up(alert, at_ns),), seen)
        return Seen(log=seen.log + self.reload(self._watched.values(), at_ns).log)

    def observe(self, pulse: Pulse) -> Seen:
        """Take one more pulse; one of a target that is no longer watched is ignored."""
        seen = Seen()
        watched = self._watched.get(pulse.target)
        if watched is None:
            return seen
        self._observe_vantage(watched, pulse, seen)
        state, events = step(
            watched.policy, self.states.get(pulse.target, State()), pulse,
            local=self._vantage.in_trouble,
        )  # fmt: skip
        self.states[pulse.target] = state
        self._note(pulse.target, events, seen)
        self._review(pulse, seen)
        return seen

    def has_failing_parent(self, target: int) -> bool:
        """Return whether something fails that the target needs, verdict or not."""
        parents = self._watched[target].parents if target in self._watched else ()
        return any(self.states[each].failing for each in parents if each in self.states)

    def expire(self, at_ns: int) -> Seen:
        """Forget the condition of targets that have had no pulse for too long.

        Nothing is looked at before one can be: ten thousand take as long as fifty pulses.
        """
        seen = Seen()
        if at_ns <= self._stale_ns:
            return seen
        self._stale_ns = at_ns + min(
            (each.policy.stale_ns for each in self._watched.values()), default=0
        )
        for target, state in self.states.items():
            policy = self._watched[target].policy
            self.states[target], events = expire(policy, state, at_ns)
            self._note(target, events, seen)
            if self.states[target].condition is not Condition.UNKNOWN:
                self._stale_ns = min(self._stale_ns, stale_at(policy, state))
        return seen

    def reload(self, watched: Iterable[Watched], at_ns: int) -> Seen:
        """Watch other targets or by other policies; what is the same is not touched."""
        self._adopt(watched)
        self._stale_ns = 0
        seen = Seen()
        for target, state in [*self.states.items()]:
            if target in self._watched:
                self.states[target], events = fit(self._watched[target].policy, state, at_ns)
            else:
                events = retire(self.states.pop(target), at_ns)
            self._note(target, events, seen)
        return seen

    def _adopt(self, watched: Iterable[Watched]) -> None:
        self._watched = {each.target: each for each in watched}
        children: Mapping[int, set[int]] = defaultdict(set)
        for each in self._watched.values():
            for parent in each.parents:
                children[parent].add(each.target)
        self._children = dict(children)
        stale_ns = (each.policy.stale_ns for each in self._watched.values())
        self._vantage.within_ns = min(max(stale_ns, default=0), _TOGETHER_NS)
        self._vantage.forget({each.network for each in self._watched.values() if each.network})

    def _observe_vantage(self, watched: Watched, pulse: Pulse, seen: Seen) -> None:
        before, outcome = self._vantage.in_trouble, pulse.outcome
        if outcome is not Outcome.UNKNOWN and watched.network:
            failed = outcome is Outcome.FAILED
            self._vantage.observe(watched.network, pulse.at_ns, failed=failed)
        after, at_ns = self._vantage.in_trouble, pulse.at_ns
        if after and not before:
            fired = Fired(at_ns=at_ns, since_ns=at_ns, kind=Condition.UNKNOWN, cause=pulse.cause)
            self._note(VANTAGE, (fired,), seen)
            self._send(self.alerts[VANTAGE, Condition.UNKNOWN, ""], at_ns, seen)
        elif before and not after:
            self._note(VANTAGE, (Resolved(at_ns=at_ns, kind=Condition.UNKNOWN),), seen)

    def _note(self, target: int, events: Iterable[Event], seen: Seen) -> None:
        for event in events:
            seen.log.append((target, event))
            if isinstance(event, Fired):
                alert = Alert(
                    target=target, kind=event.kind, phase=event.phase, since_ns=event.since_ns,
                    fired_ns=event.at_ns, cause=event.cause,
                )  # fmt: skip
                self.alerts[alert.key] = alert
            elif isinstance(event, Resolved):
                key = (target, event.kind, event.phase)
                self.holds.pop(key, None)
                alert = self.alerts.pop(key)
                if alert.sent_ns is not None:
                    seen.log.append(Notice(
                        alert=alert, at_ns=event.at_ns, resolved=True, given_up=event.given_up
                    ))  # fmt: skip

    def _review(self, pulse: Pulse, seen: Seen) -> None:
        """Send the alerts that nothing holds: of the pulse's target, and of those that need it."""
        if not self.alerts:
            return
        targets = {pulse.target, *self._children.get(pulse.target, ())}
        for alert in [*self._unsent(targets)]:
            held = self._hold(alert, pulse.at_ns)
            if held is None:
                self._send(alert, pulse.at_ns, seen)
                continue
            self.holds[alert.key] = held
            if held in CAUSES:
                self.alerts[alert.key] = replace(alert, excused_ns=pulse.at_ns)

    def _hold(self, alert: Alert, at_ns: int) -> Hold | None:
        watched = self._watched[alert.target]
        parents = [
            Parent(self.states.get(parent, State()), self._watched[parent].patience_ns)
            for parent in watched.parents
            if parent in self._watched
        ]
        return hold(
            alert, parents, at_ns, patience_ns=watched.patience_ns,
            in_trouble=self._vantage.in_trouble, silenced=self._silenced(alert.target, at_ns),
        )  # fmt: skip

    def _unsent(self, targets: set[int]) -> Iterable[Alert]:
        for target in targets:
            kinds = [(Condition.DOWN, "")]
            kinds += [
                (Condition.DEGRADED, slow.phase) for slow in self._watched[target].policy.slow
            ]
            for kind, phase in kinds:
                alert = self.alerts.get((target, kind, phase))
                if alert is not None and alert.sent_ns is None:
                    yield alert

    def _send(self, alert: Alert, at_ns: int, seen: Seen) -> None:
        self.holds.pop(alert.key, None)
        sent = self.alerts[alert.key] = replace(alert, sent_ns=at_ns)
        seen.log.append(Notice(alert=sent, at_ns=at_ns))


def _given_up(alert: Alert, at_ns: int) -> Resolved:
    return Resolved(at_ns=at_ns, kind=alert.kind, phase=alert.phase, given_up=True)
