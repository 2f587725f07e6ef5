"""What all pages share: what they show, who asks, and the proof in forms."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from seventh.render.troubles import troubles
from seventh.serve.actions import Actions
from seventh.serve.checks import BusyError
from seventh.serve.latest import Latest
from seventh.serve.pages import looking
from seventh.serve.pages.live import Live
from seventh.serve.pages.past import Reader
from seventh.serve.pages.recent import Recent
from seventh.serve.pages.templating import page
from seventh.serve.sessions import COOKIE, LIFE_SECONDS, Sessions
from seventh.watch.run import Watcher
from seventh.watch.store import Store, StoreError

T = TypeVar("T")
_MOST_TEXT = 1000
"""Characters of a field of a form."""
LOST = (
    "This form has expired, or was not made for this browser. Go back, reload, and send it again."
)


class Refused(Exception):  # noqa: N818 - a page
    """What is shown instead."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class Site:
    """What pages are made of."""

    def __init__(
        self, watcher: Watcher, store: Store, latest: Latest, recent: Recent, actions: Actions,
        sessions: Sessions, *, needs_login: bool,
    ) -> None:  # fmt: skip
        self.watcher, self.store, self.latest, self.recent = watcher, store, latest, recent
        self.actions, self.sessions, self.needs_login = actions, sessions, needs_login
        self.reader = Reader(store.folder)
        self.live = Live(lambda: looking.rows(watcher), looking.Changes(watcher))

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Return what ``job`` reads of the store; raises StoreError."""
        return await asyncio.wrap_future(self.store.run(job))

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page; its forms are for the browser that asks."""
        cookie = request.cookies.get(COOKIE, "")
        fresh = not cookie
        if fresh:
            cookie = secrets.token_urlsafe(32)
        now_ns = time.time_ns()
        made = page(
            request, template, status, proof=self.sessions.proof(cookie), now_ns=now_ns,
            troubles=troubles(self.watcher, now_ns), needs_login=self.needs_login, **values,
        )  # fmt: skip
        if fresh and not self.needs_login:
            self.keep(request, made, cookie)
        return made

    def keep(self, request: Request, made: Response, cookie: str) -> None:
        """Have the browser keep a cookie, which no script reads and no other site sends."""
        made.set_cookie(
            COOKIE, cookie, max_age=LIFE_SECONDS, httponly=True, samesite="lax",
            secure=request.url.scheme == "https",
        )  # fmt: skip

    async def form(self, request: Request) -> dict[str, str]:
        """Return the fields of a form that was made for this browser; raises Refused."""
        text = (await request.body()).decode("utf-8", "replace")
        try:
            found = parse_qs(text, keep_blank_values=True, max_num_fields=50)
        except ValueError:
            raise Refused(HTTPStatus.BAD_REQUEST, LOST) from None
        fields = {name: values[0][:_MOST_TEXT] for name, values in found.items()}
        if not self.sessions.is_proof(request.cookies.get(COOKIE, ""), fields.get("proof", "")):
            raise Refused(HTTPStatus.FORBIDDEN, LOST)
        return fields

    def answered(
        self, handler: Callable[[Site, Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return a handler whose errors are pages."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(self, request)
            except Refused as refused:
                status, text = refused.status, str(refused)
            except BusyError as error:
                status, text = HTTPStatus.TOO_MANY_REQUESTS, f"Not now: {error}."
            except StoreError as error:
                status, text = HTTPStatus.SERVICE_UNAVAILABLE, f"The store cannot be used: {error}."
            return self.page(request, "error.html", status, title=status.phrase, text=text)

        return answer
