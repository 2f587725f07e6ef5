"""A Grafana dashboard: what is up, how long phases take, and a row for each protocol."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seventh import protocols
from seventh.serve.families import OF_EVERY_CHECK, OF_WATCH, Family, families

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT = 8, 7
_COLUMNS = 24
_UNITS = {
    "_timestamp_seconds": "dateTimeFromNow", "_bytes_per_second": "Bps", "_seconds": "s",
    "_bytes": "bytes", "_ratio": "percentunit", "_bits": "none",
}  # fmt: skip


def dashboard() -> dict[str, Any]:
    """Return the dashboard, as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    _add_row(panels, "Targets", [_conditions(), *map(_panel, OF_EVERY_CHECK)])
    shared = _shared()
    _add_row(panels, "All protocols", map(_panel, shared))
    placed = {*shared, *OF_EVERY_CHECK}
    for spec in protocols.rooms().values():
        names = dict.fromkeys(metric.name for metric in spec.metrics)
        own = [families()[name] for name in names if families()[name] not in placed]
        _add_row(panels, spec.title, map(_panel, own), collapsed=True)
    _add_row(panels, "seventh watch", map(_panel, OF_WATCH), collapsed=True)
    return {
        "title": "Seventh", "uid": "seventh", "tags": ["seventh"], "schemaVersion": 39,
        "version": 1, "editable": True, "refresh": "30s", "panels": panels,
        "time": {"from": "now-6h", "to": "now"}, "templating": {"list": _variables()},
    }  # fmt: skip


def _shared() -> list[Family]:
    """Return the metrics that several protocols have."""
    rooms: dict[str, set[str]] = {}
    for room, spec in protocols.rooms().items():
        for metric in spec.metrics:
            rooms.setdefault(metric.name, set()).add(room)
    general = {family.name for family in OF_EVERY_CHECK}
    return [
        families()[name]
        for name, several in sorted(rooms.items())
        if len(several) > 1 and name not in general
    ]


def _variables() -> list[dict[str, Any]]:
    query = "label_values(seventh_target_info, target)"
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource",
         "query": "prometheus"},
        {"name": "target", "label": "Target", "type": "query", "datasource": _SOURCE,
         "query": {"query": query, "refId": "targets"}, "definition": query, "refresh": 2,
         "multi": True, "includeAll": True, "allValue": ".*", "sort": 1,
         "current": {"text": "All", "value": "$__all"}},
    ]  # fmt: skip


def _conditions() -> dict[str, Any]:
    expr = 'count by (condition) (seventh_target_condition{target=~"$target"})'
    return _base("stat", "Targets by condition", "how many targets have each condition") | {
        "targets": [_query(expr, "{{condition}}")],
        "fieldConfig": {"defaults": {"unit": "none"}, "overrides": []},
    }


def _panel(family: Family) -> dict[str, Any]:
    watches = family in OF_WATCH
    chosen = "" if watches else '{target=~"$target"}'
    expr = f"{family.name}{chosen}"
    if family.kind == "counter":
        expr = f"rate({expr}[$__rate_interval])"
    unit = next((unit for end, unit in _UNITS.items() if family.name.endswith(end)), "short")
    if unit == "dateTimeFromNow":
        expr = f"{expr} * 1000"
    return _base("timeseries", family.name, family.meaning) | {
        "targets": [_query(expr, "__auto")],
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
    }


def _base(kind: str, title: str, description: str) -> dict[str, Any]:
    return {"type": kind, "title": title, "description": description, "datasource": _SOURCE}


def _query(expr: str, legend: str) -> dict[str, Any]:
    return {"refId": "A", "expr": expr, "legendFormat": legend, "datasource": _SOURCE}


def _add_row(
    panels: list[dict[str, Any]],
    title: str,
    content: Iterable[dict[str, Any]],
    *,
    collapsed: bool = False,
) -> None:
    """Add a row, if it has any panel, below what is there."""
    placed = [*content]
    if not placed:
        return
    top = max((each["gridPos"]["y"] + each["gridPos"]["h"] for each in panels), default=0)
    number = 1 + sum(1 + len(each.get("panels", ())) for each in panels)
    per_row = _COLUMNS // _WIDTH
    for index, panel in enumerate(placed):
        line, column = divmod(index, per_row)
        place = {"x": column * _WIDTH, "y": top + 1 + line * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}
        panel |= {"id": number + 1 + index, "gridPos": place}
    row = {"type": "row", "id": number, "title": title, "collapsed": collapsed,
           "gridPos": {"x": 0, "y": top, "w": _COLUMNS, "h": 1}}  # fmt: skip
    panels.append(row | {"panels": placed if collapsed else []})
    if not collapsed:
        panels.extend(placed)
