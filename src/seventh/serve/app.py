"""The pages: what each address answers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from seventh.model.failure import UsageError
from seventh.serve import metrics, queries
from seventh.serve.exposition import CONTENT_TYPE
from seventh.serve.guard import Guard
from seventh.serve.latest import Latest
from seventh.serve.sessions import Sessions
from seventh.watch.heartbeats import FAILED
from seventh.watch.run import Watcher
from seventh.watch.store import Store, StoreError

MAX_BODY = 64 * 1024
Reload = Callable[[], Awaitable[str]]
"""Loads the configuration again, and says what is watched now; raises UsageError, StoreError."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who may ask."""

    tokens: tuple[str, ...] = ()
    """Their SHA-256, in hexadecimal."""
    hosts: tuple[str, ...] = ()
    needs_token: bool = False


class Faces:
    """What is served of one watcher."""

    def __init__(
        self, watcher: Watcher, store: Store, latest: Latest, reload: Reload | None
    ) -> None:
        self.watcher, self.store, self.latest = watcher, store, latest
        self._reload = reload

    def routes(self) -> list[Route]:
        """Return what this serves."""
        return [
            Route("/metrics", self.metrics),
            Route("/-/healthy", self.healthy),
            Route("/-/ready", self.ready),
            Route("/-/reload", self.reload, methods=["POST", "PUT"]),
            Route("/heartbeat/{name:path}", self.heartbeat, methods=["GET", "POST"]),
        ]

    async def metrics(self, request: Request) -> Response:
        """Answer with all metrics."""
        self.latest.forget_others(set(self.watcher.targets))
        findings: list[queries.Found] = []
        with contextlib.suppress(StoreError):  # seventh_watch_store_up shows it
            findings = await asyncio.wrap_future(self.store.run(queries.findings))
        page = metrics.page(self.watcher, self.latest, findings)
        return StreamingResponse(_encoded(page), media_type=CONTENT_TYPE)

    async def healthy(self, request: Request) -> Response:
        """Say that this process answers: a supervisor restarts it otherwise."""
        return _said("healthy")

    async def ready(self, request: Request) -> Response:
        """Say whether the journal was replayed, pulses run, and results are stored."""
        if not self.watcher.ready.is_set():
            return _said("not ready: the journal is being read", HTTPStatus.SERVICE_UNAVAILABLE)
        if self.watcher.health.store:
            return _said("not ready: results cannot be stored", HTTPStatus.SERVICE_UNAVAILABLE)
        return _said("ready")

    async def reload(self, request: Request) -> Response:
        """Load the configuration again; one with a mistake changes nothing."""
        if self._reload is None:
            return _said("not reloaded: there is no --config file", HTTPStatus.CONFLICT)
        try:
            return _said(f"reloaded: {await self._reload()}")
        except UsageError as error:
            return _said(f"not reloaded: {error}", HTTPStatus.BAD_REQUEST)
        except StoreError as error:
            return _said(f"not reloaded: {error}", HTTPStatus.SERVICE_UNAVAILABLE)

    async def heartbeat(self, request: Request) -> Response:
        """Take the report of a job."""
        name = request.path_params["name"]
        failed = request.query_params.get("failed", "0") not in {"", "0"}
        if not self.watcher.report_heartbeat(name, FAILED if failed else None):
            return _said("no [[heartbeat]] has this name", HTTPStatus.NOT_FOUND)
        return _said("noted")


def application(
    routes: list[Route],
    access: Access,
    sessions: Sessions,
    of_job: Callable[[str], tuple[str, ...]] = lambda name: (),
) -> Guard:
    """Return the application of ``routes`` behind its guard.

    ``of_job`` returns the tokens of a job by its name.
    """
    return Guard(
        Starlette(routes=routes, max_body_size=MAX_BODY), sessions=sessions, hosts=access.hosts,
        needs_token=access.needs_token, now=time.monotonic, of_job=of_job,
    )  # fmt: skip


async def _encoded(parts: AsyncIterator[str]) -> AsyncIterator[bytes]:
    async for part in parts:
        yield part.encode("utf-8", "replace")


def _said(text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return PlainTextResponse(f"{text}\n", status)
