"""Carriers: what opens streams from another host, such as a chain of SSH jump hosts.

A room that can carry has a module ``jump`` with a coroutine function::

    async def carry(talk: Talk, hops: tuple[Target, ...]) -> Carrier

It logs in at each hop, notes the hops' phases and :class:`seventh.model.netfacts.Hop` facts in the
talk, and raises Failed when one of them does not let us through.
"""

from __future__ import annotations

import abc

from seventh.net.stream import Stream


class Carrier(abc.ABC):
    """The far end of a chain of jump hosts."""

    @abc.abstractmethod
    async def open(self, host: str, port: int, deadline_ns: int) -> Stream:
        """Return a stream from the last hop to ``host``, which the hop resolves.

        Its ``opened`` is the instant at which the hop said that the connection stands. Raises
        Failed: connect-refused, connect-timeout and the like, in the hop's words.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Close every hop; idempotent."""
