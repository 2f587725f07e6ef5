"""What the steps showed that subscribe and publish, on a random topic of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

KEEP_ALIVE_GRACE_SECONDS = 6.0
"""How much later than after 1.5 intervals a broker may notice a silent client: some look for them
every 5 s."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One message, from PUBLISH to its acknowledgements and to its subscriber."""

    qos: int
    missing: Literal["puback", "pubrec", "pubcomp", "message", "connection"] | None = None
    """What did not come; ``connection``: the broker ended it."""
    code: int | None = None
    """The reason code of PUBACK or PUBREC."""
    puback_seconds: float | None = None
    pubrec_seconds: float | None = None
    pubcomp_seconds: float | None = None
    """The time from PUBREL."""
    deliver_seconds: float | None = None
    """The time from PUBLISH to the subscriber."""
    delivered_qos: int | None = None


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that were sent at once on one topic, with QoS 1."""

    sent: int
    received: int
    """Without repetitions."""
    misplaced: int
    """Messages that came after a later one."""


class Retained(msgspec.Struct, frozen=True, kw_only=True):
    """A retained message, as new subscribers get it."""

    copies: int
    """How often it came to a new subscriber."""
    cleared: bool | None = None
    """Whether an empty message removes it."""


class Willed(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the will was published; None if that is not known."""

    after_close: bool | None = None
    """After an abrupt close …"""
    after_disconnect: bool | None = None
    """… and after a DISCONNECT, which removes it."""
    seconds: float | None = None
    """The time from the close to its delivery."""


class Resumed(msgspec.Struct, frozen=True, kw_only=True):
    """A session that was resumed, and the messages that came in between."""

    present: bool
    sent: int
    """Messages of QoS 1 that were published meanwhile."""
    received: int
    stated_seconds: int | None = None
    """The session expiry that CONNACK states instead of ours."""
    expired_came: bool | None = None
    """Whether a message came that had expired."""


class KeptAlive(msgspec.Struct, frozen=True, kw_only=True):
    """A client that sent nothing after CONNECT."""

    keep_alive_seconds: int
    """The keep alive that applies: ours, or the broker's instead."""
    stated: bool = False
    """Whether it is the broker's."""
    closed_seconds: float | None = None
    """When the broker ended the connection; None if it did not …"""
    waited_seconds: float = 0.0
    """… for so long."""
    code: int | None = None
    """The reason code of its DISCONNECT."""

    @property
    def limit_seconds(self) -> float:
        """The time after which the connection should have ended (§3.1.2.10)."""
        return 1.5 * self.keep_alive_seconds + KEEP_ALIVE_GRACE_SECONDS


class TakenOver(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to a connection when another client connects with its client id."""

    same: Literal["ended", "kept", "refused"] | None = None
    """With the same credential …"""
    other: Literal["ended", "kept", "refused"] | None = None
    """… and without one."""


class Foreign(msgspec.Struct, frozen=True, kw_only=True):
    """A topic outside of ours: what the client may do there."""

    read_code: int | None = None
    """The code of SUBACK."""
    write_code: int | None = None
    """The reason code of PUBACK; None in MQTT 3.1.1, where it has none."""
    acknowledged: bool = False
    delivered: bool = False


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What the steps on our own topic showed; None or empty is what was not learnt."""

    identity: Literal["login", "anonymous"] | None = None
    denied: int | None = None
    """The code that refuses our topic."""
    granted_qos: int | None = None
    """The QoS of the subscription, of 2."""
    subscribe_seconds: float | None = None
    exchanges: tuple[Exchange, ...] = ()
    repeated_copies: int | None = None
    """Deliveries of one message of QoS 2 that was sent again after a lost connection."""
    order: Ordered | None = None
    retained: Retained | None = None
    will: Willed | None = None
    resumed: Resumed | None = None
    shared: tuple[int, ...] | None = None
    """Of the messages to a shared subscription, how many each of its members received …"""
    shared_sent: int = 0
    """… and how many there were."""
    alias: Literal["delivered", "lost"] | None = None
    """What becomes of a message that has a topic alias instead of its topic."""
    kept_alive: KeptAlive | None = None
    taken_over: TakenOver | None = None
    foreign: Foreign | None = None
    left_behind: tuple[str, ...] = ()
    """What could not be removed."""

    def exchange(self, qos: int) -> Exchange | None:
        """Return the exchange of ``qos``."""
        return next((each for each in self.exchanges if each.qos == qos), None)

    @property
    def deliver_seconds(self) -> float | None:
        """The time from PUBLISH to the subscriber, with QoS 1 or else 0."""
        found = (self.exchange(qos) for qos in (1, 0))
        return next((each.deliver_seconds for each in found if each is not None), None)

    @property
    def qos_mix(self) -> Mapping[str, int]:
        """The messages that were delivered, by their QoS."""
        mix: dict[str, int] = {}
        for each in self.exchanges:
            if each.delivered_qos is not None:
                mix[str(each.delivered_qos)] = mix.get(str(each.delivered_qos), 0) + 1
        return mix

    @property
    def offline_messages(self) -> int | None:
        """The messages that were kept for a client without a connection."""
        return None if self.resumed is None else self.resumed.received

    @property
    def retain_hits(self) -> int | None:
        """The deliveries of our retained message to new subscribers."""
        return None if self.retained is None else self.retained.copies


class Wildcard(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription to topics of others; messages are counted, and not kept."""

    code: int
    """The code of SUBACK; from 0x80 on, it is refused."""
    messages: int = 0
    numbers: Mapping[str, float] = {}
    """Of ``$SYS``, the broker's own counts by a short name."""


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """A message from the target to the broker of --pair."""

    target: str
    acknowledged: bool
    """Whether the target acknowledged it."""
    works: bool
    """Whether the other broker delivers what is published there."""
    delivered: bool
    waited_seconds: float
    """The time until it was delivered, or how long it was awaited."""

    @property
    def delivered_seconds(self) -> float | None:
        """The time until it was delivered."""
        return self.waited_seconds if self.delivered else None


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A connection after the token expired with which it logged in."""

    method: str = ""
    """The authentication method of MQTT 5; empty where the token was the password."""
    lifetime_seconds: float | None = None
    """The time from the login to the token's ``exp``; None if it has none."""
    outcome: Literal["open", "closed", "not-reached"] | None = None
    after_seconds: float | None = None
    """How long after its end the broker still answered, or closed the connection."""
    code: int | None = None
    """The reason code of the broker's DISCONNECT."""
