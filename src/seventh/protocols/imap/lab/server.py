"""The IMAP server of the lab: what a rule or a client's test needs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from seventh.labkit.lines import LinePeer
from seventh.labkit.mailbox import TOKEN, Mailbox
from seventh.labkit.mailhost import HostSetup, Security
from seventh.labkit.sasl import RefusedError, server_of
from seventh.wire.sasl import decode, encode

BEFORE = ("IMAP4rev1", "IMAP4rev2", "SASL-IR", "ID", "IDLE", "LITERAL-")
AFTER = (*BEFORE, "UIDPLUS", "CONDSTORE", "QRESYNC", "COMPRESS=DEFLATE", "QUOTA")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "OAUTHBEARER")
IDLE_SECONDS = 0.2
Hostile = Callable[[LinePeer], Awaitable[None]]


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How the server behaves; the defaults are a correct one."""

    host: HostSetup = HostSetup()
    greeting: Literal["OK", "PREAUTH", "BYE"] = "OK"
    starttls: Literal["works", "absent", "refused"] = "works"
    injects: bytes = b""
    """What follows the go-ahead, in clear."""
    keeps: bool = False
    """Whether a command that came before TLS is executed inside it."""
    clear_logins: bool = False
    mechanisms: tuple[str, ...] = MECHANISMS
    lacks: tuple[str, ...] = ()
    """Capabilities that it does not list after the login."""
    id_fields: str = '("name" "lab")'
    refusal: str = ""
    """The response code with which every login is refused."""
    login_seconds: float = 0.0
    examine_seconds: float = 0.0
    idle: Literal["works", "refused", "cut", "deaf"] = "works"
    search_seconds: float = 0.0
    """How long a search has its result before it answers."""
    used: int = 10
    """The used part of the quota, of 512 KiB."""
    hostile: Hostile | None = None
    """What answers CAPABILITY, instead of the server."""


class ImapServer:
    """One connection."""

    def __init__(self, peer: LinePeer, security: Security, setup: Setup, mailbox: Mailbox) -> None:
        self._peer, self._security, self._setup, self._mailbox = peer, security, setup, mailbox
        self._user = ""

    def _capabilities(self) -> str:
        setup, secure = self._setup, self._peer.secure
        if self._user:
            return " ".join(name for name in AFTER if name not in setup.lacks)
        words = list(BEFORE)
        if not secure and setup.starttls != "absent":
            words.append("STARTTLS")
        if secure or setup.clear_logins:
            words += [f"AUTH={name}" for name in setup.mechanisms]
        else:
            words.append("LOGINDISABLED")
        return " ".join(words)

    async def _say(self, text: str) -> None:
        await self._peer.send(f"{text}\r\n".encode())

    async def run(self) -> None:
        """Greet and answer until the client leaves."""
        if not self._peer.secure or self._setup.greeting == "OK":
            await self._say(f"* {self._setup.greeting} lab IMAP server ready")
        if self._setup.greeting == "BYE":
            return
        while line := await self._peer.line():
            tag, _, rest = line.decode("utf-8", "replace").partition(" ")
            name, _, arguments = rest.partition(" ")
            command = getattr(self, f"_{name.lower()}", None)
            if command is None:
                await self._say(f"{tag} BAD Unknown command")
            elif await command(tag, arguments):
                return

    # -- before the login --------------------------------------------------------------------------

    async def _capability(self, tag: str, _: str) -> None:
        if self._setup.hostile is not None:
            await self._setup.hostile(self._peer)
            return
        await self._say(f"* CAPABILITY {self._capabilities()}\r\n{tag} OK Done")

    async def _noop(self, tag: str, _: str) -> None:
        await self._say(f"{tag} OK Done")

    async def _id(self, tag: str, _: str) -> None:
        await self._say(f"* ID {self._setup.id_fields}\r\n{tag} OK Done")

    async def _starttls(self, tag: str, _: str) -> bool:
        setup = self._setup
        if setup.starttls != "works" or self._peer.secure:
            await self._say(f"{tag} NO [UNAVAILABLE] TLS is not available")
            return False
        await self._peer.send(f"{tag} OK Begin TLS negotiation now\r\n".encode() + setup.injects)
        await self._peer.start_tls(
            self._security.context, self._security.certificate, keeps=setup.keeps
        )
        return False

    async def _authenticate(self, tag: str, arguments: str) -> None:
        name, _, first = arguments.partition(" ")
        binds = any(each.endswith("-PLUS") for each in self._setup.mechanisms)
        bindings = self._peer.bindings() if binds else ()
        server = server_of(name, self._mailbox.passwords, token=TOKEN, bindings=bindings)
        if server is None or name not in self._setup.mechanisms:
            await self._say(f"{tag} NO [CANNOT] Unsupported mechanism")
            return
        message = decode(first.replace("=", "", first == "=").encode()) if first else None
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
            await self._say(f"{tag} NO [AUTHENTICATIONFAILED] Authentication failed")
            return
        await self._welcome(tag, server.user)

    async def _login(self, tag: str, arguments: str) -> None:
        user, _, password = arguments.replace('"', "").partition(" ")
        if self._mailbox.passwords.get(user) != password:
            await self._say(f"{tag} NO [AUTHENTICATIONFAILED] Authentication failed")
            return
        await self._welcome(tag, user)

    async def _welcome(self, tag: str, user: str) -> None:
        await asyncio.sleep(self._setup.login_seconds)
        if self._setup.refusal:
            await self._say(f"{tag} NO [{self._setup.refusal}] Not now")
            return
        self._user = user
        await self._say(f"{tag} OK [CAPABILITY {self._capabilities()}] Logged in")

    async def _logout(self, tag: str, _: str) -> bool:
        await self._say(f"* BYE Logging out\r\n{tag} OK Done")
        return True

    # -- the mailbox -------------------------------------------------------------------------------

    async def _examine(self, tag: str, _: str) -> None:
        await asyncio.sleep(self._setup.examine_seconds)
        count = len(self._mailbox.messages)
        await self._say(
            "* FLAGS (\\Answered \\Seen)\r\n"
            "* OK [PERMANENTFLAGS ()] Read-only\r\n"
            f"* {count} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] UIDs valid\r\n"
            f"* OK [UIDNEXT {self._mailbox.next_uid}] Next\r\n"
            f"* OK [HIGHESTMODSEQ {count}] Highest\r\n{tag} OK [READ-ONLY] Examined"
        )

    async def _select(self, tag: str, _: str) -> None:
        await self._say(f"* {len(self._mailbox.messages)} EXISTS\r\n{tag} OK [READ-WRITE] Selected")

    async def _uid(self, tag: str, arguments: str) -> None:
        """Answer UID SEARCH for a field of the header, UID FETCH of it, STORE and EXPUNGE."""
        name, _, rest = arguments.partition(" ")
        if name == "SEARCH":
            wanted = rest.split('"')[1].encode()
            found = [m.uid for m in self._mailbox.messages if wanted in m.data]
            known = len(self._mailbox.messages)
            await asyncio.sleep(self._setup.search_seconds)
            await self._say(f"* SEARCH {' '.join(map(str, found))}".rstrip())
            if (count := len(self._mailbox.messages)) > known:
                await self._say(f"* {count} EXISTS")
        elif name == "FETCH":
            for number, each in enumerate(self._mailbox.messages, 1):
                if each.uid == int(rest.split()[0]):
                    data, part = each.data, rest.partition("[")[2].partition("]")[0]
                    if part == "HEADER":
                        data = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
                    said = f"* {number} FETCH (UID {each.uid} BODY[{part}] {{{len(data)}}}\r\n"
                    await self._peer.send(said.encode() + data + b")\r\n")
        elif name == "EXPUNGE":
            self._mailbox.remove(int(rest))
        await self._say(f"{tag} OK Done")

    async def _fetch(self, tag: str, arguments: str) -> None:
        number, _, items = arguments.partition(" ")
        message = self._mailbox.messages[int(number) - 1]
        head = message.data.split(b"\r\n\r\n")[0].split(b"\r\n")
        date = b"".join(line + b"\r\n" for line in head if line.startswith(b"Date:")) + b"\r\n"
        item = items.strip("()").replace(".PEEK", "")
        await self._peer.send(
            f"* {number} FETCH ({item} {{{len(date)}}}\r\n".encode()
            + date
            + b")\r\n"
            + f"{tag} OK Fetched\r\n".encode()
        )

    async def _getquotaroot(self, tag: str, _: str) -> None:
        await self._say(
            f'* QUOTAROOT INBOX "User quota"\r\n'
            f'* QUOTA "User quota" (STORAGE {self._setup.used} 512)\r\n{tag} OK Done'
        )

    async def _idle(self, tag: str, _: str) -> bool:
        if self._setup.idle == "refused":
            await self._say(f"{tag} NO IDLE is not available")
            return False
        await self._say("+ idling")
        if self._setup.idle == "cut":
            await asyncio.sleep(IDLE_SECONDS)
            self._peer.abort()
            return True
        notifying = asyncio.create_task(self._notify())
        try:
            await self._peer.line()
        finally:
            notifying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await notifying
        await self._say(f"{tag} OK Idle completed")
        return False

    async def _notify(self) -> None:
        while self._setup.idle != "deaf":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._mailbox.changed(), IDLE_SECONDS)
            await self._say(f"* {len(self._mailbox.messages)} EXISTS")
