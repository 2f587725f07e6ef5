"""How a channel fails: refused by the peer, or gone with the connection that carries it."""

from __future__ import annotations

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.protocols.ssh.wire.channel import CONNECT_FAILED, PROHIBITED, SHORTAGE, Refusal
from seventh.wire.text import printable


class RefusedError(Exception):
    """The peer did not open the channel: ``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"the channel was refused: {refusal.text}")
        self.refusal = refusal


class CarrierFailed(Failed):
    """A connection that carries others has failed; the detail names it."""


def afresh(failed: Failed) -> Failed:
    """Return the same failure once more: whoever catches it fills in the phase of their own."""
    if isinstance(failed, ProtocolViolation):
        return ProtocolViolation(failed.detail)
    return type(failed)(failed.reason, failed.detail, blame=failed.blame, alert=failed.alert)


def refusal_reason(refusal: Refusal) -> Reason:
    """Return what an OPEN_FAILURE of a direct-tcpip channel is, in our words (RFC 4254 §5.1)."""
    words = printable(refusal.description, 200).lower()
    if refusal.code == CONNECT_FAILED:
        # One code for every cause: only sshd's words tell, strerror's and getaddrinfo's.
        if "timed out" in words or "timeout" in words:
            return Reason.CONNECT_TIMEOUT
        if any(word in words for word in ("resol", "name or service", "unknown host", "nodename")):
            return Reason.RESOLVE_FAILED
        if "unreachable" in words or "no route" in words:
            return Reason.CONNECT_UNREACHABLE
        return Reason.CONNECT_REFUSED
    if refusal.code == PROHIBITED:
        return Reason.CONNECT_FORBIDDEN
    if refusal.code == SHORTAGE:
        return Reason.BUDGET_EXCEEDED
    return Reason.NEGOTIATION_FAILED
