"""One connection past NEWKEYS: a login, then whatever runs over it (RFC 4252, RFC 4253 §9).

    session = Session(conversation)             # its key exchange is over, its host key judged
    await userauth.log_in(session, credentials)
    await session.send(ChannelOpen(...))
    event = await session.next_message()

What belongs to the transport happens by itself while anybody reads: key exchanges that the server
begins, answers to its keepalives and pings. Only messages of channels and answers to our global
requests come out. Any number of tasks may send, read, rekey and ping at once: each takes one event
off the wire in its turn, and what is not its own waits for whoever reads next.
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
from seventh.protocols.ssh.wire.hostkeys import read_key, verify
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
"""Messages that may wait for a reader while a rekey or a ping is under way."""
MAX_BANNER_BYTES = 16 * 1024
MAX_BANNERS = 16
"""USERAUTH_BANNER messages, and their bytes, in one login."""
REKEY_SECONDS = 10.0
"""How long a key exchange within a session may take before it counts as stalled."""

_LOGIN = ServiceAccept | AuthFailure | AuthSuccess | AuthPacket
_TO_READ = ChannelMessage | RequestSuccess | RequestFailure


class Session:
    """A client's side of one connection once keys are exchanged.

    Every method raises Failed when the connection cannot go on, and then so does every other: a
    session that has failed once is over. Cancelling a task in the middle of :meth:`send` also ends
    it, for half a packet may have gone.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.connection = conversation.connection
        self.stream = conversation.stream
        self.user = ""
        self.trust = Trust(status="unknown", key="")
        """What known_hosts says of the host's key; whoever logs in sets it."""
        self.opened: Mark | None = None
        """When the login was granted."""
        self.extensions: dict[bytes, bytes] = dict(conversation.early_extensions)
        """The server's EXT_INFO (RFC 8308), as far as it has come."""
        self.banners: list[bytes] = []
        """What the server said in USERAUTH_BANNER."""
        self.keepalives: list[Mark] = []
        """When the server asked whether we are still there."""
        self.rekeys = 0
        """Key exchanges after the first that have ended, whoever began them."""
        self.peer_rekeys = 0
        """How many of them the server began."""
        self._failed: Failed | None = None
        self._turn = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._inbox: deque[Event] = deque()
        self._login: deque[Event] = deque()
        self._exchange: Exchange | None = None
        self._offer: Proposal | None = None
        self._rekeyed_at = Mark(0, "user")
        self._pongs: dict[bytes, Mark] = {}
        if conversation.connection.sealer_missing or conversation.connection.opener_missing:
            raise Failed(
                Reason.NEGOTIATION_FAILED,
                "the agreed cipher or MAC is not implemented here, so nobody can log in with it",
                blame=Blame.SEVENTH,
            )

    @property
    def session_id(self) -> bytes:
        """What signatures over this connection are bound to (RFC 4253 §7.2)."""
        return self.connection.session_id

    @property
    def server_sig_algs(self) -> Names | None:
        """The signature algorithms accepted from users; None while the server has named none."""
        return ExtInfo(self.extensions).server_sig_algs

    # -- sending ---------------------------------------------------------------------------------

    async def send(self, message: Message) -> Mark:
        """Send one message; the mark is the instant just before its first byte went.

        While a key exchange runs it waits for its end, reading what that takes.
        """
        while True:
            await self._read_until(lambda: not self._rekeying, None)
            async with self._sending:
                self._check()
                if self._rekeying:
                    continue  # an exchange has begun while we waited for our turn
                await self.conversation.confirm()
                return await self._write(self.connection.send(message))

    async def _put(self, message: Message) -> Mark:
        """Send what cannot wait; the codec holds back what may not go during an exchange."""
        return await self._put_made(lambda: self.connection.send(message))

    async def _put_made(self, make: Callable[[], bytes]) -> Mark:
        """Send the packets that ``make`` gives: sealed in our turn, they go in their order."""
        async with self._sending:
            return await self._write(make())

    async def _write(self, packets: bytes) -> Mark:
        if not packets:
            return Mark(now_ns(), "user")
        try:
            return await self.stream.send(packets)
        except asyncio.CancelledError:
            self._failed = self._failed or Failed(
                Reason.INTERRUPTED, "sending was cut off in the middle of a packet"
            )
            raise

    # -- reading ---------------------------------------------------------------------------------

    async def next_message(self, deadline_ns: int | None = None) -> Event:
        """Return the next message of a channel (90 to 100), REQUEST_SUCCESS or REQUEST_FAILURE.

        Failed with peer-silent at the deadline; that alone leaves the session usable.
        """
        await self._read_until(lambda: bool(self._inbox), deadline_ns)
        return self._inbox.popleft()

    @property
    def has_login_message(self) -> bool:
        """Whether a message about the login has come that nobody has taken yet."""
        return bool(self._login)

    async def next_login_message(self) -> Event:
        """Return the next SERVICE_ACCEPT or message about the login, banners aside."""
        await self._read_until(lambda: bool(self._login), None)
        return self._login.popleft()

    async def _read_until(self, ready: Callable[[], bool], deadline_ns: int | None) -> None:
        """Take events off the wire, each in our turn, until ``ready()``."""
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
            raise Failed(Reason.PEER_SILENT, "the peer has not answered in time") from None

    def _check(self) -> None:
        if self._failed is not None:
            raise Failed(self._failed.reason, self._failed.detail, blame=self._failed.blame)

    async def _step(self, deadline_ns: int | None) -> None:
        """Take one event off the wire and do what it asks."""
        self._check()
        try:
            event = await self.conversation.event(deadline_ns)
            await self._take(event)
        except Failed as failed:
            late = deadline_ns is not None and failed.reason is Reason.PEER_SILENT
            if not late:
                self._failed = failed
            raise

    async def _take(self, event: Event) -> None:
        message = event.message
        if isinstance(message, _TO_READ):
            self._keep(self._inbox, event)
        elif isinstance(message, KexInit | KexPacket | NewKeys):
            await self._take_exchange(event, message)
        elif isinstance(message, _LOGIN) and self.opened is None:
            if isinstance(message, AuthSuccess):
                self.connection.admit(event.at)
                self.opened = event.at
            self._keep(self._login, event)
        else:
            await self._take_aside(event, message)

    async def _take_aside(self, event: Event, message: object) -> None:
        """What nobody reads: it is answered or noted."""
        match message:
            case GlobalRequest():
                await self._take_request(event, message)
            case Ping():
                await self._put(Pong(message.data))
            case Pong():
                if message.data in self._pongs:
                    self._pongs[message.data] = event.at
            case ExtInfo():
                self.extensions.update(message.extensions)
            case AuthBanner():
                self._take_banner(message)
            case Ignore() | Debug() | Unimplemented():
                pass
            case Other():
                await self._put(Unimplemented(self.connection.last_sequence))
            case _:
                raise ProtocolViolation(f"the server sent {type(message).__name__} to a client")

    @staticmethod
    def _keep(box: deque[Event], event: Event) -> None:
        if len(box) >= MAX_WAITING:
            raise ProtocolViolation(f"more than {MAX_WAITING} messages that nobody waits for")
        box.append(event)

    async def _take_request(self, event: Event, request: GlobalRequest) -> None:
        if request.name == KEEPALIVE and len(self.keepalives) < MAX_KEEPALIVES:
            self.keepalives.append(event.at)
        if request.want_reply:
            # RFC 4254 §4: whoever does not know a request says so; that is all a keepalive wants.
            await self._put(RequestFailure())

    def _take_banner(self, banner: AuthBanner) -> None:
        if self.opened is not None:
            self.connection.deviations.add(DeviationKind.OUT_OF_PLACE, "USERAUTH_BANNER")
        self.banners.append(banner.text)
        size = sum(len(text) for text in self.banners)
        if len(self.banners) > MAX_BANNERS or size > MAX_BANNER_BYTES:
            raise ProtocolViolation(
                f"more than {MAX_BANNERS} banners, or {MAX_BANNER_BYTES} bytes of them, in a login"
            )

    # -- keys again ------------------------------------------------------------------------------

    @property
    def _rekeying(self) -> bool:
        return self.conversation.confirmed and self.connection.exchanging

    async def rekey(self, seconds: float = REKEY_SECONDS, timer: Timer | None = None) -> float:
        """Exchange keys again; the seconds from our KEXINIT to the server's NEWKEYS.

        ``timer`` spans the same. An exchange that the server has begun counts as this one. Failed
        when it does not end within ``seconds``: the session is then over, for nothing else may be
        sent (RFC 4253 §7.1).
        """
        until = self.stream.budget.within(seconds)
        done = self.rekeys + 1
        begun = Mark(now_ns(), "user")
        if not self._rekeying:
            begun = await self._put(self._kexinit())
        try:
            await self._read_until(lambda: self.rekeys >= done, until)
        except Failed as failed:
            self._failed = self._failed or failed
            raise
        if timer is not None:
            timer.begin(begun)
            timer.stop(self._rekeyed_at)
        return max(0, self._rekeyed_at.ns - begun.ns) / 1e9

    def _kexinit(self) -> KexInit:
        choice, first = self.conversation.choice, self.conversation.offer
        assert choice is not None  # noqa: S101 - the first exchange is over
        methods = tuple(name for name in first.kex_algorithms if name not in MARKERS)
        # Asked for the key that was judged at the beginning, the server can show no other.
        self._offer = replace(
            first, kex_algorithms=methods, server_host_key_algorithms=(choice.host_key,)
        )
        return KexInit(cookie=os.urandom(16), offer=self._offer)

    async def _take_exchange(self, event: Event, message: KexInit | KexPacket | NewKeys) -> None:
        if isinstance(message, KexInit):
            await self._begin_exchange(message)
        elif isinstance(message, NewKeys):
            self.rekeys += 1
            self._rekeyed_at = event.at
            self._exchange = self._offer = None
        elif self._exchange is not None:
            exchange = self._exchange
            await self._put_made(lambda: exchange.handle(message))
            if exchange.result is not None:
                self._judge(exchange)
                await self._put(NewKeys())

    async def _begin_exchange(self, theirs: KexInit) -> None:
        if self._offer is None:
            self.peer_rekeys += 1
            await self._put(self._kexinit())
        assert self._offer is not None  # noqa: S101 - _kexinit() sets it
        try:
            choice = negotiate(self._offer, theirs.offer)
        except NoCommonError as error:
            raise no_agreement(error) from None
        exchange = self._exchange = Exchange(self.connection, choice)
        self.conversation.choice = choice
        await self._put_made(exchange.begin)

    def _judge(self, exchange: Exchange) -> None:
        """A rekey must show the host key that the login trusted, and prove to hold it."""
        result, choice, known = exchange.result, self.conversation.choice, self.conversation.key
        assert result is not None and choice is not None and known is not None  # noqa: S101, PT018
        key = read_key(result.host_key)
        if key.plain != known.plain:
            raise ProtocolViolation("the server showed another host key in the middle of a session")
        holds = verify(
            key, choice.host_key, result.signature, result.exchange_hash,
            self.connection.deviations,
        )  # fmt: skip
        if holds is False:
            raise ProtocolViolation("the host key's signature in a later key exchange is wrong")
        if holds is None and self.conversation.key_valid is True:
            raise ProtocolViolation(
                "the host key's signature in a later key exchange cannot be verified"
            )

    # -- whether anybody is there ----------------------------------------------------------------

    @property
    def can_ping(self) -> bool:
        """Whether the server has said that it answers transport pings."""
        return PING_EXTENSION in self.extensions

    async def ping(self, seconds: float = REKEY_SECONDS) -> float | None:
        """The round trip of a transport PING; None when the server has not named the extension."""
        if not self.can_ping:
            return None
        data = os.urandom(8)
        self._pongs[data] = _NEVER
        try:
            sent = await self.send(Ping(data))
            until = self.stream.budget.within(seconds)
            await self._read_until(lambda: self._pongs[data] is not _NEVER, until)
            return max(0, self._pongs[data].ns - sent.ns) / 1e9
        finally:
            del self._pongs[data]

    # -- beginning and end -----------------------------------------------------------------------

    async def request_service(self) -> tuple[Mark, Mark]:
        """Ask for the authentication service: when we asked, and when it was granted."""
        sent = await self.send(ServiceRequest(USERAUTH))
        event = await self.next_login_message()
        if not isinstance(event.message, ServiceAccept):
            raise ProtocolViolation("something else than SERVICE_ACCEPT for our SERVICE_REQUEST")
        return sent, event.at

    async def close(self) -> None:
        """Say goodbye and close; closing twice is fine."""
        await self.conversation.leave()


USERAUTH = b"ssh-userauth"
_NEVER = Mark(0, "user")
