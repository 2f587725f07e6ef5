"""The spec: what a protocol folder says about itself, light enough to import at every start."""

from __future__ import annotations

from typing import Literal

import msgspec

from seventh.model.option import RoomOptions
from seventh.model.target import Scheme
from seventh.model.verb import Verb


class PhaseSpec(msgspec.Struct, frozen=True):
    """A phase that the room's conversations have, and what it spans."""

    name: str
    meaning: str


class Metric(msgspec.Struct, frozen=True):
    """A number that a room reports: its Prometheus name, kind, meaning, and the fact behind it.

    ``fact`` is a field of the room's facts, or one of a struct nested there (``login.rekeys``); a
    fact that is None or missing gives no metric. A truth value counts as 0 or 1, a collection as
    its length.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    meaning: str
    fact: str
    label: str = ""
    """Where the fact is a mapping of numbers, the label that its keys are the values of: each
    entry is a sample of its own, such as ``…_total{version="2"}``."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """A room. Its folder, its ``name`` and its key in a report's facts are the same word."""

    name: str
    title: str
    schemes: tuple[Scheme, ...]
    phases: tuple[PhaseSpec, ...]
    metrics: tuple[Metric, ...]
    tiers: dict[int, str]
    """What a step of each tier does to the peer, in one sentence."""
    options: type[RoomOptions] | None = None
    """Its own options; a probe reads them by ``ctx.options.of(…)``."""
    shared: tuple[str, ...] = ()
    """The fields of :class:`seventh.model.options.Options` that it uses, besides those that every
    protocol uses and the permissions for the tiers that it has."""
    verbs: tuple[Verb, ...] = ()
    """What it can do besides being checked; the room's module ``work`` does it."""
    standards: tuple[str, ...] = ()
    connections: int = 4
    """The most connections one check opens to one target."""
