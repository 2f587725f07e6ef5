"""One connection to an SSH server, from the identification strings to NEWKEYS and EXT_INFO."""

from __future__ import annotations

import functools
import os
from typing import TypeVar

from msgspec.structs import replace

from seventh import __version__
from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.budget import TimeIsUp
from seventh.net.stopwatch import Timer, now_ns
from seventh.net.stream import Stream
from seventh.protocols.ssh.facts import Choice, Names, Proposal
from seventh.protocols.ssh.wire.ciphers import CIPHERS, MACS
from seventh.protocols.ssh.wire.exchange import Exchange, NoCommonError, negotiate, no_agreement
from seventh.protocols.ssh.wire.hostkeys import KEY_TYPES, PublicKey, algorithms_of
from seventh.protocols.ssh.wire.ident import Ident
from seventh.protocols.ssh.wire.kex import QUANTUM_SAFE, Group, GroupSizes, implemented
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

# Not implemented; offered last so that an old server sends its NEWKEYS. Nothing is sent under them.
_OLD_CIPHERS = ("blowfish-cbc", "cast128-cbc", "arcfour256", "arcfour128", "arcfour")
_OLD_MACS = ("umac-128-etm@openssh.com", "umac-64-etm@openssh.com", "umac-128@openssh.com",
             "umac-64@openssh.com", "hmac-ripemd160")  # fmt: skip
TIMEOUTS = frozenset({Reason.PEER_SILENT, Reason.BUDGET_EXCEEDED})
"""The reasons with which a wait for the identification string ends at a deadline."""
M = TypeVar("M")
_BY_APPLICATION = 11
_KEX_FAILED = 3


@functools.cache
def our_proposal() -> Proposal:
    """Return all that is supported, best first, without compression."""
    ciphers = (*CIPHERS, *_OLD_CIPHERS)
    macs = (*MACS, *_OLD_MACS)
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
    """Return the failure for first bytes of another protocol; None for any other bytes."""
    name = identify(first)
    if name is None or name == "SSH":
        return None
    return Failed(Reason.PROTOCOL_MISMATCH, f"{address} port {port}: {name}, not SSH")


def closed_early(lines: list[bytes], first: bytes, *, reset: bool = False) -> Failed:
    """Return the failure of a peer that closed before its identification string."""
    last = printable(lines[-1] if lines else first, 200).strip()
    message = f"; its message: {last}" if last else ""
    did = "reset" if reset else "closed"
    reason = Reason.PEER_RESET if reset else Reason.PEER_CLOSED
    return Failed(
        reason, f"the server {did} the connection before its identification string{message}"
    )


async def send_greeting(stream: Stream) -> tuple[Mark, Failed | None]:
    """Send our identification string; return when, and the reset that the server answered with.

    The caller raises the reset after reading: the server may have sent a message before.
    """
    try:
        return await stream.send(GREETING), None
    except Failed as failed:
        if failed.reason is not Reason.PEER_RESET:
            raise
        return Mark(now_ns(), "user"), failed


class _Wait:
    """The bytes received while waiting for a complete message, and the time."""

    def __init__(self) -> None:
        self._begun = self._last = now_ns()
        self._size = 0

    def received(self, data: bytes, at: Mark) -> None:
        """Count ``data``."""
        self._size += len(data)
        self._last = max(self._last, at.ns)

    @property
    def _seconds(self) -> float:
        return (now_ns() - self._begun) / 1e9

    @property
    def _reason(self) -> Reason:
        """``peer-silent`` where the peer sent nothing in the last half of the time."""
        quiet = 2 * (now_ns() - self._last) > now_ns() - self._begun
        return Reason.PEER_SILENT if quiet else Reason.BUDGET_EXCEEDED

    def ended(self, failed: Failed) -> Failed:
        """Return ``failed``; for a timeout, one that says what was received."""
        late = failed.reason is Reason.PEER_SILENT or isinstance(failed, TimeIsUp)
        if not late or not self._size:
            return failed
        return Failed(
            self._reason,
            f"no complete message in {self._seconds:.1f} s; received {self._size} bytes",
        )


class Greeting(_Wait):
    """The bytes received while waiting for the identification string, and the time."""

    def broken(self, violation: ProtocolViolation, lines: list[bytes]) -> ProtocolViolation:
        """Return ``violation``, with the time where it is about the lines before the string."""
        if not lines:
            return violation
        return ProtocolViolation(f"{violation.detail}, in {self._seconds:.1f} s")

    def late(self, failed: Failed, lines: list[bytes], pending: bytes) -> Failed:
        """Return ``failed``, a timeout, with what was received."""
        seconds = self._seconds
        if not lines and not pending:
            if failed.reason is not Reason.PEER_SILENT:
                return failed
            return Failed(Reason.PEER_SILENT, f"the server sent nothing in {seconds:.1f} s")
        if not lines and pending.startswith(b"SSH-"):
            return Failed(
                self._reason,
                f"incomplete identification string in {seconds:.1f} s: received "
                f"{printable(pending, 100)} without a line end",
            )
        received = f"{self._size} bytes"
        if lines:
            received += f" in {len(lines)} {'line' if len(lines) == 1 else 'lines'}"
        return Failed(
            self._reason,
            f"no SSH identification string in {seconds:.1f} s, only {received}: a tarpit or not "
            "an SSH server",
        )


class Conversation:
    """The client's side of one connection. Every method raises Failed when the connection fails."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.connection = Connection(Role.CLIENT, SOFTWARE)
        self.exchange: Exchange | None = None
        self.choice: Choice | None = None
        self.key: PublicKey | None = None
        self.key_valid: bool | None = None
        self.offer = our_proposal()
        self.confirmed = False
        """Whether our NEWKEYS was sent."""
        self._extensions: ExtInfo | None = None
        """The EXT_INFO before NEWKEYS."""

    async def event(self, deadline_ns: int | None = None) -> Event:
        """Return the next event; a DISCONNECT is Failed."""
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
        """Exchange identification strings: when ours was sent, the server's, when it arrived."""
        sent, reset = await send_greeting(self.stream)
        greeting = Greeting()
        # The string may be slow and in pieces; only the deadline limits it.
        self.stream.expect_silence()
        try:
            while True:
                event = self.connection.next_event()
                if event is not None and isinstance(event.message, Ident):
                    self.stream.expect_answers()
                    return sent, event.message, event.at
                self._check_protocol()
                data, at = await self.stream.receive()
                if not data:
                    raise reset or self._closed()
                greeting.received(data, at)
                self.connection.feed(data, at)
        except ProtocolViolation as violation:
            self._check_protocol()
            raise greeting.broken(violation, self.connection.pre_ident_lines) from None
        except Failed as failed:
            connection = self.connection
            if failed.reason is Reason.PEER_RESET and connection.first_bytes:
                raise closed_early(
                    connection.pre_ident_lines, connection.first_bytes, reset=True
                ) from None
            if failed.reason not in TIMEOUTS:
                raise
            raise greeting.late(
                failed, connection.pre_ident_lines, connection.pending_line
            ) from None

    def _check_protocol(self) -> None:
        """Raise Failed (protocol-mismatch) when the peer's protocol is another one."""
        address = self.stream.address
        other = not_ssh(address.ip, address.port, self.connection.first_bytes)
        if other is not None:
            raise other from None

    async def offers(self, offer: Proposal) -> tuple[KexInit, Mark]:
        """Send our KEXINIT and read the server's."""
        self.offer = offer
        ours = KexInit(cookie=os.urandom(16), offer=offer)
        await self.stream.send(self.connection.send(ours))
        return await self._expect(KexInit)

    async def _expect(self, kind: type[M], deadline_ns: int | None = None) -> tuple[M, Mark]:
        """Read up to the next message of this kind; return it and when it arrived."""
        while True:
            event = await self.event(deadline_ns)
            if isinstance(event.message, kind):
                return event.message, event.at
            await self._handle_other(event.message)

    async def _handle_other(self, message: object) -> None:
        """Answer an unknown message with UNIMPLEMENTED, keep EXT_INFO, ignore all others."""
        if isinstance(message, Other):
            answer = Unimplemented(self.connection.last_sequence)
            await self.stream.send(self.connection.send(answer))
        elif isinstance(message, ExtInfo):
            self._extensions = message

    def agree(self, ours: Proposal, theirs: Proposal) -> Choice:
        """Negotiate; Failed (negotiation-failed) when a list has no name in common."""
        try:
            self.choice = negotiate(ours, theirs)
        except NoCommonError as error:
            raise no_agreement(error) from None
        return self.choice

    async def exchange_keys(
        self, timer: Timer | None = None, sizes: GroupSizes | None = None
    ) -> Mark:
        """Run the key exchange up to the server's NEWKEYS and verify the host key's signature.

        ``timer`` begins with our first message and stops at NEWKEYS. Sets ``key`` and
        ``key_valid``. Raises ProtocolViolation for a wrong signature.
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
                await self._handle_other(event.message)
        if timer is not None:
            timer.stop(event.at)
        self.key, self.key_valid = exchange.host_key()
        if self.key_valid is False:
            raise ProtocolViolation(
                "wrong signature over the exchange hash: the server does not have the private key "
                "of its host key, or the handshake was modified in transit"
            )
        return event.at

    async def ask_group(self, sizes: GroupSizes, deadline_ns: int) -> Group:
        """Request a group of these sizes and end the exchange there."""
        assert self.choice is not None  # noqa: S101 - agree() comes first
        exchange = self.exchange = Exchange(self.connection, self.choice, sizes=sizes)
        await self.stream.send(exchange.begin())
        packet, _ = await self._expect(KexPacket, deadline_ns)
        return exchange.read_group(packet)

    @property
    def early_extensions(self) -> dict[bytes, bytes]:
        """The extensions in an EXT_INFO before NEWKEYS."""
        return self._extensions.extensions if self._extensions is not None else {}

    async def confirm(self) -> None:
        """Send our NEWKEYS; a second call does nothing."""
        if not self.confirmed:
            self.confirmed = True
            await self.stream.send(self.connection.send(NewKeys()))

    async def extensions(self, seconds: float) -> ExtInfo | None:
        """Send NEWKEYS and wait for EXT_INFO; None when none arrives in time or can be read.

        A server sends it right after its NEWKEYS (RFC 8308 §2.4).
        """
        if self.connection.opener_missing or self.connection.sealer_missing:
            return None
        await self.confirm()
        try:
            return (await self._expect(ExtInfo, now_ns() + int(seconds * 1e9)))[0]
        except Failed as failed:
            if failed.reason in {Reason.PEER_SILENT, Reason.PEER_CLOSED, Reason.PEER_RESET}:
                return self._extensions
            raise

    async def aclose(self) -> None:
        """Send DISCONNECT to an SSH server, and close the stream."""
        try:
            if self.connection.peer_ident is not None:
                message = Disconnect(_BY_APPLICATION, b"check finished")
                await self.stream.send(self.connection.send(message))
        except Failed:
            return
        finally:
            self.stream.close()


def disconnected(message: Disconnect) -> Failed:
    """Return the failure for the server's DISCONNECT, with its reason."""
    text = printable(message.description, 200)
    reason = Reason.NEGOTIATION_FAILED if message.code == _KEX_FAILED else Reason.PEER_CLOSED
    return Failed(reason, f"the server disconnected (code {message.code}): {text}")


def readable_offer(offer: Proposal) -> Proposal:
    """Return ``offer`` as a login needs it: with the implemented ciphers and MACs only.

    Post-quantum methods go first: who records the session must not read its secrets later.
    """
    return replace(
        offer,
        kex_algorithms=tuple(sorted(offer.kex_algorithms, key=lambda n: n not in QUANTUM_SAFE)),
        encryption_algorithms_client_to_server=tuple(CIPHERS),
        encryption_algorithms_server_to_client=tuple(CIPHERS),
        mac_algorithms_client_to_server=tuple(MACS),
        mac_algorithms_server_to_client=tuple(MACS),
    )


def offer_for(names: Names, kex: Names | None = None) -> Proposal:
    """Return our offer, limited to these host key algorithms and, if given, these methods."""
    offer = replace(our_proposal(), server_host_key_algorithms=names)
    if kex is not None:
        offer = replace(offer, kex_algorithms=(*kex, "ext-info-c", STRICT["client"]))
    return offer
