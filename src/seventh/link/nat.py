"""A NAT with idle timers, at the client's side of a link. Pure: times are passed in.

A mapping keeps address and port as they are until it was forgotten: a UDP flow then gets another
port, and after a change of the address another address, too. A TCP connection is then lost.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from seventh.link.ip import TCP, Flow, flow_of, readdressed, sequence_of_syn

_FIRST, _LAST = 32_768, 60_999
_FOREVER = 1 << 62
_SECOND = 1_000_000_000


@dataclass(slots=True)
class _Mapping:
    outside: Flow
    last_ns: int


class Nat:
    """Its mappings; ``udp_seconds`` and ``tcp_seconds`` are the idle timers, 0 for none."""

    def __init__(self, udp_seconds: float = 0, tcp_seconds: float = 0, seed: str = "0") -> None:
        self._idle_ns = {
            True: round(tcp_seconds * _SECOND) or _FOREVER,
            False: round(udp_seconds * _SECOND) or _FOREVER,
        }
        """By whether it is TCP."""
        self._random = random.Random(f"{seed} nat")  # noqa: S311 - no secret
        self._out: dict[Flow, _Mapping] = {}
        self._in: dict[Flow, Flow] = {}
        """The inside of what comes back."""
        self._host = 0
        """How often the address changed."""
        self.rebinds = 0
        """UDP flows that got another port or address."""

    def change_address(self) -> None:
        """Forget all mappings, and get another address."""
        self._host += 1
        for mapping in self._out.values():
            mapping.last_ns = -_FOREVER

    def outward(self, packet: bytes, now_ns: int) -> bytes | None:
        """Return what leaves the NAT for the world; None if nothing."""
        flow = flow_of(packet)
        if flow is None:
            return packet
        mapping = self._out.get(flow)
        if flow.protocol == TCP and sequence_of_syn(packet) is not None:
            self._forget(flow)
            mapping = self._keep(flow, flow, now_ns)
        elif mapping is None:
            if flow.protocol == TCP:
                return None
            mapping = self._keep(flow, self._moved(flow, port=False), now_ns)
        elif now_ns - mapping.last_ns > self._idle_ns[flow.protocol == TCP]:
            self._forget(flow)
            if flow.protocol == TCP:
                return None
            self.rebinds += 1
            mapping = self._keep(flow, self._moved(flow, port=True), now_ns)
        mapping.last_ns = now_ns
        return packet if mapping.outside == flow else readdressed(packet, mapping.outside)

    def inward(self, packet: bytes, now_ns: int) -> bytes | None:
        """Return what comes to the client; None if nothing."""
        flow = flow_of(packet)
        if flow is None:
            return packet
        inside = self._in.get(flow)
        if inside is None:
            return None
        mapping = self._out[inside]
        if now_ns - mapping.last_ns > self._idle_ns[flow.protocol == TCP]:
            return None
        mapping.last_ns = now_ns
        return packet if inside.back == flow else readdressed(packet, inside.back)

    def _keep(self, flow: Flow, outside: Flow, now_ns: int) -> _Mapping:
        mapping = self._out[flow] = _Mapping(outside, now_ns)
        self._in[outside.back] = flow
        return mapping

    def _forget(self, flow: Flow) -> None:
        if (old := self._out.pop(flow, None)) is not None:
            self._in.pop(old.outside.back, None)

    def _moved(self, flow: Flow, *, port: bool) -> Flow:
        source = flow.source
        if self._host:
            source = source[:3] + bytes([2 + (source[3] - 2 + self._host) % 252])
        outside = flow._replace(source=source)
        while port or outside.back in self._in:
            outside = outside._replace(source_port=self._random.randint(_FIRST, _LAST))
            port = outside.source_port == flow.source_port
        return outside
