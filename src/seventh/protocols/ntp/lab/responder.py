"""NTP's reference server: a responder on loopback, configured by a :class:`Setup`."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from msgspec.structs import replace

from seventh.net import kernel
from seventh.net.clock import wall_minus_monotonic_ns, wall_ns
from seventh.net.stopwatch import user_mark
from seventh.protocols.ntp.lab.setup import Setup
from seventh.protocols.ntp.wire.control import fragment
from seventh.protocols.ntp.wire.keys import KEY_ID_BYTES, find_key
from seventh.protocols.ntp.wire.mode7 import MON_GETLIST_1, response
from seventh.protocols.ntp.wire.packet import Mode, Packet, parse, to_ntp, to_short

HOST = "127.0.0.1"
ELSEWHERE = "127.0.0.2"
"""Another loopback address, for the server that replies from the wrong one."""
_ANCILLARY_BYTES = 64
_CONTROL_DATA = (
    b'version="ntpd lab@1.0", processor="x86_64", system="Lab/1.0", leap=0, stratum=2, '
    b"precision=-20, rootdelay=5.000, rootdisp=2.000, refid=192.0.2.1, peer=4711, tc=6, mintc=3, "
    b"offset=0.012, frequency=-1.234, sys_jitter=0.010, clk_jitter=0.020, clk_wander=0.001"
)
_CONTROL_FRAGMENT_BYTES = 96
_MONLIST_ITEMS, _MONLIST_ITEM_BYTES = 6, 72
NTP_PORT = 123


class Responder:
    """Answers on a socket by a :class:`Setup`.

    Its receive timestamps are the kernel's: a delay of the event loop counts as processing time of
    the server, and not as an offset.
    """

    def __init__(self, setup: Setup, host: str = HOST, port: int = 0) -> None:
        self._setup = setup
        self._key = find_key(setup.keys, None) if setup.keys else None
        self._count = 0
        self._sock = self._bind(host, port)
        self.port: int = self._sock.getsockname()[1]
        self._elsewhere: socket.socket | None = None
        if any("elsewhere" in step for step in setup.script):
            self._elsewhere = self._bind(ELSEWHERE, self.port)

    @staticmethod
    def _bind(host: str, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        sock.setblocking(False)
        kernel.ask_for_timestamps(sock)
        return sock

    def start(self) -> None:
        """Start to answer."""
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._ready)

    def stop(self) -> None:
        """Stop answering and close the sockets."""
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self.close()

    def close(self) -> None:
        """Close the sockets."""
        self._sock.close()
        if self._elsewhere is not None:
            self._elsewhere.close()

    def _ready(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, ancillary, _, source = self._sock.recvmsg(2048, _ANCILLARY_BYTES)
                arrived = wall_ns(kernel.arrival(ancillary))
                if not self._accepts(source[1]):
                    continue
                if data and data[0] & 7 == Mode.PRIVATE:
                    self._answer_private(data, source)
                elif data and data[0] & 7 == Mode.CONTROL:
                    self._answer_control(data, source)
                elif len(data) >= 48 and data[0] & 7 == Mode.CLIENT:
                    self._answer(data, arrived, source)

    def _accepts(self, port: int) -> bool:
        if not self._setup.only_from:
            return True
        return (port == NTP_PORT) == (self._setup.only_from == "123")

    def _answer(self, data: bytes, arrived_ns: int, source: tuple[str, int]) -> None:
        step = self._setup.script[self._count % len(self._setup.script)]
        shift_ns = int(self._setup.shifts[self._count % len(self._setup.shifts)] * 1e9)
        self._count += 1
        request = parse(data)
        for action in step:
            reply = self._reply(request, arrived_ns + shift_ns, shift_ns)
            if action == "elsewhere":
                if self._elsewhere is not None:
                    self._elsewhere.sendto(reply.encode(), source)
                continue
            answer = self._datagram(action, reply, data) + self._mac(request, data, reply)
            self._sock.sendto(answer, source)

    def _mac(self, request: Packet, data: bytes, reply: Packet) -> bytes:
        """Return the MAC of the reply to a request with a MAC; empty for other requests."""
        if self._key is None or not request.mac or self._setup.mac == "none":
            return b""
        right = self._key.mac(reply.encode())
        if self._setup.mac == "forged":
            return right[:-1] + bytes((right[-1] ^ 1,))
        valid = self._key.verifies(data[: -len(request.mac)], request.mac)
        return right if valid and self._setup.mac != "nak" else bytes(KEY_ID_BYTES)

    def _datagram(self, action: str, reply: Packet, request: bytes) -> bytes:
        """Return what ``action`` of the script sends in answer to ``request``."""
        kind, _, code = action.partition(" ")
        if action == "forged":
            return replace(reply, origin=reply.origin ^ 1).encode()
        if kind in {"forged", "kiss"}:
            return self._kiss(reply, code, reply.origin ^ (kind == "forged")).encode()
        if action == "echo":
            return request
        if action == "http":
            return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
        if action == "bad extension":
            return reply.encode() + b"\x01\x04\xff\xf0" + bytes(28)
        return reply.encode()

    def _reply(self, request: Packet, received_ns: int, shift_ns: int) -> Packet:
        setup = self._setup
        now = wall_ns(user_mark(), wall_minus_monotonic_ns()) + shift_ns
        return Packet(
            leap=setup.leap,
            version=request.version,
            mode=Mode.SERVER,
            stratum=setup.stratum,
            poll=6,
            precision=-20,
            root_delay=to_short(setup.root_delay_seconds),
            root_dispersion=to_short(setup.root_dispersion_seconds),
            refid=setup.refid,
            reference=to_ntp(now - int(setup.reference_age_seconds * 1e9)),
            origin=request.transmit,
            receive=to_ntp(received_ns),
            transmit=to_ntp(now),
        )

    @staticmethod
    def _kiss(reply: Packet, code: str, origin: int) -> Packet:
        return replace(reply, leap=3, stratum=0, refid=code.encode("ascii"), origin=origin)

    def _answer_private(self, data: bytes, source: tuple[str, int]) -> None:
        """Answer monlist with six clients of 72 bytes to a packet, as ntpd does."""
        if len(data) < 8 or data[3] != MON_GETLIST_1:
            return
        for sequence, at in enumerate(range(0, self._setup.monlist, _MONLIST_ITEMS)):
            left = self._setup.monlist - at
            items, more = min(left, _MONLIST_ITEMS), left > _MONLIST_ITEMS
            packet = response(data[2], sequence, items, _MONLIST_ITEM_BYTES, more=more)
            self._sock.sendto(packet, source)

    def _answer_control(self, data: bytes, source: tuple[str, int]) -> None:
        if not self._setup.control or len(data) < 12:
            return
        sequence = int.from_bytes(data[2:4])
        for at in range(0, len(_CONTROL_DATA), _CONTROL_FRAGMENT_BYTES):
            part = _CONTROL_DATA[at : at + _CONTROL_FRAGMENT_BYTES]
            more = at + _CONTROL_FRAGMENT_BYTES < len(_CONTROL_DATA)
            self._sock.sendto(fragment(sequence, part, offset=at, more=more), source)
