"""What ``[[alert]]`` tables mean for a target: the policy by which its pulses are judged."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from msgspec.structs import replace

from seventh.model.failure import UsageError
from seventh.model.severity import Severity
from seventh.watch.keys import AlertKeys, Labels
from seventh.watch.verdict import Flaps, Policy, Slow, Threshold


def matches(wanted: Labels, labels: Labels) -> bool:
    """Return whether ``labels`` has all that are wanted."""
    return all(labels.get(name) == value for name, value in wanted.items())


class Policies:
    """The policies that ``[[alert]]`` tables make, by the tables that match."""

    def __init__(self, alerts: Sequence[tuple[str, AlertKeys]]) -> None:
        """Read the thresholds of tables, each with its place; raises UsageError."""
        self._alerts = [(keys, _threshold(where, keys)) for where, keys in alerts]
        self._made: dict[tuple[int, ...], Policy] = {}

    def of(self, labels: Labels) -> Policy:
        """Return the policy for a target with ``labels``."""
        which = tuple(i for i, each in enumerate(self._alerts) if matches(each[0].match, labels))
        if which not in self._made:
            self._made[which] = self._policy(which)
        return self._made[which]

    def _policy(self, which: tuple[int, ...]) -> Policy:
        policy = Policy()
        slow: dict[str, Slow] = {}
        for keys, threshold in map(self._alerts.__getitem__, which):
            if keys.findings is not None:
                policy = replace(policy, findings=Severity(keys.findings))
            elif keys.max_seconds is None:
                flaps = Flaps(changes=keys.flap_changes, within_ns=round(keys.flap_within * 1e9))
                policy = replace(policy, down=threshold, flaps=flaps)
            else:
                limit_ns = round(keys.max_seconds * 1e9)
                slow[keys.phase] = Slow(phase=keys.phase, limit_ns=limit_ns, threshold=threshold)
        return replace(policy, slow=tuple(slow.values()))


def _threshold(where: str, keys: AlertKeys) -> Threshold:
    """Return the threshold of an alert; a quantile above a limit is a number of slow pulses."""
    if keys.findings is not None and (keys.max_seconds is not None or keys.phase):
        raise UsageError(f"{where}: findings: not with max or phase; write another [[alert]]")
    if keys.max_seconds is None and (keys.phase or keys.quantile is not None):
        raise UsageError(f"{where}: phase and quantile need max = …, in seconds")
    bad, good, good_of = keys.failures, keys.passes, keys.passes_of or keys.passes
    if keys.quantile is not None:
        good = int((Decimal(str(keys.quantile)) * keys.of).to_integral_value(ROUND_CEILING))
        bad, good_of = keys.of - good + 1, keys.of
    for name, count, name_of, of in [
        ("failures", bad, "of", keys.of), ("passes", good, "passes-of", good_of)
    ]:  # fmt: skip
        if count > of:
            raise UsageError(f"{where}: {name} = {count} never happens in {name_of} = {of} pulses")
    return Threshold(
        bad=bad, of=keys.of, good=good, good_of=good_of, for_ns=round(keys.for_seconds * 1e9),
        keep_ns=round(keys.keep_seconds * 1e9),
    )  # fmt: skip
