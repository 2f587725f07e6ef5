"""The door of ``/snmp``: an agent, a module and a credential in, snmp_exporter's page out.

Without a token only agents that are watched are asked, unless ``--probe-any`` permits all: the
credential of the file is sent there. Link-local addresses are never asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from seventh import given, protocols
from seventh.engine.check import converse
from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.target import Target, parse_target
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.snmp.client.identity import Identity
from seventh.protocols.snmp.client.session import Session
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.keys import Extension
from seventh.protocols.snmp.wire.message import ABSENT, Binding
from seventh.protocols.snmp.wire.walk import Walk
from seventh.serve.exposition import CONTENT_TYPE
from seventh.serve.snmp.modules import Credential, File, Module, chosen, oid_of
from seventh.serve.snmp.page import Scrape
from seventh.wire.address import check_asked

MAX_SCRAPES = 256
MAX_OBJECTS = 200_000
_MAX_SECONDS = 120.0
_OFFSET_SECONDS = 0.5
_TIMEOUT = "x-prometheus-scrape-timeout-seconds"
_PARAMETERS = frozenset({"target", "module", "auth"})
_PER_GET = 24


class SnmpDoor:
    """Answers ``/snmp``."""

    def __init__(
        self, file: File, watched: Callable[[], Collection[Target]], *, any_target: bool
    ) -> None:
        self.file, self._watched, self._any = file, watched, any_target
        self._running = 0

    def routes(self) -> list[Route]:
        """Return what this serves."""
        return [Route("/snmp", self.scrape)]

    async def scrape(self, request: Request) -> Response:
        """Read an agent by a module."""
        try:
            modules, credential, target = self._asked(request.query_params)
            seconds = _seconds(request.headers)
            identity = credential.identity()
        except UsageError as error:
            return PlainTextResponse(f"{error}\n", HTTPStatus.BAD_REQUEST)
        places = {(e.host, e.port) for e in self._watched() if e.scheme == "snmp"}
        if not (request.state.trusted or self._any or (target.host, target.port) in places):
            return PlainTextResponse(
                "this agent is not watched: a token is required, or --probe-any\n",
                HTTPStatus.FORBIDDEN,
            )
        if self._running >= MAX_SCRAPES:
            return PlainTextResponse("too many scrapes at once\n", HTTPStatus.SERVICE_UNAVAILABLE)
        self._running += 1
        try:
            pages = [await run(target, each, credential, identity, seconds) for each in modules]
        except Failed as failed:
            text = f"error collecting metric: {failed.reason}: {failed.detail}\n"
            return PlainTextResponse(text, HTTPStatus.INTERNAL_SERVER_ERROR)
        finally:
            self._running -= 1
        return PlainTextResponse("".join(pages), media_type=CONTENT_TYPE)

    def _asked(self, asked: QueryParams) -> tuple[list[Module], Credential, Target]:
        for name in asked:
            if name not in _PARAMETERS:
                raise UsageError(f"parameter {name!r:.40} is not supported")
        if not asked.get("target"):
            raise UsageError("the parameter target is missing")
        names = asked.getlist("module") or ["if_mib"]
        if len(names) > 1 or "," in names[0]:
            raise UsageError("several modules at once are not supported: scrape each alone")
        module, credential = chosen(self.file, names[0], asked.get("auth") or "public_v2")
        return [module], credential, target_of(asked["target"])


def target_of(text: str) -> Target:
    """Read an agent as snmp_exporter takes it: ``host``, ``host:port`` or ``udp://…``."""
    place = text.removeprefix("udp://").removeprefix("snmp://")
    if "://" in place:
        raise UsageError(f"target {text!r:.80}: write host or host:port")
    return parse_target(f"snmp://{place}", protocols.schemes())[0]


def _seconds(headers: Mapping[str, str]) -> float:
    text = headers.get(_TIMEOUT, "")
    try:
        return max(0.1, min(float(text) - _OFFSET_SECONDS, _MAX_SECONDS)) if text else 20.0
    except ValueError:
        raise UsageError(f"{_TIMEOUT}: {text!r:.40} is no number") from None


async def run(
    target: Target, module: Module, credential: Credential, identity: Identity, seconds: float
) -> str:
    """Read an agent, and return the page. Raises Failed."""
    options = given.make(
        {
            "timeout_seconds": seconds, "retries": min(module.retries, 20),
            "reply_seconds": min(max(module.timeout_seconds, 0.01), 60.0),
        }
    )  # fmt: skip
    found: dict[Oid, Binding] = {}
    sessions: list[Session] = []
    begun = now_ns()

    async def step(ctx: ProbeContext) -> None:
        address = (await ctx.addresses())[0]
        check_asked(address.ip)
        ctx.pin((address,))
        session = Session(ctx, address, identity)
        session.extension = Extension.REEDER if credential.reeder else Extension.BLUMENTHAL
        sessions.append(session)
        await _read(session, module, found)

    ctx = await converse(target, options, protocols.room_of("snmp"), step)
    ctx.close()
    if ctx.failure is not None:
        raise ctx.failure
    exchange = sessions[0].exchange
    took = (now_ns() - begun) / 1e9
    return Scrape(module, found).page(took, exchange.requests, exchange.replies)


async def _read(session: Session, module: Module, found: dict[Oid, Binding]) -> None:
    instances = [oid_of(text) for text in module.get]
    for at in range(0, len(instances), _PER_GET):
        _add((await session.get(*instances[at : at + _PER_GET])).bindings, found)
    for text in module.walk:
        walk = Walk(
            oid_of(text), bulk=session.has_bulk, repetitions=min(module.max_repetitions, 64),
            resume=module.allow_nonincreasing_oids,
        )  # fmt: skip
        async for rows in session.walk(walk):
            _add(rows, found)


def _add(bindings: tuple[Binding, ...], found: dict[Oid, Binding]) -> None:
    found.update((each.oid, each) for each in bindings if each.kind not in ABSENT)
    if len(found) > MAX_OBJECTS:
        raise Failed(Reason.BUDGET_EXCEEDED, f"more than {MAX_OBJECTS} objects")
