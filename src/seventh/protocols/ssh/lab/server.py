"""Servers on our own codec, which can violate the protocol as no real implementation does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace

from seventh.labkit.serve import Fault
from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.facts import Names, Proposal
from seventh.protocols.ssh.wire.exchange import Exchange, NoCommonError, negotiate
from seventh.protocols.ssh.wire.hostkeys import Signer, key_type
from seventh.protocols.ssh.wire.ident import Ident
from seventh.protocols.ssh.wire.kex import Group, GroupSizes
from seventh.protocols.ssh.wire.messages import (
    SERVER_SIG_ALGS,
    ExtInfo,
    Ignore,
    KexInit,
    KexPacket,
    Message,
)
from seventh.protocols.ssh.wire.transport import STRICT, Connection, Role

_CIPHERS = ("chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr")
_MACS = ("hmac-sha2-256-etm@openssh.com",)
GOOD_KEX = ("mlkem768x25519-sha256", "curve25519-sha256", "diffie-hellman-group16-sha512")
SIGNATURES = ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")
NOW = Mark(0, "user")
"""The time of every event: these servers measure nothing."""
T = TypeVar("T")


class Case(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A fault, how its server is configured, and the options of the check."""

    fault: Fault
    setup: T
    options: Mapping[str, str | float | int | tuple[str, ...]] = {}


def case(
    name: str,
    meaning: str,
    *triggers: str,
    setup: T,
    reason: str | None = None,
    options: Mapping[str, str | float | int | tuple[str, ...]] | None = None,
) -> Case[T]:
    """Declare a fault."""
    fault = Fault(name=name, meaning=meaning, triggers=triggers, reason=reason)
    return Case(fault=fault, setup=setup, options=options or {})


def good_offer() -> Proposal:
    """Return the offer of a server without fault, strict key exchange included."""
    return Proposal(
        kex_algorithms=(*GOOD_KEX, STRICT["server"]),
        server_host_key_algorithms=("ssh-ed25519",),
        encryption_algorithms_client_to_server=_CIPHERS,
        encryption_algorithms_server_to_client=_CIPHERS,
        mac_algorithms_client_to_server=_MACS,
        mac_algorithms_server_to_client=_MACS,
        compression_algorithms_client_to_server=("none",),
        compression_algorithms_server_to_client=("none",),
    )


class LabConnection:
    """One client's connection to a server that exchanges keys properly.

    Subclasses handle the messages after that, and override steps to do them wrong.
    """

    def __init__(
        self, writer: asyncio.StreamWriter, signers: tuple[Signer, ...], offer: Proposal
    ) -> None:
        self.connection = Connection(Role.SERVER, "SeventhLab")
        self.writer = writer
        self.signers = signers
        self.offer = offer
        self.exchange: Exchange | None = None

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Serve until the client leaves or either side violates the protocol."""
        try:
            await self.greet()
            while data := await reader.read(65536):
                for event in self.connection.receive(data, NOW):
                    await self.take(event.message)
        except (ProtocolViolation, NoCommonError):
            return
        finally:
            self.end()

    def end(self) -> None:
        """Stop the connection's tasks."""

    def send(self, *messages: Message) -> None:
        """Send messages."""
        self.writer.write(b"".join(map(self.connection.send, messages)))

    async def greet(self) -> None:
        """Send the identification string."""
        self.writer.write(self.connection.greet())

    async def take(self, message: object) -> None:
        """Handle one message of the client."""
        match message:
            case Ident():
                self.send_kexinit()
            case KexInit():
                self.begin_exchange(message)
            case KexPacket() if self.exchange is not None:
                await self.reply_in_exchange(self.exchange, message)
            case _:
                await self.take_other(message)

    async def take_other(self, message: object) -> None:
        """Handle a message that is not of the key exchange."""

    def send_kexinit(self) -> None:
        """Begin a key exchange, or answer the client's."""
        self.send(KexInit(cookie=os.urandom(16), offer=self.offer))

    def begin_exchange(self, message: KexInit) -> None:
        """Answer the client's KEXINIT with an exchange, and with ours where it is still to come."""
        if self.connection.session_id and not self.connection.our_exchange:
            self.send_kexinit()
        choice = negotiate(message.offer, self.offer)
        kind = key_type(choice.host_key)
        signer = next(signer for signer in self.signers if signer.type == kind)
        self.exchange = Exchange(self.connection, choice, signer=signer, group_for=self.group_for)

    async def reply_in_exchange(self, exchange: Exchange, message: KexPacket) -> None:
        """Answer a message of the key exchange."""
        self.writer.write(exchange.handle(message))

    def group_for(self, sizes: GroupSizes) -> Group:
        """Return the group for a client's request; ProtocolViolation closes the connection."""
        raise ProtocolViolation("no groups here")


class WrongSigner(Signer):
    """A signer of other data."""

    def sign(self, algorithm: str, data: bytes) -> bytes:
        """Return a valid signature over the wrong bytes."""
        return super().sign(algorithm, b"not " + data)


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How a server behaves up to the key exchange; by default without fault."""

    offer: Proposal = good_offer()
    signers: tuple[Signer, ...] = ()
    ident: str = "SSH-2.0-SeventhLab"
    before_ident: bytes = b""
    banner_delay_seconds: float = 0.0
    kex_delay_seconds: float = 0.0
    ident_end: bytes = b"\r\n"
    modulus: int = 0
    """The modulus that group exchange gives; 0 closes the connection."""
    modulus_for: Callable[[GroupSizes], int] | None = None
    """The same by the client's request."""
    max_connections: int = 0
    """Connections served at once; others get OpenSSH's refusal. 0: any number."""
    between: tuple[bytes, ...] = ()
    """Payloads sent in clear right after KEXINIT."""
    server_sig_algs: Names | None = SIGNATURES
    chatter: int = 0
    """IGNORE messages sent right after KEXINIT, which strict key exchange forbids."""

    def with_kex(self, *names: str) -> Setup:
        """Return a copy with these key exchange methods."""
        return replace(self, offer=replace(self.offer, kex_algorithms=names))


class RawServer:
    """A server of one setup; :meth:`handle` is a handler for ``labkit.serve.tcp_server``."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.refused = 0
        """Connections beyond ``max_connections``."""
        self.open = 0
        """Connections that are served now."""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        if self.open and self.open >= self.setup.max_connections > 0:
            self.refused += 1
            writer.write(b"Exceeded MaxStartups\r\n")
            return
        self.open += 1
        try:
            await _RawConnection(self.setup, writer).serve(reader)
        finally:
            self.open -= 1

    def hold(self) -> None:
        """Count one more open connection, until :meth:`release`."""
        self.open += 1

    def release(self) -> None:
        """Undo :meth:`hold`."""
        self.open -= 1


class _RawConnection(LabConnection):
    """One connection of a :class:`RawServer`."""

    def __init__(self, setup: Setup, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer, setup.signers, setup.offer)
        self._setup = setup
        self.connection.our_ident = setup.ident.encode()

    async def greet(self) -> None:
        await asyncio.sleep(self._setup.banner_delay_seconds)
        ident = self.connection.our_ident + self._setup.ident_end
        self.writer.write(self._setup.before_ident + ident)

    def send_kexinit(self) -> None:
        super().send_kexinit()
        self.send(*[Ignore()] * self._setup.chatter)
        self.writer.write(b"".join(map(self.connection.seal, self._setup.between)))

    async def reply_in_exchange(self, exchange: Exchange, message: KexPacket) -> None:
        answer = exchange.handle(message)
        if exchange.result is not None:
            await asyncio.sleep(self._setup.kex_delay_seconds)
            names = self._setup.server_sig_algs
            if names is not None:
                extensions = {SERVER_SIG_ALGS: ",".join(names).encode()}
                answer += self.connection.send(ExtInfo(extensions))
        self.writer.write(answer)

    def group_for(self, sizes: GroupSizes) -> Group:
        choose = self._setup.modulus_for
        modulus = choose(sizes) if choose is not None else self._setup.modulus
        return Group(modulus, 2) if modulus else super().group_for(sizes)
