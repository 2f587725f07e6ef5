"""Incidents and silences, and what a person does about them."""

from __future__ import annotations

import math
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from seventh.serve import queries
from seventh.serve.api import title_of
from seventh.serve.pages import looking
from seventh.serve.pages.site import Refused, Site
from seventh.serve.pages.templating import SAFE
from seventh.watch.alerting import THIS_MACHINE
from seventh.watch.alerts import VANTAGE

_PAGE = 100
_BEFORE_NS = 3600 * 10**9
"""How much of the time before an incident its time line shows."""
_UNITS = {"m": 60, "h": 3600, "d": 86_400}
_MOST_S = 366 * 86_400
_END = 2**62


async def incidents(site: Site, request: Request) -> Response:
    """Show incidents, the newest first."""
    before = request.query_params.get("before", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
    found = await site.read(
        lambda db: queries.incidents(db, firing=False, before=number, most=_PAGE)
    )
    firing = await site.read(lambda db: queries.incidents(db, firing=True, before=None, most=1000))
    names = await site.read(queries.names)
    return site.page(
        request, "incidents.html", silences=await site.actions.silences(),
        firing=[(each, _name(names, each)) for each in firing] if number is None else [],
        ended=[(each, _name(names, each)) for each in found if each.resolved_ns is not None],
        more=found[-1].id if len(found) == _PAGE else None,
    )  # fmt: skip


def _name(names: dict[int, str], incident: queries.Incident) -> str:
    return THIS_MACHINE if incident.target == VANTAGE else names.get(incident.target, "")


async def incident(site: Site, request: Request) -> Response:
    """Show one incident: what happened when, who was told, and the full check's evidence."""
    number = request.path_params["number"]
    found = await site.read(lambda db: queries.incident(db, number))
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, "There is no incident of this number.")
    names = await site.read(queries.names)
    until_ns = found.resolved_ns or _END
    steps = await site.read(
        lambda db: queries.steps(db, found.target, found.since_ns - _BEFORE_NS, until_ns)
    )
    sent = told = None
    if found.notification:
        which = found.notification
        sent = await site.read(lambda db: queries.notification(db, which))
        told = await site.read(lambda db: queries.deliveries(db, which))
    rows = [*looking.rows(site.watcher, [found.target])]
    return site.page(
        request, "incident.html", incident=found, name=_name(names, found), steps=steps, sent=sent,
        told=told or [], row=rows[0] if rows else None, watched=bool(rows), title_of=title_of,
        hold=site.watcher.fleet.holds.get((found.target, found.kind, found.phase)),
    )  # fmt: skip


async def acknowledge(site: Site, request: Request) -> Response:
    """Note who takes care of an incident."""
    fields = await site.form(request)
    number = request.path_params["number"]
    by = fields.get("by", "").strip()
    if not by:
        raise Refused(HTTPStatus.BAD_REQUEST, "Write who takes care of it.")
    if not await site.actions.acknowledge(number, by):
        raise Refused(HTTPStatus.CONFLICT, "This incident has ended, or there is none.")
    return RedirectResponse(f"/incidents/{number}", HTTPStatus.SEE_OTHER, SAFE)


async def silence(site: Site, request: Request) -> Response:
    """Add a silence."""
    fields = await site.form(request)
    match = {
        name.strip(): value.strip()
        for word in fields.get("match", "").splitlines()
        for name, equals, value in (word.partition("="),)
        if equals
    }
    if not match or not all(match) or not all(match.values()):
        raise Refused(
            HTTPStatus.BAD_REQUEST,
            "Write which targets, one LABEL=VALUE on each line, such as team=web or target=NAME.",
        )
    seconds = _seconds(fields.get("time", ""))
    await site.actions.silence(match, seconds, fields.get("by", ""), fields.get("why", ""))
    return RedirectResponse("/incidents#silences", HTTPStatus.SEE_OTHER, SAFE)


def _seconds(text: str) -> float:
    unit = _UNITS.get(text[-1:].lower())
    try:
        seconds = float(text[:-1]) * (unit or math.nan)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds <= _MOST_S:
        raise Refused(HTTPStatus.BAD_REQUEST, "Write a time such as 30m, 2h or 1d.")
    return seconds


async def end_silence(site: Site, request: Request) -> Response:
    """End a silence."""
    await site.form(request)
    if await site.actions.end_silence(request.path_params["number"]) is None:
        raise Refused(HTTPStatus.NOT_FOUND, "This silence has ended, or there is none.")
    return RedirectResponse("/incidents#silences", HTTPStatus.SEE_OTHER, SAFE)
