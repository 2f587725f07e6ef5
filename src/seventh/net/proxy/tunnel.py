"""Streams through a proxy."""

from __future__ import annotations

from seventh.model.failure import Blame, Failed, Reason
from seventh.model.phase import Mark
from seventh.net.budget import Budget
from seventh.net.carrier import CarriedStream
from seventh.net.proxy.negotiation import Negotiation
from seventh.net.stream import Transcript, note


class Proof:
    """Whether bytes have come through a tunnel of ``proxy``, so that its confirmations are true."""

    __slots__ = ("given", "proxy")

    def __init__(self, proxy: str) -> None:
        self.proxy = proxy
        self.given = False


class TunnelStream(CarriedStream):
    """A tunnel through a proxy. The kernel knows only the path to the proxy: it is left out."""

    def __init__(
        self, talk: Negotiation, opened: Mark, rest: bytes, proof: Proof, log: Transcript | None
    ) -> None:
        self.address = talk.to
        self.requested = talk.requested
        self.opened = opened
        self._below = talk.stream
        self._proof = proof
        self._transcript = log
        self._rest = rest
        """What came with the proxy's reply."""
        self._below.expect_answers()  # the wait for the proxy was not the target's

    @property
    def budget(self) -> Budget:
        """The limits of the target's time and bytes."""
        return self._below.budget

    async def send(self, data: bytes) -> Mark:
        """Send ``data`` through the tunnel."""
        if self._transcript is not None:
            note(self._transcript, ">", data)
        return await self._below.send(data)

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return the next bytes and their arrival from the proxy."""
        data, at = await self._next(deadline_ns)
        if self._transcript is not None:
            note(self._transcript, "<", data)
        self._proof.given = self._proof.given or bool(data)
        return data, at

    async def _next(self, deadline_ns: int | None) -> tuple[bytes, Mark]:
        if self._rest:
            data, self._rest = self._rest, b""
            return data, self.opened
        if self._proof.given:
            return await self._below.receive(deadline_ns)
        try:
            data, at = await self._below.receive(deadline_ns)
        except Failed as failed:
            if failed.reason is Reason.PEER_RESET:
                raise self._ended() from None
            raise
        if not data:
            raise self._ended()
        return data, at

    def _ended(self) -> Failed:
        """Return the failure for the end of a first tunnel through which nothing came."""
        host, port = self.address.ip, self.address.port
        return Failed(
            Reason.PEER_CLOSED,
            f"{self._proof.proxy} confirmed the connection to {host} port {port}, which was closed "
            "before its first byte: by the target, or by the proxy because it could not connect "
            "(some confirm before they connect)",
            blame=Blame.NETWORK,
        )

    def expect_silence(self) -> None:
        """Stop enforcing a minimum rate."""
        self._below.expect_silence()

    def expect_answers(self) -> None:
        """Enforce the minimum rate again."""
        self._below.expect_answers()

    async def aclose(self) -> None:
        """Close, after the closing message of an https:// proxy's TLS."""
        await self._below.aclose()

    def close(self) -> None:
        """Close the connection to the proxy."""
        self._below.close()
