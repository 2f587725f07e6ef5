"""Rules that are named and promised but not built yet, each with what it waits for.

Ids are final from the day they stand here: a policy or a dashboard may name them before they are
built.
"""

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
    """One promised rule."""

    id: Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$|^TLSRPT$")]
    severity: Severity
    tier: Annotated[int, Meta(ge=0, le=4)]
    """The lowest tier at which some of its evidence can be had."""
    source: tuple[Source, ...]
    """Where its evidence comes from, the first being the usual one."""
    title: str
    room: str
    waits_for: str


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is promised."""

    rules: tuple[Planned, ...]
    """The rules that are not built yet, in the order of the file."""
    ids: tuple[str, ...]
    """Every id that was ever promised, built or not."""


@functools.cache
def plan() -> Plan:
    """Read the plan, when first asked for it."""
    text = (Path(__file__).parent / "planned.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Plan)
