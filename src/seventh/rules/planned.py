"""Planned rules: published ids that are not built yet, each with what must be built first."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from seventh.model.severity import Severity
from seventh.rules.rule import Source


class Planned(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One planned rule."""

    id: Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$|^TLSRPT$")]
    severity: Severity
    tier: Annotated[int, Meta(ge=0, le=4)]
    """The lowest tier at which it can be found."""
    source: tuple[Source, ...]
    """Where its evidence comes from, the usual one first."""
    title: str
    room: str
    waits_for: str


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of ``planned.toml``."""

    rules: tuple[Planned, ...]
    ids: tuple[str, ...]
    """Every id that was ever published, built or not."""


@functools.cache
def plan() -> Plan:
    """Read the plan once."""
    text = (Path(__file__).parent / "planned.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Plan)
