"""The facts of a gRPC server. They never hold the value of a credential or a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec

from seventh.model.facts import Facts
from seventh.model.product import product_of
from seventh.protocols.grpc.facts.calls import Big, Called, Held, Paused, Spread
from seventh.protocols.grpc.facts.config import ProxiedCalls, ServiceConfig
from seventh.protocols.grpc.facts.schema import Change

SERVING = "SERVING"
MIN_METADATA_BYTES = 8192
"""The metadata that a server should accept (gRPC over HTTP/2 recommends at least 8 KiB)."""
SENT_METADATA_BYTES = 7168
"""What a call is tried with: proxies on its path add fields of their own."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one call."""

    SHOWN: ClassVar = ("code", "message", "origin", "http_status", "seconds")

    code: str
    """The name of the status, such as ``UNIMPLEMENTED``."""
    message: str = ""
    origin: Literal["trailers", "trailers-only", "http", "reset", "client"] = "trailers"
    """Where the status comes from: ``http`` and ``reset`` stand for a missing one, ``client`` for
    a deadline of ours."""
    http_status: int = 200
    seconds: float | None = None
    """From the request to the first byte of the response."""

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.code == "OK"

    @property
    def of_server(self) -> bool:
        """Whether the server sent this status, and no proxy or transport stands in for it."""
        return self.origin in {"trailers", "trailers-only"}

    @property
    def absent(self) -> bool:
        """Whether the method does not exist there."""
        return self.code == "UNIMPLEMENTED" and self.of_server


class Foreign(msgspec.Struct, frozen=True, kw_only=True):
    """A response that is not gRPC."""

    SHOWN: ClassVar = ("http_status", "content_type", "server")

    http_status: int
    content_type: str = ""
    server: str = ""
    """Its Server and Via fields."""
    detail: str = ""
    """The beginning of its body."""


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """The call Watch of health checking with a deadline."""

    SHOWN: ClassVar = ("serving", "first_message_seconds", "ended_seconds", "code", "origin")

    deadline_seconds: float
    serving: str = ""
    """The first status; empty if there was none."""
    first_message_seconds: float | None = None
    ended_seconds: float | None = None
    """When it ended, from its beginning; None if this client had to cancel it."""
    waited_seconds: float = 0.0
    """How long its end was awaited."""
    code: str = ""
    """How it ended: the name of its status; empty if it did not."""
    origin: str = ""
    detail: str = ""

    @property
    def absent(self) -> bool:
        """Whether the method does not exist there."""
        return self.code == "UNIMPLEMENTED" and self.origin != "http"

    @property
    def streams(self) -> bool:
        """Whether it sent a status and stayed open."""
        early = self.ended_seconds is not None and self.ended_seconds < self.deadline_seconds * 0.9
        return bool(self.serving) and not early


class GrpcFacts(Facts, frozen=True, kw_only=True):
    """What the server showed."""

    ROOM: ClassVar[str] = "grpc"

    secure: bool | None = None
    reach: Literal["loopback", "private", "public"] | None = None
    """From where its address can be reached."""
    authenticated: bool = False
    """Whether calls have a credential."""
    alpn: str | None = None
    """The protocol that the server selected in TLS; empty if none."""
    http: Literal["2", "1.1", "refused", "other"] | None = None
    """The version of HTTP; ``refused``: TLS ended because only h2 was offered; ``other``: neither
    version."""
    http_detail: str = ""
    settings: Mapping[str, int] | None = None
    """The server's SETTINGS by name, without defaults."""
    connection_window_bytes: int | None = None
    """What we may send on the whole connection before the server enlarges it."""
    settings_seconds: float | None = None
    ping_seconds: float | None = None
    goaway: str = ""
    """The GOAWAY that ended a connection of ours, if one did."""
    foreign: Foreign | None = None
    """The first response that is not gRPC."""
    misleading: Answer | None = None
    """A response whose HTTP status and gRPC status contradict each other."""
    server: str = ""
    """The Server field of the first response."""
    service: str = ""
    """The service whose health is checked; empty is the server as a whole."""
    health: Answer | None = None
    serving: str = ""
    """The status of Check; empty if it gave none."""
    ttfb_seconds: float | None = None
    watch: Watch | None = None
    listed: Answer | None = None
    statuses: Mapping[str, str] | None = None
    """The health of each service, from List."""
    reflection_v1: Answer | None = None
    reflection_v1alpha: Answer | None = None
    services: tuple[str, ...] | None = None
    """The services that reflection names."""
    channelz: Answer | None = None
    csds: Answer | None = None
    unknown_method: Answer | None = None
    """The answer to a method that does not exist."""
    metadata: Answer | None = None
    """The answer to a call with SENT_METADATA_BYTES of metadata."""
    accepted_encodings: tuple[str, ...] | None = None
    """What the server announces that it can decompress."""
    compressed: Answer | None = None
    """The answer to a request compressed with gzip."""
    pushback: str | None = None
    """grpc-retry-pushback-ms, the first that was sent."""
    service_config: tuple[str, ...] | None = None
    """The TXT records of ``_grpc_config`` of the name."""
    client_config: ServiceConfig | None = None
    """What a service config tells clients, or one entry of its ``methodConfig``."""
    proxied: ProxiedCalls | None = None
    """What a proxy's configuration does to the calls of one place."""
    drift: tuple[Change, ...] | None = None
    """What changed since the schema that it was compared with."""
    called: Called | None = None
    """The calls of ``--call``."""
    paused: Paused | None = None
    big: Big | None = None
    spread: Spread | None = None
    held: Held | None = None
    streams: int | None = None
    """The most streams that this check had open at once."""
    unknown: Mapping[str, str] = {}
    """What could not be learnt, and why."""

    @property
    def max_concurrent_streams(self) -> int | None:
        """The streams that the server allows at once; None without a limit, or if unknown."""
        return (self.settings or {}).get("MAX_CONCURRENT_STREAMS")

    @property
    def window_bytes(self) -> int | None:
        """What a new stream may send before the server enlarges a window."""
        if self.settings is None or self.connection_window_bytes is None:
            return None
        return min(self.settings.get("INITIAL_WINDOW_SIZE", 65535), self.connection_window_bytes)

    @property
    def is_serving(self) -> bool | None:
        """Whether Check says SERVING; None if it says nothing."""
        return self.serving == SERVING if self.serving else None

    @property
    def attempts(self) -> Mapping[str, int] | None:
        """The attempts of ``--call`` by kind."""
        return None if self.called is None else self.called.attempts

    @property
    def product(self) -> str:
        """The server software, from the Server field."""
        return product_of(self.server)

    @property
    def undecided(self) -> str:
        """Nothing: what was not learnt skips its rules."""
        return ""


__all__ = [
    "MIN_METADATA_BYTES", "SENT_METADATA_BYTES", "SERVING", "Answer", "Big", "Called", "Foreign",
    "GrpcFacts", "Held",
    "Paused", "Spread", "Watch",
]  # fmt: skip
