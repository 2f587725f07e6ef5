"""MQTT 3.1.1 and 5: over TCP, TLS and WebSocket."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from seventh.model.failure import UsageError
from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme, Target, parse_target
from seventh.model.verb import Argument, Verb


def topic_prefix(text: str) -> str:
    """Read the beginning of a topic. Raises UsageError."""
    wrong = {"+", "#", "\0"} & set(text)
    if wrong or text.startswith("$") or len(text.encode()) > 1000:
        raise UsageError(f"{text!r}: not a topic, such as site/seventh, without + and #")
    return text.strip("/")


def _broker(text: str) -> Target:
    """Read the URL of a broker. Raises UsageError."""
    schemes = {scheme.name: scheme for scheme in _SCHEMES}
    if "://" not in text:
        urls = ", ".join(f"{name}://HOST" for name in schemes)
        raise UsageError(f"{text!r}: write {urls}")
    (target,) = parse_target(text, schemes)
    return target


class MqttOptions(RoomOptions, frozen=True, kw_only=True):
    """Options of the steps that publish."""

    topic_prefix: Annotated[
        str,
        Option(
            flag="topic-prefix", metavar="TOPIC", read=topic_prefix,
            help="topic below which to subscribe and publish with --allow-write",
        ),
    ] = "seventh"  # fmt: skip
    pair: Annotated[
        Target | None,
        Option(
            flag="pair", metavar="URL", read=_broker,
            help="broker that receives what is published to the target, by a bridge or a cluster",
            needs=("allow-write", "a message is published to the target"),
        ),
    ] = None  # fmt: skip
    auth_method: Annotated[
        str | None,
        Option(
            flag="auth-method", metavar="NAME", default="the token is the password",
            help="authentication method of MQTT 5 for the token of --token-file",
        ),
    ] = None  # fmt: skip


class ClientOptions(RoomOptions, frozen=True, kw_only=True):
    """Whom the broker sees."""

    client_id: Annotated[
        str | None, Option(flag="client-id", metavar="ID", help="client id", default="a random one")
    ] = None
    version: Annotated[
        Literal["5", "3.1.1"] | None,
        Option(flag="mqtt-version", help="version of MQTT", default="5, else 3.1.1"),
    ] = None


class PubOptions(ClientOptions, frozen=True, kw_only=True):
    """What is published, and the offline queue."""

    qos: Annotated[
        int,
        Meta(ge=0, le=2),
        Option(flag="qos", metavar="N", help="quality of service: 0, 1 or 2"),
    ] = 1
    retain: Annotated[bool, Option(flag="retain", help="have the broker retain the message")] = (
        False
    )
    file: Annotated[
        str | None,
        Option(flag="file", metavar="FILE", help="file that is one message; - is standard input"),
    ] = None
    lines: Annotated[
        str | None,
        Option(
            flag="lines", metavar="FILE",
            help="file of which each line is a message; - is standard input",
        ),
    ] = None  # fmt: skip
    content_type: Annotated[
        str | None,
        Option(flag="content-type", metavar="TYPE", help="content type of the message (MQTT 5)"),
    ] = None
    expiry_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=0xFFFFFFFF)] | None,
        Option(
            flag="expiry", metavar="SECONDS",
            help="time after which the message is not delivered any more, in seconds",
        ),
    ] = None  # fmt: skip
    user_properties: Annotated[
        tuple[str, ...],
        Option(flag="property", metavar="NAME=VALUE", help="user property (MQTT 5)"),
    ] = ()
    wait_seconds: Annotated[
        float,
        Meta(gt=0, le=604_800),
        Option(
            flag="wait", metavar="SECONDS",
            help="time for delivery after the last message was read, in seconds",
        ),
    ] = 10.0  # fmt: skip
    spool: Annotated[
        str | None,
        Option(
            flag="spool", metavar="DIR",
            help="folder of the offline queue: messages are stored there before they are sent, and "
            "sent in their order after an outage, a crash or a restart",
        ),
    ] = None  # fmt: skip
    spool_rate: Annotated[
        Annotated[float, Meta(gt=0, le=1_000_000)] | None,
        Option(
            flag="spool-rate", metavar="N", help="most messages per second of those that waited",
            needs=("spool", "the messages that wait"), default="no limit",
        ),
    ] = None  # fmt: skip
    spool_bytes: Annotated[
        int,
        Meta(ge=65_536, le=1 << 40),
        Option(
            flag="spool-size", metavar="BYTES", help="most bytes of the spool",
            needs=("spool", "its size"), default="256 MiB",
        ),
    ] = 256 << 20  # fmt: skip
    spool_age_seconds: Annotated[
        float,
        Meta(gt=0, le=31_536_000),
        Option(
            flag="spool-age", metavar="SECONDS", help="age after which a message is not sent",
            needs=("spool", "the age of its messages"), default="604800, which is 7 days",
        ),
    ] = 604_800.0  # fmt: skip
    spool_full: Annotated[
        Literal["wait", "drop-oldest"],
        Option(
            flag="spool-full", help="what a full spool does: reading waits, or the oldest messages "
            "are dropped, and counted",
            needs=("spool", "what it does when it is full"),
        ),
    ] = "wait"  # fmt: skip
    receipts: Annotated[
        bool, Option(flag="receipts", help="print a line when a message is stored on the disk",
                     needs=("spool", "where messages are stored"))
    ] = False  # fmt: skip


class SubOptions(ClientOptions, frozen=True, kw_only=True):
    """Which messages are received, and how they are shown."""

    qos: Annotated[
        int,
        Meta(ge=0, le=2),
        Option(flag="qos", metavar="N", help="highest quality of service: 0, 1 or 2"),
    ] = 1
    decode: Annotated[
        Literal["auto", "json", "text", "msgpack", "base64"],
        Option(flag="decode", help="what payloads are"),
    ] = "auto"
    retained: Annotated[
        Literal["show", "skip"], Option(flag="retained", help="what to do with retained messages")
    ] = "show"
    count: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000_000)] | None,
        Option(flag="count", metavar="N", help="messages after which it ends", default="no limit"),
    ] = None
    for_seconds: Annotated[
        Annotated[float, Meta(gt=0, le=31_536_000)] | None,
        Option(
            flag="for", metavar="SECONDS", help="time after which it ends, in seconds",
            default="no limit",
        ),
    ] = None  # fmt: skip
    keep_seconds: Annotated[
        int,
        Meta(ge=0, le=0xFFFFFFFE),
        Option(
            flag="keep", metavar="SECONDS",
            help="time for which the broker keeps the session after the end, with the messages "
            "that arrive meanwhile, in seconds",
            needs=("client-id", "the session is found again by it"),
        ),
    ] = 0  # fmt: skip


class TreeOptions(RoomOptions, frozen=True, kw_only=True):
    """How topics are shown."""

    depth: Annotated[
        int,
        Meta(ge=1, le=100),
        Option(flag="depth", metavar="N", help="levels that are listed"),
    ] = 7
    for_seconds: Annotated[
        Annotated[float, Meta(gt=0, le=31_536_000)] | None,
        Option(
            flag="for", metavar="SECONDS", help="time after which it ends, in seconds",
            default="none on a terminal, else 10",
        ),
    ] = None  # fmt: skip
    lint: Annotated[
        bool, Option(flag="lint", help="judge the design of the topics by the rule MQTT-TOPIC")
    ] = False


_FILTERS = Argument(
    name="filter", many=True,
    help="filter of topics, such as site/+/temperature, site/# or $share/group/site/#",
)  # fmt: skip
_SCHEMES = (
    Scheme(name="mqtt", port=1883),
    Scheme(name="mqtts", port=8883),
    Scheme(name="mqtt+ws", port=80, well_known=False),
    Scheme(name="mqtt+wss", port=443, well_known=False),
)
SPEC = Spec(
    name="mqtt",
    title="MQTT",
    schemes=_SCHEMES,
    phases=(
        PhaseSpec("mqtt.upgrade", "from the WebSocket handshake's request to its response"),
        PhaseSpec("mqtt.connack", "from CONNECT of MQTT 5 to CONNACK, without credentials"),
        PhaseSpec("mqtt.connack.311", "the same with MQTT 3.1.1"),
        PhaseSpec("mqtt.ping", "from PINGREQ to PINGRESP"),
        PhaseSpec("mqtt.login", "from CONNECT with the credential to CONNACK"),
        PhaseSpec("mqtt.expiry", "from CONNECT with an endless session to CONNACK"),
        PhaseSpec("mqtt.subscribe", "from SUBSCRIBE to SUBACK"),
        PhaseSpec("mqtt.puback", "from PUBLISH of QoS 1 to PUBACK"),
        PhaseSpec("mqtt.pubrec", "from PUBLISH of QoS 2 to PUBREC"),
        PhaseSpec("mqtt.pubcomp", "from PUBREL to PUBCOMP"),
        PhaseSpec("mqtt.pair", "from PUBLISH to the target to its delivery by the other broker"),
        PhaseSpec("mqtt.token", "keeping a connection until its token has expired"),
        PhaseSpec("mqtt.deliver", "from PUBLISH of QoS 1 to its delivery to a subscriber"),
    ),
    metrics=(
        Metric("seventh_ttfb_seconds", "histogram", "CONNECT to CONNACK", "connack_seconds"),
        Metric("seventh_mqtt_ping_seconds", "gauge", "PINGREQ to PINGRESP", "ping_seconds"),
        Metric(
            "seventh_mqtt_deliver_seconds", "gauge", "PUBLISH to the delivery to a subscriber",
            "live.deliver_seconds",
        ),
        Metric(
            "seventh_mqtt_delivered_messages", "gauge",
            "messages of ours that were delivered with each QoS", "live.qos_mix", label="qos",
            also=("qos_mix",),
        ),
        Metric(
            "seventh_mqtt_offline_messages", "gauge",
            "messages of ours that were kept for a client without a connection",
            "live.offline_messages", also=("offline_msgs",),
        ),
        Metric(
            "seventh_mqtt_retain_hits", "gauge",
            "deliveries of our retained message to new subscribers", "live.retain_hits",
        ),
        Metric(
            "seventh_mqtt_pair_seconds", "gauge",
            "PUBLISH to the target to its delivery by the broker of --pair",
            "pair.delivered_seconds",
        ),
        Metric(
            "seventh_mqtt_broker_number", "gauge", "the broker's own counts, from $SYS",
            "system.numbers", label="of",
        ),
    ),
    options=MqttOptions,
    shared=(
        "ca_file", "ca_store", "crl_files", "server_name", "cert_file", "key_file", "user",
        "password_file", "token_file", "allow_plaintext",
    ),
    tiers={
        0: "connects with MQTT 5 and 3.1.1 and a random client id, pings and disconnects; makes "
        "further TLS handshakes and looks up CAA records; subscribes and publishes nothing",
        1: "requests a session that never expires, and ends it at once",
        2: "connects with the user name and password, or a token, and subscribes to $SYS "
        "for a second; keeps a connection until shortly after its token expires",
        3: "subscribes and publishes on a random topic below --topic-prefix with each QoS, and "
        "once on another random topic; retains a message and removes it; has a will published; "
        "keeps sessions and ends them; connects twice with one client id; with --pair subscribes "
        "and publishes there, too; about 30 connections; `seventh mqtt pub` publishes what it is "
        "given, and `sub` and `tree` subscribe to the filters named",
        4: "subscribes to # for a second, and counts the messages without keeping them",
    },
    verbs=(
        Verb(
            name="pub", tier=3, help="publish messages, with an offline queue if asked to",
            arguments=(
                Argument(name="topic", help="topic of the messages", optional=True),
                Argument(name="message", many=True, help="message"),
            ),
            options=PubOptions, endless=True,
            exit_codes={1: "messages wait in the spool", 2: "failed, or messages not delivered"},
        ),
        Verb(
            name="sub", tier=3, help="show messages as they arrive", arguments=(_FILTERS,),
            options=SubOptions, endless=True,
        ),
        Verb(
            name="tree", tier=3, help="show the topics in use with their rates and sizes",
            arguments=(_FILTERS,), options=TreeOptions, endless=True,
            exit_codes={1: "--lint has found a fault"},
        ),
    ),
    layers=("tls",),
    standards=("MQTT Version 3.1.1", "MQTT Version 5.0", "RFC 6455"),
    connections=18,
)  # fmt: skip
