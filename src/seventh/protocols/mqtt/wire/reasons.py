"""Reason codes (MQTT 5 §2.4), and the return codes of 3.1.1 that they replace."""

from __future__ import annotations

from enum import IntEnum

from seventh.model.failure import ProtocolViolation


class Code(IntEnum):
    """A reason code; from 0x80 on, a failure."""

    SUCCESS = 0x00
    GRANTED_QOS_1 = 0x01
    GRANTED_QOS_2 = 0x02
    DISCONNECT_WITH_WILL = 0x04
    NO_MATCHING_SUBSCRIBERS = 0x10
    NO_SUBSCRIPTION_EXISTED = 0x11
    CONTINUE_AUTHENTICATION = 0x18
    REAUTHENTICATE = 0x19
    UNSPECIFIED_ERROR = 0x80
    MALFORMED_PACKET = 0x81
    PROTOCOL_ERROR = 0x82
    IMPLEMENTATION_SPECIFIC = 0x83
    UNSUPPORTED_VERSION = 0x84
    CLIENT_ID_NOT_VALID = 0x85
    BAD_USER_OR_PASSWORD = 0x86
    NOT_AUTHORIZED = 0x87
    SERVER_UNAVAILABLE = 0x88
    SERVER_BUSY = 0x89
    BANNED = 0x8A
    SERVER_SHUTTING_DOWN = 0x8B
    BAD_AUTHENTICATION_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    SESSION_TAKEN_OVER = 0x8E
    TOPIC_FILTER_INVALID = 0x8F
    TOPIC_NAME_INVALID = 0x90
    PACKET_ID_IN_USE = 0x91
    PACKET_ID_NOT_FOUND = 0x92
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    MESSAGE_RATE_TOO_HIGH = 0x96
    QUOTA_EXCEEDED = 0x97
    ADMINISTRATIVE_ACTION = 0x98
    PAYLOAD_FORMAT_INVALID = 0x99
    RETAIN_NOT_SUPPORTED = 0x9A
    QOS_NOT_SUPPORTED = 0x9B
    USE_ANOTHER_SERVER = 0x9C
    SERVER_MOVED = 0x9D
    SHARED_NOT_SUPPORTED = 0x9E
    CONNECTION_RATE_EXCEEDED = 0x9F
    MAXIMUM_CONNECT_TIME = 0xA0
    SUBSCRIPTION_IDS_NOT_SUPPORTED = 0xA1
    WILDCARDS_NOT_SUPPORTED = 0xA2

    @property
    def failed(self) -> bool:
        """Whether the code is a failure."""
        return self >= Code.UNSPECIFIED_ERROR


class MqttError(ProtocolViolation):
    """A breach of MQTT's grammar or of a limit, and the reason code with which to answer it."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def malformed(detail: str) -> MqttError:
    """Return the error of a packet that cannot be parsed (MQTT 5 §4.13)."""
    return MqttError(Code.MALFORMED_PACKET, detail)


def protocol_error(detail: str) -> MqttError:
    """Return the error of a packet that is not permitted in its place (MQTT 5 §4.13)."""
    return MqttError(Code.PROTOCOL_ERROR, detail)


RETURN_CODES = (
    Code.SUCCESS, Code.UNSUPPORTED_VERSION, Code.CLIENT_ID_NOT_VALID, Code.SERVER_UNAVAILABLE,
    Code.BAD_USER_OR_PASSWORD, Code.NOT_AUTHORIZED,
)  # fmt: skip
"""By the return code of a CONNACK of 3.1.1 (§3.2.2.3), the reason code of 5 with its meaning."""
_ANY = {Code.UNSPECIFIED_ERROR, Code.IMPLEMENTATION_SPECIFIC, Code.NOT_AUTHORIZED}
CONNACK_CODES = frozenset(
    {
        *_ANY, Code.SUCCESS, Code.MALFORMED_PACKET, Code.PROTOCOL_ERROR, Code.UNSUPPORTED_VERSION,
        Code.CLIENT_ID_NOT_VALID, Code.BAD_USER_OR_PASSWORD, Code.SERVER_UNAVAILABLE,
        Code.SERVER_BUSY, Code.BANNED, Code.BAD_AUTHENTICATION_METHOD, Code.TOPIC_NAME_INVALID,
        Code.PACKET_TOO_LARGE, Code.QUOTA_EXCEEDED, Code.PAYLOAD_FORMAT_INVALID,
        Code.RETAIN_NOT_SUPPORTED, Code.QOS_NOT_SUPPORTED, Code.USE_ANOTHER_SERVER,
        Code.SERVER_MOVED, Code.CONNECTION_RATE_EXCEEDED,
    }
)  # fmt: skip
PUBLISHED_CODES = frozenset(
    {
        *_ANY, Code.SUCCESS, Code.NO_MATCHING_SUBSCRIBERS, Code.TOPIC_NAME_INVALID,
        Code.PACKET_ID_IN_USE, Code.QUOTA_EXCEEDED, Code.PAYLOAD_FORMAT_INVALID,
    }
)  # fmt: skip
"""Of PUBACK and PUBREC."""
RELEASED_CODES = frozenset({Code.SUCCESS, Code.PACKET_ID_NOT_FOUND})
"""Of PUBREL and PUBCOMP."""
SUBACK_CODES = frozenset(
    {
        *_ANY, Code.SUCCESS, Code.GRANTED_QOS_1, Code.GRANTED_QOS_2, Code.TOPIC_FILTER_INVALID,
        Code.PACKET_ID_IN_USE, Code.QUOTA_EXCEEDED, Code.SHARED_NOT_SUPPORTED,
        Code.SUBSCRIPTION_IDS_NOT_SUPPORTED, Code.WILDCARDS_NOT_SUPPORTED,
    }
)  # fmt: skip
SUBACK_CODES_3 = frozenset(
    {Code.SUCCESS, Code.GRANTED_QOS_1, Code.GRANTED_QOS_2, Code.UNSPECIFIED_ERROR}
)
UNSUBACK_CODES = frozenset(
    {
        *_ANY, Code.SUCCESS, Code.NO_SUBSCRIPTION_EXISTED, Code.TOPIC_FILTER_INVALID,
        Code.PACKET_ID_IN_USE,
    }
)  # fmt: skip
DISCONNECT_CODES = frozenset(Code) - {
    Code.GRANTED_QOS_1, Code.GRANTED_QOS_2, Code.NO_MATCHING_SUBSCRIBERS,
    Code.NO_SUBSCRIPTION_EXISTED, Code.CONTINUE_AUTHENTICATION, Code.REAUTHENTICATE,
    Code.UNSUPPORTED_VERSION, Code.CLIENT_ID_NOT_VALID, Code.BAD_USER_OR_PASSWORD,
    Code.SERVER_UNAVAILABLE, Code.BANNED, Code.BAD_AUTHENTICATION_METHOD, Code.PACKET_ID_IN_USE,
    Code.PACKET_ID_NOT_FOUND,
}  # fmt: skip
AUTH_CODES = frozenset({Code.SUCCESS, Code.CONTINUE_AUTHENTICATION, Code.REAUTHENTICATE})
