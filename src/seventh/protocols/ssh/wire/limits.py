"""What a peer may do to one connection: sizes, chatter, key exchanges, before a login and after."""

from __future__ import annotations

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark

MAX_PACKET_LENGTH = 256 * 1024
"""What may be declared, as OpenSSH has it."""
USUAL_PACKET_LENGTH = 35000
"""RFC 4253 §6.1: what every implementation takes. More is a deviation before a login."""
MAX_CHATTER = 64
"""Messages that carry nothing, or nothing known, that a peer may send: IGNORE, DEBUG,
UNIMPLEMENTED, EXT_INFO, PING, GLOBAL_REQUEST and unknown ones."""
CHATTER_PER_SECOND = 4
"""How many more of them each second of a session allows, for keepalives go on for ever."""
MAX_PEER_REKEYS = 16
BYTES_PER_REKEY = 16 * 1024
"""A peer may begin MAX_PEER_REKEYS exchanges, and one more for each so many bytes of traffic."""
FIRST_OF_SESSION, LAST_OF_SESSION = 80, 191
"""Message numbers that have no place before a user is logged in (RFC 4252 §6)."""


class Limits:
    """What a peer may do to one connection, before a user is logged in and after."""

    __slots__ = ("_admitted", "chatter", "rekeys", "traffic", "useful")

    def __init__(self) -> None:
        self._admitted: Mark | None = None
        self.chatter = 0
        self.useful = 0
        """Messages of a login or of channels: each excuses one that carries nothing, for some
        servers (asyncssh) put an IGNORE before every packet."""
        self.rekeys = 0
        self.traffic = 0
        """Bytes of packets, both ways."""

    @property
    def admitted(self) -> bool:
        """Whether a user is logged in."""
        return self._admitted is not None

    def admit(self, at: Mark) -> None:
        """A user is logged in since ``at``."""
        self._admitted = at

    def too_early(self, number: int) -> bool:
        """Return whether a message belongs to a session, and no user is logged in."""
        return not self.admitted and FIRST_OF_SESSION <= number <= LAST_OF_SESSION

    def chat(self, at: Mark) -> None:
        """Count a message that carries nothing; ProtocolViolation when there are too many."""
        self.chatter += 1
        since = int(at.since(self._admitted)) if self._admitted else 0
        allowed = MAX_CHATTER + CHATTER_PER_SECOND * since + self.useful
        if self.chatter > allowed:
            raise ProtocolViolation(
                f"more than {allowed} IGNORE, DEBUG, UNIMPLEMENTED, EXT_INFO, PING, "
                "GLOBAL_REQUEST and unknown messages"
            )

    def rekey(self) -> None:
        """Count an exchange that the peer began; ProtocolViolation when there are too many."""
        self.rekeys += 1
        if self.rekeys > MAX_PEER_REKEYS + self.traffic // BYTES_PER_REKEY:
            raise ProtocolViolation(
                f"{self.rekeys} key exchanges begun by the peer within {self.traffic} bytes"
            )
