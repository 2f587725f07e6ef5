"""What a broker's configuration file decides."""

from __future__ import annotations

from typing import Literal

import msgspec


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that a bridge sends back to where they came from."""

    how: Literal["public", "twice"]
    """``public``: try_private is off for topics of both directions; ``twice``: two connections to
    one broker, of which one sends what the other receives."""
    connection: str
    topic: str
    other: str = ""
    """The second connection."""


class MqttConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one listener, or those of the broker; None is "not this view's"."""

    product: str
    listener: str = ""
    """Its line, such as ``listener 1883``; empty for the broker as a whole."""
    loopback_line: str = ""
    """The line that would bind it to this machine alone."""
    secure: bool | None = None
    websocket: bool = False
    reach: Literal["loopback", "private", "public"] | None = None
    anonymous: bool | None = None
    """Whether a client without a credential is accepted."""
    has_logins: bool = False
    """Whether there is a password file or a plugin."""
    client_certificate: Literal["not-requested", "optional", "required"] | None = None
    identity: bool = False
    """Whether the certificate is the user's name."""
    has_crl: bool | None = None
    sessions_end: bool | None = None
    """Whether sessions of clients that do not return are ended."""
    packets_limited: bool | None = None
    loops: tuple[Loop, ...] | None = None
    """None where there is no bridge."""
