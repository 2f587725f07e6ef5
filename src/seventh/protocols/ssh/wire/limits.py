"""Limits on one connection's peer: packet sizes, messages without content, key exchanges."""

from __future__ import annotations

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark

MAX_PACKET_LENGTH = 256 * 1024
"""The largest packet_length, as in OpenSSH."""
USUAL_PACKET_LENGTH = 35000
"""What every implementation must accept (RFC 4253 §6.1). Before a login, more is a deviation."""
MAX_CHATTER = 64
"""Messages without content that a peer may send: IGNORE, DEBUG, UNIMPLEMENTED, EXT_INFO, PING,
GLOBAL_REQUEST and unknown ones."""
CHATTER_PER_SECOND = 4
"""How many more each second of a session allows, for keepalives."""
MAX_PEER_REKEYS = 16
BYTES_PER_REKEY = 16 * 1024
"""A peer may begin MAX_PEER_REKEYS exchanges, and one more for each BYTES_PER_REKEY of traffic."""
SESSION_MESSAGES = range(80, 192)
"""Message numbers that are not allowed before a user is logged in (RFC 4252 §6)."""


class Limits:
    """The counters of one connection's peer."""

    __slots__ = ("_admitted", "chatter", "rekeys", "traffic", "useful")

    def __init__(self) -> None:
        self._admitted: Mark | None = None
        self.chatter = 0
        self.useful = 0
        """Messages of a login or of channels: each allows one message without content, because some
        servers (asyncssh) send an IGNORE before every packet."""
        self.rekeys = 0
        self.traffic = 0
        """Bytes of packets, both ways."""

    @property
    def admitted(self) -> bool:
        """Whether a user is logged in."""
        return self._admitted is not None

    def admit(self, at: Mark) -> None:
        """Note that a user is logged in since ``at``."""
        self._admitted = at

    def too_early(self, number: int) -> bool:
        """Return whether a message belongs to a session while no user is logged in."""
        return not self.admitted and number in SESSION_MESSAGES

    def chat(self, at: Mark) -> None:
        """Count a message without content; ProtocolViolation beyond the limit."""
        self.chatter += 1
        since = int(at.since(self._admitted)) if self._admitted else 0
        allowed = MAX_CHATTER + CHATTER_PER_SECOND * since + self.useful
        if self.chatter > allowed:
            raise ProtocolViolation(
                f"more than {allowed} IGNORE, DEBUG, UNIMPLEMENTED, EXT_INFO, PING, "
                "GLOBAL_REQUEST and unknown messages"
            )

    def rekey(self) -> None:
        """Count a key exchange that the peer began; ProtocolViolation beyond the limit."""
        self.rekeys += 1
        if self.rekeys > MAX_PEER_REKEYS + self.traffic // BYTES_PER_REKEY:
            raise ProtocolViolation(
                f"the peer began {self.rekeys} key exchanges within {self.traffic} bytes"
            )
