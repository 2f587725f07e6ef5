"""A server on our own codec for faults of logins and of later key exchanges. It has no channels."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from seventh.labkit.serve import Fault, Kit, Served, tcp_server
from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.client.auth import INFO_REQUEST, INFO_RESPONSE, PK_OK, signed_data
from seventh.protocols.ssh.client.session import KEEPALIVE, PING_EXTENSION
from seventh.protocols.ssh.facts import Names, Proposal
from seventh.protocols.ssh.lab.keys import LOOPBACK, USER, LoginKeys, certify, make_login_keys
from seventh.protocols.ssh.lab.server import NOW, SIGNATURES, LabConnection, case, good_offer
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
from seventh.protocols.ssh.wire.fields import boolean, uint32
from seventh.protocols.ssh.wire.hostkeys import Signer, read_key, verify
from seventh.protocols.ssh.wire.messages import SERVER_SIG_ALGS, ExtInfo, KexInit, NewKeys
from seventh.protocols.ssh.wire.values import SshReader, string

PASSWORD = "the lab's own password"  # noqa: S105 - of a server that runs for a moment


class LoginSetup(msgspec.Struct, frozen=True, kw_only=True):
    """How a server treats users; by default without fault."""

    offer: Proposal = good_offer()
    max_connections: int = 20
    """Connections served at once; others get OpenSSH's refusal."""
    methods: Names = ("publickey",)
    certificate_days: float | None = None
    """How long the user's certificate is valid; None for no certificate."""
    root_methods: Names = ("publickey",)
    any_user: bool = False
    """Accepts the key for every user name."""
    none_accepted: Names = ()
    """Users that need no credential."""
    none_delay_seconds: float = 0.0
    after_key: Names = ()
    """Methods that are required after the key, which is then a partial success."""
    prompts: tuple[tuple[str, bool], ...] = (("Password: ", False),)
    """The prompts of keyboard-interactive, each with its echo flag."""
    expired: bool = False
    """Requires a change of the password."""
    banners: tuple[bytes, ...] = ()
    """Sent before the answer to the first authentication request."""
    silent_service: bool = False
    """Never answers SERVICE_REQUEST."""
    failures: int = 1
    """How many USERAUTH_FAILUREs answer one request."""
    asks_for_ever: bool = False
    """Answers every response of keyboard-interactive with an empty round of prompts."""
    closes_on_rekey: bool = False
    ignores_rekey: bool = False
    swaps_key: bool = False
    """Has another host key in later key exchanges."""
    forgets_ciphers: bool = False
    """Offers only an unknown cipher in later key exchanges."""
    rekeys: int = 0
    """Key exchanges that the server begins, one after another, after the login."""
    keepalive_seconds: float = 0.0
    global_requests: int = 0
    """Keepalives sent at once after the login."""
    early_success: bool = False
    """Sends USERAUTH_SUCCESS before any authentication request."""
    pings: bool = True
    """Supports transport pings."""


class LoginServer:
    """A server of one setup; :meth:`handle` is a handler for ``labkit.serve.tcp_server``."""

    def __init__(self, login_keys: LoginKeys, setup: LoginSetup) -> None:
        self.login_keys = login_keys
        self.signer = login_keys.signer
        self.user_key = Signer(login_keys.user_key).blob
        """The blob of the public key that may log in."""
        self.setup = setup
        self.requests: list[tuple[str, str]] = []
        """User and method of every authentication request."""
        self.passwords: list[str] = []
        """Every password that it received."""
        self.keepalive_replies = 0

        self._open = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, or refuse it as OpenSSH does."""
        if self._open >= self.setup.max_connections:
            writer.write(b"Exceeded MaxStartups\r\n")
            return
        self._open += 1
        try:
            await LoginConnection(self, writer).serve(reader)
        finally:
            self._open -= 1


class LoginConnection(LabConnection):
    """One connection of a :class:`LoginServer`."""

    def __init__(self, server: LoginServer, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer, (server.signer,), server.setup.offer)
        self._server = server
        self._setup = server.setup
        self._rekeys_left = server.setup.rekeys
        self._keepalives: asyncio.Task[None] | None = None
        self._logged_in = False
        self._banners_sent = False

    def end(self) -> None:
        """Stop the keepalives."""
        if self._keepalives is not None:
            self._keepalives.cancel()

    async def take_other(self, message: object) -> None:
        """Handle a message that is not of the key exchange."""
        match message:
            case NewKeys():
                self._newkeys()
            case ServiceRequest():
                if not self._setup.silent_service:
                    self.send(ServiceAccept(message.name))
                if self._setup.early_success:
                    self.send(AuthSuccess())
            case AuthRequest():
                await self._log_in(message)
            case AuthPacket():
                self._take_responses(message)
            case Ping():
                self.send(Pong(message.data))
            case GlobalRequest():
                if message.want_reply:
                    self.send(RequestFailure())
            case RequestFailure():
                self._server.keepalive_replies += 1
            case _:
                await self.take_channel(message)

    async def take_channel(self, message: object) -> None:
        """Handle a message of a channel: refuse to open any."""
        if isinstance(message, ChannelOpen):
            self.send(OpenFailure(message.sender, 1, b"no channels here"))

    # -- keys ------------------------------------------------------------------------------------

    def begin_exchange(self, message: KexInit) -> None:
        """Answer the client's KEXINIT; later ones as the setup says."""
        if self._logged_in:
            if self._setup.closes_on_rekey:
                raise ProtocolViolation("closed by the setup")
            if self._setup.ignores_rekey:
                return
            if self._setup.swaps_key:
                self.signers = (Signer(self._server.login_keys.user_key),)
        super().begin_exchange(message)

    def _newkeys(self) -> None:
        if not self._logged_in:
            extensions = {SERVER_SIG_ALGS: ",".join(SIGNATURES).encode()}
            if self._setup.pings:
                extensions[PING_EXTENSION] = b"0"
            self.send(ExtInfo(extensions))
        elif self._rekeys_left > 0:
            self._rekeys_left -= 1
            self.send_kexinit()

    # -- logins ----------------------------------------------------------------------------------

    async def _log_in(self, request: AuthRequest) -> None:
        user, method = request.user.decode(), request.method.decode()
        self._server.requests.append((user, method))
        if not self._banners_sent:
            self._banners_sent = True
            self.send(*map(AuthBanner, self._setup.banners))
        if method == "none":
            await asyncio.sleep(self._setup.none_delay_seconds)
            if user in self._setup.none_accepted:
                self.accept()
                return
        known = user == USER or self._setup.any_user
        if not known or method not in (*self._methods(user), *self._setup.after_key):
            self._refuse(user)
        elif method == "publickey":
            self._take_key(request)
        elif method == "password":
            self._take_password(SshReader(request.fields[1:], "the password").string())
        else:
            self._prompt(self._setup.prompts)

    def _methods(self, user: str) -> Names:
        return self._setup.root_methods if user == "root" else self._setup.methods

    def _refuse(self, user: str = USER) -> None:
        self.send(*[AuthFailure(self._methods(user))] * self._setup.failures)

    def _take_key(self, request: AuthRequest) -> None:
        reader = SshReader(request.fields, "the publickey request")
        signed, algorithm, blob = reader.boolean(), reader.string(), reader.string()
        if blob != self._server.user_key:
            self._refuse()
        elif not signed:
            self.send(AuthPacket(PK_OK, string(algorithm) + string(blob)))
        else:
            signature = reader.string()
            unsigned = replace(request, fields=b"\x01" + string(algorithm) + string(blob))
            data = signed_data(self.connection.session_id, unsigned)
            if not verify(read_key(blob), algorithm.decode(), signature, data):
                self._refuse()
            elif self._setup.after_key:
                self.send(AuthFailure(self._setup.after_key, partial_success=True))
            else:
                self.accept()

    def _take_password(self, password: bytes) -> None:
        self._server.passwords.append(password.decode())
        if password != PASSWORD.encode():
            self._refuse()
        elif self._setup.expired:
            self.send(AuthPacket(PK_OK, string(b"Change it.") + string(b"")))
        else:
            self.accept()

    def _prompt(self, prompts: tuple[tuple[str, bool], ...]) -> None:
        fields = b"".join(string(text.encode()) + boolean(echo) for text, echo in prompts)
        self.send(AuthPacket(INFO_REQUEST, string(b"") * 3 + uint32(len(prompts)) + fields))

    def _take_responses(self, packet: AuthPacket) -> None:
        if packet.number != INFO_RESPONSE:
            raise ProtocolViolation("not a response")
        reader = SshReader(packet.fields, "the responses")
        answers = [reader.string() for _ in range(min(reader.u32(), 16))]
        if self._setup.asks_for_ever:
            self._prompt(())
            return
        for answer in answers:
            self._take_password(answer)

    def accept(self) -> None:
        """Grant the login, and begin what the setup says."""
        self.send(AuthSuccess())
        self.connection.admit(NOW)
        self._logged_in = True
        if self._setup.forgets_ciphers:
            self.offer = replace(self.offer, encryption_algorithms_server_to_client=("rot13",))
        keepalive = GlobalRequest(KEEPALIVE, want_reply=True)
        self.send(*[keepalive] * self._setup.global_requests)
        if self._setup.keepalive_seconds:
            self._keepalives = asyncio.create_task(self._keep_alive(keepalive))
        if self._rekeys_left > 0:
            self._rekeys_left -= 1
            self.send_kexinit()

    async def _keep_alive(self, keepalive: GlobalRequest) -> None:
        while True:
            await asyncio.sleep(self._setup.keepalive_seconds)
            self.send(keepalive)


# -- faults ----------------------------------------------------------------------------------------

_HOLD: dict[str, str | float | int] = {"intrusive": True, "hold_seconds": 1.0}
_PASSWORDS = ("publickey", "password", "keyboard-interactive")
_CASES = (
    case("hostkey-changed", "host key differs from known_hosts", "SSH-HOSTKEY-CHANGED",
         reason="host-key-untrusted", setup=LoginSetup()),
    case("auth-slow", "refuses a login without credential after 1.3 s", "SSH-AUTH-SLOW",
         setup=LoginSetup(none_delay_seconds=1.3)),
    case("password-on", "accepts passwords", "SSH-PASSWORD-ON",
         setup=LoginSetup(methods=_PASSWORDS)),
    case("root-password", "accepts root's password", "SSH-ROOT-PASSWORD",
         setup=LoginSetup(root_methods=("publickey", "password"))),
    case("pubkey-off", "accepts no keys", "SSH-PUBKEY-OFF", "SSH-PASSWORD-ON",
         setup=LoginSetup(methods=("password",))),
    case("noauth", "accepts the user without credential", "SSH-NOAUTH",
         setup=LoginSetup(none_accepted=(USER,))),
    case("rekey-fail", "closes the connection at a later key exchange", "SSH-REKEY-FAIL",
         setup=LoginSetup(closes_on_rekey=True)),
    case("no-keepalive", "sends no keepalives", "SSH-NO-KEEPALIVE",
         setup=LoginSetup(), options=_HOLD),
    case("usercert-expired", "the user's certificate expired yesterday", "SSH-USERCERT",
         setup=LoginSetup(certificate_days=-1.0)),
    case("login-refused", "refuses every login", reason="auth-rejected",
         setup=LoginSetup(methods=("hostbased",))),
    case("second-factor", "requires a code after the key", reason="auth-rejected",
         setup=LoginSetup(after_key=("keyboard-interactive",),
                          prompts=(("Verification code: ", True),))),
    case("service-silent", "never answers the service request", reason="peer-silent",
         setup=LoginSetup(silent_service=True), options={"timeout_seconds": 2.0}),
    case("banner-flood", "sends 500 login banners", reason="protocol-violation",
         setup=LoginSetup(banners=(b"hello",) * 500)),
    case("asks-for-ever", "sends prompts without end", reason="protocol-violation",
         setup=LoginSetup(methods=("keyboard-interactive",), asks_for_ever=True)),
    case("no-throttle", "accepts any number of connections without a login", "SSH-THROTTLE",
         setup=LoginSetup(max_connections=1000), options={"intrusive": True}),
    case("rekey-storm", "begins 1000 key exchanges", reason="protocol-violation",
         setup=LoginSetup(rekeys=1000), options=_HOLD | {"hold_seconds": 20.0}),
)  # fmt: skip
CASES = {each.fault.name: each for each in _CASES}


@contextlib.asynccontextmanager
async def serve(fault: Fault, kit: Kit) -> AsyncIterator[Served]:
    """Run the server with this fault for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="ssh-login-", dir=kit.folder))
    login_keys = make_login_keys(folder)
    each = CASES[fault.name]
    if (days := each.setup.certificate_days) is not None:
        file = login_keys.identity.with_name(f"{login_keys.identity.name}-cert.pub")
        file.write_bytes(certify(login_keys.user_key, USER, host=False, days_left=days))
    async with listening(login_keys, each.setup) as (port, _):
        options = {
            **login_keys.options(port), **each.options, "password_file": password_file(folder),
        }  # fmt: skip
        if fault.name == "hostkey-changed":
            before = make_login_keys(folder / "before")
            options["known_hosts"] = before.options(port)["known_hosts"]
        yield Served(target=f"ssh://{LOOPBACK}:{port}", options=options)


def password_file(folder: Path) -> str:
    """Write the password that the server accepts into a file; return its name."""
    file = folder / "password"
    file.touch(0o600)
    file.write_text(f"{PASSWORD}\n")
    return str(file)


@contextlib.asynccontextmanager
async def listening(
    login_keys: LoginKeys, setup: LoginSetup
) -> AsyncIterator[tuple[int, LoginServer]]:
    """Run a server of this setup; yield its port and itself."""
    server = LoginServer(login_keys, setup)
    async with tcp_server(server.handle, LOOPBACK) as port:
        yield port, server
