"""What a broker keeps for clients that are not connected, and when it ends connections."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.facts.live import KeptAlive, Resumed, TakenOver, Willed
from seventh.protocols.mqtt.rules.examples import GOOD, learnt, published, with_live
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule


def _resumed(mqtt: MqttFacts) -> Resumed | Skip:
    live = published(mqtt)
    return live if isinstance(live, Skip) else learnt(mqtt, live.resumed, "sessions")


@rule(
    "MQTT-SESSION-LOST",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="Sessions are not kept",
    evidence="CONNECT with Clean Start 0, seconds after a session that was to be kept for 60 s: "
    "CONNACK has no session",
    why="Devices lose their subscriptions and all messages that come while they are not connected.",
    fix={
        "any": "Permit a session expiry, and have all nodes of a cluster share sessions; for "
        "restarts of the broker, store them on disk (mosquitto: persistence true).",
    },
    references=("MQTT Version 5.0 §3.1.2.11.2", "MQTT Version 5.0 §4.1"),
    seed=("12.7.2",),
    good=GOOD,
    bad=with_live(resumed=Resumed(present=False, sent=3, received=0)),
)
def session_lost(mqtt: MqttFacts) -> Verdict:
    """Judge whether a session is there after a disconnection."""
    found = _resumed(mqtt)
    if isinstance(found, Skip):
        return found
    return None if found.present else Hit()


@rule(
    "MQTT-OFFLINE-LOST",
    Severity.HIGH,
    tier=3,
    source=Source.WIRE,
    title="Messages queued offline are lost",
    evidence="of {sent} messages with QoS 1 for a session without a connection, {received} are "
    "delivered when it is resumed",
    why="The broker has acknowledged these messages, so that neither side learns of the loss.",
    fix={
        "mosquitto": "max_queued_messages 1000",
        "any": "Raise the limit of queued messages per client, and alert when it is reached.",
    },
    references=("MQTT Version 5.0 §4.1",),
    seed=("12.7.2",),
    good=GOOD,
    bad=with_live(resumed=Resumed(present=True, sent=3, received=1)),
)
def offline_lost(mqtt: MqttFacts) -> Verdict:
    """Judge the messages that were to wait for a session."""
    found = _resumed(mqtt)
    if isinstance(found, Skip):
        return found
    if not found.present:
        return Skip("the session was not kept")
    return Hit(sent=found.sent, received=found.received) if found.received < found.sent else None


@rule(
    "MQTT-WILL",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="The will message is not sent, or sent wrongly",
    evidence="{faults}",
    phrases={
        "faults": {
            "missing": "no will within 3 s of an abrupt close",
            "unwanted": "the will is published after DISCONNECT",
        }
    },
    why="Monitoring by wills misses devices that fail, or reports those that leave properly.",
    fix={
        "any": "Permit clients to publish on the topics of their wills; a proxy or tunnel in front "
        "has to close its connection when the client's ends.",
    },
    references=("MQTT Version 5.0 §3.1.2.5",),
    seed=("12.7.2",),
    good=GOOD,
    bad=with_live(will=Willed(after_close=False, after_disconnect=False)),
)
def will(mqtt: MqttFacts) -> Verdict:
    """Judge the wills of two clients, of which one leaves properly."""
    live = published(mqtt)
    if isinstance(live, Skip):
        return live
    found = learnt(mqtt, live.will, "the will")
    if isinstance(found, Skip):
        return found
    faults: tuple[str, ...] = ("missing",) if found.after_close is False else ()
    faults += ("unwanted",) if found.after_disconnect else ()
    if faults:
        return Hit(faults=faults)
    if found.after_disconnect is None:
        return Skip(mqtt.unknown.get("the will", "no message came after DISCONNECT"))
    return None


@rule(
    "MQTT-KEEPALIVE",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="Dead clients are not disconnected",
    evidence="{how}",
    phrases={
        "how": {
            "kept": "a client with a keep alive of {seconds} s that sends nothing is still "
            "connected after {waited:.1f} s",
            "stated": "CONNACK replaces a keep alive of 1 s by {seconds} s",
        }
    },
    why="Connections of devices that have lost power or network stay open: their wills are "
    "late, and their places are taken. A keep alive that the broker states is used instead of the "
    "client's.",
    fix={
        "any": "End connections after 1.5 times the keep alive, also behind a proxy. A keep alive "
        "that the broker states is a setting, to be kept where it is intended.",
    },
    references=("MQTT Version 5.0 §3.1.2.10", "MQTT Version 5.0 §3.2.2.3.14"),
    seed=("12.10.1",),
    good=GOOD,
    bad=with_live(kept_alive=KeptAlive(keep_alive_seconds=1, waited_seconds=7.6)),
)
def keepalive(mqtt: MqttFacts) -> Verdict:
    """Judge what becomes of a silent client."""
    live = published(mqtt)
    if isinstance(live, Skip):
        return live
    found = learnt(mqtt, live.kept_alive, "keep alive")
    if isinstance(found, Skip):
        return found
    seconds, waited = found.keep_alive_seconds, found.waited_seconds
    if found.closed_seconds is None and waited >= found.limit_seconds:
        return Hit(how="kept", seconds=seconds, waited=waited)
    if found.stated:
        return Hit(Severity.INFO, how="stated", seconds=seconds)
    if found.closed_seconds is None:
        return Skip(
            f"a silent client was watched for {waited:.1f} s, not {found.limit_seconds:g} s: give "
            "a longer --timeout"
        )
    return None


@rule(
    "MQTT-TAKEOVER",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="A client ID can be taken over, or used twice",
    evidence="{faults}",
    phrases={
        "faults": {
            "taken": "a client without credentials ends the connection of one that has logged in, "
            "by connecting with its client id",
            "kept": "two connections with one client id are open at the same time",
        }
    },
    why="Anyone who learns a client id can disconnect the device and receive its queued messages; "
    "with two connections, messages of one session go to either.",
    fix={
        "mosquitto": "allow_anonymous false\n"
        "# if each user has one client only:\n# use_username_as_clientid true",
        "any": "Accept a client id only from the user or certificate that it belongs to, and end "
        "the first connection when the second one is accepted.",
    },
    references=("MQTT Version 5.0 §3.1.4",),
    seed=("12.7.3",),
    good=GOOD,
    bad=with_live(taken_over=TakenOver(same="ended", other="ended")),
)
def takeover(mqtt: MqttFacts) -> Verdict:
    """Judge a second connection with a client id that is in use."""
    live = published(mqtt)
    if isinstance(live, Skip):
        return live
    found = learnt(mqtt, live.taken_over, "the client id")
    if isinstance(found, Skip):
        return found
    faults: tuple[str, ...] = ("taken",) if found.other == "ended" else ()
    faults += ("kept",) if "kept" in {found.same, found.other} else ()
    if faults:
        return Hit(faults=faults)
    if found.other is not None or (live.identity == "login" and mqtt.anonymous is False):
        return None
    return Skip("there was no second identity: it requires a login and a broker that accepts "
                "anonymous clients")  # fmt: skip
