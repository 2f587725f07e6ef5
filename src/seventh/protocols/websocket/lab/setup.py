"""How WebSocket's reference server is configured."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec

from seventh.labkit.web.handler import Answer, Pipe
from seventh.labkit.web.peer import H1Setup
from seventh.labkit.web.serve import TcpVersion

HOST = "127.0.0.1"
MAX_BYTES = 128 * 1024
MAX_PER_SECOND = 100
OptionValues = Mapping[str, str | float | int | tuple[str, ...]]
Tunnel = Callable[[Pipe], Awaitable[None]]


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How the server behaves; the defaults are a correct one. ``options`` are for its check."""

    origins: Literal["own", "any", "none"] = "own"
    """The origins that it accepts; ``none`` accepts only clients without Origin."""
    cookie: bool = False
    """Whether its response sets a cookie."""
    answers: Answer | None = None
    """The response to every request."""
    accept: Literal["right", "wrong", "missing"] = "right"
    upgrade: str = ""
    """Another value of the response's Upgrade."""
    subprotocol: str = ""
    """The subprotocol that it chooses, whatever is offered."""
    extension: str = ""
    """The extension that it enables, whatever is offered."""
    version: Literal["listed", "unlisted", "any"] = "listed"
    """How it treats other versions: refused with or without a list, or accepted."""
    deflate: Literal["forgets", "keeps"] = "forgets"
    declares: bool = True
    """Whether it declares its limits."""
    continues: bool = False
    """Whether it sends 100 Continue before its response."""
    expect_seconds: float = 0.0
    """The delay of its response to a request with Expect."""
    expires: bool = True
    """Whether a socket closes when its token expires."""
    pongs: bool = True
    ping_seconds: float | None = 0.2
    idle_seconds: float | None = None
    """The idle time after which it ends the connection without a close frame."""
    max_bytes: int | None = MAX_BYTES
    drops_long: bool = False
    """Whether a message over the limit ends the connection without a close frame."""
    max_per_second: int | None = MAX_PER_SECOND
    closing: Literal["echo", "no-code", "drop"] = "echo"
    broadcast_seconds: float = 0.0
    loses: int = 0
    """n if every n-th socket gets no broadcasts."""
    waits: bool = True
    """Whether it waits for slow readers; otherwise it buffers without limit."""
    tunnel: Tunnel | None = None
    """What serves a socket after the handshake, instead of the hub."""

    # -- the server around the hub
    secure: bool = False
    versions: tuple[TcpVersion, ...] = ("2", "1.1")
    h2: H1Setup | None = None
    h3: bool = False
    path: str = "/hub"
    token_seconds: float | None = None
    """The lifetime of the check's token."""
    proxy: bool = False
    """Whether a proxy in front of it removes the upgrade; --direct then names the hub."""
    host: str = HOST
    options: OptionValues = {}
