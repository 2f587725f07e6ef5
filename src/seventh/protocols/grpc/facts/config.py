"""What configuration files decide of gRPC."""

from __future__ import annotations

import msgspec


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """How calls of some methods are sent more than once."""

    max_attempts: int
    """As written; clients send 5 at most."""
    codes: tuple[str, ...]
    """The statuses after which a call is sent again; of hedging, those that end nothing."""


class ServiceConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A service config, or one entry of its ``methodConfig``; None is "not this view's"."""

    repeats: bool | None = None
    """Whether any method is retried or hedged."""
    throttled: bool | None = None
    """Whether ``retryThrottling`` limits the retries of all calls."""
    ignored: tuple[str, ...] = ()
    """Fields that clients do not know and ignore, by path, the parts joined by dots."""
    meant: tuple[str, ...] = ()
    """For each of these, the field that is likely meant; empty where there is none."""
    methods: tuple[str, ...] = ()
    """What the entry is for: ``shop.Orders/Get``, ``shop.Orders/*`` or ``*``."""
    retry: Repeated | None = None
    hedging: Repeated | None = None
