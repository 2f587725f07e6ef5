"""What is watched, as the fleet needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from seventh.watch.config import WatchedTarget
from seventh.watch.fleet import Watched
from seventh.watch.heartbeats import POLICY, Heartbeat


def members(
    targets: Iterable[WatchedTarget], jobs: Iterable[Heartbeat], numbers: Mapping[str, int]
) -> list[Watched]:
    """Return targets and jobs; this machine itself fails with no network."""
    return [
        Watched(
            target=numbers[each.name], policy=each.policy,
            network="" if each.is_local else each.target.host,
            parents=tuple(numbers[name] for name in each.parents if name in numbers),
            patience_ns=each.patience_ns,
        )
        for each in targets
    ] + [
        Watched(target=numbers[each.name], policy=POLICY, patience_ns=each.every_ns + each.grace_ns)
        for each in jobs
    ]  # fmt: skip
