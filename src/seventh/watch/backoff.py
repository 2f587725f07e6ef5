"""When to try again: exponential with full jitter, so that retries do not come together."""

from __future__ import annotations

from collections.abc import Mapping

from seventh.watch.keys import NotifyKeys

BASE_NS = 2 * 10**9
MOST_NS = 15 * 60 * 10**9


def backoff_ns(tries: int, share: float) -> int:
    """Return the wait after the ``tries``-th failure; ``share`` is random, from 0 to 1."""
    return round(min(MOST_NS, BASE_NS << min(tries - 1, 30)) * share)


class Backoff:
    """The receivers that are not tried for now, by their name; times are of any one clock."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._until_ns: dict[str, tuple[int, NotifyKeys]] = {}

    def failed(self, keys: NotifyKeys, now_ns: int, share: float) -> None:
        """Note one more failure of a receiver in a row."""
        self._failures[keys.name] = tries = self._failures.get(keys.name, 0) + 1
        self._until_ns[keys.name] = now_ns + backoff_ns(tries, share), keys

    def received(self, name: str) -> None:
        """Note that a receiver works."""
        self._failures.pop(name, None)
        self._until_ns.pop(name, None)

    def waiting(self, now_ns: int, configured: Mapping[str, NotifyKeys]) -> set[str]:
        """Return the receivers to leave alone now; one that was changed is tried at once."""
        return {
            name
            for name, (until_ns, keys) in self._until_ns.items()
            if now_ns < until_ns and configured.get(name) == keys
        }
