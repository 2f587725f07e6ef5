"""One target: its last months, its last pulses, its last full checks."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from seventh.model.checklist import LineVerdict
from seventh.model.severity import Severity
from seventh.render.difference import diff, read_report
from seventh.render.entries import ChecklistEntry, ReportEntry
from seventh.serve import queries, reports
from seventh.serve.api import title_of
from seventh.serve.pages import charts, looking, strip
from seventh.serve.pages.past import SPANS, Drawn
from seventh.serve.pages.site import Refused, Site
from seventh.serve.pages.templating import SAFE, answer, static
from seventh.watch.config import WatchedTarget
from seventh.watch.history.database import installed
from seventh.watch.spans import spans

_INCIDENTS = 20
_DAY_NS = strip.DAY_S * strip.SECOND_NS
_PLOTS = ("smoke", "phases")


async def target(site: Site, request: Request) -> Response:
    """Show a target."""
    number = _number(site, request)
    now_ns = time.time_ns()
    since_ns = (now_ns // _DAY_NS - strip.DAYS + 1) * _DAY_NS
    changes, findings, incidents, past = await asyncio.gather(
        site.read(lambda db: queries.changes(db, number, since_ns)),
        site.read(lambda db: queries.findings_of(db, number)),
        site.read(lambda db: queries.incidents(
            db, firing=False, before=None, most=_INCIDENTS, target=number)),
        site.read(lambda db: reports.past(db, number)),
    )  # fmt: skip
    days = strip.days(spans(changes, since_ns, now_ns), now_ns)
    watched = site.watcher.targets.get(number)
    slow = watched.policy.slow if watched is not None else ()
    (row,) = looking.rows(site.watcher, [number])
    last = site.watcher.last.get(number)
    points = site.recent.points(number)
    data = await _report(site, number, past[0].id) if past else None
    report = reports.entry_of(data) if data is not None else None
    judged, unjudged = _checklist(report)
    limit = next((each.limit_ns for each in slow if not each.phase), None)
    return site.page(
        request, "target.html", row=row, number=number, watched=watched, last=last,
        url=str(watched.target) if watched is not None else "", days=days,
        strip=charts.strip(days), whole=strip.total(days), points=points,
        pulses=charts.plot_of_pulses(points, limit) if len(points) > 1 else None,
        waterfall=charts.waterfall(last.phases) if last is not None and last.phases else None,
        findings=[(each, title_of(each.id)) for each in findings], incidents=incidents, past=past,
        report=report, plans=site.watcher.maintenance_of(number, now_ns),
        judged=judged, phases=site.recent.phases(number), unjudged=unjudged,
        spans=[*SPANS], span=_span(request), history=installed(),
        checked=site.latest.checked_seconds(number),
    )  # fmt: skip


def _checklist(
    report: ReportEntry | None,
) -> tuple[list[ChecklistEntry], list[ChecklistEntry]]:
    """Return the lines of a checklist that were judged, those that fail first, and the others."""
    lines = (report.checklist if report is not None else None) or ()
    decided = (LineVerdict.FAIL, LineVerdict.PASS)
    judged = [line for verdict in decided for line in lines if line.verdict is verdict]
    return judged, [line for line in lines if line.verdict not in decided]


def _number(site: Site, request: Request) -> int:
    number: int = request.path_params["number"]
    if site.watcher.name(number) is None:
        raise Refused(HTTPStatus.NOT_FOUND, "This target is not watched, or no longer.")
    return number


def _span(request: Request) -> str:
    span = request.query_params.get("span", "24h")
    return span if span in SPANS else "24h"


async def _report(site: Site, number: int, which: int) -> bytes:
    data = await site.read(lambda db: reports.stored(db, number, which))
    if data is None:
        raise Refused(HTTPStatus.NOT_FOUND, "This report is not kept any more.")
    return data


async def _drawn(site: Site, request: Request) -> tuple[int, Drawn]:
    number = _number(site, request)
    phases = site.recent.phases(number)
    name = site.watcher.name(number) or ""
    return number, await site.reader.drawn(name, _span(request), phases)


async def plot(site: Site, request: Request) -> Response:
    """Answer with a drawing of the history, as a file of its own: it does not delay the page."""
    kind = request.path_params["kind"]
    if kind not in _PLOTS:
        raise Refused(HTTPStatus.NOT_FOUND, "There is no such drawing.")
    _, drawn = await _drawn(site, request)
    if kind == "smoke":
        made = charts.smoke(drawn.bands, drawn.begin_s, drawn.end_s, drawn.step_s)
    else:
        made = charts.stack(drawn.phases, drawn.begin_s, drawn.end_s, drawn.step_s)
    # An image sees no style sheet of the page that shows it.
    style = f"><style>{static('plot.css').decode()}</style><"
    made_answer = answer(request, str(made).replace("><", style, 1).encode(), "image/svg+xml")
    made_answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    made_answer.headers["Cache-Control"] = "private, max-age=30"
    return made_answer


async def past(site: Site, request: Request) -> Response:
    """Show the history of a target in numbers."""
    number, drawn = await _drawn(site, request)
    return site.page(
        request, "past.html", number=number, name=site.watcher.name(number), drawn=drawn,
        span=_span(request), spans=[*SPANS],
    )  # fmt: skip


async def difference(site: Site, request: Request) -> Response:
    """Show what changed between two full checks."""
    number = _number(site, request)
    past = await site.read(lambda db: reports.past(db, number))
    known = {str(each.id): each for each in past}
    asked = [request.query_params.get(name, "") for name in ("old", "new")]
    if any(each not in known for each in asked):
        raise Refused(HTTPStatus.NOT_FOUND, "This report is not kept any more.")
    old, new = sorted((known[each] for each in asked), key=lambda each: each.at_ns)
    texts = [await _report(site, number, each.id) for each in (old, new)]
    before, after = (read_report(text.decode(), "report") for text in texts)
    made = diff(before, after, Severity.MEDIUM)
    entries = [reports.entry_of(text) for text in texts]
    return site.page(
        request, "difference.html", number=number, name=site.watcher.name(number), made=made,
        old=old, new=new, past=past, phases=_phases(*entries),
    )  # fmt: skip


def _phases(*entries: ReportEntry | None) -> list[tuple[str, float | None, float | None]]:
    """Return the times of both reports' phases, side by side."""
    times = [
        {phase.name: phase.seconds for phase in reversed(each.phases) if phase.outcome == "ok"}
        if each is not None
        else {}
        for each in entries
    ]
    names = dict.fromkeys([*reversed(times[0]), *reversed(times[1])])
    return [(name, times[0].get(name), times[1].get(name)) for name in names]


async def report(site: Site, request: Request) -> Response:
    """Answer with a stored report, as JSON."""
    number = _number(site, request)
    data = await _report(site, number, request.path_params["which"])
    return answer(request, msgspec.json.format(data, indent=2), "application/json")


async def check(site: Site, request: Request) -> Response:
    """Run the full check of a target now, and show what it found."""
    number = _number(site, request)
    await site.form(request)
    watched = site.watcher.targets.get(number)
    if not isinstance(watched, WatchedTarget):
        raise Refused(HTTPStatus.NOT_FOUND, "A job that reports cannot be checked.")
    await site.actions.check(number, watched)
    return RedirectResponse(f"/targets/{number}#check", HTTPStatus.SEE_OTHER, SAFE)
