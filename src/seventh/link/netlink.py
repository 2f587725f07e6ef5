"""The few rtnetlink requests that a link needs, so that it depends on no program (RFC 3549).

The kernel's headers linux/rtnetlink.h, linux/if_link.h and linux/veth.h define the numbers.
"""

from __future__ import annotations

import os
import socket
import struct

_NEW_LINK, _NEW_ADDRESS, _NEW_ROUTE = 16, 20, 24
_REQUEST, _ACK, _CREATE, _EXCLUSIVE = 1, 4, 0x400, 0x200
_ERROR = 2
_UP, _NOARP = 1, 0x80
_MAIN, _BOOT = 254, 3
_UNICAST, _LOCAL = 1, 2
_UNIVERSE, _HOST = 0, 254
_LINK_ADDRESS, _NAME, _MTU, _QUEUE, _INFO, _NAMESPACE = 1, 3, 4, 13, 18, 28
_KIND, _DATA, _PEER = 1, 2, 1


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute, padded to four bytes."""
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def message(kind: int, body: bytes, flags: int = 0) -> bytes:
    """Return a request that is to be acknowledged."""
    return struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | _ACK | flags, 1, 0) + body


def link_up(index: int, *, mtu: int = 0, queue: int = 0, address: bytes = b"") -> bytes:
    """Return the request that sets an interface up; ``address`` also turns ARP off."""
    flags = _UP | (_NOARP if address else 0)
    body = struct.pack("=BBHiII", socket.AF_UNSPEC, 0, 0, index, flags, flags)
    if mtu:
        body += attribute(_MTU, struct.pack("=I", mtu))
    if queue:
        body += attribute(_QUEUE, struct.pack("=I", queue))
    if address:
        body += attribute(_LINK_ADDRESS, address)
    return message(_NEW_LINK, body)


def veth_pair(name: str, peer: str, peer_namespace: int) -> bytes:
    """Return the request for a veth pair, whose peer gets into the namespace of a descriptor."""
    head = struct.pack("=BBHiII", socket.AF_UNSPEC, 0, 0, 0, 0, 0)
    other = head + attribute(_NAME, peer.encode() + b"\0")
    other += attribute(_NAMESPACE, struct.pack("=I", peer_namespace))
    info = attribute(_KIND, b"veth") + attribute(_DATA, attribute(_PEER, other))
    body = head + attribute(_NAME, name.encode() + b"\0") + attribute(_INFO, info)
    return message(_NEW_LINK, body, _CREATE | _EXCLUSIVE)


def address(index: int, host: str, bits: int) -> bytes:
    """Return the request that gives an interface an address."""
    packed = socket.inet_aton(host)
    body = struct.pack("=BBBBi", socket.AF_INET, bits, 0, _UNIVERSE, index)
    body += attribute(2, packed) + attribute(1, packed)
    return message(_NEW_ADDRESS, body, _CREATE | _EXCLUSIVE)


def default_route(index: int, gateway: str) -> bytes:
    """Return the request for a default route; without a gateway all addresses are our own."""
    kind, scope = (_UNICAST, _UNIVERSE) if gateway else (_LOCAL, _HOST)
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, _MAIN, _BOOT, scope, kind, 0)
    body += attribute(4, struct.pack("=I", index))
    if gateway:
        body += attribute(5, socket.inet_aton(gateway))
    return message(_NEW_ROUTE, body, _CREATE | _EXCLUSIVE)


def request(*messages: bytes) -> None:
    """Send requests to the kernel, one after the other; raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as channel:
        for each in messages:
            channel.send(each)
            reply = channel.recv(65536)
            if struct.unpack_from("=H", reply, 4)[0] == _ERROR:
                number = -struct.unpack_from("=i", reply, 16)[0]
                if number:
                    raise OSError(number, os.strerror(number))
