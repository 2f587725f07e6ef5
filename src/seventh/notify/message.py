"""The words of a notification, and its JSON, ``seventh.alert/1``."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from seventh.model.checklist import LineVerdict
from seventh.model.failure import Blame
from seventh.render.checklist import VERDICTS
from seventh.render.document import failure_entry, finding_entry, phase_entry
from seventh.render.entries import FindingEntry, clean
from seventh.render.fixes import fixes_of
from seventh.render.presentation import BLAMED, count
from seventh.render.view import PLAIN
from seventh.render.wording import Wording
from seventh.watch.evidence import Common, Evidence, Shared, Spending
from seventh.watch.grouping import Member
from seventh.watch.outbox import Due
from seventh.watch.slo import HOUR_NS, MINUTE_NS
from seventh.watch.verdict import Condition

SCHEMA = "seventh.alert/1"
_TARGETS = 10
"""Targets that the text lists."""
_TITLE = 200
_WORDING = Wording()
_KIND = {
    Condition.DOWN: "down", Condition.DEGRADED: "slow", Condition.FINDING: "new finding",
    Condition.BURNING: "error budget is spent too fast",
    Condition.UNKNOWN: "without a network: the state of targets is unknown",
}  # fmt: skip
_WITHOUT_PHASE = {Condition.FINDING, Condition.BURNING}
_SHARED = {Shared.HOST: "host", Shared.NETWORK: "network", Shared.ISSUER: "issuer"}


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One notification, ready to be sent."""

    key: str
    status: Literal["firing", "resolved"]
    title: str
    """One line."""
    text: str
    data: dict[str, Any]
    """All of it, as JSON values."""


def message_of(due: Due) -> Message:
    """Return the words and the data of a notification."""
    notification, common = due.notification, due.notification.common
    status: Literal["firing", "resolved"] = "resolved" if due.resolved else "firing"
    title = _title(due)
    evidence = notification.evidence
    findings = _findings(evidence)
    text = "\n".join([*_head(due), *(() if due.resolved else _shown(evidence, findings))]) + "\n"
    data: dict[str, Any] = {
        "schema": SCHEMA, "key": due.key, "number": due.number, "status": status, "title": title,
        "text": text, "kind": common.kind, "phase": clean(common.phase), "reason": common.reason,
        "blame": common.blame, "shared": common.shared, "shared_value": clean(common.value),
        "since": at(notification.since_ns), "alerted": at(due.at_ns),
        "resolved": at(due.resolved_ns) if due.resolved_ns is not None else None,
        "given_up": due.given_up, "count": len(notification.targets),
        "targets": [_target(member) for member in notification.members],
        "check": None, "budget": None,
    }  # fmt: skip
    if evidence is not None and evidence.budget is not None:
        data["budget"] = _budget(evidence.budget)
    elif evidence is not None:
        data["check"] = _check(evidence, findings)
    return Message(key=due.key, status=status, title=title, text=text, data=data)


def at(ns: int) -> str:
    """Return an instant in RFC 3339 format."""
    return dt.datetime.fromtimestamp(ns // 10**9, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _title(due: Due) -> str:
    members, total = due.notification.members, len(due.notification.targets)
    who = clean(members[0].name) if total == 1 else count(total, "target")
    common = due.notification.common
    is_what = f"{who} {_KIND[common.kind]}"
    if common.kind is Condition.FINDING:
        is_what = f"{who}: {_KIND[common.kind]} {clean(common.phase)}"
    if common.kind is Condition.BURNING:
        is_what = f"{who}: {_KIND[common.kind]} ({clean(common.phase)})"
    if due.given_up and due.resolved:
        return f"no longer watched: {is_what}"[:_TITLE]
    start = "resolved: " if due.resolved else ""
    return f"{start}{is_what}{_because(common, total)}"[:_TITLE]


def _because(common: Common, total: int) -> str:
    of_phase = common.phase not in {"", "-"} and common.kind not in _WITHOUT_PHASE
    where = f" in {clean(common.phase)}" if of_phase else ""
    because = f": {common.reason}{where}" if common.reason is not None else where
    if common.shared in _SHARED and (total > 1 or common.shared is Shared.ISSUER):
        because += f", {_SHARED[common.shared]} {clean(common.value)}"
    return because


def _head(due: Due) -> Iterator[str]:
    """Yield since when, who is to act, and the targets."""
    notification, common = due.notification, due.notification.common
    yield _title(due)
    yield f"since {at(notification.since_ns)}" + (
        f", until {at(due.resolved_ns)}" if due.resolved_ns is not None else ""
    )
    if common.blame is not None and not due.resolved:
        yield f"to be fixed by: {BLAMED[Blame(common.blame)]}"
    shown = notification.members[:_TARGETS]
    for member in shown:
        yield f"- {clean(member.name)}" + (
            f" ({clean(member.url)})" if member.url not in {"", member.name} else ""
        )
    if (more := len(notification.targets) - len(shown)) > 0:
        yield f"- and {count(more, 'more target')}".replace("more targets", "more")


def _shown(evidence: Evidence | None, findings: list[FindingEntry]) -> Iterator[str]:
    """Yield what the full check found."""
    if evidence is not None and evidence.budget is not None:
        yield from _spent(evidence.budget)
        return
    if evidence is None:
        yield ""
        yield "The full check has no result yet: seventh check shows it."
        return
    yield ""
    yield f"Full check at {at(evidence.at_ns)}:"
    if evidence.failure is not None:
        failure = failure_entry(evidence.failure)
        yield f"failed in {failure.phase}: {failure.reason}: {failure.detail}"
    yield from _checklist(evidence)
    for finding in findings:
        yield ""
        yield f"{finding.label} {finding.id}: {finding.title}"
        yield finding.evidence
        for product, fix in fixes_of(finding, PLAIN).shown:
            yield f"fix ({product}): {fix}"


def _spent(budget: Spending) -> Iterator[str]:
    """Yield how an error budget is spent."""
    left = "unknown" if budget.left is None else f"{budget.left:.0%}"
    yield ""
    yield (f"objective {budget.objective:.6g} over {budget.days} days, "
           f"{count(budget.targets, 'target')}: {left} of the error budget is left")  # fmt: skip
    for one in budget.burns:
        hours, minutes = one.pair.long_ns / HOUR_NS, one.pair.short_ns / MINUTE_NS
        yield (f"burn rate {one.long or 0:.3g} over {hours:g} h and {one.short or 0:.3g} over "
               f"{minutes:g} min; the limit is {one.limit:.3g}")  # fmt: skip


def _budget(budget: Spending) -> dict[str, Any]:
    """Return the same as JSON values; windows in seconds."""
    return {
        "objective": budget.objective, "days": budget.days, "left": budget.left,
        "burns": [
            {"long_seconds": one.pair.long_ns / 1e9, "short_seconds": one.pair.short_ns / 1e9,
             "long": one.long, "short": one.short, "limit": one.limit}
            for one in budget.burns
        ],
    }  # fmt: skip


def _checklist(evidence: Evidence) -> Iterator[str]:
    tally = Counter(line.verdict for line in evidence.lines)
    if not tally:
        return
    counts = ", ".join(
        f"{tally[each]} {VERDICTS[each].lower()}" for each in VERDICTS if tally[each]
    )
    yield f"checklist: {counts}"
    for line in evidence.lines:
        if line.verdict in {LineVerdict.PASS, LineVerdict.FAIL}:
            yield f"  {VERDICTS[line.verdict]} {line.room}: {line.text}"


def _findings(evidence: Evidence | None) -> list[FindingEntry]:
    found = evidence.findings if evidence is not None else ()
    return [finding_entry(each, _WORDING) for each in found]


def _target(member: Member) -> dict[str, Any]:
    return {
        "name": clean(member.name), "url": clean(member.url), "since": at(member.since_ns),
        "labels": {clean(name): clean(value) for name, value in member.labels.items()},
    }  # fmt: skip


def _check(evidence: Evidence, findings: list[FindingEntry]) -> dict[str, Any]:
    """Return the result of the full check as JSON values, in the report's forms."""
    encoded = msgspec.json.encode({
        "at": at(evidence.at_ns),
        "failure": failure_entry(evidence.failure) if evidence.failure is not None else None,
        "phases": [phase_entry(each) for each in evidence.phases],
        "checklist": evidence.lines,
        "findings": findings,
    })  # fmt: skip
    made: dict[str, Any] = msgspec.json.decode(encoded)
    return made
