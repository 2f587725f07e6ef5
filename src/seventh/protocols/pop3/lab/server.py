"""The POP3 server of the lab: what a rule or a client's test needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from seventh.labkit.lines import LinePeer
from seventh.labkit.mailbox import TOKEN, Mailbox
from seventh.labkit.mailhost import HostSetup, Security
from seventh.labkit.sasl import RefusedError, server_of
from seventh.wire.sasl import decode, encode

CAPABILITIES = ("TOP", "UIDL", "RESP-CODES", "EXPIRE NEVER", "IMPLEMENTATION lab")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS")
CRLF = b"\r\n"
Hostile = Callable[[LinePeer], Awaitable[None]]


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How the server behaves; the defaults are a correct one."""

    host: HostSetup = HostSetup()
    greeting: str = "+OK lab POP3 server ready"
    stls: Literal["works", "absent", "refused"] = "works"
    injects: bytes = b""
    """What follows the go-ahead, in clear."""
    keeps: bool = False
    """Whether a command that came before TLS is executed inside it."""
    clear_logins: bool = False
    capa: bool = True
    capabilities: tuple[str, ...] = CAPABILITIES
    mechanisms: tuple[str, ...] = MECHANISMS
    refusal: str = ""
    """The response code with which every login is refused."""
    hostile: Hostile | None = None
    """What answers CAPA, instead of the server."""


class Pop3Server:
    """One connection."""

    def __init__(self, peer: LinePeer, security: Security, setup: Setup, mailbox: Mailbox) -> None:
        self._peer, self._security, self._setup, self._mailbox = peer, security, setup, mailbox
        self._name = ""
        self._deleted: list[int] = []
        self.user = ""

    async def _say(self, text: str) -> None:
        await self._peer.send(f"{text}\r\n".encode())

    async def run(self) -> None:
        """Greet and answer until the client leaves."""
        await self._say(self._setup.greeting)
        while line := await self._peer.line():
            name, _, argument = line.decode("utf-8", "replace").partition(" ")
            command = getattr(self, f"_{name.lower()}", None)
            needs_login = name in {"STAT", "UIDL", "TOP", "RETR", "DELE"} and not self.user
            if command is None or needs_login:
                await self._say("-ERR Unknown command")
            elif await command(argument):
                return

    async def _capa(self, _: str) -> bool:
        setup = self._setup
        if setup.hostile is not None:
            await setup.hostile(self._peer)
            return True
        if not setup.capa:
            await self._say("-ERR Unknown command")
            return False
        lines = list(setup.capabilities)
        if not self._peer.secure and setup.stls != "absent":
            lines.append("STLS")
        if (self._peer.secure or setup.clear_logins) and not self.user:
            lines += ["USER", f"SASL {' '.join(setup.mechanisms)}"]
        await self._say("\r\n".join(["+OK Capabilities", *lines, "."]))
        return False

    async def _stls(self, _: str) -> None:
        setup = self._setup
        if setup.stls != "works" or self._peer.secure:
            await self._say("-ERR TLS is not available")
            return
        await self._peer.send(b"+OK Begin TLS negotiation\r\n" + setup.injects)
        await self._peer.start_tls(
            self._security.context, self._security.certificate, keeps=setup.keeps
        )

    async def _auth(self, argument: str) -> None:
        name, _, first = argument.partition(" ")
        binds = any(each.endswith("-PLUS") for each in self._setup.mechanisms)
        server = server_of(
            name, self._mailbox.passwords, token=TOKEN,
            bindings=self._peer.bindings() if binds else (),
        )  # fmt: skip
        if server is None or name not in self._setup.mechanisms:
            await self._say("-ERR Unsupported mechanism")
            return
        message = decode(first.encode()) if first else None
        try:
            while True:
                challenge = server.answer(message)
                if server.user:
                    break
                await self._say(f"+ {encode(challenge).decode()}")
                answer = await self._peer.line()
                if answer == b"*":
                    raise RefusedError
                message = decode(answer)
        except RefusedError:
            await self._say("-ERR [AUTH] Authentication failed")
            return
        await self._welcome(server.user)

    async def _user(self, argument: str) -> None:
        self._name = argument
        await self._say("+OK")

    async def _pass(self, argument: str) -> None:
        if self._mailbox.passwords.get(self._name) != argument:
            await self._say("-ERR [AUTH] Authentication failed")
            return
        await self._welcome(self._name)

    async def _welcome(self, user: str) -> None:
        if self._setup.refusal:
            await self._say(f"-ERR [{self._setup.refusal}] Not now")
            return
        self.user = user
        await self._say("+OK Logged in")

    async def _stat(self, _: str) -> None:
        await self._say(f"+OK {len(self._mailbox.messages)} {self._mailbox.size}")

    async def _uidl(self, _: str) -> None:
        if "UIDL" not in self._setup.capabilities:
            await self._say("-ERR Unknown command")
            return
        lines = [f"{number} {each.uid}" for number, each in enumerate(self._mailbox.messages, 1)]
        await self._say("\r\n".join(["+OK", *lines, "."]))

    async def _top(self, argument: str) -> None:
        data = self._mailbox.messages[int(argument.partition(" ")[0]) - 1].data
        await self._say(f"+OK\r\n{data.partition(CRLF * 2)[0].decode()}\r\n\r\n.")

    async def _retr(self, argument: str) -> None:
        data = self._mailbox.messages[int(argument) - 1].data.removesuffix(CRLF)
        lines = (b"." + line if line.startswith(b".") else line for line in data.split(CRLF))
        await self._peer.send(CRLF.join([b"+OK", *lines, b".", b""]))

    async def _dele(self, argument: str) -> None:
        self._deleted.append(self._mailbox.messages[int(argument) - 1].uid)
        await self._say("+OK")

    async def _quit(self, _: str) -> bool:
        for uid in self._deleted:
            self._mailbox.remove(uid)
        await self._say("+OK Bye")
        return True
