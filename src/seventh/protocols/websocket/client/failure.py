"""Why a client gives up on a response to its handshake."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.protocols.websocket.facts import Handshake


def failure_of(seen: Handshake, sent: str = "") -> Failed:
    """Return the failure of a handshake; ``sent`` names the credential in its request."""
    if seen.outcome == "failed":
        return Failed(Reason.NEGOTIATION_FAILED, seen.detail)
    if seen.outcome == "open":
        return Failed(Reason.PROTOCOL_VIOLATION, "; ".join(seen.breaches))
    if seen.refused_by_envoy:
        return Failed(
            Reason.NEGOTIATION_FAILED,
            "HTTP 403 to the handshake from Envoy itself: upgrade_configs does not include "
            "websocket, or a filter or route refuses",
        )
    reason, text = _cause(seen, seen.status or 0, sent)
    server = f" ({seen.server})" if seen.server else ""
    says = f": {seen.detail}" if seen.detail else ""
    return Failed(reason, f"HTTP {seen.status} to the handshake{server}{text}{says}")


def _cause(seen: Handshake, status: int, sent: str) -> tuple[Reason, str]:
    """Return the reason of a refusal, and the text that follows its status."""
    wants = f" ({seen.wants})" if seen.wants else ""
    later = f"; retry after {seen.retry_after}" if seen.retry_after else ""
    where = f" to {seen.location}" if seen.location else ""
    if status == 401 and sent:
        return Reason.AUTH_REJECTED, f": {sent} is not accepted{wants}"
    if status in {401, 407}:
        who = "a proxy" if status == 407 else "the server"
        return Reason.AUTH_REQUIRED, f": {who} requires a credential{wants}"
    if status == 403:
        return Reason.AUTH_REJECTED, ": the origin or the credential is refused"
    if 300 <= status < 400:
        return Reason.NEGOTIATION_FAILED, f": a redirect{where}, which is not followed"
    if seen.versions and "13" not in seen.versions:
        # RFC 6455 §4.4
        many = "versions" if len(seen.versions) > 1 else "version"
        only = f"only {many} {' and '.join(seen.versions)}"
        return (
            Reason.NEGOTIATION_FAILED,
            f": the server supports WebSocket, but {only}; clients use version 13",
        )
    if status == 426:
        text = (
            ", although the request asks for WebSocket: a proxy in between removes the Upgrade "
            "field, or the server requires another protocol"
        )
        return Reason.PROTOCOL_MISMATCH, text
    if status == 429:
        return Reason.NEGOTIATION_FAILED, f": too many requests{later}"
    if status >= 500:
        return Reason.NEGOTIATION_FAILED, later
    if status in {404, 410}:
        return Reason.PROTOCOL_MISMATCH, ": no WebSocket at this path"
    return Reason.PROTOCOL_MISMATCH, ": the server answers in HTTP, not WebSocket"
