"""A server on our own codec that decides how logins go, and what goes wrong with them.

It carries no channels: whoever opens one is refused. Honest logins are asyncssh's part
(:mod:`.session`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from seventh.labkit.serve import Fault, Kit, Served, tcp_server
from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.client.auth import INFO_REQUEST, INFO_RESPONSE, PK_OK, signed_data
from seventh.protocols.ssh.client.session import KEEPALIVE, PING_EXTENSION
from seventh.protocols.ssh.facts import Names
from seventh.protocols.ssh.lab.server import good_offer
from seventh.protocols.ssh.lab.session import USER, LoginKeys, make_door
from seventh.protocols.ssh.wire.auth_messages import (
    AuthBanner,
    AuthFailure,
    AuthPacket,
    AuthRequest,
    AuthSuccess,
    Ping,
    Pong,
    ServiceAccept,
    ServiceRequest,
)
from seventh.protocols.ssh.wire.channel_messages import (
    ChannelOpen,
    GlobalRequest,
    OpenFailure,
    RequestFailure,
)
from seventh.protocols.ssh.wire.exchange import Exchange, NoCommonError, negotiate
from seventh.protocols.ssh.wire.hostkeys import Signer, read_key, verify
from seventh.protocols.ssh.wire.ident import Ident
from seventh.protocols.ssh.wire.messages import ExtInfo, KexInit, KexPacket, Message, NewKeys
from seventh.protocols.ssh.wire.transport import Connection, Role
from seventh.protocols.ssh.wire.values import string
from seventh.wire.reader import Reader

_HOST = "127.0.0.1"
_NOWHERE = Mark(0, "user")
PASSWORD = "the lab's own password"  # noqa: S105 - of a server that lives for a moment


class LoginSetup(msgspec.Struct, frozen=True, kw_only=True):
    """How a server deals with users: by default, well."""

    methods: Names = ("publickey",)
    root_methods: Names = ("publickey",)
    none_accepted: Names = ()
    """Users that are let in without a credential."""
    none_delay_seconds: float = 0.0
    after_key: Names = ()
    """What is still wanted after a good key: it is then a partial success."""
    prompts: tuple[tuple[str, bool], ...] = (("Password: ", False),)
    """keyboard-interactive's questions, and whether their answers may be shown."""
    expired: bool = False
    """A right password is answered with the demand to change it."""
    banners: tuple[bytes, ...] = ()
    """Sent before the answer to the first authentication request."""
    silent_service: bool = False
    """SERVICE_REQUEST is never answered."""
    failures: int = 1
    """How many USERAUTH_FAILUREs answer one request."""
    asks_for_ever: bool = False
    """keyboard-interactive goes on with empty rounds of questions, whatever is answered."""
    closes_on_rekey: bool = False
    ignores_rekey: bool = False
    swaps_key: bool = False
    """Another host key is shown when keys are exchanged again."""
    forgets_ciphers: bool = False
    """No cipher of ours is offered when keys are exchanged again."""
    rekeys: int = 0
    """Key exchanges that the server begins, one after another, once the user is logged in."""
    keepalive_seconds: float = 0.0
    global_requests: int = 0
    """Keepalives sent in one burst at the login."""
    early_success: bool = False
    """USERAUTH_SUCCESS comes before anything was asked."""
    pings: bool = True
    """Names ping@openssh.com and answers pings."""


class LoginServer:
    """Serves one manner; :meth:`handle` is a handler for ``labkit.serve.tcp_server``."""

    def __init__(self, login_keys: LoginKeys, setup: LoginSetup) -> None:
        self.login_keys = login_keys
        self.signer = login_keys.signer
        self.user_key = Signer(login_keys.user_key).blob
        """The blob of the public key that may log in."""
        self.setup = setup
        self.requests: list[tuple[str, str]] = []
        """User and method of every authentication request."""
        self.passwords: list[str] = []
        """Every password that was sent to it."""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the client leaves or breaks the protocol."""
        connection = Connection(Role.SERVER, "SeventhLab")
        writer.write(connection.greet())
        guest = _Guest(self, connection, writer)
        try:
            while data := await reader.read(65536):
                for event in connection.receive(data, _NOWHERE):
                    await guest.take(event.message)
        except (ProtocolViolation, NoCommonError, _GoneError):
            return
        finally:
            guest.end()


class _GoneError(Exception):
    """The server has hung up."""


class _Guest:
    """One connection of a client's."""

    def __init__(
        self, server: LoginServer, connection: Connection, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._connection, self._writer = server, connection, writer
        self._manner = server.setup
        self._exchange: Exchange | None = None
        self._rekeys_left = server.setup.rekeys
        self._keepalives: asyncio.Task[None] | None = None
        self._admitted = False
        self._greeted = False

    def end(self) -> None:
        """Stop what runs beside."""
        if self._keepalives is not None:
            self._keepalives.cancel()

    def _send(self, *messages: Message) -> None:
        self._writer.write(b"".join(self._connection.send(message) for message in messages))

    async def take(self, message: object) -> None:
        """Answer one message of the client's."""
        match message:
            case Ident():
                self._offer()
            case KexInit():
                self._begin(message)
            case KexPacket() if self._exchange is not None:
                self._writer.write(self._exchange.handle(message))
            case NewKeys():
                self._keyed()
            case ServiceRequest():
                if not self._manner.silent_service:
                    self._send(ServiceAccept(message.name))
                if self._manner.early_success:
                    self._send(AuthSuccess())
            case AuthRequest():
                await self._log_in(message)
            case AuthPacket():
                self._take_answers(message)
            case _:
                self._take_later(message)

    def _take_later(self, message: object) -> None:
        """What belongs to a session."""
        match message:
            case Ping():
                self._send(Pong(message.data))
            case ChannelOpen():
                self._send(OpenFailure(message.sender, 1, b"no channels here"))
            case GlobalRequest() if message.want_reply:
                self._send(RequestFailure())
            case _:
                pass

    # -- keys ------------------------------------------------------------------------------------

    def _offer(self) -> None:
        offer = good_offer()
        if self._admitted and self._manner.forgets_ciphers:
            offer = replace(offer, encryption_algorithms_server_to_client=("rot13",))
        self._send(KexInit(cookie=os.urandom(16), offer=offer))

    def _begin(self, message: KexInit) -> None:
        if self._admitted and self._manner.closes_on_rekey:
            raise _GoneError
        if self._admitted and self._manner.ignores_rekey:
            return
        if self._connection.session_id and not self._connection.our_exchange:
            self._offer()
        choice = negotiate(message.offer, good_offer())
        signer = self._server.signer
        if self._admitted and self._manner.swaps_key:
            signer = Signer(self._server.login_keys.user_key)
        self._exchange = Exchange(self._connection, choice, signer=signer)

    def _keyed(self) -> None:
        if not self._admitted:
            names = {b"server-sig-algs": b"ssh-ed25519,rsa-sha2-512,rsa-sha2-256"}
            if self._manner.pings:
                names[PING_EXTENSION] = b"0"
            self._send(ExtInfo(names))
        elif self._rekeys_left > 0:
            self._rekeys_left -= 1
            self._offer()

    # -- logins ----------------------------------------------------------------------------------

    async def _log_in(self, request: AuthRequest) -> None:
        user, method = request.user.decode(), request.method.decode()
        self._server.requests.append((user, method))
        if not self._greeted:
            self._greeted = True
            self._send(*(AuthBanner(text) for text in self._manner.banners))
        if method == "none":
            await asyncio.sleep(self._manner.none_delay_seconds)
            if user in self._manner.none_accepted:
                self._admit()
                return
        offered = self._methods(user)
        if user != USER or method not in (*offered, *self._manner.after_key):
            self._refuse(user)
        elif method == "publickey":
            self._take_key(request)
        elif method == "password":
            self._take_password(Reader(request.fields[1:], "the password").vector(4))
        else:
            self._ask()

    def _methods(self, user: str) -> Names:
        return self._manner.root_methods if user == "root" else self._manner.methods

    def _refuse(self, user: str = USER) -> None:
        for _ in range(self._manner.failures):
            self._send(AuthFailure(self._methods(user)))

    def _take_key(self, request: AuthRequest) -> None:
        reader = Reader(request.fields, "the publickey request")
        signed, algorithm, blob = reader.u8() != 0, reader.vector(4), reader.vector(4)
        if blob != self._server.user_key:
            self._refuse()
        elif not signed:
            self._send(AuthPacket(PK_OK, string(algorithm) + string(blob)))
        else:
            signature = reader.vector(4)
            bare = AuthRequest(
                request.user, request.service, request.method,
                b"\x01" + string(algorithm) + string(blob),
            )  # fmt: skip
            data = signed_data(self._connection.session_id, bare)
            if not verify(read_key(blob), algorithm.decode(), signature, data):
                self._refuse()
            elif self._manner.after_key:
                self._send(AuthFailure(self._manner.after_key, partial_success=True))
            else:
                self._admit()

    def _take_password(self, given: bytes) -> None:
        self._server.passwords.append(given.decode())
        if given != PASSWORD.encode():
            self._refuse()
        elif self._manner.expired:
            self._send(AuthPacket(PK_OK, string(b"Change it.") + string(b"")))
        else:
            self._admit()

    def _ask(self, *, empty: bool = False) -> None:
        prompts = () if empty else self._manner.prompts
        asked = b"".join(string(text.encode()) + bytes([shown]) for text, shown in prompts)
        head = string(b"") * 3 + len(prompts).to_bytes(4, "big")
        self._send(AuthPacket(INFO_REQUEST, head + asked))

    def _take_answers(self, packet: AuthPacket) -> None:
        if packet.number != INFO_RESPONSE:
            raise ProtocolViolation("that is no answer")
        reader = Reader(packet.fields, "the answers")
        answers = [reader.vector(4) for _ in range(min(reader.u32(), 16))]
        if self._manner.asks_for_ever:
            self._ask(empty=True)
            return
        for answer in answers:
            self._take_password(answer)

    def _admit(self) -> None:
        self._send(AuthSuccess())
        self._connection.admit(_NOWHERE)
        self._admitted = True
        keepalive = GlobalRequest(KEEPALIVE, want_reply=True)
        self._send(*(keepalive for _ in range(self._manner.global_requests)))
        if self._manner.keepalive_seconds:
            self._keepalives = asyncio.create_task(self._keep_alive(keepalive))
        if self._rekeys_left > 0:
            self._rekeys_left -= 1
            self._offer()

    async def _keep_alive(self, keepalive: GlobalRequest) -> None:
        while True:
            await asyncio.sleep(self._manner.keepalive_seconds)
            self._send(keepalive)


# -- faults ----------------------------------------------------------------------------------------


class _Case(msgspec.Struct, frozen=True):
    """A fault: the server's manner, and what else the check is told."""

    setup: LoginSetup
    options: Mapping[str, str | float | int] = {}


def _fault(name: str, meaning: str, *triggers: str, reason: str | None = None) -> Fault:
    return Fault(name=name, meaning=meaning, triggers=triggers, reason=reason)


_HOLD: Mapping[str, str | float | int] = {"intrusive": True, "hold_seconds": 1.0}
_CASES: dict[str, tuple[Fault, _Case]] = {
    fault.name: (fault, case)
    for fault, case in (
        (_fault("hostkey-changed", "shows another key than known_hosts has", "SSH-HOSTKEY-CHANGED",
                reason="host-key-untrusted"), _Case(LoginSetup())),
        (_fault("auth-slow", "takes 1.3 s to refuse a login without a credential", "SSH-AUTH-SLOW"),
         _Case(LoginSetup(none_delay_seconds=1.3))),
        (_fault("password-on", "takes passwords beside keys", "SSH-PASSWORD-ON"),
         _Case(LoginSetup(methods=("publickey", "password", "keyboard-interactive")))),
        (_fault("root-password", "takes root's password", "SSH-ROOT-PASSWORD"),
         _Case(LoginSetup(root_methods=("publickey", "password")))),
        (_fault("pubkey-off", "takes no keys", "SSH-PUBKEY-OFF", "SSH-PASSWORD-ON"),
         _Case(LoginSetup(methods=("password",)))),
        (_fault("noauth", "lets the user in without a credential", "SSH-NOAUTH"),
         _Case(LoginSetup(none_accepted=(USER,)))),
        (_fault("rekey-fail", "hangs up when keys are exchanged again", "SSH-REKEY-FAIL"),
         _Case(LoginSetup(closes_on_rekey=True))),
        (_fault("no-keepalive", "never asks whether the client is still there", "SSH-NO-KEEPALIVE"),
         _Case(LoginSetup(), _HOLD)),
        (_fault("login-refused", "lets nobody in", reason="auth-rejected"),
         _Case(LoginSetup(methods=("hostbased",)))),
        (_fault("second-factor", "wants a code after the key", reason="auth-rejected"),
         _Case(LoginSetup(after_key=("keyboard-interactive",),
                           prompts=(("Verification code: ", True),)))),
        (_fault("service-silent", "never answers the service request", reason="peer-silent"),
         _Case(LoginSetup(silent_service=True), {"timeout_seconds": 2.0})),
        (_fault("banner-flood", "greets the user without end", reason="protocol-violation"),
         _Case(LoginSetup(banners=(b"hello",) * 500))),
        (_fault("asks-for-ever", "has one more question, always", reason="protocol-violation"),
         _Case(LoginSetup(methods=("keyboard-interactive",), asks_for_ever=True))),
        (_fault("rekey-storm", "exchanges keys again and again", reason="protocol-violation"),
         _Case(LoginSetup(rekeys=1000), _HOLD)),
    )
}  # fmt: skip
FAULTS: tuple[Fault, ...] = tuple(fault for fault, _ in _CASES.values())
NAMES = frozenset(_CASES)
"""Whether a fault is this module's."""


@contextlib.asynccontextmanager
async def serve(fault: Fault, kit: Kit) -> AsyncIterator[Served]:
    """Yield the server with this fault, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="ssh-login-", dir=kit.folder))
    login_keys = make_door(folder)
    case = _CASES[fault.name][1]
    async with listening(login_keys, case.setup) as (port, _):
        options = {
            **login_keys.options(port),
            **case.options,
            "password_file": password_file(folder),
        }
        if fault.name == "hostkey-changed":
            # The key of the machine that stood here before.
            options["known_hosts"] = make_door(folder / "before").options(port)["known_hosts"]
        yield Served(target=f"ssh://{_HOST}:{port}", options=options)


def password_file(folder: Path) -> str:
    """Return a file with the password that the server takes."""
    file = folder / "password"
    file.touch(0o600)
    file.write_text(f"{PASSWORD}\n")
    return str(file)


@contextlib.asynccontextmanager
async def listening(
    login_keys: LoginKeys, setup: LoginSetup
) -> AsyncIterator[tuple[int, LoginServer]]:
    """Yield a running server of this manner: its port, and itself."""
    server = LoginServer(login_keys, setup)
    async with tcp_server(server.handle, _HOST) as port:
        yield port, server
