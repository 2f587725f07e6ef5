"""Packets of IPv4 for the pure parts of a link."""

from __future__ import annotations

import socket
import struct

from seventh.link.ip import TCP, UDP, checksum

CLIENT, SERVER = "198.18.0.2", "192.0.2.1"
SYN, ACK = 2, 16


def packet(
    source: tuple[str, int] = (CLIENT, 40_000),
    target: tuple[str, int] = (SERVER, 443),
    *,
    protocol: int = UDP,
    flags: int = ACK,
    data: bytes = b"data",
    sequence: int = 1,
) -> bytes:
    """A packet with right checksums."""
    ends = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    if protocol == UDP:
        body = struct.pack("!HHHH", source[1], target[1], 8 + len(data), 0) + data
    else:
        body = struct.pack(
            "!HHIIBBHHH", source[1], target[1], sequence, 0, 5 << 4, flags, 1000, 0, 0
        )
        body += data
    pseudo = ends + struct.pack("!BBH", 0, protocol, len(body)) + body + b"\0" * (len(body) % 2)
    at = 6 if protocol == UDP else 16
    body = body[:at] + struct.pack("!H", checksum(pseudo)) + body[at + 2 :]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0, 64, protocol, 0) + ends
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def is_sound(data: bytes) -> bool:
    """Whether lengths and checksums of a packet are right."""
    head, body = data[:20], data[20:]
    if checksum(head) != 0 or struct.unpack_from("!H", data, 2)[0] != len(data):
        return False
    if data[9] == UDP and body[6:8] == b"\0\0":
        return True
    pseudo = data[12:20] + struct.pack("!BBH", 0, data[9], len(body))
    return checksum(pseudo + body + b"\0" * (len(body) % 2)) == 0


__all__ = ["ACK", "CLIENT", "SERVER", "SYN", "TCP", "UDP", "is_sound", "packet"]
