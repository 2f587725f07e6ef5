"""What the WebSocket room learns. The values of credentials never stand here."""

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
    Token,
    Violation,
)

Outcome = Literal["open", "refused", "failed"]
"""``open``: the protocol was switched; ``refused``: an HTTP answer; ``failed``: neither."""


class Handshake(msgspec.Struct, frozen=True, kw_only=True):
    """One handshake: what was answered."""

    SHOWN: ClassVar = ("outcome", "status", "subprotocol", "extensions", "foreign_subprotocol",
                       "foreign_extensions", "problems", "oddities", "server", "via", "location",
                       "wants", "retry_after")  # fmt: skip

    outcome: Outcome
    status: int | None = None
    version: str = ""
    """Of HTTP."""
    seconds: float | None = None
    """From the request to the end of the response's head."""
    accept: Literal["right", "wrong", "missing", "not-used"] | None = None
    """Sec-WebSocket-Accept; ``not-used`` over HTTP/2 and HTTP/3."""
    subprotocol: str | None = None
    foreign_subprotocol: str | None = None
    """Chosen without having been offered."""
    extensions: tuple[str, ...] = ()
    foreign_extensions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """What else breaks the letter of the standard."""
    oddities: tuple[str, ...] = ()
    """What the standard forbids or browsers refuse, though a client may go on."""
    server: str = ""
    """The Server field, cleaned."""
    via: str = ""
    """Proxies that name themselves: Via, and fields that only they write."""
    versions: tuple[str, ...] = ()
    """Sec-WebSocket-Version of the response."""
    asks_upgrade: bool = False
    """Whether a refusal says with its own Upgrade field that it wants a WebSocket."""
    location: str = ""
    """Of a redirect: scheme and host, or the path; never the query. It is not followed."""
    wants: str = ""
    """The schemes of WWW-Authenticate or Proxy-Authenticate."""
    retry_after: str = ""
    """Retry-After of a refusal: seconds, or a date."""
    detail: str = ""
    """Why it failed, or the beginning of what a refusal says."""

    @property
    def refused_by_envoy(self) -> bool:
        """Whether Envoy itself, and nobody behind it, refused with the 403 that says nothing."""
        return (
            self.status == 403
            and self.server.lower() == "envoy"
            and "x-envoy-upstream-service-time" not in self.via
            and not self.detail
        )

    @property
    def sound(self) -> bool:
        """Whether it opened as the standard says."""
        return (
            self.outcome == "open"
            and self.accept in {"right", "not-used"}
            and self.foreign_subprotocol is None
            and not self.foreign_extensions
            and not self.problems
        )

    @property
    def breaches(self) -> tuple[str, ...]:
        """What is wrong with a switch of protocols, one clause each."""
        said: list[str] = []
        if self.accept in {"wrong", "missing"}:
            said.append(f"Sec-WebSocket-Accept is {self.accept}")
        if self.foreign_subprotocol is not None:
            said.append(f"the subprotocol {self.foreign_subprotocol} was not offered")
        said += [f"the extension {text} was not offered so" for text in self.foreign_extensions]
        return (*said, *self.problems)


class Tunnelled(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a WebSocket runs inside HTTP/2 (RFC 8441) or HTTP/3 (RFC 9220)."""

    SHOWN: ClassVar = ("spoken", "enabled", "status", "extensions", "ping_seconds", "detail")

    spoken: bool | None = None
    """Whether the server speaks that version of HTTP on this port at all."""
    enabled: bool | None = None
    """Whether it announces SETTINGS_ENABLE_CONNECT_PROTOCOL."""
    handshake: Handshake | None = None
    ping_seconds: float | None = None
    detail: str = ""

    @property
    def status(self) -> int | None:
        """Of the answer to the extended CONNECT."""
        return self.handshake.status if self.handshake is not None else None

    @property
    def extensions(self) -> tuple[str, ...]:
        """What was agreed on."""
        return self.handshake.extensions if self.handshake is not None else ()


class WebSocketFacts(Facts, frozen=True, kw_only=True):
    """One WebSocket endpoint."""

    ROOM: ClassVar[str] = "websocket"
    LINES: ClassVar[tuple[str, ...]] = ("unlearnt",)

    # -- the first handshake
    handshake: Handshake | None = None
    upgrade_seconds: float | None = None
    no_context_takeover: bool | None = None
    """permessage-deflate: whether the server forgets its window after each message; None where
    compression was not agreed on."""
    continued: int | None = None
    """How many ``100 Continue`` came although nobody had expected one."""

    # -- on the open socket
    pings_sent: int | None = None
    pings_seconds: tuple[float, ...] = ()
    """Each pong's delay."""
    ping_seconds: float | None = None
    """Their median."""
    pong_wait_seconds: float | None = None
    """How long an unanswered ping was waited for."""
    closed_on_ping: bool | None = None
    """Whether the server ended the socket instead of answering."""
    limits_declared: tuple[str, ...] | None = None
    """Where the server tells its limits: fields of the response, or its first message."""
    greeting_bytes: int | None = None
    """The size of what the server says unasked, 0 where it says nothing."""
    greeting_seconds: float | None = None
    """From the handshake's answer to that first message."""
    close_sent: bool | None = None
    closed_by: Literal["us", "server"] | None = None
    """Who sent the first close frame, or ended the connection without one."""
    close_code: int | None = None
    """What the server's close frame says; None where it has no code or none came."""
    close_reason: str = ""
    """Its reason, cleaned."""
    close_frame: bool | None = None
    """Whether the server answered our close frame with one."""
    close_ended: bool | None = None
    """Whether the server then ended the connection, as it should do first (RFC 6455 §7.1.1)."""
    close_seconds: float | None = None
    open_sockets: int | None = None
    """The most that stood open at once."""

    # -- further handshakes
    own_origin: Handshake | None = None
    """The refusal of the target's own site as Origin, where a handshake without one opened then."""
    foreign_origin: Handshake | None = None
    foreign_origin_sent: str = ""
    wrong_version: Handshake | None = None
    no_upgrade: Handshake | None = None
    """The answer to a GET that asks for no upgrade."""
    expecting: Handshake | None = None
    """The answer to a handshake with ``Expect: 100-continue``."""
    direct: Handshake | None = None
    """The answer of the server behind the proxy (--direct)."""
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
    """What a proxy's configuration file does to the handshake, where that was judged."""

    # -- how it was asked
    secure: bool | None = None
    """wss."""
    reach: Literal["loopback", "private", "public"] | None = None
    """How far the address that was talked to reaches."""
    credential_parameters: tuple[str, ...] | None = None
    """Names of parameters in the target's URL that carry a credential; never their values."""
    origin: str | None = None
    """What was sent as Origin."""
    sends_cookie: bool | None = None
    """Whether the handshake sent a cookie."""
    ambient: tuple[str, ...] = ()
    """What else goes along that a browser sends by itself and that names a user."""
    sets_cookie: bool | None = None
    """Whether the server's answer set one that may name a user."""
    subprotocols_offered: tuple[str, ...] = ()
    unknown: Mapping[str, str] = msgspec.field(default={}, name="unlearnt")
    """Steps that were left out or broke off, and why."""

    def drawings(self) -> tuple[Drawing, ...]:
        """Return the fan-out as a curve, and what became of silent sockets."""
        drawn = (
            self.fanout.drawing() if self.fanout is not None else None,
            self.hold.drawing() if self.hold is not None else None,
        )
        return tuple(drawing for drawing in drawn if drawing is not None)

    @property
    def product(self) -> str:
        """The software that the handshake's Server field names."""
        return product_of(self.handshake.server) if self.handshake is not None else ""

    @property
    def fanout_seconds(self) -> dict[str, float] | None:
        """By the share of the deliveries that had arrived by then."""
        return self.fanout.quantiles if self.fanout is not None else None

    @property
    def fanout_ratio(self) -> float | None:
        """Receivers reached for each that should have been."""
        return self.fanout.ratio if self.fanout is not None else None
