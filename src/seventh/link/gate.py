"""The world's end of a link: every address is there, and every port that is asked for.

The namespace has all addresses as its own. A port gets a socket with the first packet for it; the
parent has that socket, and connects to the real server. A SYN waits here for that connection, so
that a refusal is a refusal and the time to connect is that of the link and of the network.
"""

from __future__ import annotations

import socket

from seventh.link import messages
from seventh.link.ip import TCP, UDP, Flow, flow_of, refusal, sequence_of_syn
from seventh.link.messages import Answer, Connect, Listening, Verdict

_BACKLOG = 1024
_MOST = 65_536
IP_PKTINFO = 8


class Gate:
    """What of the world is open; ``channel`` leads to the parent."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._ports: set[tuple[bool, int]] = set()
        self._waiting: dict[Flow, tuple[int, bytes, bytes]] = {}
        self._open: dict[Flow, int] = {}
        """Sequence numbers of the SYNs that went on, for those that are sent again."""

    def admits(self, packet: bytes, whole: bytes = b"") -> bool:
        """Return whether a packet goes on now; a SYN may be kept, as ``whole`` if that is given."""
        if packet[9] == UDP:
            flow = flow_of(packet)
            return flow is None or self._has_socket(tcp=False, port=flow.target_port)
        if packet[9] != TCP or (sequence := sequence_of_syn(packet)) is None:
            return True
        flow = flow_of(packet)
        if flow is None or self._open.get(flow) == sequence:
            return True
        if flow not in self._waiting:
            messages.send(self._channel, _asked(flow))
        self._waiting[flow] = (sequence, packet, whole or packet)
        return False

    def answered(self, answer: Answer) -> tuple[bytes | None, bytes | None]:
        """Return the packet for the world, as it was kept, and the one for the client."""
        asked = answer.asked
        flow = Flow(
            TCP, socket.inet_aton(asked.source), asked.source_port,
            socket.inet_aton(asked.target), asked.target_port,
        )  # fmt: skip
        sequence, packet, whole = self._waiting.pop(flow, (0, b"", b""))
        if not packet or answer.verdict is Verdict.SILENT:
            return None, None
        if answer.verdict is Verdict.OPEN and self._has_socket(tcp=True, port=flow.target_port):
            if len(self._open) >= _MOST:
                del self._open[next(iter(self._open))]
            self._open[flow] = sequence
            return whole, None
        return None, refusal(packet)

    def _has_socket(self, *, tcp: bool, port: int) -> bool:
        if (tcp, port) in self._ports:
            return True
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        try:
            with socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK) as made:
                if tcp:
                    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                else:
                    made.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
                made.bind(("", port))
                if tcp:
                    made.listen(_BACKLOG)
                messages.send(self._channel, Listening(tcp=tcp, port=port), made.fileno())
        except OSError:
            return False
        self._ports.add((tcp, port))
        return True


def _asked(flow: Flow) -> Connect:
    return Connect(
        source=socket.inet_ntoa(flow.source), source_port=flow.source_port,
        target=socket.inet_ntoa(flow.target), target_port=flow.target_port,
    )  # fmt: skip
