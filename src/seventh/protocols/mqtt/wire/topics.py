"""Topic names and filters (MQTT 5 §4.7, §4.8.2)."""

from __future__ import annotations

from typing import NamedTuple

from seventh.protocols.mqtt.wire.body import MAX_TEXT

_SHARED = "$share/"


def _fits(text: str) -> bool:
    return 0 < len(text.encode("utf-8")) <= MAX_TEXT and "\0" not in text


def is_name(topic: str) -> bool:
    """Return whether a message may have this topic: it has no wildcard and is not empty."""
    return _fits(topic) and "+" not in topic and "#" not in topic


def is_filter(pattern: str) -> bool:
    """Return whether a client may subscribe to ``pattern``; see :func:`shared` for shared ones."""
    if not _fits(pattern):
        return False
    levels = pattern.split("/")
    return all(
        level in {"+", "#"} or not {"+", "#"} & set(level) for level in levels
    ) and "#" not in levels[:-1]  # fmt: skip


class Shared(NamedTuple):
    """A shared subscription: each message goes to one subscriber of the group."""

    group: str
    filter: str


def is_shared(pattern: str) -> bool:
    """Return whether a filter asks for a shared subscription."""
    return pattern.startswith(_SHARED)


def shared(pattern: str) -> Shared | None:
    """Return the parts of ``$share/GROUP/FILTER``; None if it is not one, or not a valid one."""
    if not is_shared(pattern):
        return None
    group, slash, rest = pattern.removeprefix(_SHARED).partition("/")
    valid = group and slash and not {"+", "#"} & set(group) and is_filter(rest)
    return Shared(group, rest) if valid else None


def matches(pattern: str, topic: str) -> bool:
    """Return whether the filter ``pattern`` matches a topic name.

    A wildcard in the first level does not match topics that begin with ``$`` (§4.7.2).
    """
    wanted, levels = pattern.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in {"+", "#"}:
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index == len(levels) or level not in {"+", levels[index]}:
            return False
    return len(wanted) == len(levels)


def overlaps(one: str, other: str) -> bool:
    """Return whether a topic may match both filters."""
    first, second = one.split("/"), other.split("/")
    for left, right in zip(first, second, strict=False):
        if "#" in (left, right):
            return True
        if left != right and "+" not in (left, right):
            return False
    shorter, longer = sorted((first, second), key=len)
    return len(first) == len(second) or longer[len(shorter)] == "#"
