"""The page (HTML) and the feed of incidents (Atom, RFC 4287)."""

from __future__ import annotations

import datetime as dt
from xml.etree import ElementTree as ET

from seventh.render.entries import clean
from seventh.render.summary import duration
from seventh.serve.pages.templating import environment
from seventh.serve.status.services import DAYS, Shown, Status, Trouble
from seventh.watch.verdict import Condition

_ATOM = "http://www.w3.org/2005/Atom"
WORST = {
    Shown.WORKING: "All services work", Shown.UNKNOWN: "The state of some services is not known",
    Shown.MAINTENANCE: "Maintenance", Shown.SLOW: "Some services are slow",
    Shown.UNSTABLE: "Some services are unstable", Shown.DOWN: "Some services are down",
}  # fmt: skip
KINDS = {Condition.DOWN: "down", Condition.DEGRADED: "slow"}


def html(status: Status) -> bytes:
    """Return the page, which needs no other file and no script."""
    text = (
        environment()
        .get_template("status.html")
        .render(status=status, days=DAYS, worst=WORST[status.worst], kinds=KINDS)
    )
    return text.encode("utf-8", "replace")


def atom(status: Status) -> bytes:
    """Return the feed: an entry for each incident, updated when it ends."""
    ET.register_namespace("", _ATOM)
    feed = ET.Element(f"{{{_ATOM}}}feed")
    _add(feed, "id", f"urn:uuid:{status.store}")
    _add(feed, "title", f"{status.title}: incidents")
    _add(feed, "updated", _at(status.changed_ns or status.now_ns))
    _add(ET.SubElement(feed, f"{{{_ATOM}}}author"), "name", status.title)
    if status.url:
        base = status.url.rstrip("/")
        ET.SubElement(feed, f"{{{_ATOM}}}link", rel="self", href=f"{base}/incidents.atom")
        ET.SubElement(feed, f"{{{_ATOM}}}link", rel="alternate", href=f"{base}/")
    for each in status.troubles:
        entry = ET.SubElement(feed, f"{{{_ATOM}}}entry")
        _add(entry, "id", f"urn:uuid:{each.id}")
        _add(entry, "title", _title(each))
        _add(entry, "published", _at(each.since_ns))
        _add(entry, "updated", _at(each.changed_ns))
        _add(entry, "content", _content(each))
    made: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return made


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{_ATOM}}}{name}").text = clean(text)


def _at(ns: int) -> str:
    return dt.datetime.fromtimestamp(ns // 10**9, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _title(each: Trouble) -> str:
    start = "Resolved: " if each.resolved_ns is not None else ""
    return f"{start}{each.service} {KINDS[each.kind]}"


def _content(each: Trouble) -> str:
    text = f"{each.service}: {KINDS[each.kind]} since {_at(each.since_ns)}"
    if each.resolved_ns is None:
        return f"{text}."
    lasted = duration((each.resolved_ns - each.since_ns) / 1e9)
    return f"{text}, resolved at {_at(each.resolved_ns)} after {lasted}."
