"""One connection past NEWKEYS: a login, then whatever runs over it (RFC 4252, RFC 4253 §9).

    session = Session(conversation)             # after its key exchange and trust_in()
    await log_in(session, credentials)
    await session.send(ChannelOpen(...))
    event = await session.next_message()

While any task reads, the server's key exchanges, keepalives and pings are handled; the reader gets
only messages of channels and replies to our global requests. Any number of tasks may send, read,
rekey and ping at once: each reads one event in its turn and queues what is for others.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from seventh.model.failure import Blame, Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import Timer, now_ns
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.ssh.client.conversation import Conversation
from seventh.protocols.ssh.client.failures import again
from seventh.protocols.ssh.facts import Names, Proposal
from seventh.protocols.ssh.facts.deviations import DeviationKind
from seventh.protocols.ssh.facts.login import Trust
from seventh.protocols.ssh.wire.auth_messages import (
    AuthBanner,
    AuthFailure,
    AuthPacket,
    AuthSuccess,
    Ping,
    Pong,
    ServiceAccept,
    ServiceRequest,
)
from seventh.protocols.ssh.wire.channel_messages import (
    ChannelMessage,
    GlobalRequest,
    RequestFailure,
    RequestSuccess,
)
from seventh.protocols.ssh.wire.exchange import (
    MARKERS,
    Exchange,
    NoCommonError,
    negotiate,
    no_agreement,
)
from seventh.protocols.ssh.wire.messages import (
    Debug,
    ExtInfo,
    Ignore,
    KexInit,
    KexPacket,
    Message,
    NewKeys,
    Other,
    Unimplemented,
)
from seventh.protocols.ssh.wire.transport import Event

KEEPALIVE = b"keepalive@openssh.com"
PING_EXTENSION = b"ping@openssh.com"
MAX_KEEPALIVES = 4096
MAX_WAITING = 4096
"""Messages that are queued while no task reads them."""
MAX_BANNER_BYTES = 16 * 1024
MAX_BANNERS = 16
"""USERAUTH_BANNER messages in one login, and their bytes."""
REKEY_SECONDS = 10.0
"""The time limit of a later key exchange and of a ping."""
USERAUTH = b"ssh-userauth"

_LOGIN = ServiceAccept | AuthFailure | AuthSuccess | AuthPacket
_TO_READ = ChannelMessage | RequestSuccess | RequestFailure
_NEVER = Mark(0, "user")


class Session:
    """The client's side of one connection after the key exchange.

    Every method raises Failed when the connection fails, and so does every later call. Cancelling
    :meth:`send` also ends the session, because a part of a packet may have been sent.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.connection = conversation.connection
        self.stream = conversation.stream
        self.user = ""
        self.trust = Trust(status="unknown", key="")
        """What known_hosts says of the host's key; the caller sets it."""
        self.opened: Mark | None = None
        """When the login was granted."""
        self.extensions: dict[bytes, bytes] = dict(conversation.early_extensions)
        """The server's EXT_INFO so far (RFC 8308)."""
        self.banners: list[bytes] = []
        """The texts of USERAUTH_BANNER."""
        self.keepalives: list[Mark] = []
        """When each of the server's keepalives arrived."""
        self.rekeys = 0
        """Completed key exchanges after the first."""
        self.peer_rekeys = 0
        """How many of them the server began."""
        self._failed: Failed | None = None
        self._turn = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._inbox: deque[Event] = deque()
        self._login: deque[Event] = deque()
        self._exchange: Exchange | None = None
        self._offer: Proposal | None = None
        self._rekeyed_at = _NEVER
        self._pongs: dict[bytes, Mark] = {}
        if conversation.connection.sealer_missing or conversation.connection.opener_missing:
            raise Failed(
                Reason.NEGOTIATION_FAILED,
                "login not possible: Seventh does not implement the negotiated cipher or MAC",
                blame=Blame.SEVENTH,
            )

    @property
    def session_id(self) -> bytes:
        """The session identifier that signatures include (RFC 4253 §7.2)."""
        return self.connection.session_id

    @property
    def server_sig_algs(self) -> Names | None:
        """The signature algorithms accepted from users; None where the server has sent none."""
        return ExtInfo(self.extensions).server_sig_algs

    # -- sending ---------------------------------------------------------------------------------

    async def send(self, message: Message) -> Mark:
        """Send one message, after a running key exchange; return when its first byte was sent."""
        while True:
            await self._read_until(lambda: not self._rekeying, None)
            async with self._sending:
                self._check()
                if self._rekeying:
                    continue  # an exchange has begun while this task waited for the lock
                await self.conversation.confirm()
                return await self._write(self.connection.send(message))

    async def _send_now(self, message: Message) -> Mark:
        """Send a message of the transport; the codec queues it where an exchange requires that."""
        return await self._send_made(lambda: self.connection.send(message))

    async def _send_made(self, make: Callable[[], bytes]) -> Mark:
        """Send the packets that ``make`` encrypts under the lock, so that their order is kept."""
        async with self._sending:
            return await self._write(make())

    async def _write(self, packets: bytes) -> Mark:
        if not packets:
            return Mark(now_ns(), "user")
        try:
            return await self.stream.send(packets)
        except asyncio.CancelledError:
            self._failed = self._failed or Failed(
                Reason.INTERRUPTED, "sending was cancelled in the middle of a packet"
            )
            raise

    # -- reading ---------------------------------------------------------------------------------

    async def next_message(self, deadline_ns: int | None = None) -> Event:
        """Return the next message of a channel (90 to 100), REQUEST_SUCCESS or REQUEST_FAILURE.

        Failed (peer-silent) at the deadline, which leaves the session usable.
        """
        await self._read_until(lambda: bool(self._inbox), deadline_ns)
        return self._inbox.popleft()

    @property
    def has_login_message(self) -> bool:
        """Whether a message of the login is queued."""
        return bool(self._login)

    async def next_login_message(self) -> Event:
        """Return the next SERVICE_ACCEPT or message of the login; banners are collected."""
        await self._read_until(lambda: bool(self._login), None)
        return self._login.popleft()

    async def _read_until(self, ready: Callable[[], bool], deadline_ns: int | None) -> None:
        """Read events, each in this task's turn, until ``ready()``."""
        while not ready():
            await self._take_turn(deadline_ns)
            try:
                if not ready():
                    await self._step(deadline_ns)
            finally:
                self._turn.release()

    async def _take_turn(self, deadline_ns: int | None) -> None:
        if not self._turn.locked() or deadline_ns is None:
            await self._turn.acquire()
            return
        try:
            async with Cutoff(max(0, deadline_ns - now_ns()) / 1e9):
                await self._turn.acquire()
        except DeadlineError:
            raise Failed(Reason.PEER_SILENT, "no answer from the server in time") from None

    def _check(self) -> None:
        if self._failed is not None:
            raise again(self._failed)

    async def _step(self, deadline_ns: int | None) -> None:
        """Read one event and handle it."""
        self._check()
        try:
            await self._handle(await self.conversation.event(deadline_ns))
        except Failed as failed:
            if deadline_ns is None or failed.reason is not Reason.PEER_SILENT:
                self._failed = failed
            raise

    async def _handle(self, event: Event) -> None:
        message = event.message
        if isinstance(message, _TO_READ):
            self._enqueue(self._inbox, event)
        elif isinstance(message, KexInit | KexPacket | NewKeys):
            await self._handle_exchange(event, message)
        elif isinstance(message, _LOGIN) and self.opened is None:
            if isinstance(message, AuthSuccess):
                self.connection.admit(event.at)
                self.opened = event.at
            self._enqueue(self._login, event)
        else:
            await self._handle_other(event, message)

    async def _handle_other(self, event: Event, message: object) -> None:
        """Answer or note a message that no task waits for."""
        match message:
            case GlobalRequest():
                if message.name == KEEPALIVE and len(self.keepalives) < MAX_KEEPALIVES:
                    self.keepalives.append(event.at)
                if message.want_reply:
                    # RFC 4254 §4: an unknown request fails, which is what a keepalive expects.
                    await self._send_now(RequestFailure())
            case Ping():
                await self._send_now(Pong(message.data))
            case Pong():
                if message.data in self._pongs:
                    self._pongs[message.data] = event.at
            case ExtInfo():
                self.extensions.update(message.extensions)
            case AuthBanner():
                self._add_banner(message)
            case Ignore() | Debug() | Unimplemented():
                pass
            case Other():
                await self._send_now(Unimplemented(self.connection.last_sequence))
            case _:
                raise ProtocolViolation(f"the server sent {type(message).__name__} to a client")

    @staticmethod
    def _enqueue(queue: deque[Event], event: Event) -> None:
        if len(queue) >= MAX_WAITING:
            raise ProtocolViolation(f"more than {MAX_WAITING} messages that were not requested")
        queue.append(event)

    def _add_banner(self, banner: AuthBanner) -> None:
        if self.opened is not None:
            self.connection.deviations.add(DeviationKind.OUT_OF_PLACE, "USERAUTH_BANNER")
        self.banners.append(banner.text)
        size = sum(len(text) for text in self.banners)
        if len(self.banners) > MAX_BANNERS or size > MAX_BANNER_BYTES:
            raise ProtocolViolation(
                f"more than {MAX_BANNERS} banners or {MAX_BANNER_BYTES} bytes of banners in a login"
            )

    # -- later key exchanges ---------------------------------------------------------------------

    @property
    def _rekeying(self) -> bool:
        return self.conversation.confirmed and self.connection.exchanging

    async def rekey(self, seconds: float = REKEY_SECONDS, timer: Timer | None = None) -> float:
        """Exchange keys again; return the seconds from our KEXINIT to the server's NEWKEYS.

        ``timer`` measures the same. An exchange that the server has begun counts. Failed when it
        takes longer than ``seconds``; the session is then over, because nothing else may be sent
        (RFC 4253 §7.1).
        """
        until = self.stream.budget.within(seconds)
        done = self.rekeys + 1
        begun = Mark(now_ns(), "user")
        if not self._rekeying:
            begun = await self._send_now(self._kexinit())
        try:
            await self._read_until(lambda: self.rekeys >= done, until)
        except Failed as failed:
            self._failed = self._failed or failed
            raise
        if timer is not None:
            timer.begin(begun)
            timer.stop(self._rekeyed_at)
        return self._rekeyed_at.since(begun)

    def _kexinit(self) -> KexInit:
        choice, first = self.conversation.choice, self.conversation.offer
        assert choice is not None  # noqa: S101 - the first exchange is over
        methods = tuple(name for name in first.kex_algorithms if name not in MARKERS)
        # Only the first host key's algorithm is offered, so that the server shows the same key.
        self._offer = replace(
            first, kex_algorithms=methods, server_host_key_algorithms=(choice.host_key,)
        )
        return KexInit(cookie=os.urandom(16), offer=self._offer)

    async def _handle_exchange(self, event: Event, message: KexInit | KexPacket | NewKeys) -> None:
        if isinstance(message, KexInit):
            await self._begin_exchange(message)
        elif isinstance(message, NewKeys):
            self.rekeys += 1
            self._rekeyed_at = event.at
            self._exchange = self._offer = None
        elif self._exchange is not None:
            exchange = self._exchange
            await self._send_made(lambda: exchange.handle(message))
            if exchange.result is not None:
                self._verify_host_key(exchange)
                await self._send_now(NewKeys())

    async def _begin_exchange(self, theirs: KexInit) -> None:
        if self._offer is None:
            self.peer_rekeys += 1
            await self._send_now(self._kexinit())
        assert self._offer is not None  # noqa: S101 - _kexinit() sets it
        try:
            choice = negotiate(self._offer, theirs.offer)
        except NoCommonError as error:
            raise no_agreement(error) from None
        exchange = self._exchange = Exchange(self.connection, choice)
        self.conversation.choice = choice
        await self._send_made(exchange.begin)

    def _verify_host_key(self, exchange: Exchange) -> None:
        """Raise ProtocolViolation unless the host key is the first one, and proven as before."""
        first = self.conversation.key
        assert first is not None  # noqa: S101 - the first exchange is over
        key, valid = exchange.host_key()
        if key.plain != first.plain:
            raise ProtocolViolation("the host key changed within the session")
        if valid is False:
            raise ProtocolViolation("the host key's signature in a later key exchange is wrong")
        if valid is None and self.conversation.key_valid is True:
            raise ProtocolViolation(
                "the host key's signature in a later key exchange cannot be verified"
            )

    # -- pings -----------------------------------------------------------------------------------

    @property
    def can_ping(self) -> bool:
        """Whether the server supports transport pings."""
        return PING_EXTENSION in self.extensions

    async def ping(self, seconds: float = REKEY_SECONDS) -> float | None:
        """Return a transport ping's round trip in seconds; None where pings are not supported."""
        if not self.can_ping:
            return None
        data = os.urandom(8)
        self._pongs[data] = _NEVER
        try:
            sent = await self.send(Ping(data))
            until = self.stream.budget.within(seconds)
            await self._read_until(lambda: self._pongs[data] is not _NEVER, until)
            return self._pongs[data].since(sent)
        finally:
            del self._pongs[data]

    # -- beginning and end -----------------------------------------------------------------------

    async def request_service(self) -> tuple[Mark, Mark]:
        """Request the authentication service; return when that was sent and when it was granted."""
        sent = await self.send(ServiceRequest(USERAUTH))
        event = await self.next_login_message()
        if not isinstance(event.message, ServiceAccept):
            raise ProtocolViolation("received another message instead of SERVICE_ACCEPT")
        return sent, event.at

    async def aclose(self) -> None:
        """Send DISCONNECT and close; a second call does nothing."""
        await self.conversation.aclose()
