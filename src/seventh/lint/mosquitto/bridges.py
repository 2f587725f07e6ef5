"""Bridges to other brokers, and the loops between them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from seventh.lint.mosquitto.conf import Section
from seventh.protocols.mqtt.facts.config import Loop
from seventh.protocols.mqtt.wire.topics import overlaps

MAX_TOPICS = 200
"""Topics of one connection that are compared."""


class Bridged(NamedTuple):
    """One ``topic`` of a connection, as the other broker sees it."""

    remote: str
    sends: bool
    receives: bool


def loops(bridges: list[Section]) -> tuple[Loop, ...]:
    """Return the loops that the connections make."""
    found = [loop for bridge in bridges for loop in _public(bridge)]
    for one, other in combinations(bridges[:100], 2):
        if _addresses(one) & _addresses(other):
            found += _twice(one, other)
    return tuple(found)


def topics(bridge: Section) -> list[Bridged]:
    """Return the topics of a connection: ``topic PATTERN [out|in|both [QOS [LOCAL REMOTE]]]``."""
    found = []
    for one in list(bridge.every("topic"))[:MAX_TOPICS]:
        pattern, *rest = one.value.split()
        direction = rest[0] if rest else "out"
        prefix = rest[3] if len(rest) > 3 else ""
        remote = ("" if prefix == '""' else prefix) + ("" if pattern == '""' else pattern)
        found.append(Bridged(remote, direction != "in", direction in {"in", "both"}))
    return found


def _name(bridge: Section) -> str:
    return " ".join(bridge.words)


def _addresses(bridge: Section) -> set[str]:
    return {
        word if ":" in word else f"{word}:1883"
        for one in bridge.every("address", "addresses")
        for word in one.value.lower().split()
    }


def _public(bridge: Section) -> Iterator[Loop]:
    """Yield the topic that comes back as the other broker takes the bridge for a client."""
    private = bridge.get("try_private")
    if private is None or private.value != "false":
        return
    every = topics(bridge)
    for sent in every:
        if sent.sends and any(
            each.receives and overlaps(sent.remote, each.remote) for each in every
        ):
            yield Loop(how="public", connection=_name(bridge), topic=sent.remote)
            return


def _twice(one: Section, other: Section) -> Iterator[Loop]:
    """Yield the topic that one connection sends and the other receives from the same broker."""
    for first, second in ((one, other), (other, one)):
        for sent in topics(first):
            if sent.sends and any(
                each.receives and overlaps(sent.remote, each.remote) for each in topics(second)
            ):
                yield Loop(
                    how="twice", connection=_name(first), other=_name(second), topic=sent.remote
                )
                return
