"""MySQL and MariaDB: the initial handshake packet, answered by SSLRequest."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.protocols.tls.wire.dialogue import Dialogue, Reading, Script
from seventh.wire.text import quoted

_CLIENT_LONG_PASSWORD, _CLIENT_PROTOCOL_41, _CLIENT_SSL = 0x1, 0x200, 0x800
_CLIENT_SECURE_CONNECTION, _CLIENT_PLUGIN_AUTH = 0x8000, 0x80000
_MAX_PACKET = 16384
_UTF8 = 33
_CAPABILITIES = (
    _CLIENT_LONG_PASSWORD | _CLIENT_PROTOCOL_41 | _CLIENT_SSL | _CLIENT_SECURE_CONNECTION
    | _CLIENT_PLUGIN_AUTH
)  # fmt: skip
REQUEST = (
    b"\x20\0\0\x01"
    + _CAPABILITIES.to_bytes(4, "little")
    + (1 << 24).to_bytes(4, "little")
    + bytes([_UTF8])
    + bytes(23)
)
"""SSLRequest; the server does not answer it, it waits for the ClientHello."""
_HINTS = {
    1040: "raise max_connections or close connections",
    1129: "too many connections of this host ended before login; run FLUSH HOSTS, and raise "
    "max_connect_errors",
    1130: "the server accepts no user from this host: CREATE USER 'name'@'this host'",
}
"""By the error's code: what to do."""


def mysql(talk: Dialogue) -> Script:
    """Run the dialogue of MySQL and MariaDB ("Connection Phase", protocol 10)."""
    packet = yield from _packet(talk)
    kind = packet[:1]
    if kind == b"\xff":
        raise _error(talk, packet)
    version, zero, rest = packet[1:].partition(b"\0")
    if not zero or kind not in {b"\x09", b"\x0a"}:
        raise talk.other()
    talk.greeted(version)
    # A thread id, eight bytes of a nonce and a filler stand before the lower capabilities.
    capabilities = int.from_bytes(rest[13:15], "little")
    if kind == b"\x09" or not capabilities & _CLIENT_SSL:
        raise talk.not_offered("the server's capabilities do not include CLIENT_SSL")
    talk.send(REQUEST)


def _packet(talk: Dialogue) -> Reading[bytes]:
    head = yield from talk.exactly(4)
    length, sequence = int.from_bytes(head[:3], "little"), head[3]
    if sequence or not 1 <= length <= _MAX_PACKET:
        raise talk.other()
    return (yield from talk.exactly(length))


def _error(talk: Dialogue, packet: bytes) -> Failed:
    code, message = int.from_bytes(packet[1:3], "little"), packet[3:]
    if message.startswith(b"#"):
        message = message[6:]
    if code not in _HINTS:
        return talk.refused("the connection", b"%d %s" % (code, message))
    return Failed(
        Reason.STARTTLS_REFUSED,
        f"the server refused the connection: {code} {quoted(message, 200)}: {_HINTS[code]}",
    )
