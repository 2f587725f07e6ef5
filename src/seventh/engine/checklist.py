"""The debugging checklist of a report: the verdict of each line, from the report alone.

Unknown is never a pass: a line passes when everything that decides it was checked. The texts are
made in :mod:`seventh.render.checklist`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from seventh import protocols
from seventh.model.checklist import CheckLine, LineVerdict
from seventh.model.facts import Facts
from seventh.model.failure import Failure, Reason
from seventh.model.netfacts import NetFacts
from seventh.model.report import Finding, Report, SkipCause, Skipped
from seventh.rules.rule import Source
from seventh.wire.address import reach

_LEFT_OUT = "left out by --only or --skip"
_NOT_HERE = "visible only on the machine itself"
_GRANTS = {2: "--user NAME", 3: "--allow-write", 4: "--intrusive"}
"""What permits each tier; for tier 2 only where a line has no credential of its own."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the checklist, its verdict, and the evidence."""

    room: str
    line: CheckLine
    verdict: LineVerdict
    found: tuple[Finding, ...]
    """Of its rules, those that fired …"""
    passed: tuple[str, ...]
    """… those that passed …"""
    unknown: tuple[Skipped, ...]
    """… those that could not be evaluated …"""
    not_applicable: tuple[Skipped, ...]
    """… and those that do not apply."""
    facts: tuple[tuple[str, Any], ...]
    """Its facts that were learnt: name and value …"""
    not_learnt: tuple[str, ...]
    """… and those that were not."""
    failure: Failure | None
    """What ended the check early."""
    failed_by_it: bool
    """Whether that decides the line."""
    look: str
    """What to type to have it checked; empty where it was, or where no option helps."""


def judge(report: Report) -> tuple[Judged, ...]:
    """Judge every line of the rooms whose facts the report has; the protocol's own come last.

    A line none of whose rules was selected is left out.
    """
    owners = {facts.OWNER or key for key, facts in report.facts.items()}
    rooms = sorted({*owners, report.protocol} & {*protocols.rooms()})
    rooms.sort(key=lambda room: room == report.protocol)
    lines = [(room, line) for room in rooms for line in protocols.checklist(room)]
    return tuple(_judge(report, room, line) for room, line in lines if _asked(report, room, line))


def _asked(report: Report, room: str, line: CheckLine) -> bool:
    """Return whether any of the line's rules was selected, or none of them is judged by a check.

    A comparison of several reports has no phases and only a few rules.
    """
    rules = {*report.passed, *(s.id for s in report.skipped), *(f.id for f in report.findings)}
    if not rules.isdisjoint(line.rules):
        return True
    is_check = bool(report.phases) or report.failure is not None
    return is_check and _local(room).issuperset(line.rules)


def _judge(report: Report, room: str, line: CheckLine) -> Judged:
    found = tuple(finding for finding in report.findings if finding.id in line.rules)
    passed = tuple(rule for rule in line.rules if rule in report.passed)
    skipped = _skipped(report, room, line)
    unknown = tuple(skip for skip in skipped if skip.cause is not SkipCause.NOT_APPLICABLE)
    values = [(name, read(report.facts.get(room), name)) for name in line.facts]
    facts = tuple((name, value) for name, value in values if is_learnt(value))
    not_learnt = tuple(name for name, value in values if not is_learnt(value))
    failed_by_it = report.failure is not None and line.is_failed_by(report.failure)
    if found or failed_by_it or _is_denied(line, facts):
        verdict = LineVerdict.FAIL
    elif unknown:
        verdict = LineVerdict.NOT_LOOKED_AT
    elif line.rules and not passed:
        verdict = LineVerdict.NOT_APPLICABLE
    else:
        verdict = LineVerdict.NOT_LOOKED_AT if not_learnt else LineVerdict.PASS
    return Judged(
        room=room,
        line=line,
        verdict=verdict,
        found=found,
        passed=passed,
        unknown=unknown,
        not_applicable=tuple(skip for skip in skipped if skip not in unknown),
        facts=facts,
        not_learnt=not_learnt,
        failure=report.failure,
        failed_by_it=failed_by_it,
        look=_look(report, room, line, unknown) if verdict is LineVerdict.NOT_LOOKED_AT else "",
    )


def _local(room: str) -> frozenset[str]:
    """Return the rules that no check judges, only a look at the machine itself."""
    return frozenset(rule.id for rule in protocols.rules(room) if rule.source is Source.LOCAL)


def _skipped(report: Report, room: str, line: CheckLine) -> tuple[Skipped, ...]:
    """Return the line's rules without a verdict, in its order, also those that were left out."""
    local = _local(room)
    by_id = {skip.id: skip for skip in report.skipped}
    judged = {*report.passed, *(finding.id for finding in report.findings)}
    return tuple(
        by_id.get(rule, Skipped(id=rule, reason=_NOT_HERE if rule in local else _LEFT_OUT))
        for rule in line.rules
        if rule not in judged
    )


def _is_denied(line: CheckLine, facts: Iterable[tuple[str, Any]]) -> bool:
    """Return whether a fact that no rule judges is False."""
    return not line.rules and any(value is False for _, value in facts)


def read(holder: Any, path: str) -> Any:
    """Return the fact at a dotted path; None if a part of the path was not learnt.

    In a tuple of structs it is the field of each.
    """
    for name in path.split("."):
        if isinstance(holder, tuple):
            holder = tuple(getattr(one, name) for one in holder)
        elif holder is not None:
            holder = getattr(holder, name)
    return holder


def is_learnt(value: Any) -> bool:
    """Return whether a fact is neither None nor empty; zero and False are learnt."""
    return value is not None and not (hasattr(value, "__len__") and len(value) == 0)


def _look(report: Report, room: str, line: CheckLine, unknown: tuple[Skipped, ...]) -> str:
    """Return what to type to have a line checked: a command, or the options that it needs."""
    if line.is_elsewhere:
        return line.look
    tiers = {rule.id: rule.tier for rule in protocols.rules(room)}
    denied = sorted({tiers[s.id] for s in unknown if s.cause is SkipCause.NOT_PERMITTED})
    if report.failure is not None and not denied:
        # No other option would have helped.
        return "--timeout SECONDS" if report.failure.reason is Reason.PEER_SILENT else ""
    own = bool(line.look)
    options = [_GRANTS[tier] for tier in denied if tier in _GRANTS and not (tier == 2 and own)]
    if 4 in denied and not _is_here(report.facts.get("net")):
        options.append("--i-own-this")
    return " ".join([*options, line.look]).strip()


def _is_here(net: Facts | None) -> bool:
    """Return whether the peer is known to be on this machine."""
    if not isinstance(net, NetFacts) or net.carried or not net.addresses:
        return False
    return all(reach(address) == "loopback" for address in net.addresses)
