"""The declaration of a protocol, light enough to import at every start."""

from __future__ import annotations

from typing import Literal

import msgspec

from seventh.model.option import RoomOptions
from seventh.model.target import Scheme
from seventh.model.verb import Verb


class PhaseSpec(msgspec.Struct, frozen=True):
    """A phase of the room's checks, and what it spans."""

    name: str
    meaning: str


class Metric(msgspec.Struct, frozen=True):
    """A metric of a room: its Prometheus name, kind, meaning, and the fact that it reads.

    ``fact`` is a field of the room's facts, or of a struct nested there (``login.rekeys``); None or
    a missing field gives no metric. A bool counts as 0 or 1, a collection as its length.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    meaning: str
    fact: str
    label: str = ""
    """Where the fact is a mapping of numbers, the label whose values are its keys: each entry is a
    sample, such as ``…_total{version="2"}``."""
    source: str = ""
    """The value of the label ``source``, where several sources measure the same; else empty."""
    signed: bool = False
    """Whether it deviates from 0 in both directions, so that ``--max`` limits both."""
    also: tuple[str, ...] = ()
    """Further names in ``--max`` and ``--min``, such as ``days_left`` of an expiry."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """A room. Its folder, its ``name`` and its key in a report's facts are the same."""

    name: str
    title: str
    schemes: tuple[Scheme, ...]
    phases: tuple[PhaseSpec, ...]
    metrics: tuple[Metric, ...]
    tiers: dict[int, str]
    """What the steps of each tier do to the peer, in one sentence."""
    options: type[RoomOptions] | None = None
    """Its own options; a probe reads them by ``ctx.options.of(…)``."""
    shared: tuple[str, ...] = ()
    """The fields of :class:`seventh.model.options.Options` that it uses, besides those that every
    protocol uses and the permissions for its tiers."""
    verbs: tuple[Verb, ...] = ()
    """Its own verbs; the room's module ``work`` implements them."""
    layers: tuple[str, ...] = ()
    """Other rooms whose facts its reports may have, besides ``net``."""
    facts: tuple[str, ...] = ()
    """The keys of the facts that its checks learn, where that is not its name alone."""
    has_parts: bool = False
    """Whether its checks check further targets, which are given the time of a target once more."""
    standards: tuple[str, ...] = ()
    connections: int = 4
    """The maximum number of connections of one check to one target."""
