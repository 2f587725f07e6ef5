"""Topics that are in use, or that an access control list or a bridge names."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

MAX_LEVELS = 7
MIN_LEVELS = 3
"""Such as site/device/temperature."""


class TopicFault(msgspec.Struct, frozen=True):
    """What is wrong with the design of topics: how many have it, and the first one."""

    count: int
    example: str


class Topics(msgspec.Struct, frozen=True, kw_only=True):
    """The design of a broker's topics."""

    count: int = 0
    leading_slash: TopicFault | None = None
    """An empty first level."""
    empty_level: TopicFault | None = None
    blank: TopicFault | None = None
    deep: TopicFault | None = None
    """More than MAX_LEVELS levels."""
    short: TopicFault | None = None
    """Fewer than MIN_LEVELS, so that site, device and class of data cannot be told apart."""
    everything: TopicFault | None = None
    """A filter that begins with #."""


def topics_of(names: Iterable[str]) -> Topics:
    """Return the design of topic names and filters; ``$SYS/…`` and its like are the broker's."""
    found: dict[str, TopicFault] = {}
    count = 0
    for name in dict.fromkeys(names):
        if name.startswith("$"):
            continue
        count += 1
        for fault in _faults(name):
            before = found.get(fault)
            found[fault] = TopicFault(
                before.count + 1 if before else 1, before.example if before else name
            )
    return Topics(count=count, **found)


def _faults(name: str) -> Iterable[str]:
    levels = name.split("/")
    if levels == ["#"]:
        return ["everything"]
    faults = []
    if not levels[0]:
        faults.append("leading_slash")
    if "" in levels[1:]:
        faults.append("empty_level")
    if any(c.isspace() for c in name):
        faults.append("blank")
    if len(levels) > MAX_LEVELS:
        faults.append("deep")
    if len([each for each in levels if each]) < MIN_LEVELS and "#" not in levels:
        faults.append("short")
    return faults
