"""Failures of channels: refused by the peer, or lost with the connection that carries them."""

from __future__ import annotations

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.carrier import CarrierFailed
from seventh.protocols.ssh.wire.channel import CONNECT_FAILED, PROHIBITED, SHORTAGE, Refusal
from seventh.wire.text import printable


class RefusedError(Exception):
    """The peer refused to open the channel; ``refusal`` has its reason."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"channel refused: {refusal.text}")
        self.refusal = refusal


def named(failed: Failed, hop: str) -> Failed:
    """Return a copy of ``failed`` that names the hop, unless it names an earlier one already."""
    if isinstance(failed, CarrierFailed):
        return again(failed)
    return CarrierFailed(failed.reason, f"{hop}: {failed.detail}", blame=failed.blame)


def again(failed: Failed) -> Failed:
    """Return a copy of ``failed`` without its phase, to raise it in another one."""
    if isinstance(failed, ProtocolViolation):
        return ProtocolViolation(failed.detail)
    return type(failed)(failed.reason, failed.detail, blame=failed.blame, alert=failed.alert)


def refusal_reason(refusal: Refusal) -> Reason:
    """Return the reason that a direct-tcpip channel's OPEN_FAILURE means (RFC 4254 §5.1)."""
    words = printable(refusal.description, 200).lower()
    if refusal.code == CONNECT_FAILED:
        # sshd has one code for every cause; the description is strerror's or getaddrinfo's.
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
