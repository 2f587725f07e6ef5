"""Who may ask: tokens, host names, other web pages, and how often.

A page in the operator's browser can send requests to loopback, and by DNS rebinding can read the
answers. So a request without a token must name an address, or a host that is ours, and must not
come from another origin. Where there is a token, what changes something needs it.

A job that reports may have a token of its own, which permits that alone.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Collection
from http import HTTPStatus

import msgspec
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from seventh.serve.limits import Rates
from seventh.wire.text import printable

OPEN = frozenset({"/-/healthy", "/-/ready"})
"""What load balancers and container runtimes ask without a token; it shows no target."""
_HEARTBEAT = "/heartbeat/"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_FOREIGN = frozenset({"cross-site", "same-site"})
_REQUESTS = 200.0, 400.0
"""Requests a second of one client, and at once: a Prometheus that probes 1,000 targets has 67."""
_WRONG = 0.2, 10.0
"""Wrong tokens a second of one client, and at once."""


class Refusal(msgspec.Struct, frozen=True):
    """Why a request is not answered."""

    status: HTTPStatus
    text: str


def token_hash(token: str) -> str:
    """Return what is kept of a token: its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class Guard:
    """Passes requests that are allowed to ``app``; ``scope["state"]["trusted"]``: with a token."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        tokens: Collection[str],
        hosts: Collection[str],
        needs_token: bool,
        now: Callable[[], float],
        of_job: Callable[[str], Collection[str]] = lambda name: (),
    ) -> None:
        """Let those with one of ``tokens`` (hashes) pass, and who asks by ``hosts``.

        ``of_job`` returns the hashes of a job's own tokens by its name.
        """
        self._app, self._needs_token, self._now, self._of_job = app, needs_token, now, of_job
        self.admit(tokens, hosts)
        self._requests, self._wrong = Rates(*_REQUESTS), Rates(*_WRONG)

    def admit(self, tokens: Collection[str], hosts: Collection[str]) -> None:
        """Let others pass from now on."""
        self._tokens = [each.lower() for each in tokens]
        self._hosts = {"localhost", *hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1")
                   for name, value in scope["headers"]}  # fmt: skip
        client = scope["client"][0] if scope["client"] else ""
        refusal = self._refusal(scope, headers, client)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        fields = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
        answer = PlainTextResponse(f"{refusal.text}\n", refusal.status, fields)
        await answer(scope, receive, send)

    def _refusal(self, scope: Scope, headers: dict[str, str], client: str) -> Refusal | None:
        now = self._now()
        if not self._requests.take(client, now):
            return Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests: ask less often")
        given = headers.get("authorization")
        trusted = of_job = False
        path = scope["path"]
        reports = path.startswith(_HEARTBEAT)
        own = [e.lower() for e in self._of_job(path[len(_HEARTBEAT) :])] if reports else []
        if given is not None:
            if self._wrong.left(client, now) < 1:
                return Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens: wait")
            trusted = _knows(self._tokens, given)
            of_job = _knows(own, given)
            if not trusted and not of_job:
                self._wrong.take(client, now)
                return Refusal(HTTPStatus.UNAUTHORIZED, "unknown token")
        scope.setdefault("state", {})["trusted"] = trusted
        if trusted or of_job:
            return None
        changes = bool(self._tokens) and scope["method"] not in _READING and not reports
        if own or changes or (self._needs_token and path not in OPEN):
            return Refusal(HTTPStatus.UNAUTHORIZED, "a token is required: Authorization: Bearer …")
        return self._foreign(headers)

    def _foreign(self, headers: dict[str, str]) -> Refusal | None:
        host = headers.get("host", "")
        name = _name(host)
        if not (_is_address(name) or name in self._hosts):
            shown = printable(name, 100)
            return Refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                f'unexpected host "{shown}": add it to hosts in [serve], or use an address',
            )
        origin = headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2].lower() != host.lower()
        if foreign or headers.get("sec-fetch-site") in _FOREIGN:
            return Refusal(HTTPStatus.FORBIDDEN, "requests of other web pages are not answered")
        return None


def _knows(tokens: Collection[str], authorization: str) -> bool:
    kind, _, token = authorization.partition(" ")
    digest = token_hash(token.strip())
    # Every hash is compared, so that the time tells nothing.
    known = [hmac.compare_digest(digest, each) for each in tokens]
    return kind.lower() == "bearer" and any(known)


def _name(host: str) -> str:
    """Return a Host field without its port, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
