"""Who may ask: tokens, sessions, host names, other web pages, and how often.

A page in the operator's browser can send requests to loopback, and by DNS rebinding can read the
answers. So a request without a token must name an address, or a host that is ours, and must not
come from another origin. A session's cookie is sent to the host only that set it, so that its
requests may name any. Where there is a token, programs need it for what changes something.

A job that reports may have a token of its own, which permits that alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection
from http import HTTPStatus
from urllib.parse import quote

import msgspec
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from seventh.serve.limits import Rates
from seventh.serve.sessions import Sessions, TooManyError, cookie_of, is_among
from seventh.wire.text import printable

OPEN = frozenset({"/-/healthy", "/-/ready"})
"""What load balancers and container runtimes ask without a token; it shows no target."""
LOGIN = "/login"
STATIC = "/static/"
_FOR_PROGRAMS = ("/api/", "/metrics", "/probe", "/heartbeat/", "/-/")
"""What a session does not open: programs ask with a token."""
_HEARTBEAT = "/heartbeat/"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_FOREIGN = frozenset({"cross-site", "same-site"})
_REQUESTS = 200.0, 400.0
"""Requests a second of one client, and at once: a Prometheus that probes 1,000 targets has 67."""
_A_TOKEN = "a token is required: Authorization: Bearer …"  # noqa: S105 - words, not a token


class Refusal(msgspec.Struct, frozen=True):
    """Why a request is not answered."""

    status: HTTPStatus
    text: str


class Guard:
    """Passes requests that are allowed to ``app``; ``scope["state"]["trusted"]``: with a token."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        sessions: Sessions,
        hosts: Collection[str],
        needs_token: bool,
        now: Callable[[], float],
        of_job: Callable[[str], Collection[str]] = lambda name: (),
    ) -> None:
        """Let those that ``sessions`` knows pass, and who asks by ``hosts``.

        ``of_job`` returns the hashes of a job's own tokens by its name.
        """
        self._app, self._needs_token, self._now, self._of_job = app, needs_token, now, of_job
        self._sessions = sessions
        self._hosts = {"localhost", *hosts}
        self._requests = Rates(*_REQUESTS)

    def admit(self, tokens: Collection[str], hosts: Collection[str]) -> None:
        """Let others pass from now on."""
        self._sessions.accept(tokens)
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
        await _answer(refusal, scope, headers)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: dict[str, str], client: str) -> Refusal | None:
        if not self._requests.take(client, self._now()):
            return Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests: ask less often")
        given, path = headers.get("authorization"), scope["path"]
        state = scope.setdefault("state", {})
        state["trusted"] = False
        reports = path.startswith(_HEARTBEAT)
        own = self._of_job(path[len(_HEARTBEAT) :]) if reports else ()
        if given is not None:
            kind, _, token = given.partition(" ")
            token = token.strip() if kind.lower() == "bearer" else ""
            try:
                known = self._sessions.knows(token, client, own)
            except TooManyError:
                return Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens: wait")
            state["trusted"] = known and not is_among(own, token)
            return None if known else Refusal(HTTPStatus.UNAUTHORIZED, "unknown token")
        changes = scope["method"] not in _READING and path.startswith(_FOR_PROGRAMS) and not reports
        if own or (changes and self._sessions.has_tokens):
            return Refusal(HTTPStatus.UNAUTHORIZED, _A_TOKEN)
        is_page = not path.startswith(_FOR_PROGRAMS)
        follows_link = is_page and scope["method"] == "GET" and _navigates(headers)
        foreign = None if follows_link else _foreign(headers)
        if not self._needs_token or path in OPEN:
            return self._unexpected(headers) or foreign
        is_open = path == LOGIN or path.startswith(STATIC)
        if is_page and (is_open or self._sessions.is_open(cookie_of(headers.get("cookie", "")))):
            return foreign
        return Refusal(HTTPStatus.UNAUTHORIZED, _A_TOKEN)

    def _unexpected(self, headers: dict[str, str]) -> Refusal | None:
        name = _name(headers.get("host", ""))
        if _is_address(name) or name in self._hosts:
            return None
        return Refusal(
            HTTPStatus.MISDIRECTED_REQUEST,
            f'unexpected host "{printable(name, 100)}": add it to hosts in [serve], or use an '
            "address",
        )


def _answer(refusal: Refusal, scope: Scope, headers: dict[str, str]) -> Response:
    """Return the answer to a request that is refused: for a browser, where to log in."""
    is_page = not scope["path"].startswith(_FOR_PROGRAMS)
    if refusal.text == _A_TOKEN and is_page and "text/html" in headers.get("accept", ""):
        return RedirectResponse(f"{LOGIN}?next={quote(scope['path'])}", HTTPStatus.SEE_OTHER)
    fields = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    return PlainTextResponse(f"{refusal.text}\n", refusal.status, fields)


def _navigates(headers: dict[str, str]) -> bool:
    """Return whether a person followed a link to a page, from a chat or a wiki."""
    mode, dest = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return (mode, dest) == ("navigate", "document")


def _foreign(headers: dict[str, str]) -> Refusal | None:
    """Return the refusal of a request that another web page made."""
    origin = headers.get("origin")
    host = headers.get("host", "")
    foreign = origin is not None and origin.partition("://")[2].lower() != host.lower()
    if foreign or headers.get("sec-fetch-site") in _FOREIGN:
        return Refusal(HTTPStatus.FORBIDDEN, "requests of other web pages are not answered")
    return None


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
