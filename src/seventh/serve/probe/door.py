"""The door of ``/probe``: which targets may be probed by whom, and how many at once.

A probe sends at most a request that changes nothing (tiers 0 and 1). Without a token only what is
watched is probed, unless ``--probe-any`` permits all; link-local addresses are never probed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from seventh import protocols
from seventh.engine.check import converse
from seventh.model.failure import UsageError
from seventh.model.target import Target, parse_target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.http.wire.url import request_path
from seventh.serve.exposition import CONTENT_TYPE
from seventh.serve.probe import http, tcp
from seventh.serve.probe.modules import Module, chosen
from seventh.serve.probe.outcome import Outcome
from seventh.serve.probe.reach import options_of

MAX_PROBES = 64
"""Probes at once."""
_DEFAULT_SECONDS, _MAX_SECONDS = 10.0, 60.0
_OFFSET_SECONDS = 0.5
"""How much earlier than the scrape's timeout a probe ends, as blackbox_exporter's does."""
_TIMEOUT = "x-prometheus-scrape-timeout-seconds"
_PARAMETERS = frozenset({"target", "module", "debug"})
_PROBERS = {"http": http.probe, "tcp": tcp.probe}


class Door:
    """Answers ``/probe``."""

    def __init__(
        self,
        modules: Mapping[str, Module],
        watched: Callable[[], Collection[Target]],
        *,
        any_target: bool,
    ) -> None:
        self.modules, self._watched, self._any = modules, watched, any_target
        self._running = 0

    def routes(self) -> list[Route]:
        """Return what this serves."""
        return [Route("/probe", self.probe)]

    async def probe(self, request: Request) -> Response:
        """Probe a target by a module."""
        try:
            module, target = self._asked(request.query_params)
            seconds = timeout_of(module, request.headers.get(_TIMEOUT, ""))
        except UsageError as error:
            return PlainTextResponse(f"{error}\n", HTTPStatus.BAD_REQUEST)
        if not (request.state.trusted or self._any or self._is_watched(target, module)):
            return PlainTextResponse(
                "this target is not watched: a token is required, or --probe-any\n",
                HTTPStatus.FORBIDDEN,
            )
        if self._running >= MAX_PROBES:
            return PlainTextResponse("too many probes at once\n", HTTPStatus.SERVICE_UNAVAILABLE)
        self._running += 1
        try:
            page = await run(target, module, seconds)
        finally:
            self._running -= 1
        return PlainTextResponse(page, media_type=CONTENT_TYPE)

    def _asked(self, given: Mapping[str, str]) -> tuple[Module, Target]:
        for name in given:
            if name not in _PARAMETERS:
                raise UsageError(f"parameter {name!r:.40} is not supported")
        if not given.get("target"):
            raise UsageError("the parameter target is missing")
        module = chosen(self.modules, given.get("module") or "http_2xx")
        return module, target_of(given["target"], module)

    def _is_watched(self, target: Target, module: Module) -> bool:
        if module.prober == "http":
            return _requested(target) in map(_requested, self._watched())
        places = {(each.host, each.port) for each in self._watched()}
        return (target.host, target.port) in places


def _requested(target: Target) -> tuple[str, str, int, str]:
    return target.scheme, target.host, target.port, request_path(target.path)


def target_of(text: str, module: Module) -> Target:
    """Read a target as the prober takes it: a URL, or ``host:port``. Raises UsageError."""
    if module.prober == "http":
        url = text if "://" in text else f"http://{text}"
        if not url.lower().startswith(("http://", "https://")):
            raise UsageError(f"target {text!r:.80}: write a URL, such as https://host/")
    elif "://" in text:
        raise UsageError(f"target {text!r:.80}: write host:port")
    else:
        url = f"tcp://{text}"
    return parse_target(url, protocols.schemes())[0]


def timeout_of(module: Module, given: str) -> float:
    """Return how long a probe may take, by the scrape's timeout and the module's."""
    limits = [_MAX_SECONDS]
    if given:
        try:
            limits.append(float(given) - _OFFSET_SECONDS)
        except ValueError:
            raise UsageError(f"{_TIMEOUT}: {given!r:.40} is no number") from None
    own = module.timeout_seconds
    limits.append(own if own is not None else _DEFAULT_SECONDS if not given else _MAX_SECONDS)
    return max(min(limits), 0.1)


async def run(target: Target, module: Module, seconds: float) -> str:
    """Probe, and return the page."""
    outcome = Outcome()
    own = module.http.tls_config if module.prober == "http" else module.tcp.tls_config
    step = functools.partial(_PROBERS[module.prober], module=module, outcome=outcome)
    # The network's room has no hooks: no user's configuration changes the target.
    spec = protocols.room_of("tcp")
    ctx: ProbeContext = await converse(target, options_of(own, seconds), spec, step)
    ctx.close()
    failure = ctx.failure.failure() if ctx.failure is not None else None
    return outcome.page(failure, ctx.watch.elapsed_seconds())
