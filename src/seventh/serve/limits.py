"""How much one client may ask: rates by its address, without a clock."""

from __future__ import annotations

from collections import OrderedDict


class Rates:
    """Token buckets by client. The least recently seen are forgotten beyond ``most``."""

    def __init__(self, per_second: float, burst: float, most: int = 1024) -> None:
        self._per_second, self._burst, self._most = per_second, burst, most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """What is left of each, and when that was."""

    def left(self, client: str, now_seconds: float) -> float:
        """Return how many requests a client may make now."""
        left, at = self._buckets.get(client, (self._burst, now_seconds))
        return min(self._burst, left + max(0.0, now_seconds - at) * self._per_second)

    def take(self, client: str, now_seconds: float) -> bool:
        """Count one request; return whether it is allowed."""
        left = self.left(client, now_seconds)
        allowed = left >= 1
        self._buckets[client] = (left - 1 if allowed else left, now_seconds)
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return allowed
