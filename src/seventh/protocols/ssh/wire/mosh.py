"""mosh's datagrams as far as a server answers them: one empty state, and the end of the session.

A datagram is a sequence number and, in AES-128-OCB, two timestamps of 16 bits, a fragment's header,
and a compressed Instruction (transportinstruction.proto of mosh 1.4).
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Mapping

import msgspec

_CONNECT = re.compile(r"MOSH CONNECT (\d{1,5}) ([A-Za-z0-9+/]{22})\b")
_PID = re.compile(r"\[mosh-server detached, pid = (\d{1,10})\]")
_FROM_SERVER = 1 << 63
_LAST = 1 << 15
"""The only fragment."""
_NO_TIMESTAMP = 0xFFFF
_PROTOCOL, _OLD, _NEW, _ACK, _THROWAWAY = range(1, 6)
_SHUTDOWN = 2**64 - 1
"""The number of the state with which a session ends."""
_MIN_BYTES = 8 + 16 + 4


class Started(msgspec.Struct, frozen=True):
    """What mosh-server prints when it has started."""

    port: int
    key: bytes
    pid: int | None


def parse_started(output: str) -> Started | None:
    """Read the output of ``mosh-server new``; None if it did not start."""
    connect, pid = _CONNECT.search(output), _PID.search(output)
    if connect is None or not 1 <= int(connect[1]) <= 65535:
        return None
    try:
        key = base64.b64decode(connect[2] + "==", validate=True)
    except binascii.Error:
        return None
    return Started(int(connect[1]), key, int(pid[1]) if pid else None)


def hello(key: bytes, milliseconds: int) -> bytes:
    """Return the first datagram of a client."""
    return _sealed(key, 0, milliseconds, {_PROTOCOL: 2, _OLD: 0, _NEW: 0, _ACK: 0, _THROWAWAY: 0})


def goodbye(key: bytes, milliseconds: int) -> bytes:
    """Return the datagram that ends the session."""
    fields = {_PROTOCOL: 2, _OLD: 0, _NEW: _SHUTDOWN, _ACK: 0, _THROWAWAY: 0}
    return _sealed(key, 1 << 32, milliseconds, fields)


def is_answer(key: bytes, data: bytes) -> bool:
    """Return whether a datagram is the server's: only it can encrypt with the key."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESOCB3

    if len(data) < _MIN_BYTES or not int.from_bytes(data[:8], "big") & _FROM_SERVER:
        return False
    try:
        AESOCB3(key).decrypt(bytes(4) + data[:8], data[8:], None)
    except InvalidTag:
        return False
    return True


def _sealed(key: bytes, sequence: int, milliseconds: int, fields: Mapping[int, int]) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESOCB3

    number = sequence.to_bytes(8, "big")
    stamps = (milliseconds & 0xFFFF).to_bytes(2, "big") + _NO_TIMESTAMP.to_bytes(2, "big")
    fragment = number + _LAST.to_bytes(2, "big")  # its id only has to be new
    instruction = b"".join(_varint(field << 3) + _varint(value) for field, value in fields.items())
    plain = stamps + fragment + zlib.compress(instruction)
    return number + AESOCB3(key).encrypt(bytes(4) + number, plain, None)


def _varint(value: int) -> bytes:
    """Return a number as protocol buffers write it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
