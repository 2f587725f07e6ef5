"""SMTP's reference server: sessions in clear and inside TLS, and what they deliver."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from seventh.labkit.ca import Issued
from seventh.labkit.sasl import RefusedError, Server, server_of
from seventh.labkit.tlsserve import TlsPeer, server_context
from seventh.protocols.smtp.lab.setup import NAME, OWN, PASSWORD, TOKEN, USER, Setup
from seventh.wire.sasl import decode, encode

_END = {"crlf": b"\r\n.\r\n", "lf-dot-crlf": b"\n.\r\n", "lf-dot-lf": b"\n.\n"}
_CHUNK = 65536
_MAX_COMMAND = 510
Deliver = Callable[[bytes], object]
"""Takes a message for the lab's user, with CRLF line ends."""


class Hub:
    """What all sessions share: where mail is delivered, and whom the greylist has seen."""

    def __init__(self, setup: Setup, issued: Issued, deliver: Deliver) -> None:
        self.setup = setup
        self.context = server_context(issued)
        self.certificate = issued.certificate.public_bytes(Encoding.DER)
        self.deliver = deliver
        self.sessions = 0
        self.first_seen: dict[str, float] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.sessions += 1
        session = Session(self, reader, writer, first=self.sessions == 1)
        with contextlib.suppress(SSL.Error):
            await session.run()


class Session:
    """One connection."""

    def __init__(
        self,
        hub: Hub,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        first: bool,
    ) -> None:
        self.hub, self.setup = hub, hub.setup
        self._reader, self._writer = reader, writer
        self._first = first
        self._tls: TlsPeer | None = None
        self._buffer = b""
        self._sender: str | None = None
        self._recipients: list[str] = []
        self.user = ""

    # -- bytes -------------------------------------------------------------------------------------

    async def _more(self) -> bytes:
        if self._tls is None:
            return await self._reader.read(_CHUNK)
        return await self._tls.receive()

    async def _until(self, end: bytes) -> bytes:
        """Return the bytes up to ``end``, without it; IncompleteReadError at the end."""
        while end not in self._buffer:
            more = await self._more()
            if not more:
                raise asyncio.IncompleteReadError(self._buffer, None)
            self._buffer += more
        taken, _, self._buffer = self._buffer.partition(end)
        return taken

    async def _send(self, *lines: str) -> None:
        data = "".join(line + self.setup.end for line in lines).encode()
        if self._tls is not None:
            await self._tls.send(data)
        else:
            self._writer.write(data)
            await self._writer.drain()

    async def _start_tls(self) -> None:
        kept = self._buffer if self.setup.keeps_clear else b""
        self._buffer = b""
        tls = TlsPeer(self._reader, self._writer, self.hub.context)
        await tls.shake_hands(await self._reader.readexactly(1))
        self._tls, self._buffer = tls, kept

    # -- commands ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Greet, and answer commands until QUIT or the end."""
        if self.setup.scheme == "smtps":
            await self._start_tls()
        if self._first:
            await asyncio.sleep(self.setup.greeting_seconds)
        await self._send(self.setup.greeting)
        while True:
            line = (await self._until(b"\n")).rstrip(b"\r").decode("utf-8", "replace")
            if len(line) > _MAX_COMMAND:
                await self._send("500 5.5.2 Line too long")
                continue
            verb, _, rest = line.partition(" ")
            if verb.upper() == self.setup.closes_at:
                await self._send(f"421 4.3.2 {NAME} Service shutting down")
                return
            answer = _COMMANDS.get(verb.upper())
            if answer is None:
                await self._send("502 5.5.2 Command not recognized")
            elif await answer(self, rest):
                return

    async def _ehlo(self, _: str) -> bool:
        setup = self.setup
        if setup.hello == "helo-only":
            await self._send("502 5.5.2 Command not recognized")
            return False
        keywords = [*setup.keywords]
        if self._tls is None:
            offer = {"absent": [], "masked": ["XXXXXXXA"]}.get(setup.starttls, ["STARTTLS"])
            keywords += offer
        mechanisms = setup.auth if self._tls is not None else setup.clear_auth
        keywords += ["AUTH " + " ".join(mechanisms)] if mechanisms else []
        if setup.hello == "long-line":
            keywords.append("XLAB " + "x" * 600)
        lines = [f"250-{setup.name}", *(f"250-{word}" for word in keywords)]
        lines[-1] = lines[-1].replace("-", " ", 1)
        if setup.hello == "mixed-codes":
            lines[1] = "251" + lines[1][3:]
        await self._send(*lines)
        return False

    async def _helo(self, _: str) -> bool:
        await self._send(f"250 {self.setup.name}")
        return False

    async def _starttls(self, _: str) -> bool:
        if self.setup.starttls == "refused":
            await self._send("454 4.7.0 TLS not available due to local problem")
            return False
        await self._send(
            "220 2.0.0 Ready to start TLS", *(["250 injected"] if self.setup.injects else [])
        )
        if self.setup.starttls == "no-handshake":
            return True
        await self._start_tls()
        return False

    async def _auth(self, rest: str) -> bool:
        mechanism, _, first = rest.partition(" ")
        await asyncio.sleep(self.setup.auth_seconds)
        if self.setup.auth_answer == "unavailable":
            await self._send("454 4.7.0 Temporary authentication failure")
            return False
        while self.setup.auth_answer == "endless":
            await self._send("334 " + encode(b"and?").decode())
            await self._until(b"\r\n")
        binds = self._tls is not None and any(each.endswith("-PLUS") for each in self.setup.auth)
        server = server_of(
            mechanism, {USER: PASSWORD}, token=TOKEN,
            bindings=self._tls.bindings(self.hub.certificate) if self._tls and binds else (),
        )  # fmt: skip
        if server is None or mechanism not in self.setup.auth:
            await self._send("504 5.5.4 Unrecognized authentication type")
            return False
        try:
            if self.setup.auth_answer == "rejected":
                raise RefusedError
            await self._exchange(server, decode(first.encode()) if first else None)
        except RefusedError:
            await self._send("535 5.7.8 Error: authentication failed")
            return False
        self.user = server.user
        await self._send("235 2.7.0 Authentication successful")
        return False

    async def _exchange(self, server: Server, message: bytes | None) -> None:
        challenge = server.answer(message)
        while not server.user:
            await self._send("334 " + encode(challenge).decode())
            challenge = server.answer(decode(await self._until(b"\r\n")))

    async def _mail(self, rest: str) -> bool:
        if self.setup.scheme != "smtp" and not self.user:
            await self._send("530 5.7.0 Authentication required")
            return False
        size = re.search(r" SIZE=(\d+)", rest)
        if size is not None and 0 < self.setup.size_limit < int(size[1]):
            await self._send("552 5.3.4 Message size exceeds fixed limit")
            return False
        self._sender, self._recipients = rest.partition(":")[2], []
        await self._send("250 2.1.0 Ok")
        return False

    async def _rcpt(self, rest: str) -> bool:
        recipient = rest.partition("<")[2].partition(">")[0]
        answer = self._judge(recipient)
        if answer.startswith("250"):
            self._recipients.append(recipient)
        await self._send(answer)
        return False

    def _judge(self, recipient: str) -> str:
        """Return the reply to a recipient."""
        setup = self.setup
        if self._sender is None:
            return "503 5.5.1 Error: need MAIL command"
        domain = recipient.rpartition("@")[2] if "@" in recipient else NAME
        if domain != NAME and not (setup.relays or self.user):
            return f"554 5.7.1 <{recipient}>: Relay access denied"
        known = {"postmaster": setup.has_postmaster, OWN: setup.has_mailbox}
        if domain == NAME and not known.get(recipient, False):
            return f"550 5.1.1 <{recipient}>: Recipient address rejected: User unknown"
        if setup.greylist_seconds and domain == NAME:
            seen = self.hub.first_seen.setdefault(recipient, time.monotonic())
            if time.monotonic() - seen < setup.greylist_seconds:
                return f"450 4.2.0 <{recipient}>: Recipient address rejected: Greylisted"
        return "250 2.1.5 Ok"

    async def _data(self, _: str) -> bool:
        if not self._recipients:
            await self._send("503 5.5.1 Error: need RCPT command")
            return False
        await self._send("354 End data with <CR><LF>.<CR><LF>")
        message = await self._until_end()
        return await self._queue(message.removeprefix(b".").replace(b"\r\n.", b"\r\n"))

    async def _bdat(self, rest: str) -> bool:
        size, _, last = rest.partition(" ")
        while len(self._buffer) < int(size):
            more = await self._more()
            if not more:
                raise asyncio.IncompleteReadError(self._buffer, int(size))
            self._buffer += more
        message, self._buffer = self._buffer[: int(size)], self._buffer[int(size) :]
        if not self._recipients or last.upper() != "LAST":
            await self._send("503 5.5.1 Error: need RCPT command, and one chunk")
            return False
        return await self._queue(message)

    async def _queue(self, message: bytes) -> bool:
        for recipient in self._recipients:
            if recipient == OWN:
                self.hub.deliver(message)
        self._sender, self._recipients = None, []
        await self._send("250 2.0.0 Ok: queued as 1")
        return False

    async def _until_end(self) -> bytes:
        """Return the message up to the first end that this server accepts."""
        accepted = {_END["crlf"], _END[self.setup.ends]}
        while True:
            found = [(self._buffer.find(end), end) for end in accepted if end in self._buffer]
            if found:
                at, end = min(found)
                message, self._buffer = self._buffer[:at], self._buffer[at + len(end) :]
                return message + b"\r\n"
            more = await self._more()
            if not more:
                raise asyncio.IncompleteReadError(self._buffer, None)
            self._buffer += more

    async def _vrfy(self, rest: str) -> bool:
        known = rest.startswith("postmaster") or not self.setup.verifies
        await self._send("252 2.0.0 Cannot VRFY user" if known else "550 5.1.1 User unknown")
        return False

    async def _ok(self, _: str) -> bool:
        self._sender, self._recipients = None, []
        await self._send("250 2.0.0 Ok")
        return False

    async def _noop(self, _: str) -> bool:
        await self._send("250 2.0.0 Ok")
        return False

    async def _quit(self, _: str) -> bool:
        await self._send("221 2.0.0 Bye")
        return True


_COMMANDS = {
    "EHLO": Session._ehlo,
    "HELO": Session._helo,
    "STARTTLS": Session._starttls,
    "AUTH": Session._auth,
    "MAIL": Session._mail,
    "RCPT": Session._rcpt,
    "DATA": Session._data,
    "BDAT": Session._bdat,
    "VRFY": Session._vrfy,
    "RSET": Session._ok,
    "NOOP": Session._noop,
    "QUIT": Session._quit,
}
