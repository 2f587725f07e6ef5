"""What of IPv4 packets a link needs: ports, flows, and other addresses. Pure."""

from __future__ import annotations

import struct
from typing import NamedTuple

TCP, UDP = 6, 17
_NOT_FIRST = 0x1FFF
_SYN, _ACK = 2, 16


class Flow(NamedTuple):
    """The ends of a packet of TCP or UDP; addresses are four bytes."""

    protocol: int
    source: bytes
    source_port: int
    target: bytes
    target_port: int

    @property
    def back(self) -> Flow:
        """The other direction."""
        return Flow(self.protocol, self.target, self.target_port, self.source, self.source_port)


def flow_of(packet: bytes) -> Flow | None:
    """Return the flow; None for other protocols, IPv6 and later fragments."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] not in {TCP, UDP}:
        return None
    start = (packet[0] & 15) * 4
    if len(packet) < start + 4 or (packet[6] << 8 | packet[7]) & _NOT_FIRST:
        return None
    here, there = struct.unpack_from("!HH", packet, start)
    return Flow(packet[9], packet[12:16], here, packet[16:20], there)


def sequence_of_syn(packet: bytes) -> int | None:
    """Return the sequence number of a packet that opens a TCP connection; None for others."""
    if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != TCP:
        return None
    start = (packet[0] & 15) * 4
    if len(packet) < start + 20 or packet[start + 13] & (_SYN | _ACK) != _SYN:
        return None
    number: int = struct.unpack_from("!I", packet, start + 4)[0]
    return number


def readdressed(packet: bytes, flow: Flow) -> bytes:
    """Return a UDP packet with the ends of ``flow``; its UDP checksum is left out (RFC 768)."""
    start = (packet[0] & 15) * 4
    ends = struct.pack("!HH", flow.source_port, flow.target_port)
    head = packet[:10] + b"\0\0" + flow.source + flow.target + packet[20:start]
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return head + ends + packet[start + 4 : start + 6] + b"\0\0" + packet[start + 8 :]


def refusal(packet: bytes) -> bytes:
    """Return the reset that answers a SYN (RFC 9293 section 3.10.7.1)."""
    flow, sequence = flow_of(packet), sequence_of_syn(packet)
    if flow is None or sequence is None:
        raise ValueError("not a SYN")
    ack = (sequence + 1) % (1 << 32)
    tcp = struct.pack(
        "!HHIIBBHHH", flow.target_port, flow.source_port, 0, ack, 5 << 4, 4 | _ACK, 0, 0, 0
    )
    pseudo = flow.target + flow.source + struct.pack("!BBH", 0, TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, TCP, 0, flow.target, flow.source)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + tcp


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
