"""The facts of a WebSocket endpoint. They never hold the value of a credential."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec

from seventh.model.drawing import Drawing
from seventh.model.facts import Facts
from seventh.model.product import product_of
from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.protocols.websocket.facts.live import (
    Backpressure,
    Burst,
    Fanout,
    Hold,
    LongMessage,
    Reply,
    Token,
    Violation,
)
from seventh.protocols.websocket.facts.local import SocketLocalFacts

Outcome = Literal["open", "refused", "failed"]
"""``open``: the protocol was switched; ``refused``: an HTTP response; ``failed``: neither."""
Ambient = Literal["http-authentication", "client-certificate"]


class Handshake(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one handshake."""

    SHOWN: ClassVar = ("outcome", "status", "subprotocol", "extensions", "foreign_subprotocol",
                       "foreign_extensions", "problems", "oddities", "server", "via", "location",
                       "wants", "retry_after")  # fmt: skip

    outcome: Outcome
    status: int | None = None
    version: str = ""
    """The version of HTTP."""
    seconds: float | None = None
    """The time from the request to the response."""
    accept: Literal["right", "wrong", "missing", "not-used"] | None = None
    """Sec-WebSocket-Accept; ``not-used`` over HTTP/2 and HTTP/3."""
    subprotocol: str | None = None
    foreign_subprotocol: str | None = None
    """One that was chosen and not offered."""
    extensions: tuple[str, ...] = ()
    foreign_extensions: tuple[str, ...] = ()
    """Those that were not offered, or not with these parameters."""
    problems: tuple[str, ...] = ()
    """Other violations for which a client must fail the connection (RFC 6455 §4.1)."""
    oddities: tuple[str, ...] = ()
    """Violations after which a client may continue, and what browsers refuse."""
    server: str = ""
    """The Server field, printable."""
    via: str = ""
    """Proxies that identify themselves: Via, and fields that only proxies send."""
    versions: tuple[str, ...] = ()
    """Sec-WebSocket-Version of the response."""
    asks_upgrade: bool = False
    """Whether a refusal has an Upgrade field that names WebSocket."""
    location: str = ""
    """A redirect's scheme and host, or its path; never the query. It is not followed."""
    wants: str = ""
    """The schemes of WWW-Authenticate or Proxy-Authenticate."""
    retry_after: str = ""
    """Retry-After of a refusal: seconds, or a date."""
    detail: str = ""
    """Why it failed, or the beginning of a refusal's content."""

    @property
    def refused_by_envoy(self) -> bool:
        """Whether Envoy itself, not its upstream, refused with an empty 403."""
        return (
            self.status == 403
            and self.server.lower() == "envoy"
            and "x-envoy-upstream-service-time" not in self.via
            and not self.detail
        )

    @property
    def sound(self) -> bool:
        """Whether a client may continue (RFC 6455 §4.1); otherwise it must fail the connection."""
        return (
            self.outcome == "open"
            and self.accept in {"right", "not-used"}
            and self.foreign_subprotocol is None
            and not self.foreign_extensions
            and not self.problems
        )

    @property
    def breaches(self) -> tuple[str, ...]:
        """Why a client must fail the connection, one clause each."""
        found: list[str] = []
        if self.accept in {"wrong", "missing"}:
            found.append(f"Sec-WebSocket-Accept is {self.accept}")
        if self.foreign_subprotocol is not None:
            found.append(f"the subprotocol {self.foreign_subprotocol} was not offered")
        found += [f"the extension {text} was not offered" for text in self.foreign_extensions]
        return (*found, *self.problems)


class Tunnelled(msgspec.Struct, frozen=True, kw_only=True):
    """A WebSocket over HTTP/2 (RFC 8441) or HTTP/3 (RFC 9220)."""

    SHOWN: ClassVar = ("spoken", "enabled", "status", "extensions", "ping_seconds", "detail")

    spoken: bool | None = None
    """Whether the server supports that version of HTTP on this port."""
    enabled: bool | None = None
    """Whether it announces SETTINGS_ENABLE_CONNECT_PROTOCOL = 1."""
    handshake: Handshake | None = None
    ping_seconds: float | None = None
    detail: str = ""

    @property
    def status(self) -> int | None:
        """The status of the response to extended CONNECT."""
        return self.handshake.status if self.handshake is not None else None

    @property
    def extensions(self) -> tuple[str, ...]:
        """The extensions in use."""
        return self.handshake.extensions if self.handshake is not None else ()


class WebSocketFacts(Facts, frozen=True, kw_only=True):
    """One WebSocket endpoint."""

    ROOM: ClassVar[str] = "websocket"
    LINES: ClassVar[tuple[str, ...]] = ("unlearnt",)

    # -- the first handshake
    handshake: Handshake | None = None
    upgrade_seconds: float | None = None
    no_context_takeover: bool | None = None
    """Whether the server resets its compressor after each message; None without compression."""
    continued: int | None = None
    """The number of ``100 Continue`` responses to a request without Expect."""

    # -- on the open socket
    pings_sent: int | None = None
    pings_seconds: tuple[float, ...] = ()
    """The delay of each pong."""
    ping_seconds: float | None = None
    """Their median."""
    pong_wait_seconds: float | None = None
    """How long the pong was awaited that did not arrive."""
    closed_on_ping: bool | None = None
    """Whether the server closed the socket instead of answering."""
    limits_declared: tuple[str, ...] | None = None
    """Where the server declares its limits: fields of the response, or its first message."""
    greeting_bytes: int | None = None
    """The size of the message that the server sends first; 0 if it sends none."""
    greeting_seconds: float | None = None
    """The time from the handshake's response to that message."""
    reply: Reply | None = None
    """The message that the user expects (--send, --expect)."""
    close_sent: bool | None = None
    closed_by: Literal["us", "server"] | None = None
    """The side that sent the first close frame, or closed the connection without one."""
    close_code: int | None = None
    """The code of the server's close frame; None without a code or a close frame."""
    close_reason: str = ""
    """Its reason, printable."""
    close_frame: bool | None = None
    """Whether the server answered our close frame with one."""
    close_ended: bool | None = None
    """Whether the server then closed the connection, as it should do first (RFC 6455 §7.1.1)."""
    close_seconds: float | None = None
    open_sockets: int | None = None
    """The most sockets open at once."""

    # -- further handshakes
    own_origin: Handshake | None = None
    """The refusal of the target's own origin, if a handshake without Origin opened afterwards."""
    foreign_origin: Handshake | None = None
    foreign_origin_sent: str = ""
    wrong_version: Handshake | None = None
    no_upgrade: Handshake | None = None
    """The response to a GET without Upgrade."""
    expecting: Handshake | None = None
    """The response to a handshake with ``Expect: 100-continue``."""
    direct: Handshake | None = None
    """The response of the backend behind the proxy (--direct)."""
    h2: Tunnelled | None = None
    h3: Tunnelled | None = None

    # -- with permission
    token: Token | None = None
    fanout: Fanout | None = None
    violations: tuple[Violation, ...] | None = None
    long_message: LongMessage | None = None
    burst: Burst | None = None
    backpressure: Backpressure | None = None
    hold: Hold | None = None
    proxied: ProxiedUpgrade | None = None
    """How a proxy's configuration file forwards the handshake."""
    local: SocketLocalFacts | None = None
    """The limits of connections, learnt on the machine itself (``seventh local sockets``)."""

    # -- the check itself
    secure: bool | None = None
    """Whether the scheme is wss."""
    reach: Literal["loopback", "private", "public"] | None = None
    """The reach of the address."""
    credential_parameters: tuple[str, ...] | None = None
    """The names of URL parameters that hold a credential; never their values."""
    origin: str | None = None
    """The Origin sent."""
    sends_cookie: bool | None = None
    """Whether the handshake sent a cookie."""
    ambient: tuple[Ambient, ...] = ()
    """Other credentials of the check that browsers send by themselves."""
    sets_cookie: bool | None = None
    """Whether the response set a cookie that may identify a user."""
    subprotocols_offered: tuple[str, ...] = ()
    unknown: Mapping[str, str] = msgspec.field(default={}, name="unlearnt")
    """Steps that were skipped or failed, and why."""

    def drawings(self) -> tuple[Drawing, ...]:
        """Return the fan-out as a curve, and the life of the idle sockets."""
        drawn = [each.drawing() for each in (self.fanout, self.hold) if each is not None]
        return tuple(drawing for drawing in drawn if drawing is not None)

    @property
    def product(self) -> str:
        """The software that the handshake's Server field names."""
        return product_of(self.handshake.server) if self.handshake is not None else ""

    @property
    def fanout_seconds(self) -> dict[str, float] | None:
        """The delivery time by quantile."""
        return self.fanout.quantiles if self.fanout is not None else None

    @property
    def fanout_ratio(self) -> float | None:
        """Deliveries for each that was expected."""
        return self.fanout.ratio if self.fanout is not None else None
