"""How MQTT's reference broker is configured."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec

from seventh.labkit.web.peer import Peer
from seventh.protocols.mqtt.wire.packets import Version
from seventh.protocols.mqtt.wire.reasons import Code

HOST = "127.0.0.1"
USER, PASSWORD = "lab", "lab-Passw0rd"
OptionValues = Mapping[str, str | float | int | tuple[str, ...]]
Hostile = Callable[[Peer], Awaitable[None]]


Flaw = Literal[
    "grants-qos-1", "no-puback", "no-pubcomp", "delivers-twice", "reorders", "loses",
    "forgets-session", "drops-offline", "delivers-expired", "retains-nothing", "retains-for-ever",
    "retains-twice", "no-will", "will-after-disconnect", "keeps-silent-clients",
    "keeps-other-client", "taken-by-anybody", "denies-silently", "shares-with-all", "forgets-alias",
]  # fmt: skip
"""What the broker does wrong with messages and sessions."""


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """The filters of topics that a user may read and write."""

    read: tuple[str, ...] = ("#", "$SYS/#")
    write: tuple[str, ...] = ("#",)


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How the broker behaves; the defaults are a correct one. ``options`` are for its check."""

    host: str = HOST
    secure: bool = True
    websocket: bool = False
    subprotocol: bool = True
    """Whether a WebSocket handshake chooses the subprotocol ``mqtt``."""
    certificates: Literal["none", "optional", "required"] = "none"
    """Whether TLS requests client certificates."""
    versions: tuple[Version, ...] = (5, 4)
    closes_unsupported: bool = False
    """Whether another version gets no CONNACK."""
    anonymous: bool = False
    users: Mapping[str, str] = msgspec.field(default_factory=lambda: {USER: PASSWORD})
    rights: Mapping[str, Rights] = {}
    """By user, where they are less than all; the user of an anonymous client is empty."""
    receive_maximum: int | None = 20
    maximum_packet_bytes: int | None = 1024 * 1024
    session_seconds: int | None = 86_400
    """The longest session that it keeps; None is no limit."""
    topic_alias_maximum: int = 10
    max_queued: int = 1000
    """The messages that wait for a client; the oldest is dropped for one more."""
    keep_alive_seconds: int | None = None
    """The keep alive that replaces the client's."""
    maximum_qos: int = 2
    retain_available: bool = True
    system: Mapping[str, bytes] = {}
    """What it retains about itself."""
    flaws: frozenset[Flaw] = frozenset()
    refusal: Code | None = None
    """The code with which it refuses everybody."""
    server_reference: str | None = None
    hostile: Hostile | None = None
    """What serves each connection, instead of the broker."""
    logs_in: bool = True
    """Whether the check has the user name and password."""
    password: str = PASSWORD
    """The password that the check has."""
    token_seconds: float | None = None
    """The lifetime of the check's token, which it has instead of a password."""
    auth_method: str | None = None
    """The authentication method of MQTT 5 that takes the token, after one AUTH."""
    expires: bool = True
    """Whether a connection ends with its token."""
    pair: Literal["bridged", "alone"] | None = None
    """Whether there is a second broker, and whether it has the messages of this one."""
    options: OptionValues = {}


OWN = "seventh/#"
"""The topics of the check."""
LIMITED = Setup(
    system={"$SYS/broker/version": b"lab", "$SYS/broker/messages/stored": b"3"},
    rights={USER: Rights(read=(OWN,), write=(OWN,)), "": Rights(read=(OWN,), write=(OWN,))},
    pair="bridged",
    options={"allow_write": True, "timeout_seconds": 20.0},
)  # fmt: skip
"""A correct broker, and a check that publishes on it."""
