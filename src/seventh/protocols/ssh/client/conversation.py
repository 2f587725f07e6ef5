"""One connection to an SSH server: the codec driven over a stream, up to NEWKEYS and EXT_INFO."""

from __future__ import annotations

import functools
import os

from seventh import __version__
from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.budget import TimeIsUp
from seventh.net.stopwatch import Timer, now_ns
from seventh.net.stream import Stream
from seventh.protocols.ssh.facts import Choice, Names, Proposal
from seventh.protocols.ssh.wire.ciphers import CIPHERS, MACS
from seventh.protocols.ssh.wire.exchange import Exchange, NoCommonError, negotiate, no_agreement
from seventh.protocols.ssh.wire.hostkeys import (
    KEY_TYPES,
    PublicKey,
    algorithms_of,
    read_key,
    verify,
)
from seventh.protocols.ssh.wire.ident import Ident
from seventh.protocols.ssh.wire.kex import Group, GroupSizes, implemented
from seventh.protocols.ssh.wire.messages import (
    Disconnect,
    ExtInfo,
    KexInit,
    KexPacket,
    NewKeys,
    Other,
    Unimplemented,
)
from seventh.protocols.ssh.wire.transport import STRICT, Connection, Event, Role
from seventh.wire.identify import identify
from seventh.wire.text import printable

SOFTWARE = f"Seventh_{__version__}"
GREETING = f"SSH-2.0-{SOFTWARE}\r\n".encode("ascii")

# Named last and only so that an old server reaches its NEWKEYS with us; nothing is sent under them.
_UNREADABLE_CIPHERS = ("blowfish-cbc", "cast128-cbc", "arcfour256", "arcfour128", "arcfour")
_UNREADABLE_MACS = ("umac-128-etm@openssh.com", "umac-64-etm@openssh.com", "umac-128@openssh.com",
                    "umac-64@openssh.com", "hmac-ripemd160")  # fmt: skip
OVERDUE = frozenset({Reason.PEER_SILENT, Reason.BUDGET_EXCEEDED})
"""How a wait for the greeting ends when it does not come."""
_BY_APPLICATION = 11
_KEX_FAILED = 3


@functools.cache
def our_proposal() -> Proposal:
    """Return all that we can speak, best first; no compression: a bomb needs an unpacker."""
    ciphers = (*CIPHERS, *_UNREADABLE_CIPHERS)
    macs = (*MACS, *_UNREADABLE_MACS)
    return Proposal(
        kex_algorithms=(*implemented(), "ext-info-c", STRICT["client"]),
        server_host_key_algorithms=tuple(
            name for kind in KEY_TYPES for name in algorithms_of(kind)
        ),
        encryption_algorithms_client_to_server=ciphers,
        encryption_algorithms_server_to_client=ciphers,
        mac_algorithms_client_to_server=macs,
        mac_algorithms_server_to_client=macs,
        compression_algorithms_client_to_server=("none",),
        compression_algorithms_server_to_client=("none",),
    )


def not_ssh(address: str, port: int, first: bytes) -> Failed | None:
    """The failure of a peer whose first bytes are another protocol's; None where they are not."""
    name = identify(first)
    if name is None or name == "SSH":
        return None
    return Failed(Reason.PROTOCOL_MISMATCH, f"{address} port {port} speaks {name}, not SSH")


def closed_early(lines: list[bytes], first: bytes, *, reset: bool = False) -> Failed:
    """The failure of a peer that closed before its identification string, with its last words."""
    words = printable(lines[-1] if lines else first, 200).strip()
    said = f"; it said: {words}" if words else ""
    did = "reset the connection" if reset else "closed"
    reason = Reason.PEER_RESET if reset else Reason.PEER_CLOSED
    return Failed(reason, f"the server {did} before its identification string{said}")


async def send_greeting(stream: Stream) -> tuple[Mark, Failed | None]:
    """Send our identification string: the instant just before it went, and a reset that met it.

    A server that has hung up may have said why, so a reset is to be raised when nothing more comes.
    """
    try:
        return await stream.send(GREETING), None
    except Failed as failed:
        if failed.reason is not Reason.PEER_RESET:
            raise
        return Mark(now_ns(), "user"), failed


class _Wait:
    """What came while something whole was waited for, and for how long."""

    def __init__(self) -> None:
        self._begun = self._last = now_ns()
        self._size = 0

    def received(self, data: bytes, at: Mark) -> None:
        """Note what came."""
        self._size += len(data)
        self._last = max(self._last, at.ns)

    @property
    def _seconds(self) -> float:
        return (now_ns() - self._begun) / 1e9

    @property
    def _reason(self) -> Reason:
        """A peer that has long stopped is silent; one that goes on is not."""
        quiet = 2 * (now_ns() - self._last) > now_ns() - self._begun
        return Reason.PEER_SILENT if quiet else Reason.BUDGET_EXCEEDED

    def ended(self, failed: Failed) -> Failed:
        """Put a wait that the deadline ended into what came in all of it."""
        waited = failed.reason is Reason.PEER_SILENT or isinstance(failed, TimeIsUp)
        if not waited or not self._size:
            return failed
        return Failed(
            self._reason,
            f"the server sent {self._size} bytes and no whole message in {self._seconds:.1f} s",
        )


class Greeting(_Wait):
    """What a peer sent while its identification string was waited for, and for how long."""

    def broken(self, violation: ProtocolViolation, lines: list[bytes]) -> ProtocolViolation:
        """Say of lines that come without end how long they came."""
        if not lines:
            return violation
        return ProtocolViolation(f"{violation.detail}, in {self._seconds:.1f} s")

    def late(self, failed: Failed, lines: list[bytes], pending: bytes) -> Failed:
        """Put ``failed``, which ended the wait, into what came in all of it."""
        seconds = self._seconds
        if not lines and not pending:
            if failed.reason is not Reason.PEER_SILENT:
                return failed
            return Failed(Reason.PEER_SILENT, f"the server sent nothing in {seconds:.1f} s")
        if not lines and pending.startswith(b"SSH-"):
            sent = f"only {printable(pending, 100)}, without a line end,"
            why = "an unfinished identification string"
        else:
            size = f"{self._size} bytes"
            what = f"{_counted(len(lines), 'line')} ({size})" if lines else f"{size} without a line"
            sent, why = f"{what} and no SSH identification string", "a tarpit, or no SSH server"
        return Failed(self._reason, f"the server sent {sent} in {seconds:.1f} s: {why}")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class Conversation:
    """A client's side of one connection. Every method raises Failed when it cannot go on."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.connection = Connection(Role.CLIENT, SOFTWARE)
        self.exchange: Exchange | None = None
        self.choice: Choice | None = None
        self.key: PublicKey | None = None
        self.key_valid: bool | None = None
        self.offer = our_proposal()
        self.confirmed = False
        """Whether our NEWKEYS has gone."""
        self._extensions: ExtInfo | None = None
        """EXT_INFO that came before NEWKEYS."""

    async def event(self, deadline_ns: int | None = None) -> Event:
        """Return the next event, however many receives it takes."""
        waited: _Wait | None = None
        while True:
            event = self.connection.next_event()
            if event is not None:
                if isinstance(event.message, Disconnect):
                    raise disconnected(event.message)
                return event
            waited = waited or _Wait()
            try:
                data, at = await self.stream.receive(deadline_ns)
            except Failed as failed:
                raise waited.ended(failed) if deadline_ns is None else failed from None
            if not data:
                raise self._closed()
            waited.received(data, at)
            self.connection.feed(data, at)

    def _closed(self) -> Failed:
        if self.connection.peer_ident is None:
            return closed_early(self.connection.pre_ident_lines, self.connection.first_bytes)
        return Failed(Reason.PEER_CLOSED, "the server closed the connection")

    async def greet(self) -> tuple[Mark, Ident, Mark]:
        """Exchange identification strings: when ours went, the server's, and when it came."""
        sent, reset = await send_greeting(self.stream)
        greeting = Greeting()
        # A greeting may be late and come in pieces; the deadline alone decides.
        self.stream.expect_silence()
        try:
            while True:
                event = self.connection.next_event()
                if event is not None and isinstance(event.message, Ident):
                    self.stream.expect_answers()
                    return sent, event.message, event.at
                self._name_stranger()
                data, at = await self.stream.receive()
                if not data:
                    raise reset or self._closed()
                greeting.received(data, at)
                self.connection.feed(data, at)
        except ProtocolViolation as violation:
            self._name_stranger()
            raise greeting.broken(violation, self.connection.pre_ident_lines) from None
        except Failed as failed:
            connection = self.connection
            if failed.reason is Reason.PEER_RESET and connection.first_bytes:
                raise closed_early(
                    connection.pre_ident_lines, connection.first_bytes, reset=True
                ) from None
            if failed.reason not in OVERDUE:
                raise
            raise greeting.late(
                failed, connection.pre_ident_lines, connection.pending_line
            ) from None

    def _name_stranger(self) -> None:
        address = self.stream.address
        stranger = not_ssh(address.ip, address.port, self.connection.first_bytes)
        if stranger is not None:
            raise stranger from None

    async def offers(self, offer: Proposal) -> tuple[KexInit, Mark]:
        """Send our KEXINIT and read the server's."""
        self.offer = offer
        ours = KexInit(cookie=os.urandom(16), offer=offer)
        await self.stream.send(self.connection.send(ours))
        while True:
            event = await self.event()
            if isinstance(event.message, KexInit):
                return event.message, event.at
            await self._take_aside(event.message)

    async def _take_aside(self, message: object) -> None:
        """Answer a message that is unknown or out of place; keep extensions; pass over others."""
        if isinstance(message, Other):
            answer = Unimplemented(self.connection.last_sequence)
            await self.stream.send(self.connection.send(answer))
        elif isinstance(message, ExtInfo):
            self._extensions = message

    def agree(self, ours: Proposal, theirs: Proposal) -> Choice:
        """Negotiate; Failed with negotiation-failed when a list has nothing in common."""
        try:
            self.choice = negotiate(ours, theirs)
        except NoCommonError as error:
            raise no_agreement(error) from None
        return self.choice

    async def exchange_keys(
        self, timer: Timer | None = None, sizes: GroupSizes | None = None
    ) -> Mark:
        """Run the key exchange to the server's NEWKEYS and judge the host key's signature.

        ``timer`` begins with our first message and stops at NEWKEYS. ``key`` and ``key_valid`` are
        set as soon as they are known; a wrong signature raises ProtocolViolation.
        """
        assert self.choice is not None  # noqa: S101 - agree() comes first
        exchange = self.exchange = Exchange(self.connection, self.choice, sizes=sizes)
        begun = await self.stream.send(exchange.begin())
        if timer is not None:
            timer.begin(begun)
        while True:
            event = await self.event()
            if isinstance(event.message, KexPacket):
                answer = exchange.handle(event.message)
                if answer:
                    await self.stream.send(answer)
            elif isinstance(event.message, NewKeys):
                break
            else:
                await self._take_aside(event.message)
        if timer is not None:
            timer.stop(event.at)
        self._judge_key(exchange)
        return event.at

    async def ask_group(self, sizes: GroupSizes, deadline_ns: int) -> Group:
        """Ask group exchange for a group of these sizes, and leave the exchange at that."""
        assert self.choice is not None  # noqa: S101 - agree() comes first
        exchange = self.exchange = Exchange(self.connection, self.choice, sizes=sizes)
        await self.stream.send(exchange.begin())
        while True:
            event = await self.event(deadline_ns)
            if isinstance(event.message, KexPacket):
                return exchange.read_group(event.message)
            await self._take_aside(event.message)

    def _judge_key(self, exchange: Exchange) -> None:
        result = exchange.result
        assert result is not None and self.choice is not None  # noqa: S101, PT018 - NEWKEYS came
        self.key = read_key(result.host_key)
        self.key_valid = verify(
            self.key, self.choice.host_key, result.signature, result.exchange_hash,
            self.connection.deviations,
        )  # fmt: skip
        if self.key_valid is False:
            raise ProtocolViolation(
                "the host key's signature over the exchange hash is wrong: the server does not "
                "hold this key, or something between changed the handshake"
            )

    @property
    def early_extensions(self) -> dict[bytes, bytes]:
        """What an EXT_INFO before NEWKEYS named."""
        return self._extensions.extensions if self._extensions is not None else {}

    async def confirm(self) -> None:
        """Answer the server's NEWKEYS with ours; a second time nothing is sent."""
        if not self.confirmed:
            self.confirmed = True
            await self.stream.send(self.connection.send(NewKeys()))

    async def extensions(self, seconds: float) -> ExtInfo | None:
        """Answer NEWKEYS and wait for EXT_INFO; None when none comes in time or can be read.

        RFC 8308 §2.4: a server that has something to say says it right after its NEWKEYS.
        """
        if self.connection.opener_missing or self.connection.sealer_missing:
            return None
        await self.confirm()
        until = now_ns() + int(seconds * 1e9)
        try:
            while True:
                event = await self.event(until)
                if isinstance(event.message, ExtInfo):
                    return event.message
                await self._take_aside(event.message)
        except Failed as failed:
            if failed.reason in {Reason.PEER_SILENT, Reason.PEER_CLOSED, Reason.PEER_RESET}:
                return self._extensions
            raise

    async def leave(self) -> None:
        """Say goodbye to a server that speaks SSH, and close."""
        if self.connection.peer_ident is None:
            self.stream.close()
            return
        aclose = Disconnect(_BY_APPLICATION, b"look finished")
        try:
            await self.stream.send(self.connection.send(aclose))
        except Failed:
            return
        finally:
            self.stream.close()


def disconnected(message: Disconnect) -> Failed:
    """Return the failure of a conversation that the server has ended, with its reason."""
    text = printable(message.description, 200)
    reason = Reason.NEGOTIATION_FAILED if message.code == _KEX_FAILED else Reason.PEER_CLOSED
    return Failed(reason, f"the server disconnected (code {message.code}): {text}")


def readable_offer(offer: Proposal) -> Proposal:
    """``offer`` with only those ciphers and MACs that can be spoken under: what a login needs."""
    from msgspec.structs import replace

    return replace(
        offer,
        encryption_algorithms_client_to_server=tuple(CIPHERS),
        encryption_algorithms_server_to_client=tuple(CIPHERS),
        mac_algorithms_client_to_server=tuple(MACS),
        mac_algorithms_server_to_client=tuple(MACS),
    )


def offer_for(names: Names, kex: Names | None = None) -> Proposal:
    """Our offer, narrowed to these host key algorithms and, where given, key exchange methods."""
    from msgspec.structs import replace

    offer = replace(our_proposal(), server_host_key_algorithms=names)
    if kex is not None:
        offer = replace(offer, kex_algorithms=(*kex, "ext-info-c", STRICT["client"]))
    return offer
