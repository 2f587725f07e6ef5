"""Logging in: the client's side of the authentication protocol (RFC 4252, RFC 4256).

Every request and its answer is a step with its time, so that a slow login says which part is slow.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.net.secrets import Secret
from seventh.net.stopwatch import Stopwatch, Timer, now_ns
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
from seventh.protocols.ssh.wire.values import string
from seventh.wire.reader import Reader
from seventh.wire.text import printable

CONNECTION = b"ssh-connection"
MAX_KEYS = 5
"""Keys that are shown to one server: OpenSSH's MaxAuthTries is 6, and a password may follow."""
MAX_STEPS = 24
"""Requests in one login, whatever a server answers."""
MAX_ROUNDS = 8
MAX_PROMPTS = 16
"""Question rounds of keyboard-interactive, and questions in one."""
_TOO_MANY_TRIES = "authentication failures"
"""OpenSSH's word in the disconnect after MaxAuthTries; its code there is that of any error."""

PK_OK, PASSWD_CHANGEREQ, INFO_REQUEST, INFO_RESPONSE = 60, 60, 60, 61


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """A granted login."""

    method: str
    """Such as ``publickey``; several with ``+`` where the server wanted several."""
    at: Mark


class Prompts(msgspec.Struct, frozen=True):
    """SSH_MSG_USERAUTH_INFO_REQUEST (RFC 4256 §3.2), without what only decorates it."""

    prompts: tuple[tuple[bytes, bool], ...]
    """Each question, and whether its answer may be shown."""


def read_pk_ok(packet: AuthPacket, blob: bytes) -> None:
    """Check SSH_MSG_USERAUTH_PK_OK: it must show the key that we asked about (RFC 4252 §7).

    Some servers name the key's type there and not the signature's algorithm; OpenSSH's client
    compares the key alone, too.
    """
    reader = _expect(packet, PK_OK, "USERAUTH_PK_OK")
    reader.vector(4)
    if reader.vector(4) != blob:
        raise ProtocolViolation("USERAUTH_PK_OK is about another key than we showed")


def read_prompts(packet: AuthPacket) -> Prompts:
    """Read SSH_MSG_USERAUTH_INFO_REQUEST; ProtocolViolation when it is malformed."""
    reader = _expect(packet, INFO_REQUEST, "USERAUTH_INFO_REQUEST")
    for _ in range(3):  # name, instruction, language tag
        reader.vector(4)
    count = reader.u32()
    if count > MAX_PROMPTS:
        raise ProtocolViolation(f"USERAUTH_INFO_REQUEST declares {count} questions")
    prompts = tuple((reader.vector(4), reader.u8() != 0) for _ in range(count))
    return Prompts(prompts)


def responses(answers: tuple[bytes, ...]) -> AuthPacket:
    """SSH_MSG_USERAUTH_INFO_RESPONSE (RFC 4256 §3.4)."""
    fields = len(answers).to_bytes(4, "big") + b"".join(string(answer) for answer in answers)
    return AuthPacket(INFO_RESPONSE, fields)


def signed_data(session_id: bytes, request: AuthRequest) -> bytes:
    """Return what a public key request's signature is over: RFC 4252 §7."""
    named = string(request.user) + string(request.service) + string(request.method)
    return string(session_id) + b"\x32" + named + request.fields


def _expect(packet: AuthPacket, number: int, what: str) -> Reader:
    if packet.number != number:
        raise ProtocolViolation(f"message {packet.number} instead of {what} ({number})")
    return Reader(packet.fields, what)


class UserAuth:
    """One user's login over one session. ``steps`` and ``methods`` stand when it fails."""

    def __init__(self, session: Session, user: str) -> None:
        self.session = session
        self.user = user
        self.steps: list[AuthStep] = []
        self.methods: Names | None = None
        """What may continue, by the server's last word."""
        self.first_methods: Names | None = None
        """What the server first said."""
        self.partial = False
        self.passed: list[str] = []
        """Methods that succeeded, the last one perhaps in part."""
        self.service_seconds: float | None = None
        self.none_seconds: float | None = None
        self._ended: Mark | None = None
        self._unshown = 0

    # -- the course of a login -------------------------------------------------------------------

    async def log_in(
        self, credentials: Credentials, watch: Stopwatch, address: str | None = None
    ) -> Admission:
        """Ask for the service, for the methods, and try what there is until the server grants it.

        Phases: ``ssh.service``, ``ssh.auth_none``, ``ssh.auth``. Failed with auth-rejected when
        nothing is left to try, or with auth-required when there was nothing to begin with.
        """
        await self.begin(watch, address)
        if await self.ask_methods(watch, address):
            return self._admission()
        if credentials.empty:
            raise Failed(
                Reason.AUTH_REQUIRED, self._nothing_to_offer(credentials), phase="ssh.auth"
            )
        with watch.phase("ssh.auth", address) as timer:
            timer.begin(Mark(now_ns(), "user"))
            with _worded(self):
                granted_login = await self._try_all(credentials)
            self._stop(timer)
            if not granted_login:
                raise Failed(Reason.AUTH_REJECTED, self._rejected(credentials))
        return self._admission()

    async def begin(self, watch: Stopwatch | None = None, address: str | None = None) -> None:
        """Ask for the authentication service."""
        with (watch or Stopwatch()).phase("ssh.service", address) as timer:
            sent, granted = await self.session.request_service()
            timer.begin(sent)
            timer.stop(granted)
            self.service_seconds = timer.seconds_until(granted)

    async def ask_methods(self, watch: Stopwatch | None = None, address: str | None = None) -> bool:
        """Send ``none``: its refusal names the methods (RFC 4252 §5.2). True when it is granted."""
        with (watch or Stopwatch()).phase("ssh.auth_none", address) as timer:
            timer.begin(Mark(now_ns(), "user"))
            granted = await self._step("none", b"")
            self.first_methods = self.methods
            self.none_seconds = self.steps[-1].seconds
            self._stop(timer)
        return granted

    def _stop(self, timer: Timer) -> None:
        if self._ended is not None:
            timer.stop(self._ended)

    async def _try_all(self, credentials: Credentials) -> bool:
        """Return each key, then the password; again after a partial success, with what is left."""
        keys = self._usable(credentials)
        keys, self._unshown = keys[:MAX_KEYS], len(keys[MAX_KEYS:])
        password = credentials.password
        while True:
            successes = len(self.passed)
            while keys and "publickey" in self._open and len(self.passed) == successes:
                if await self.publickey(keys.pop(0)):
                    return True
            if len(self.passed) > successes:
                continue
            if password is not None and "password" in self._open:
                secret, password = password, None
                if await self.password(secret):
                    return True
            elif password is not None and "keyboard-interactive" in self._open:
                secret, password = password, None
                if await self.keyboard_interactive(secret):
                    return True
            if len(self.passed) == successes:
                return False

    def _usable(self, credentials: Credentials) -> list[Identity]:
        """Return the keys that a server may take: each one that is shown counts against us."""
        usable: list[Identity] = []
        for identity in credentials.identities:
            if (why := identity.hopeless(time.time())) is None:
                usable.append(identity)
            else:
                self._note("publickey", "unfit", identity.label, why)
        return usable

    @property
    def _open(self) -> Names:
        return self.methods or ()

    def _admission(self) -> Admission:
        assert self.session.opened is not None  # noqa: S101 - the login was granted
        return Admission(method="+".join(self.passed), at=self.session.opened)

    # -- methods ---------------------------------------------------------------------------------

    async def publickey(self, identity: Identity) -> bool:
        """Ask whether the key would do, then sign (RFC 4252 §7). True when the login is granted."""
        label = identity.label
        algorithm = identity.algorithm(self.session.server_sig_algs)
        if algorithm is None:
            self._note("publickey", "unfit", label, "the server takes RSA with SHA-1 only")
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
        if isinstance(answer, AuthPacket):
            # A password that has expired; to change it is no business of a look.
            self._amend("wanted", "the password has expired and must be changed")
            return False
        return self._is_grant(answer)

    async def keyboard_interactive(self, secret: Secret) -> bool:
        """Answer the one question for a hidden word with the password (RFC 4256).

        A further question, or one whose answer may be shown, is for a person: it is noted and left.
        """
        answer = await self._request("keyboard-interactive", string(b"") + string(b""))
        unused: Secret | None = secret
        for _ in range(MAX_ROUNDS):
            if not isinstance(answer, AuthPacket):
                return self._is_grant(answer)
            prompts = read_prompts(answer).prompts
            given: tuple[bytes, ...] = ()
            if prompts:
                (question, shown), *more = prompts
                if more or shown or unused is None:
                    asked = printable(question, 80).strip()
                    self._amend("wanted", f"the server asks {asked!r}, which a person must answer")
                    return False
                given, unused = (unused.reveal(),), None
            answer = await self._answer("keyboard-interactive", responses(given))
        raise ProtocolViolation(f"keyboard-interactive goes on after {MAX_ROUNDS} rounds")

    # -- one request and its answer --------------------------------------------------------------

    async def _step(self, method: str, fields: bytes, key: str = "", algorithm: str = "") -> bool:
        """Return a request that is granted or refused and no more."""
        answer = await self._request(method, fields, key, algorithm)
        if isinstance(answer, AuthPacket):
            raise ProtocolViolation(f"message {answer.number} in answer to {method}")
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
            raise ProtocolViolation(f"a login of more than {MAX_STEPS} steps")
        if self.session.has_login_message:
            raise ProtocolViolation(
                "the server answers an authentication request before it is made"
            )
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
                raise ProtocolViolation("SERVICE_ACCEPT in answer to an authentication request")
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

    # -- words -----------------------------------------------------------------------------------

    def _nothing_to_offer(self, credentials: Credentials) -> str:
        why = "; ".join((credentials.withheld, *credentials.notes)).strip("; ")
        said = f" ({why})" if why else ""
        return f"the server wants {self._wants()}, and there was nothing to log in with{said}"

    def _wants(self) -> str:
        return ", ".join(self._open) or "a login that it does not describe"

    def _rejected(self, credentials: Credentials) -> str:
        tried = [f"{step.method} {step.key}".strip() for step in self.steps
                 if step.method != "none" and step.outcome in {"refused", "granted"}]  # fmt: skip
        said = [f"refused: {', '.join(dict.fromkeys(tried))}" if tried else "nothing fitted"]
        if self.partial:
            said.insert(0, f"accepted in part: {', '.join(self.passed)}")
        said += [step.detail for step in self.steps if step.detail]
        if self._unshown:
            said.append(f"{self._unshown} more keys were not shown, for servers count them")
        said += [word for word in (credentials.withheld, *credentials.notes) if word]
        user = printable(self.user, 64)
        return f"{user} was not let in: {'; '.join(said)}; the server still wants {self._wants()}"


@contextlib.contextmanager
def _worded(auth: UserAuth) -> Iterator[None]:
    """Yield a connection that ends because of too many attempts is a rejection, not an accident."""
    try:
        yield
    except Failed as failed:
        if failed.reason is Reason.PEER_CLOSED and _TOO_MANY_TRIES in failed.detail:
            raise Failed(Reason.AUTH_REJECTED, failed.detail, phase=failed.phase) from None
        raise


async def log_in(
    session: Session,
    credentials: Credentials,
    watch: Stopwatch | None = None,
    address: str | None = None,
) -> Admission:
    """Log in over ``session``, where the single steps are of no further interest."""
    session.user = credentials.user
    return await UserAuth(session, credentials.user).log_in(
        credentials, watch or Stopwatch(), address
    )
