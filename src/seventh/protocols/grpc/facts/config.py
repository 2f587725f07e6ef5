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


class ProxiedCalls(msgspec.Struct, frozen=True, kw_only=True):
    """How a proxy's configuration forwards the calls of one place; None is "not this view's"."""

    product: str
    place: str = ""
    """The route, location or cluster, as the file names it."""
    in_clear: bool | None = None
    """Whether clients beyond this machine are served without TLS."""
    front_h2: bool | None = None
    """Whether clients get HTTP/2."""
    backend_h2: bool | None = None
    """Whether requests to the backend are HTTP/2."""
    total_seconds: float | None = None
    """How long a call may take, however busy it is; 0 is no limit."""
    idle_seconds: float | None = None
    """How long a call may be silent; 0 is no limit."""
    status_replaced: bool | None = None
    """Whether errors of the proxy become a reply with status 200 and without grpc-status."""
    web: bool | None = None
    """Whether gRPC-Web of browsers is translated; None where the file does not try."""
    cors: bool | None = None
    """Whether pages of other origins may use it."""
    admin_open: bool | None = None
    """Whether the proxy's administration is open to other machines."""
