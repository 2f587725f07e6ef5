"""The data types that SSH's messages are made of (RFC 4251 §5, §6), within our limits."""

from __future__ import annotations

import re

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.facts import Names
from seventh.wire.reader import Reader, vector

MAX_NAMES = 512
MAX_NAME_BYTES = 64
"""RFC 4251 §6."""

_NAME = re.compile(rb"[!-+\--~]{1,64}")  # printable US-ASCII without the comma


def parse_names(data: bytes, what: str) -> Names:
    """A name-list (RFC 4251 §5) within our limits; ProtocolViolation beyond them."""
    if not data:
        return ()
    names = data.split(b",", MAX_NAMES)
    if len(names) > MAX_NAMES:
        raise ProtocolViolation(f"{what} lists more than {MAX_NAMES} names")
    for name in names:
        if _NAME.fullmatch(name) is None:
            raise ProtocolViolation(
                f"{what} has a name that is empty, longer than {MAX_NAME_BYTES} bytes or not "
                "printable ASCII"
            )
    return tuple(name.decode("ascii") for name in names)


def name_list(names: Names) -> bytes:
    """A name-list as it is sent."""
    return vector(4, ",".join(names).encode("ascii"))


def string(data: bytes) -> bytes:
    """A string as it is sent: its length and its bytes."""
    return vector(4, data)


def mpint(value: int) -> bytes:
    """A non-negative integer as an mpint (RFC 4251 §5)."""
    return vector(4, value.to_bytes(value.bit_length() // 8 + 1, "big") if value else b"")


def read_mpint(reader: Reader, max_bits: int) -> int:
    """A non-negative mpint of at most ``max_bits``; ProtocolViolation when it is not one."""
    data = reader.vector(4)
    if data[:1] >= b"\x80":
        raise ProtocolViolation(f"{reader.what} has a negative number")
    if len(data) > max_bits // 8 + 1:
        raise ProtocolViolation(f"{reader.what} has a number of more than {max_bits} bits")
    return int.from_bytes(data, "big")
