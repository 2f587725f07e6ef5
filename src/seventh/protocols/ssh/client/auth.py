"""User authentication, the client's side (RFC 4252, RFC 4256).

Each request and its answer is a step with its time, so that the slow part of a login is known.
"""

from __future__ import annotations

import time

import msgspec

from seventh.model.failure import Blame, Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.secrets import Secret
from seventh.net.stopwatch import Stopwatch, Timer, user_mark
from seventh.protocols.ssh.client.credentials import Credentials
from seventh.protocols.ssh.client.identities import Identity
from seventh.protocols.ssh.client.session import Session
from seventh.protocols.ssh.facts import Names
from seventh.protocols.ssh.facts.login import AuthStep, Outcome
from seventh.protocols.ssh.wire.auth_messages import (
    AuthFailure,
    AuthPacket,
    AuthRequest,
    AuthSuccess,
    LoginMessage,
)
from seventh.protocols.ssh.wire.fields import uint32
from seventh.protocols.ssh.wire.values import SshReader, string
from seventh.wire.text import printable

CONNECTION = b"ssh-connection"
MAX_KEYS = 5
"""Keys offered to one server: OpenSSH's default MaxAuthTries is 6, and a password may follow."""
MAX_STEPS = 24
"""Requests in one login."""
MAX_ROUNDS = 8
"""Rounds of keyboard-interactive."""
MAX_PROMPTS = 16
"""Prompts in one round."""
_TOO_MANY_TRIES = "authentication failures"
"""A part of OpenSSH's DISCONNECT after MaxAuthTries, whose reason code is a general one."""

PK_OK, INFO_REQUEST, INFO_RESPONSE = 60, 60, 61


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """A granted login."""

    method: str
    """Such as ``publickey``; several are joined by ``+``."""
    at: Mark


def read_pk_ok(packet: AuthPacket, blob: bytes) -> None:
    """Read SSH_MSG_USERAUTH_PK_OK (RFC 4252 §7); ProtocolViolation when it has another key.

    Only the key is compared, as in OpenSSH's client: some servers send the key's type instead of
    the signature algorithm.
    """
    reader = _expect(packet, PK_OK, "USERAUTH_PK_OK")
    reader.vector(4)
    if reader.vector(4) != blob:
        raise ProtocolViolation("USERAUTH_PK_OK has another key than the one offered")


def read_prompts(packet: AuthPacket) -> tuple[tuple[bytes, bool], ...]:
    """Read the prompts of SSH_MSG_USERAUTH_INFO_REQUEST, each with its echo flag (RFC 4256 §3.2).

    Raises ProtocolViolation when it is malformed.
    """
    reader = _expect(packet, INFO_REQUEST, "USERAUTH_INFO_REQUEST")
    for _ in range(3):  # name, instruction, language tag
        reader.vector(4)
    count = reader.u32()
    if count > MAX_PROMPTS:
        raise ProtocolViolation(f"USERAUTH_INFO_REQUEST declares {count} prompts")
    return tuple((reader.vector(4), reader.boolean()) for _ in range(count))


def responses(answers: tuple[bytes, ...]) -> AuthPacket:
    """Return SSH_MSG_USERAUTH_INFO_RESPONSE (RFC 4256 §3.4)."""
    return AuthPacket(INFO_RESPONSE, uint32(len(answers)) + b"".join(map(string, answers)))


def signed_data(session_id: bytes, request: AuthRequest) -> bytes:
    """Return the data that a publickey request's signature is over (RFC 4252 §7)."""
    return string(session_id) + request.encode()


def _expect(packet: AuthPacket, number: int, what: str) -> SshReader:
    if packet.number != number:
        raise ProtocolViolation(f"received message {packet.number} instead of {what} ({number})")
    return SshReader(packet.fields, what)


class GssapiOnlyError(Failed):
    """The server accepts only methods of GSS-API (RFC 4462)."""


def gssapi_only(methods: Names) -> GssapiOnlyError:
    """Return the failure of a login for which only these methods can be used."""
    return GssapiOnlyError(
        Reason.AUTH_REQUIRED,
        f"the server accepts only {', '.join(methods)} (Kerberos), which Seventh does not support",
        blame=Blame.SEVENTH,
        phase="ssh.auth",
    )


class UserAuth:
    """One user's login over one session. ``steps`` and ``methods`` are kept when it fails."""

    def __init__(self, session: Session, user: str) -> None:
        self.session = session
        self.user = user
        self.steps: list[AuthStep] = []
        self.methods: Names | None = None
        """The methods that can continue, by the server's last answer."""
        self.first_methods: Names | None = None
        """The same by its first answer."""
        self.partial = False
        self.passed: list[str] = []
        """The methods that succeeded, fully or in part."""
        self.service_seconds: float | None = None
        self.none_seconds: float | None = None
        self._ended: Mark | None = None
        self._not_offered = 0

    # -- one login -------------------------------------------------------------------------------

    async def log_in(
        self, credentials: Credentials, watch: Stopwatch, address: str | None = None
    ) -> Admission:
        """Request the service and the methods, then try the credentials until one is accepted.

        Phases: ``ssh.service``, ``ssh.auth_none``, ``ssh.auth``. Failed with auth-rejected when
        none is accepted, with auth-required when there is none; GssapiOnlyError.
        """
        await self.begin(watch, address)
        if await self.ask_methods(watch, address):
            return self._admission()
        if self.only_gssapi:
            raise gssapi_only(self._open)
        if credentials.empty:
            why = "; ".join(credentials.problems)
            raise Failed(
                Reason.AUTH_REQUIRED,
                f"no credential to log in with{f' ({why})' if why else ''}; the server accepts "
                f"{self._accepted()}",
                phase="ssh.auth",
            )
        with watch.phase("ssh.auth", address) as timer:
            timer.begin(user_mark())
            try:
                granted = await self._try_all(credentials)
            except Failed as failed:
                if failed.reason is Reason.PEER_CLOSED and _TOO_MANY_TRIES in failed.detail:
                    raise Failed(Reason.AUTH_REJECTED, failed.detail, phase=failed.phase) from None
                raise
            self._stop(timer)
            if not granted:
                raise Failed(Reason.AUTH_REJECTED, self._rejected(credentials))
        return self._admission()

    async def begin(self, watch: Stopwatch | None = None, address: str | None = None) -> None:
        """Request the authentication service."""
        with (watch or Stopwatch()).phase("ssh.service", address) as timer:
            sent, granted = await self.session.request_service()
            timer.begin(sent)
            timer.stop(granted)
            self.service_seconds = timer.seconds_until(granted)

    async def ask_methods(self, watch: Stopwatch | None = None, address: str | None = None) -> bool:
        """Request ``none``, whose refusal lists the methods (RFC 4252 §5.2); True when granted."""
        with (watch or Stopwatch()).phase("ssh.auth_none", address) as timer:
            timer.begin(user_mark())
            granted = await self._step("none", b"")
            self.first_methods = self.methods
            self.none_seconds = self.steps[-1].seconds
            self._stop(timer)
        return granted

    def _stop(self, timer: Timer) -> None:
        if self._ended is not None:
            timer.stop(self._ended)

    async def _try_all(self, credentials: Credentials) -> bool:
        """Try each key, then the password; after a partial success the remaining ones again."""
        keys = self._usable(credentials)
        keys, self._not_offered = keys[:MAX_KEYS], len(keys[MAX_KEYS:])
        password = credentials.password
        while True:
            successes = len(self.passed)
            while keys and "publickey" in self._open and len(self.passed) == successes:
                if await self.publickey(keys.pop(0)):
                    return True
            if len(self.passed) > successes:
                continue
            for method, send in (
                ("password", self.password), ("keyboard-interactive", self.keyboard_interactive),
            ):  # fmt: skip
                if password is not None and method in self._open:
                    secret, password = password, None
                    if await send(secret):
                        return True
            if len(self.passed) == successes:
                return False

    def _usable(self, credentials: Credentials) -> list[Identity]:
        """Return the keys that a server may accept: servers count each one that is offered."""
        usable: list[Identity] = []
        for identity in credentials.identities:
            if (why := identity.unusable(time.time())) is None:
                usable.append(identity)
            else:
                self._note("publickey", "unfit", identity.label, why)
        return usable

    @property
    def _open(self) -> Names:
        return self.methods or ()

    @property
    def only_gssapi(self) -> bool:
        """Whether every method that can continue is one of GSS-API."""
        return bool(self._open) and all(name.startswith("gssapi-") for name in self._open)

    def _admission(self) -> Admission:
        assert self.session.opened is not None  # noqa: S101 - the login was granted
        return Admission(method="+".join(self.passed), at=self.session.opened)

    # -- methods ---------------------------------------------------------------------------------

    async def publickey(self, identity: Identity) -> bool:
        """Ask whether the key is accepted, then sign (RFC 4252 §7). True when it is granted."""
        label = identity.label
        algorithm = identity.algorithm(self.session.server_sig_algs)
        if algorithm is None:
            self._note("publickey", "unfit", label, "the server accepts RSA with SHA-1 only")
            return False
        named = string(algorithm.encode()) + string(identity.blob)
        answer = await self._request("publickey", b"\x00" + named, label, algorithm)
        if not isinstance(answer, AuthPacket):
            return self._is_grant(answer)
        read_pk_ok(answer, identity.blob)
        request = AuthRequest(self.user.encode(), CONNECTION, b"publickey", b"\x01" + named)
        try:
            signature = await identity.sign(
                algorithm, signed_data(self.session.session_id, request)
            )
        except Failed as failed:
            self._note("publickey", "unfit", label, failed.detail)
            return False
        return await self._step("publickey", request.fields + string(signature), label, algorithm)

    async def password(self, secret: Secret) -> bool:
        """Send the password (RFC 4252 §8). True when the login is granted."""
        answer = await self._request("password", b"\x00" + string(secret.reveal()))
        if isinstance(answer, AuthPacket):  # SSH_MSG_USERAUTH_PASSWD_CHANGEREQ
            self._amend("wanted", "the password has expired and must be changed")
            return False
        return self._is_grant(answer)

    async def keyboard_interactive(self, secret: Secret) -> bool:
        """Answer a single prompt without echo with the password (RFC 4256).

        Any other prompt, a second factor for example, is noted and ends the method.
        """
        answer = await self._request("keyboard-interactive", string(b"") + string(b""))
        unused: Secret | None = secret
        for _ in range(MAX_ROUNDS):
            if not isinstance(answer, AuthPacket):
                return self._is_grant(answer)
            prompts = read_prompts(answer)
            given: tuple[bytes, ...] = ()
            if prompts:
                (prompt, echo), *more = prompts
                if more or echo or unused is None:
                    text = printable(prompt, 80).strip()
                    self._amend("wanted", f"the prompt {text!r} requires interactive input")
                    return False
                given, unused = (unused.reveal(),), None
            answer = await self._answer("keyboard-interactive", responses(given))
        raise ProtocolViolation(f"keyboard-interactive takes more than {MAX_ROUNDS} rounds")

    # -- one request and its answer --------------------------------------------------------------

    async def _step(self, method: str, fields: bytes, key: str = "", algorithm: str = "") -> bool:
        """Send a request that can only be granted or refused; True when it is granted."""
        answer = await self._request(method, fields, key, algorithm)
        if isinstance(answer, AuthPacket):
            raise ProtocolViolation(f"received message {answer.number} in reply to {method}")
        return self._is_grant(answer)

    async def _request(
        self, method: str, fields: bytes, key: str = "", algorithm: str = ""
    ) -> LoginMessage:
        request = AuthRequest(self.user.encode(), CONNECTION, method.encode(), fields)
        return await self._answer(method, request, key, algorithm)

    async def _answer(
        self, method: str, message: AuthRequest | AuthPacket, key: str = "", algorithm: str = ""
    ) -> LoginMessage:
        if len(self.steps) >= MAX_STEPS:
            raise ProtocolViolation(f"more than {MAX_STEPS} requests in one login")
        if self.session.has_login_message:
            raise ProtocolViolation("the server sent a reply before the authentication request")
        sent = await self.session.send(message)
        event = await self.session.next_login_message()
        answer = event.message
        outcome: Outcome
        match answer:
            case AuthSuccess():
                outcome = "granted"
                self.passed.append(method)
            case AuthFailure():
                self.methods = answer.methods
                outcome = "partial" if answer.partial_success else "refused"
                if answer.partial_success:
                    self.partial = True
                    self.passed.append(method)
            case AuthPacket():
                outcome = "wanted"
            case _:
                raise ProtocolViolation("received SERVICE_ACCEPT in reply to a login request")
        self._ended = event.at
        self.steps.append(
            AuthStep(
                method=method, outcome=outcome, seconds=event.at.since(sent),
                key=key, algorithm=algorithm,
            )
        )  # fmt: skip
        return answer

    @staticmethod
    def _is_grant(answer: LoginMessage) -> bool:
        return isinstance(answer, AuthSuccess)

    def _note(self, method: str, outcome: Outcome, key: str, detail: str) -> None:
        self.steps.append(AuthStep(method=method, outcome=outcome, key=key, detail=detail))

    def _amend(self, outcome: Outcome, detail: str) -> None:
        self.steps[-1] = msgspec.structs.replace(self.steps[-1], outcome=outcome, detail=detail)

    def _accepted(self) -> str:
        return ", ".join(self._open) or "no method"

    def _rejected(self, credentials: Credentials) -> str:
        tried = [f"{step.method} {step.key}".strip() for step in self.steps
                 if step.method != "none" and step.outcome in {"refused", "granted"}]  # fmt: skip
        parts = [f"partial success: {', '.join(self.passed)}"] if self.partial else []
        parts.append(
            f"refused: {', '.join(dict.fromkeys(tried))}" if tried else "no usable credential"
        )
        parts += [step.detail for step in self.steps if step.detail]
        others = (each.other_principals(self.user) for each in credentials.identities)
        parts += [other for other in others if other is not None]
        if self._not_offered:
            parts.append(f"{self._not_offered} more keys not offered (maximum: {MAX_KEYS})")
        parts += credentials.problems
        user = printable(self.user, 64)
        return f'login as "{user}" rejected: {"; ".join(parts)}; still required: {self._accepted()}'


async def log_in(
    session: Session,
    credentials: Credentials,
    watch: Stopwatch | None = None,
    address: str | None = None,
) -> Admission:
    """Log in over ``session`` as :meth:`UserAuth.log_in` does."""
    session.user = credentials.user
    return await UserAuth(session, credentials.user).log_in(
        credentials, watch or Stopwatch(), address
    )
