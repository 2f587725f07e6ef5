"""What ``seventh watch`` shows: a table that keeps its order, or a line for each change."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable

import msgspec
from rich.table import Table
from rich.text import Text

from seventh.render.presentation import count
from seventh.render.summary import duration
from seventh.watch.alerts import Hold
from seventh.watch.findings import Drift
from seventh.watch.outbox import Firing, Waiting
from seventh.watch.records import Silence
from seventh.watch.samples import Cause
from seventh.watch.verdict import Condition
from seventh.wire.text import printable

STYLES = {
    Condition.UP: "green", Condition.DEGRADED: "yellow", Condition.FLAPPING: "yellow",
    Condition.DOWN: "bold red", Condition.UNKNOWN: "magenta",
}  # fmt: skip
_SHOUTED = {Condition.DEGRADED: "SLOW", Condition.FINDING: "NEW FINDING",
            Condition.BURNING: "BURNING"}  # fmt: skip
_NAME = 60
"""The maximum width of a name in the table."""
_ORDER = tuple(reversed(Condition))
_HELD = {
    Hold.VANTAGE: "alert held: this machine has lost its network",
    Hold.PARENT: "alert held: a target that it needs is down",
    Hold.UNDECIDED: "alert held: no verdict yet on a target that it needs",
    Hold.RECOVERING: "alert held: may recover",
    Hold.SILENCED: "silenced",
}


class TargetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One target, as it is shown."""

    name: str
    condition: Condition
    since_ns: int
    """0 if nothing is known yet."""
    failing: bool = False
    """Whether the last pulse failed, verdict or not."""
    cause: Cause | None = None
    total_ns: int | None = None
    """The sum of the phases of the last pulse; None if it failed."""
    hold: Hold | None = None


class Footer(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for all, and for this process."""

    lag_ns: int
    troubles: tuple[str, ...] = ()


def table(rows: Iterable[TargetRow], footer: Footer, now_ns: int, most: int) -> Table:
    """Return the table, with at most ``most`` targets: those in trouble go first if not all fit."""
    every = [*rows]
    shown = every
    if len(every) > most:
        shown = sorted(every, key=lambda row: (_ORDER.index(row.condition), not row.failing))[:most]
    made = Table(box=None, pad_edge=False, expand=True, caption_justify="left")
    made.add_column("target", no_wrap=True, max_width=_NAME)
    made.add_column("", no_wrap=True)
    made.add_column("for", justify="right", no_wrap=True)
    made.add_column("time", justify="right", no_wrap=True)
    made.add_column("", overflow="ellipsis", no_wrap=True, ratio=1)
    for row in shown:
        made.add_row(
            Text(printable(row.name, _NAME), overflow="ellipsis"),
            Text(row.condition, STYLES[row.condition]),
            duration((now_ns - row.since_ns) // 10**9) if row.since_ns else "-",
            duration(row.total_ns / 1e9) if row.total_ns is not None else "-",
            Text(why(row), "" if row.condition is Condition.DOWN else "dim"),
        )
    made.caption = Text("\n".join(_foot(every, shown, footer)), "dim")
    return made


def why(row: TargetRow) -> str:
    """Return the cause of the last failure, and why no alert was sent."""
    parts = []
    if row.failing and row.cause is not None:
        parts.append(_cause(row.cause))
    if row.hold is not None:
        parts.append(_HELD[row.hold])
    return "; ".join(parts)


def _cause(cause: Cause) -> str:
    return f"{cause.reason} ({cause.phase})" if cause.phase not in {"", "-"} else cause.reason


def _foot(every: list[TargetRow], shown: list[TargetRow], footer: Footer) -> list[str]:
    tally = Counter(row.condition for row in every)
    states = ", ".join(f"{tally[each]} {each}" for each in Condition if tally[each])
    lines = [f"{count(len(every), 'target')}: {states} · lag {duration(footer.lag_ns / 1e9)}"]
    if len(shown) < len(every):
        lines.append(f"{len(every) - len(shown)} more are not shown")
    return [*lines, *footer.troubles]


def _at(ns: int) -> str:
    return dt.datetime.fromtimestamp(ns // 10**9, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def change(name: str, old: Condition, new: Condition, at_ns: int, cause: Cause | None) -> str:
    """Return one line for a change of a target's condition."""
    return f"{_at(at_ns)} {printable(name, 300)}: {old} → {new}" + (
        f": {_cause(cause)}" if cause is not None else ""
    )


def drifted(name: str, drift: Drift) -> str:
    """Return one line for a finding that is new or gone."""
    what = "gone" if drift.gone else "new"
    return f"{_at(drift.at_ns)} {printable(name, 300)}: {what} finding: {drift.rule}"


def alert_line(firing: Firing, now_ns: int) -> str:
    """Return one line for an alert that is firing."""
    alert = firing.alert
    what = _SHOUTED.get(firing.kind, firing.kind.upper())
    name = printable(firing.target, 300) or "this machine"
    why = _cause(alert.cause) if alert.cause is not None else alert.phase
    parts = [f"{firing.id} {what} {name} for {duration((now_ns - alert.since_ns) // 10**9)}"]
    parts[0] += f": {why}" if why else ""
    if alert.sent_ns is None:
        parts.append("not sent")
    if firing.acknowledged_by:
        parts.append(f"acknowledged by {printable(firing.acknowledged_by, 80)}")
    return ", ".join(parts)


def silence_line(number: int, silence: Silence) -> str:
    """Return one line for a silence."""
    match = " ".join(f"{name}={value}" for name, value in silence.match.items())
    why = f": {printable(silence.why, 200)}" if silence.why else ""
    by = printable(silence.by, 80)
    return f"{number} {printable(match, 300)} until {_at(silence.until_ns)} by {by}{why}"


def waiting_line(waiting: Waiting, now_ns: int) -> str:
    """Return one line for what a receiver has not received yet."""
    held = duration((now_ns - waiting.since_ns) // 10**9)
    error = f": {printable(waiting.error, 500)}" if waiting.error else ""
    name = printable(waiting.receiver, 200)
    return f"{name}: {count(waiting.count, 'notification')} for {held}{error}"
