"""Carriers: what opens streams from another host: a proxy, or a chain of SSH jump hosts.

A room that can carry has a module ``jump`` with a coroutine function::

    async def carry(ctx, hops: tuple[Target, ...], proxy: Carrier | None) -> Carrier

It reaches the first hop through the proxy, if there is one, and logs in at each hop. It notes the
hops' phases and :class:`seventh.model.netfacts.Hop` facts in the context, and raises Failed when
one of them does not let us through.
"""

from __future__ import annotations

import abc
from typing import ClassVar, Literal

from seventh.model.failure import Blame, Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stream import Stream


class CarrierFailed(Failed):
    """A failure of what carries the connections: the target was not tried. The detail names it."""


class Unreached(Failed):
    """What a carrier reports of a connection that it did not make; ``requested`` is when we asked.

    The reason is connect-refused, connect-timeout and the like, or the carrier's own.
    """

    def __init__(
        self, reason: Reason, detail: str, requested: Mark, *, blame: Blame | None = None
    ) -> None:
        super().__init__(reason, detail, blame=blame)
        self.requested = requested


class CarriedStream(Stream):
    """A stream that a carrier opened; ``opened`` is when it said that the connection stands."""

    requested: Mark
    """When we asked for it."""


class Carrier(abc.ABC):
    """A proxy, or the far end of a chain of jump hosts."""

    transport: ClassVar[Literal["via", "proxy"]]
    """How attempts name it."""

    @abc.abstractmethod
    async def open(self, host: str, port: int, deadline_ns: int) -> CarriedStream:
        """Return a stream from the carrier to ``host``, a name or an address.

        Raises Unreached, and CarrierFailed where the fault is the carrier's.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Close what carries the streams; idempotent."""
