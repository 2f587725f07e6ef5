"""LDAP: the extended operation StartTLS (RFC 4511 §4.14), in BER."""

from __future__ import annotations

from seventh.model.failure import ProtocolViolation
from seventh.protocols.tls.wire.dialogue import Dialogue, Reading, Script
from seventh.wire.reader import Reader
from seventh.wire.text import printable

_SEQUENCE, _INTEGER, _ENUMERATED, _OCTETS = 0x30, 0x02, 0x0A, 0x04
_EXTENDED_REQUEST, _EXTENDED_RESPONSE = 0x77, 0x78
_OID = b"1.3.6.1.4.1.1466.20037"
_MESSAGE_ID = 1
_MAX_ANSWER = 16384


def ber(tag: int, content: bytes) -> bytes:
    """Encode an element of less than 128 bytes."""
    return bytes([tag, len(content)]) + content


REQUEST = ber(
    _SEQUENCE,
    ber(_INTEGER, bytes([_MESSAGE_ID])) + ber(_EXTENDED_REQUEST, ber(0x80, _OID)),
)
_SUCCESS, _PROTOCOL_ERROR = 0, 2
_CODES = {
    1: "operationsError", 2: "protocolError", 8: "strongerAuthRequired", 10: "referral",
    13: "confidentialityRequired", 50: "insufficientAccessRights", 51: "busy", 52: "unavailable",
    53: "unwillingToPerform", 80: "other",
}  # fmt: skip


def ldap(talk: Dialogue) -> Script:
    """Run LDAP's dialogue; by protocolError a server says that it does not know StartTLS."""
    talk.send(REQUEST)
    message = Reader((yield from _message(talk)), "the LDAP message")
    number = int.from_bytes(_take(message, _INTEGER), "big")
    response = Reader(_take(message, _EXTENDED_RESPONSE), "the ExtendedResponse")
    code = int.from_bytes(_take(response, _ENUMERATED), "big")
    _take(response, _OCTETS)  # matchedDN
    text = _take(response, _OCTETS)
    answer = f"{_CODES.get(code, 'result')} ({code}) {printable(text, 120)}".strip()
    if number == 0:  # Notice of Disconnection (RFC 4511 §4.4.1)
        raise talk.refused("the connection", answer)
    if number != _MESSAGE_ID:
        raise ProtocolViolation(f"the response is to message {number}, not {_MESSAGE_ID}")
    if code == _PROTOCOL_ERROR:
        raise talk.not_offered(f"StartTLS is answered by {answer}")
    if code != _SUCCESS:
        raise talk.refused("StartTLS", answer)


def _message(talk: Dialogue) -> Reading[bytes]:
    """Return the content of the next LDAPMessage."""
    tag = yield from talk.exactly(1)
    if tag[0] != _SEQUENCE:
        raise talk.other()
    length = (yield from talk.exactly(1))[0]
    if length > 0x80:
        if length > 0x84:
            raise ProtocolViolation("an LDAP message has a length of more than 4 bytes")
        length = int.from_bytes((yield from talk.exactly(length - 0x80)), "big")
    elif length == 0x80:
        raise ProtocolViolation("an LDAP message has an indefinite length")
    if length > _MAX_ANSWER:
        raise ProtocolViolation(f"an LDAP message is longer than {_MAX_ANSWER} bytes")
    return (yield from talk.exactly(length))


def _take(reader: Reader, tag: int) -> bytes:
    """Return the content of the next element, which must have that tag."""
    found = reader.u8()
    if found != tag:
        raise ProtocolViolation(f"{reader.what} has the tag {found:#04x}, not {tag:#04x}")
    length = reader.u8()
    if length >= 0x80:
        if length > 0x84 or length == 0x80:
            raise ProtocolViolation(f"{reader.what} has an element of an invalid length")
        length = reader.uint(length - 0x80)
    return reader.take(length)
