"""Skips of rules whose evidence is on the machine itself."""

from __future__ import annotations

from collections.abc import Iterable

from seventh.model.localfacts import Cause, Unread
from seventh.rules.rule import Skip

_REASONS = {
    Cause.NOT_INSTALLED: "{name}: not installed",
    Cause.NOT_RUNNING: "{name}: the daemon is not running",
    Cause.NOT_FOUND: "{name}: no such file",
    Cause.NOT_PERMITTED: "{name}: permission denied (run it as root)",
    Cause.TIMED_OUT: "{name}: timed out",
    Cause.TOO_LARGE: "{name}: too much output",
    Cause.FAILED: "{name}: failed",
    Cause.UNEXPECTED: "{name}: unexpected output",
}


def not_looked(area: str) -> Skip:
    """Skip a rule in a report that is not of the machine itself."""
    return Skip(f"visible only on the machine itself: run `seventh local {area}` there")


def reason(unread: Unread) -> str:
    """Return why something was not read, in a sentence."""
    text = _REASONS[unread.cause].format(name=unread.name)
    return f"{text}: {unread.detail}" if unread.detail else text


def not_read(unread: Iterable[Unread], *names: str) -> Skip:
    """Skip a rule because of those of ``names`` that were not read."""
    by_name = {each.name: each for each in unread}
    reasons = [reason(by_name[name]) for name in names if name in by_name]
    return Skip("; ".join(reasons) or f"{', '.join(names)}: nothing was found")
