"""What the WebSocket room learns. The values of credentials never stand here."""

from __future__ import annotations

from typing import Literal

import msgspec

from seventh.model.facts import Facts
from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.protocols.websocket.facts_live import (
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
    server: str = ""
    """The Server field, cleaned."""
    via: str = ""
    """Proxies that name themselves: Via, and fields that only they write."""
    versions: tuple[str, ...] = ()
    """Sec-WebSocket-Version of the response."""
    asks_upgrade: bool = False
    """Whether a refusal says with its own Upgrade field that it wants a WebSocket."""
    location: str = ""
    """Of a redirect: scheme and host alone."""
    detail: str = ""
    """Why it failed, or the beginning of what a refusal says."""

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


class Tunnelled(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a WebSocket runs inside HTTP/2 (RFC 8441) or HTTP/3 (RFC 9220)."""

    spoken: bool | None = None
    """Whether the server speaks that version of HTTP on this port at all."""
    enabled: bool | None = None
    """Whether it announces SETTINGS_ENABLE_CONNECT_PROTOCOL."""
    handshake: Handshake | None = None
    ping_seconds: float | None = None
    detail: str = ""


class WebSocketFacts(Facts, frozen=True, kw_only=True):
    """One WebSocket endpoint."""

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
    sets_cookie: bool | None = None
    """Whether the server's answer set one."""
    subprotocols_offered: tuple[str, ...] = ()

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
    pings: tuple[float, ...] = ()
    """Each pong's delay in seconds."""
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
    close_sent: bool | None = None
    close_code: int | None = None
    """What the server's close frame says; None where it has no code or none came."""
    close_frame: bool | None = None
    """Whether the server answered our close frame with one."""
    close_ended: bool | None = None
    """Whether the server then ended the connection, as it should do first (RFC 6455 §7.1.1)."""
    close_seconds: float | None = None
    open_sockets: int | None = None
    """The most that stood open at once."""

    # -- further handshakes
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
    unlearnt: tuple[str, ...] = ()
    """Steps that were left out or broke off, and why."""

    @property
    def fanout_p50_seconds(self) -> float | None:
        """To the receiver in the middle."""
        return self.fanout.p50_seconds if self.fanout is not None else None

    @property
    def fanout_p95_seconds(self) -> float | None:
        """To all but the last twentieth of the receivers."""
        return self.fanout.p95_seconds if self.fanout is not None else None

    @property
    def fanout_max_seconds(self) -> float | None:
        """To the last receiver."""
        return self.fanout.max_seconds if self.fanout is not None else None

    @property
    def fanout_ratio(self) -> float | None:
        """Receivers reached for each that should have been."""
        return self.fanout.ratio if self.fanout is not None else None


__all__ = [
    "Backpressure",
    "Burst",
    "Fanout",
    "Handshake",
    "Hold",
    "LongMessage",
    "Token",
    "Tunnelled",
    "Violation",
    "WebSocketFacts",
]
