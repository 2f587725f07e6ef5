"""The places from which targets were checked (``--from``), and where their results differ."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

LOCAL = "local"
"""The name of this machine among the places."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One place of ``--from``, as it was written: ``local`` or ``ssh://host``."""

    name: str
    vantage: str = ""
    """The machine's own name; empty if it is not known."""
    python: str = ""
    """The version of Python there."""
    installed: bool = False
    """Whether the Seventh that is installed there made the checks, and not one that was sent."""
    seconds: float = 0.0
    """How long it took, with the login and what was sent."""
    missing: int = 0
    """How many targets have no report from there."""
    failure: str = ""
    """Why; empty if nothing failed."""


class Aspect(StrEnum):
    """What differs between places. Programs match on the values."""

    PORT = "port"
    FAILURE = "failure"
    ADDRESSES = "addresses"
    CERTIFICATE = "certificate"
    VERSIONS = "versions"
    FINDINGS = "findings"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One aspect of a target, with its value from each place."""

    aspect: Aspect
    values: Mapping[str, tuple[str, ...]]
    """By the place's name."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Where the reports of one target differ."""

    target: str
    differences: tuple[Difference, ...]
    filtered_near: tuple[str, ...] = ()
    """Places from which the port does not answer, although it is open from another."""
