"""Idle connections to an SSH server: sessions, or connections before the login."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from seventh.net import idle
from seventh.net.address import Address
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.protocols.ssh.client.conversation import Conversation, our_proposal
from seventh.protocols.ssh.client.session import Session
from seventh.protocols.ssh.probe.further import greeted

LOGIN_GRACE_SECONDS = 120.0
"""OpenSSH's default LoginGraceTime. It ends a connection without a login, and from 9.8 on refuses
its source for a while (PerSourcePenalties)."""


async def hold_sessions(ctx: ProbeContext, log_in: Callable[[], Awaitable[Session]]) -> None:
    """Hold sessions of the user."""

    async def open_one() -> idle.Connection:
        return _Session(await log_in())

    await idle.measure(ctx, "tcp", open_one)


async def hold_connections(ctx: ProbeContext, address: Address) -> None:
    """Hold connections before the key exchange, for less than the usual LoginGraceTime."""

    async def open_one() -> idle.Connection:
        return await _begun(ctx, address)

    await idle.measure(ctx, "tcp", open_one, own_seconds=LOGIN_GRACE_SECONDS)


async def _begun(ctx: ProbeContext, address: Address) -> idle.Connection:
    conversation = await greeted(ctx, address)
    with on_failure(conversation.stream.close):
        offer = our_proposal()
        theirs, _ = await conversation.offers(offer)
        conversation.agree(offer, theirs.offer)
    return _Begun(conversation)


class _Begun(idle.Connection):
    """A connection before its key exchange, which is the use."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def idle(self, until_ns: int) -> None:
        """Receive and ignore messages. Raises Failed when the connection ends."""
        self._conversation.stream.expect_silence()
        await idle.repeat(lambda: self._conversation.event(until_ns), until_ns)

    async def use(self) -> None:
        """Exchange keys."""
        await self._conversation.exchange_keys()

    def quiet_seconds(self) -> float | None:
        """Return for how long TCP has neither sent nor received."""
        return idle.quiet_seconds(self._conversation.stream)

    def close(self) -> None:
        """Close at once."""
        self._conversation.stream.close()


class _Session(idle.Connection):
    """A session; a key re-exchange, which every server supports, is the use."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def idle(self, until_ns: int) -> None:
        """Answer keepalives. Raises Failed when the session ends."""
        self._session.stream.expect_silence()
        await idle.repeat(lambda: self._session.next_message(until_ns), until_ns)

    async def use(self) -> None:
        """Exchange keys again."""
        await self._session.rekey(idle.USE_SECONDS)

    def quiet_seconds(self) -> float | None:
        """Return for how long TCP has neither sent nor received."""
        return idle.quiet_seconds(self._session.stream)

    def close(self) -> None:
        """Close at once."""
        self._session.stream.close()
