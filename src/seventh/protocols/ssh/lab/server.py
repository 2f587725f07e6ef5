"""A server on our own codec that can do wrong what no honest implementation does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.facts import Names, Proposal
from seventh.protocols.ssh.wire.exchange import Exchange, NoCommonError, negotiate
from seventh.protocols.ssh.wire.hostkeys import Signer, key_type
from seventh.protocols.ssh.wire.ident import Ident
from seventh.protocols.ssh.wire.kex import Group, GroupSizes
from seventh.protocols.ssh.wire.messages import ExtInfo, Ignore, KexInit, KexPacket
from seventh.protocols.ssh.wire.transport import STRICT, Connection, Role

_CIPHERS = ("chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr")
_MACS = ("hmac-sha2-256-etm@openssh.com",)
GOOD_KEX = ("mlkem768x25519-sha256", "curve25519-sha256", "diffie-hellman-group16-sha512")
_NOWHERE = Mark(0, "user")


def good_offer() -> Proposal:
    """Return what a server without fault offers, strict key exchange included."""
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


class WrongSigner(Signer):
    """Signs something else than it was given."""

    def sign(self, algorithm: str, data: bytes) -> bytes:
        """Return a valid signature over the wrong bytes."""
        return super().sign(algorithm, b"not " + data)


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How a server behaves: by default, well."""

    offer: Proposal
    signers: tuple[Signer, ...]
    ident: str = "SSH-2.0-SeventhLab"
    before_ident: bytes = b""
    banner_delay_seconds: float = 0.0
    kex_delay_seconds: float = 0.0
    ident_end: bytes = b"\r\n"
    modulus: int = 0
    """What group exchange gives."""
    modulus_for: Callable[[GroupSizes], int] | None = None
    """The same by what was asked for; 0 hangs up."""
    room: int = 0
    """How many connections it serves at once; 0: any number. Others get OpenSSH's words."""
    between: tuple[bytes, ...] = ()
    """Payloads that are sent in clear right after KEXINIT."""
    server_sig_algs: Names | None = ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")
    chatter: int = 0
    """IGNORE messages sent right after KEXINIT, at least one of which strict clients refuse."""

    def with_kex(self, *names: str) -> Setup:
        """Return the same manner with these key exchange methods."""
        return replace(self, offer=replace(self.offer, kex_algorithms=names))


class RawServer:
    """Serves one manner; :meth:`handle` is a handler for ``labkit.serve.tcp_server``."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.refused = 0
        """Connections for which there was no room."""
        self._here = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the client leaves or breaks the protocol."""
        if self._here and self._here >= self.setup.room > 0:
            self.refused += 1
            writer.write(b"Exceeded MaxStartups\r\n")
            return
        self._here += 1
        try:
            await self._serve(reader, writer)
        finally:
            self._here -= 1

    def hold(self) -> None:
        """Take the room of one connection, until :meth:`let_go`."""
        self._here += 1

    def let_go(self) -> None:
        """Give it back."""
        self._here -= 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        setup = self.setup
        connection = Connection(Role.SERVER, "SeventhLab")
        connection.our_ident = setup.ident.encode()
        await asyncio.sleep(setup.banner_delay_seconds)
        greeting = connection.greet().removesuffix(b"\r\n") + setup.ident_end
        writer.write(setup.before_ident + greeting)
        session = _Session(setup, connection, writer)
        try:
            while data := await reader.read(65536):
                for event in connection.receive(data, _NOWHERE):
                    await session.take(event.message)
        except (ProtocolViolation, NoCommonError):
            return


class _Session:
    """What one connection has come to."""

    def __init__(self, setup: Setup, connection: Connection, writer: asyncio.StreamWriter) -> None:
        self._manner, self._connection, self._writer = setup, connection, writer
        self._exchange: Exchange | None = None

    async def take(self, message: object) -> None:
        """Answer one message of the client's."""
        send, setup = self._connection.send, self._manner
        match message:
            case Ident():
                self._writer.write(send(KexInit(cookie=os.urandom(16), offer=setup.offer)))
                for _ in range(setup.chatter):
                    self._writer.write(send(Ignore()))
                for payload in setup.between:
                    self._writer.write(self._connection.seal(payload))
            case KexInit():
                choice = negotiate(message.offer, setup.offer)
                kind = key_type(choice.host_key)
                signer = next(signer for signer in setup.signers if signer.type == kind)
                self._exchange = Exchange(
                    self._connection, choice, signer=signer, group_for=self._group
                )
            case KexPacket() if self._exchange is not None:
                answer = self._exchange.handle(message)
                if self._exchange.result is not None:
                    await asyncio.sleep(setup.kex_delay_seconds)
                    answer += self._extensions()
                self._writer.write(answer)
            case _:
                pass

    def _extensions(self) -> bytes:
        names = self._manner.server_sig_algs
        if names is None:
            return b""
        return self._connection.send(ExtInfo({b"server-sig-algs": ",".join(names).encode()}))

    def _group(self, asked: GroupSizes) -> Group:
        choose = self._manner.modulus_for
        modulus = choose(asked) if choose is not None else self._manner.modulus
        if not modulus:
            raise ProtocolViolation("no group of this size is given")
        return Group(modulus, 2)
