"""Whether this machine itself lost its network: then failures say nothing of the targets."""

from __future__ import annotations

import msgspec

_LEAST = 3
"""The least number of networks: with fewer, their own failures are as likely."""
_BEGINS, _ENDS = 0.8, 0.5
"""The share of networks that failed together with which the trouble begins, and below which it
ends."""


class Networks(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of networks between two pulses."""

    good: tuple[str, ...] = ()
    stopped_ns: dict[str, int] = {}
    """When each stopped, in that order."""
    in_trouble: bool = False


class Vantage:
    """The networks that answered lately, and those that stopped answering together.

    A network that failed alone, longer ago than ``within_ns``, is down by itself and in neither.
    """

    def __init__(self, within_ns: int, networks: Networks) -> None:
        self.within_ns = within_ns
        self.in_trouble = networks.in_trouble
        self._good = set(networks.good)
        self._stopped_ns = dict(networks.stopped_ns)

    def networks(self) -> Networks:
        """Return what is remembered."""
        return Networks(
            good=tuple(sorted(self._good)), stopped_ns=dict(self._stopped_ns),
            in_trouble=self.in_trouble,
        )  # fmt: skip

    def observe(self, network: str, at_ns: int, *, failed: bool) -> None:
        """Note the result of one pulse of a target in ``network``."""
        if not failed:
            self._stopped_ns.pop(network, None)
            self._good.add(network)
        elif network in self._good:
            self._good.remove(network)
            self._stopped_ns[network] = at_ns
        if not self.in_trouble:
            self._drop_before(at_ns - self.within_ns)
        stopped = len(self._stopped_ns)
        share = stopped / (stopped + len(self._good) or 1)
        if self.in_trouble:
            self.in_trouble = share >= _ENDS
        else:
            self.in_trouble = stopped >= _LEAST and share >= _BEGINS

    def _drop_before(self, at_ns: int) -> None:
        while self._stopped_ns:
            name, stopped_ns = next(iter(self._stopped_ns.items()))
            if stopped_ns >= at_ns:
                return
            del self._stopped_ns[name]

    def forget(self, networks: set[str]) -> None:
        """Keep only ``networks``, those of the targets that are still watched."""
        self._good &= networks
        for network in self._stopped_ns.keys() - networks:
            del self._stopped_ns[network]
