"""The API: targets, incidents, findings, silences, and checks now."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import time
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from seventh import __version__
from seventh.model.failure import UsageError
from seventh.render.document import json_document
from seventh.render.entries import clean
from seventh.render.view import PLAIN, Document
from seventh.render.wording import Wording, built
from seventh.serve import queries
from seventh.serve.actions import Actions
from seventh.serve.checks import BusyError
from seventh.serve.entries import (
    SCHEMA,
    FindingEntry,
    IncidentEntry,
    NewAcknowledgement,
    NewSilence,
    SampleEntry,
    SilenceEntry,
    TargetEntry,
    cause_entry,
    instant,
    instant_or_none,
    pulse_entry,
)
from seventh.serve.latest import LOSS, Latest
from seventh.watch import local
from seventh.watch.alerting import THIS_MACHINE
from seventh.watch.alerts import VANTAGE
from seventh.watch.config import WatchedTarget
from seventh.watch.records import Silence
from seventh.watch.run import Watcher
from seventh.watch.store import Store, StoreError
from seventh.watch.verdict import Condition, State

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]


class Refused(Exception):  # noqa: N818 - an answer
    """What is answered instead."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class Api:
    """What is served below ``/api/v1``."""

    def __init__(self, watcher: Watcher, store: Store, actions: Actions, latest: Latest) -> None:
        self._watcher, self._store, self._actions = watcher, store, actions
        self._latest = latest

    def routes(self) -> list[Route]:
        """Return what this serves."""
        return [
            Route("/api/v1/targets", _answered(self.targets)),
            Route("/api/v1/incidents", _answered(self.incidents)),
            Route("/api/v1/incidents/{number:int}/acknowledge", _answered(self.acknowledge),
                  methods=["POST"]),
            Route("/api/v1/findings", _answered(self.findings)),
            Route("/api/v1/samples", _answered(self.samples)),
            Route("/api/v1/silences", _answered(self.silences)),
            Route("/api/v1/silences", _answered(self.add_silence), methods=["POST"]),
            Route("/api/v1/silences/{number:int}", _answered(self.end_silence),
                  methods=["DELETE"]),
            Route("/api/v1/check", _answered(self.check), methods=["POST"]),
        ]  # fmt: skip

    async def targets(self, request: Request) -> Response:
        """Answer with all targets, or one: ``?target=NAME``."""
        wanted = request.query_params.get("target")
        found = [entry for entry in self._targets() if wanted is None or entry.name == wanted]
        if wanted is not None and not found:
            raise Refused(HTTPStatus.NOT_FOUND, "no target has this name")
        return _json("targets", found)

    def _targets(self) -> Iterable[TargetEntry]:
        watcher = self._watcher
        for number, each in watcher.watched():
            state = watcher.fleet.states.get(number, State())
            target = each if isinstance(each, WatchedTarget) else None
            yield TargetEntry(
                name=each.name, url=str(target.target) if target is not None else None,
                labels=each.labels, parents=target.parents if target is not None else (),
                every_seconds=each.every_ns / 1e9, condition=state.condition,
                since=instant_or_none(state.since_ns),
                held=watcher.fleet.holds.get((number, Condition.DOWN, "")),
                last=pulse_entry(watcher.last.get(number)),
                errors=self._latest.errors(number),
                reconnects=self._latest.reconnects(number),
                packet_loss_ratio=self._latest.gauge(number, LOSS),
            )  # fmt: skip

    async def incidents(self, request: Request) -> Response:
        """Answer with incidents, the newest first: ``?firing=1&before=ID&limit=N``."""
        firing = request.query_params.get("firing", "0") not in {"", "0"}
        before = _count(request, "before", None)
        most = _count(request, "limit", 100)
        found = await asyncio.wrap_future(self._store.run(
            lambda database: queries.incidents(
                database, firing=firing, before=before, most=min(most or 0, queries.MOST)
            )
        ))  # fmt: skip
        return _json("incidents", await self._incidents(found))

    async def _incidents(self, found: Iterable[queries.Incident]) -> list[IncidentEntry]:
        names = await asyncio.wrap_future(self._store.run(queries.names))
        return [
            IncidentEntry(
                id=each.id, kind=each.kind, phase=each.phase, given_up=each.given_up,
                target=THIS_MACHINE if each.target == VANTAGE else names.get(each.target, ""),
                since=instant(each.since_ns), fired=instant(each.fired_ns),
                sent=instant_or_none(each.sent_ns), resolved=instant_or_none(each.resolved_ns),
                cause=cause_entry(each.cause),
                acknowledged=instant_or_none(each.acknowledged_ns),
                acknowledged_by=clean(each.acknowledged_by or ""),
            )
            for each in found
        ]  # fmt: skip

    async def acknowledge(self, request: Request) -> Response:
        """Note who takes care of an incident that is firing."""
        new = await _read(request, NewAcknowledgement, "an acknowledgement")
        number = request.path_params["number"]
        known = number < 1 << 62 and await self._actions.acknowledge(number, new.by)
        if not known:
            raise Refused(HTTPStatus.NOT_FOUND, "no incident that is firing has this number")
        found = await asyncio.wrap_future(self._store.run(
            lambda database: queries.incidents(
                database, firing=False, before=number + 1, most=1
            )
        ))  # fmt: skip
        return _json("incidents", await self._incidents(found))

    async def findings(self, request: Request) -> Response:
        """Answer with the findings that are present, of all targets or one."""
        wanted = request.query_params.get("target")
        found = await asyncio.wrap_future(self._store.run(queries.findings))
        named = [(self._watcher.name(each.target), each) for each in found]
        return _json("findings", [
            FindingEntry(
                target=name, id=clean(each.id), severity=each.severity, title=title_of(each.id),
                params={clean(key): _plain(value) for key, value in each.params.items()},
                first_seen=instant(each.first_ns), last_seen=instant(each.last_ns),
            )
            for name, each in named
            if name is not None and wanted in {None, name}
        ])  # fmt: skip

    async def samples(self, request: Request) -> Response:
        """Answer with stored samples of looks at this machine: ``?target=NAME&name=METRIC``."""
        wanted, metric = (request.query_params.get(each) for each in ("target", "name"))
        seconds = _count(request, "seconds", 86_400) or 0
        numbers = [n for n, each in self._watcher.targets.items() if each.name == wanted]
        if not numbers:
            raise Refused(HTTPStatus.NOT_FOUND, "no target has this name")
        since_ns = time.time_ns() - min(seconds * 10**9, local.KEPT_NS)
        found = await asyncio.wrap_future(self._store.run(
            lambda database: local.samples(database, numbers[0], metric, since_ns)
        ))  # fmt: skip
        return _json("samples", [
            SampleEntry(
                at=instant(each.at_ns), name=each.name, value=each.value,
                labels={clean(name): clean(value) for name, value in each.labels},
            )
            for each in found
        ])  # fmt: skip

    async def silences(self, request: Request) -> Response:
        """Answer with the silences that are not over."""
        known = await self._actions.silences()
        return _json("silences", [_silence(*each) for each in known.items()])

    async def add_silence(self, request: Request) -> Response:
        """Add a silence from now on; it applies within a second."""
        new = await _read(request, NewSilence, "a silence")
        made = await self._actions.silence(new.match, new.seconds, new.by, new.why)
        return _json("silences", [_silence(*made)], HTTPStatus.CREATED)

    async def end_silence(self, request: Request) -> Response:
        """End a silence now."""
        number = request.path_params["number"]
        ended = await self._actions.end_silence(number)
        if ended is None:
            raise Refused(HTTPStatus.NOT_FOUND, "no silence has this number")
        return _json("silences", [_silence(number, ended)])

    async def check(self, request: Request) -> Response:
        """Run the full check of a watched target, ``?target=NAME``; answer with its report."""
        wanted = request.query_params.get("target")
        targets = self._watcher.targets.items()
        found = [each for each in targets if each[1].name == wanted and not each[1].is_local]
        if not found:
            raise Refused(HTTPStatus.NOT_FOUND, "no target has this name")
        try:
            report = await self._actions.check(*found[0])
        except BusyError as error:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, str(error)) from None
        document = Document(
            generated_at=dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            version=__version__, reports=(report,),
        )  # fmt: skip
        return _answer(json_document(document, PLAIN))


async def _read(request: Request, kind: type[T], what: str) -> T:
    """Return the body; only JSON, which a form of another web page cannot send."""
    media_type, _, _ = request.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != "application/json":
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send JSON with Content-Type: application/json"
        )
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"not {what}: {error}") from None


@functools.cache
def _titles() -> dict[str, str]:
    wording = Wording()
    return {
        each.id: wording.of_rule(room, each).title
        for room, rules in built().items()
        for each in rules
    }


def title_of(rule: str) -> str:
    """Return the title of a rule; its id if it is not known."""
    return _titles().get(rule, clean(rule))


def _silence(number: int, silence: Silence) -> SilenceEntry:
    return SilenceEntry(
        id=number, match=silence.match, since=instant(silence.from_ns),
        until=instant(silence.until_ns), by=silence.by, why=silence.why,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return clean(value) if isinstance(value, str) else value


def _count(request: Request, name: str, default: int | None) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Refused(HTTPStatus.BAD_REQUEST, f"{name}: not a number from 0 on")
    return int(text)


def _answered(handler: Handler) -> Handler:
    """Return ``handler`` with its errors as answers."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Refused as refused:
            status, text = refused.status, str(refused)
        except UsageError as error:
            status, text = HTTPStatus.BAD_REQUEST, str(error)
        except StoreError:
            status, text = HTTPStatus.SERVICE_UNAVAILABLE, "the store cannot be used now"
        return _answer({"schema": SCHEMA, "error": clean(text)}, status)

    return answer


def _json(name: str, entries: list[Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return _answer({"schema": SCHEMA, name: entries}, status)


def _answer(content: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
