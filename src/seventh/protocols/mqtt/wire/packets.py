"""The packets of MQTT 3.1.1 and 5 as values; those of 3.1.1 have no properties."""

from __future__ import annotations

from typing import Literal

import msgspec

from seventh.protocols.mqtt.wire.properties import NONE, Properties
from seventh.protocols.mqtt.wire.reasons import Code

Version = Literal[4, 5]
"""The protocol level: 4 is 3.1.1."""


class Will(msgspec.Struct, frozen=True, kw_only=True):
    """The message that a broker publishes when a connection ends without DISCONNECT."""

    topic: str
    payload: bytes = b""
    qos: int = 0
    retain: bool = False
    properties: Properties = NONE


class Connect(msgspec.Struct, frozen=True, kw_only=True):
    """The first packet of a client (§3.1)."""

    client_id: str
    version: Version = 5
    clean_start: bool = True
    keepalive_seconds: int = 0
    user: str | None = None
    password: bytes | None = None
    will: Will | None = None
    properties: Properties = NONE


class Connack(msgspec.Struct, frozen=True, kw_only=True):
    """The broker's reply to it (§3.2)."""

    code: Code = Code.SUCCESS
    session_present: bool = False
    properties: Properties = NONE


class Publish(msgspec.Struct, frozen=True, kw_only=True):
    """A message (§3.3)."""

    topic: str
    payload: bytes = b""
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int | None = None
    """None with QoS 0."""
    properties: Properties = NONE


class _Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    packet_id: int
    code: Code = Code.SUCCESS
    properties: Properties = NONE


class Puback(_Acknowledgement, frozen=True, kw_only=True):
    """The end of QoS 1 (§3.4)."""


class Pubrec(_Acknowledgement, frozen=True, kw_only=True):
    """The first reply of QoS 2 (§3.5)."""


class Pubrel(_Acknowledgement, frozen=True, kw_only=True):
    """The sender's release of a packet id (§3.6)."""


class Pubcomp(_Acknowledgement, frozen=True, kw_only=True):
    """The end of QoS 2 (§3.7)."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """One filter and its options (§3.8.3.1); 3.1.1 has the QoS alone."""

    filter: str
    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0


class Subscribe(msgspec.Struct, frozen=True, kw_only=True):
    """A request for messages (§3.8)."""

    packet_id: int
    subscriptions: tuple[Subscription, ...]
    properties: Properties = NONE


class Suback(msgspec.Struct, frozen=True, kw_only=True):
    """The broker's reply to it, a code for each filter (§3.9)."""

    packet_id: int
    codes: tuple[Code, ...]
    properties: Properties = NONE


class Unsubscribe(msgspec.Struct, frozen=True, kw_only=True):
    """The end of subscriptions (§3.10)."""

    packet_id: int
    filters: tuple[str, ...]
    properties: Properties = NONE


class Unsuback(msgspec.Struct, frozen=True, kw_only=True):
    """The broker's reply to it (§3.11); 3.1.1 has no codes."""

    packet_id: int
    codes: tuple[Code, ...] = ()
    properties: Properties = NONE


class Pingreq(msgspec.Struct, frozen=True):
    """A client's sign of life (§3.12)."""


class Pingresp(msgspec.Struct, frozen=True):
    """The broker's reply to it (§3.13)."""


class Disconnect(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a connection (§3.14); of 3.1.1, only a client sends it, without a code."""

    code: Code = Code.SUCCESS
    properties: Properties = NONE


class Auth(msgspec.Struct, frozen=True, kw_only=True):
    """A step of an extended authentication, of version 5 (§3.15)."""

    code: Code = Code.SUCCESS
    properties: Properties = NONE


Acknowledgement = Puback | Pubrec | Pubrel | Pubcomp
Packet = (
    Connect | Connack | Publish | Acknowledgement | Subscribe | Suback | Unsubscribe | Unsuback
    | Pingreq | Pingresp | Disconnect | Auth
)  # fmt: skip
