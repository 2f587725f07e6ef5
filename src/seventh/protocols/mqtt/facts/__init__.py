"""The facts of an MQTT broker. They never hold a credential or a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec

from seventh.model.facts import Facts
from seventh.protocols.mqtt.facts.config import MqttConfig
from seventh.protocols.mqtt.facts.live import Live, Paired, Token, Wildcard
from seventh.protocols.mqtt.facts.topics import Topics

BAD_LOGINS = frozenset({0x86, 0x87})
"""The reason codes with which brokers refuse a login, or a client without one."""
UNSUPPORTED_VERSION = 0x84


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The broker's reply to one CONNECT."""

    outcome: Literal["accepted", "refused", "closed"]
    """``closed``: the connection ended without a CONNACK."""
    code: int | None = None
    """The reason code of MQTT 5; the return codes of 3.1.1 are those with the same meaning."""
    seconds: float | None = None
    explanation: str = ""
    """The broker's Reason String."""

    @property
    def needs_login(self) -> bool:
        """Whether the broker refuses the credential, or that there is none."""
        return self.outcome == "refused" and self.code in BAD_LOGINS


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a CONNACK of MQTT 5 states; the defaults are those of the standard (§3.2.2.3)."""

    receive_maximum: int = 65_535
    maximum_packet_bytes: int | None = None
    """None is no limit."""
    maximum_qos: int = 2
    topic_alias_maximum: int = 0
    keep_alive_seconds: int | None = None
    """The keep alive that replaces the client's."""
    retain_available: bool = True
    wildcards_available: bool = True
    subscription_ids_available: bool = True
    shared_available: bool = True


class Upgrade(msgspec.Struct, frozen=True, kw_only=True):
    """The WebSocket handshake around MQTT."""

    outcome: Literal["open", "refused", "invalid"]
    """``invalid``: a 101 without the right Sec-WebSocket-Accept."""
    status: int
    subprotocol: str | None = None


class MqttFacts(Facts, frozen=True, kw_only=True):
    """What the broker showed."""

    ROOM: ClassVar[str] = "mqtt"

    secure: bool | None = None
    websocket: bool | None = None
    reach: Literal["loopback", "private", "public"] | None = None
    """From where its address can be reached."""
    upgrade: Upgrade | None = None
    client_certificate: Literal["not-requested", "optional", "required", "given"] | None = None
    """What TLS asks of clients."""
    v5: Reply | None = None
    """Its reply to MQTT 5 without a user name and password …"""
    v311: Reply | None = None
    """… and to MQTT 3.1.1."""
    login: Reply | None = None
    """Its reply to the user name and password."""
    login_version: Literal["5", "3.1.1"] | None = None
    withheld: Literal["no-tls", "certificate", "no-credential", "no-v5"] | None = None
    """Why the credential was not sent."""
    connack_seconds: float | None = None
    ping_seconds: float | None = None
    broker_limits: Limits | None = None
    server_reference: str = ""
    """Another server that the broker names."""
    endless: Reply | None = None
    """Its reply to a session that never expires."""
    endless_seconds: int | None = None
    """The expiry that the broker sets instead; None if it states none."""
    config: MqttConfig | None = None
    """What a configuration file decides."""
    topics: Topics | None = None
    """The design of the topics that are in use, or that a file names."""
    live: Live | None = None
    """What subscribing and publishing showed."""
    system: Wildcard | None = None
    """The subscription to ``$SYS/#`` …"""
    everything: Wildcard | None = None
    """… and to ``#``."""
    pair: Paired | None = None
    token: Token | None = None
    unknown: Mapping[str, str] = {}
    """What could not be learnt, and why."""

    @property
    def replies(self) -> tuple[Reply, ...]:
        """The replies to clients without a credential."""
        return tuple(reply for reply in (self.v5, self.v311) if reply is not None)

    @property
    def anonymous(self) -> bool | None:
        """Whether a client without user name and password is accepted."""
        if any(reply.outcome == "accepted" for reply in self.replies):
            return True
        return False if any(reply.needs_login for reply in self.replies) else None

    @property
    def accepts_login(self) -> bool:
        """Whether the broker accepted the user name and password."""
        return self.login is not None and self.login.outcome == "accepted"
