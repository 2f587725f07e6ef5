"""The addresses of the dashboard, its files, and logging in."""

from __future__ import annotations

import mimetypes
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from seventh.serve.pages import show_fleet, show_incidents, show_plans, show_target
from seventh.serve.pages.site import Refused, Site
from seventh.serve.pages.templating import SAFE, answer, static
from seventh.serve.sessions import COOKIE, TooManyError

_FILES = frozenset({"style.css", "plot.css", "live.js", "icon.svg"})
_POST = ["POST"]
_MOST_TEXT = 4000


def routes(site: Site) -> list[Route]:
    """Return what the dashboard serves."""
    shown = {
        "/": show_fleet.overview,
        "/cells": show_fleet.cells,
        "/live": show_fleet.live,
        "/findings": show_fleet.findings,
        "/expiry": show_fleet.expiry,
        "/self": show_fleet.own,
        "/slos": show_plans.slos,
        "/maintenance": show_plans.maintenance,
        "/targets/{number:int}": show_target.target,
        "/targets/{number:int}/past": show_target.past,
        "/targets/{number:int}/plot/{kind}": show_target.plot,
        "/targets/{number:int}/difference": show_target.difference,
        "/targets/{number:int}/reports/{which:int}": show_target.report,
        "/incidents": show_incidents.incidents,
        "/incidents/{number:int}": show_incidents.incident,
        "/login": login,
    }
    done = {
        "/targets/{number:int}/check": show_target.check,
        "/incidents/{number:int}/acknowledge": show_incidents.acknowledge,
        "/silences": show_incidents.silence,
        "/silences/{number:int}/end": show_incidents.end_silence,
        "/login": log_in,
        "/logout": log_out,
    }
    return [
        Route("/static/{name}", file),
        *(Route(path, site.answered(handler)) for path, handler in shown.items()),
        *(Route(path, site.answered(handler), methods=_POST) for path, handler in done.items()),
    ]


async def file(request: Request) -> Response:
    """Answer with a file of ours; its address names its content, so that browsers keep it."""
    name = request.path_params["name"]
    if name not in _FILES:
        return Response(status_code=404, headers=SAFE)
    made = answer(request, static(name), mimetypes.guess_type(name)[0] or "text/plain")
    made.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return made


async def login(site: Site, request: Request) -> Response:
    """Ask for a token."""
    return site.page(request, "login.html", next=_next(request.query_params.get("next")), wrong="")


async def log_in(site: Site, request: Request) -> Response:
    """Begin a session for who gives a token."""
    # No proof: there is no session yet that another site could use; the origin was looked at.
    text = (await request.body()).decode("utf-8", "replace")
    fields = dict(parse_qsl(text[:_MOST_TEXT]))
    where = _next(fields.get("next"))
    client = request.client.host if request.client is not None else ""
    try:
        known = site.sessions.knows(fields.get("token", "").strip(), client)
    except TooManyError:
        raise Refused(
            HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong tokens: wait a minute."
        ) from None
    if not known:
        return site.page(
            request, "login.html", HTTPStatus.UNAUTHORIZED, next=where, wrong="Unknown token."
        )
    made = RedirectResponse(where, HTTPStatus.SEE_OTHER, SAFE)
    site.keep(request, made, site.sessions.begin())
    return made


def _next(path: str | None) -> str:
    """Return where to go after the login: a page of ours."""
    ours = path is not None and path.startswith("/") and path[1:2] not in {"/", "\\"}
    return path if ours and path is not None and path.isprintable() else "/"


async def log_out(site: Site, request: Request) -> Response:
    """End a session."""
    await site.form(request)
    site.sessions.end(request.cookies.get(COOKIE, ""))
    made = RedirectResponse("/login", HTTPStatus.SEE_OTHER, SAFE)
    made.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return made
