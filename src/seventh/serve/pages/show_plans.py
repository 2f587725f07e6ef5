"""Objectives and maintenance: what was promised, and what is planned."""

from __future__ import annotations

import time
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from seventh.serve.pages.site import Site
from seventh.watch.maintenance import Maintenance
from seventh.watch.policies import matches
from seventh.watch.spans import Window

_DAY_NS = 86_400 * 10**9
_AHEAD = (7, 35, 366)
"""Days that are looked through for the next windows, until there are some."""
_NEXT = 5


async def slos(site: Site, request: Request) -> Response:
    """Show objectives with their budgets and burn rates."""
    return site.page(request, "slos.html", judged=await site.watcher.objectives.judged())


async def maintenance(site: Site, request: Request) -> Response:
    """Show maintenance windows, now and next."""
    now_ns = time.time_ns()
    labels = [each.labels | {"target": each.name} for _, each in site.watcher.watched()]
    return site.page(
        request, "maintenance.html",
        plans=[
            (each, ZoneInfo(each.zone), sum(matches(each.match, of) for of in labels),
             _next(each, now_ns))
            for each in site.watcher.config.maintenance
        ],
    )  # fmt: skip


def _next(plan: Maintenance, now_ns: int) -> list[Window]:
    for days in _AHEAD:
        found = plan.windows(now_ns, now_ns + days * _DAY_NS)
        if len(found) >= _NEXT or days == _AHEAD[-1]:
            return found[:_NEXT]
    return []
