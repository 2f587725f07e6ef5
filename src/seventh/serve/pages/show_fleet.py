"""The fleet, its findings, its certificates, and this process itself."""

from __future__ import annotations

import time
from collections import defaultdict

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from seventh.model.severity import Severity
from seventh.serve import queries
from seventh.serve.api import title_of
from seventh.serve.pages import fleet, looking
from seventh.serve.pages.charts import spark
from seventh.serve.pages.heat import heat, size_of
from seventh.serve.pages.live import MOST_ROWS
from seventh.serve.pages.site import Site
from seventh.serve.pages.templating import SAFE, answer
from seventh.watch import outbox

_FIRING = 5
_SPARK = 60
_DAY_S = 86_400
_SOON = ((7, "within 7 days"), (30, "within 30 days"), (90, "within 90 days"))
_TARGETS_OF_A_RULE = 200


async def overview(site: Site, request: Request) -> Response:
    """Show all targets."""
    every = [*looking.rows(site.watcher)]
    view = fleet.view_of(request.query_params)
    found = fleet.chosen(every, view)
    firing = await site.read(lambda db: queries.incidents(db, firing=True, before=None, most=1000))
    findings = await site.read(queries.counts)
    few = len(every) <= fleet.CARDS
    pages = max(1, -(-len(found) // fleet.PAGE))
    number = min(view.page, pages)
    rows = found if few else found[(number - 1) * fleet.PAGE : number * fleet.PAGE]
    size = size_of(len(found))
    return site.page(
        request, "fleet.html", view=view, rows=rows, few=few, found=len(found), pages=pages,
        number=number, counts=fleet.counts(every), total=len(every),
        labels=fleet.label_names(every),
        sorts=[*fleet.Sort], states=[*fleet.Shown], findings=findings,
        firing=[(each, site.watcher.name(each.target)) for each in firing[:_FIRING]],
        firing_count=len(firing), ready=site.watcher.ready.is_set(),
        cards=[_card(site, row) for row in rows] if few else [],
        maps=[] if few else [
            (name, fleet.counts(several), heat(
                "".join(row.cell for row in several), size, f"{len(several)} targets"))
            for name, several in fleet.grouped(found, view.group).items()
        ],
    )  # fmt: skip


def _card(site: Site, row: fleet.Row) -> tuple[object, ...]:
    points = site.recent.points(row.number, _SPARK)
    target = site.watcher.targets.get(row.number)
    expiry = next(
        (sample.value for sample in site.latest.samples(row.number)
         if sample.name == looking.EXPIRY and not sample.labels), None,
    )  # fmt: skip
    return (
        row, spark(points), target is not None, site.latest.checked_seconds(row.number),
        expiry,
    )  # fmt: skip


async def cells(site: Site, request: Request) -> Response:
    """Answer with the targets of the map, in its order: for the script that shows their names."""
    view = fleet.view_of(request.query_params)
    groups = fleet.grouped(fleet.chosen(looking.rows(site.watcher), view), view.group)
    rows = [row for several in groups.values() for row in several]
    content = msgspec.json.encode(
        {"numbers": [row.number for row in rows], "names": [row.name for row in rows]}
    )
    return answer(request, content, "application/json")


async def live(site: Site, request: Request) -> Response:
    """Answer with what changes, for as long as the browser reads."""
    asked = request.query_params.get("rows", "").split(",")[:MOST_ROWS]
    numbers = [int(each) for each in asked if each.isascii() and each.isdigit() and len(each) < 10]
    if site.live.full:
        return Response("too many browsers: the page refreshes itself\n", 503)
    if request.method == "HEAD":
        return Response(headers=SAFE, media_type="text/event-stream")
    return StreamingResponse(
        site.live.events(numbers), headers=SAFE, media_type="text/event-stream"
    )


async def findings(site: Site, request: Request) -> Response:
    """Show the findings of all targets: each rule with its targets."""
    found = await site.read(queries.findings)
    rules: dict[str, dict[int, queries.Found]] = defaultdict(dict)
    for each in found:
        if site.watcher.name(each.target) is not None:
            known = rules[each.id].setdefault(each.target, each)
            if each.first_ns < known.first_ns:
                rules[each.id][each.target] = each
    listed = [
        (rule, title_of(rule), Severity(min(several.values(), key=_rank).severity), len(several),
         [(site.watcher.name(number), each) for number, each in
          sorted(several.items(), key=lambda pair: pair[1].first_ns)[:_TARGETS_OF_A_RULE]])
        for rule, several in rules.items()
    ]  # fmt: skip
    listed.sort(key=lambda each: (-each[2].rank, -each[3], each[0]))
    return site.page(
        request, "findings.html", rules=listed, targets=len({each.target for each in found}),
        unchecked=sum(site.latest.checked_seconds(n) is None for n in site.watcher.targets),
    )  # fmt: skip


def _rank(found: queries.Found) -> int:
    return -Severity(found.severity).rank


async def expiry(site: Site, request: Request) -> Response:
    """Show when certificates expire."""
    now_s = time.time()
    found = looking.expiries(site.watcher, site.latest)
    groups: dict[str, list[tuple[looking.Expiry, float]]] = defaultdict(list)
    for each in found:
        left = (each.at_s - now_s) / _DAY_S
        near = next((words for days, words in _SOON if left < days), "later")
        groups["expired" if left < 0 else near].append((each, left))
    return site.page(request, "expiry.html", groups=groups, total=len(found))


async def own(site: Site, request: Request) -> Response:
    """Show this process itself."""
    watcher = site.watcher
    waiting = await site.read(outbox.waiting)
    store = site.store.folder
    sizes = {path.name: path.stat().st_size for path in store.glob("watch.sqlite3*")}
    return site.page(
        request, "self.html", health=watcher.health, own=looking.own(watcher), waiting=waiting,
        sizes=sizes, folder=str(store), targets=len(watcher.targets),
        rate=sum(1e9 / each.every_ns for each in watcher.targets.values()),
        receivers=[each.name for each in watcher.config.notify],
    )  # fmt: skip
