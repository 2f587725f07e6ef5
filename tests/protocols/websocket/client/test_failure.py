"""What each refusal of a handshake means: the reason and the whole text."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.failure import Reason
from seventh.protocols.websocket.client.failure import failure_of
from seventh.protocols.websocket.facts import Handshake

REJECTED, REQUIRED = Reason.AUTH_REJECTED, Reason.AUTH_REQUIRED
NEGOTIATION, MISMATCH = Reason.NEGOTIATION_FAILED, Reason.PROTOCOL_MISMATCH
OTHER = ": the server answers in HTTP, not WebSocket"


@pytest.mark.parametrize(
    ("status", "seen", "reason", "text"),
    [
        (401, {}, REQUIRED, ": the server requires a credential"),
        (401, {"wants": "Bearer"}, REQUIRED, ": the server requires a credential (Bearer)"),
        (407, {"wants": "Basic"}, REQUIRED, ": a proxy requires a credential (Basic)"),
        (403, {}, REJECTED, ": the origin or the credential is refused"),
        (300, {}, NEGOTIATION, ": a redirect, which is not followed"),
        (399, {"location": "/a"}, NEGOTIATION, ": a redirect to /a, which is not followed"),
        (400, {}, MISMATCH, OTHER),
        (200, {}, MISMATCH, OTHER),
        (299, {}, MISMATCH, OTHER),
        (404, {}, MISMATCH, ": no WebSocket at this path"),
        (410, {}, MISMATCH, ": no WebSocket at this path"),
        (400, {"versions": ("13",)}, MISMATCH, OTHER),
        (426, {"versions": ("8",)}, NEGOTIATION,
         ": the server supports WebSocket, but only version 8; clients use version 13"),
        (400, {"versions": ("7", "8")}, NEGOTIATION,
         ": the server supports WebSocket, but only versions 7 and 8; clients use version 13"),
        (426, {}, MISMATCH,
         (", although the request asks for WebSocket: a proxy in between removes the Upgrade "
          "field, or the server requires another protocol")),
        (429, {}, NEGOTIATION, ": too many requests"),
        (429, {"retry_after": "5"}, NEGOTIATION, ": too many requests; retry after 5"),
        (499, {}, MISMATCH, OTHER),
        (500, {}, NEGOTIATION, ""),
        (503, {"retry_after": "5"}, NEGOTIATION, "; retry after 5"),
    ],
)  # fmt: skip
def test_refusals(status: int, seen: dict[str, Any], reason: Reason, text: str) -> None:
    failed = failure_of(Handshake(outcome="refused", status=status, **seen))
    assert (failed.reason, failed.detail) == (reason, f"HTTP {status} to the handshake{text}")


def test_a_refused_credential_is_named() -> None:
    seen = Handshake(outcome="refused", status=401, wants="Bearer", server="x", detail="go away")
    failed = failure_of(seen, "the field Cookie")
    assert (failed.reason, failed.detail) == (
        REJECTED,
        "HTTP 401 to the handshake (x): the field Cookie is not accepted (Bearer): go away",
    )
    proxy = Handshake(outcome="refused", status=407)
    assert failure_of(proxy, "the field Cookie").reason is REQUIRED


@pytest.mark.parametrize(
    ("seen", "envoy"),
    [
        (Handshake(outcome="refused", status=403, server="Envoy"), True),
        (Handshake(outcome="refused", status=404, server="envoy"), False),
        (Handshake(outcome="refused", status=403, server="nginx"), False),
        (Handshake(outcome="refused", status=403, server="envoy", detail="RBAC"), False),
        (Handshake(outcome="refused", status=403, server="envoy",
                   via="x-envoy-upstream-service-time"), False),
    ],
)  # fmt: skip
def test_envoy_itself_refuses_with_an_empty_403(seen: Handshake, envoy: bool) -> None:
    failed = failure_of(seen)
    said = (
        "HTTP 403 to the handshake from Envoy itself: upgrade_configs does not include websocket, "
        "or a filter or route refuses"
    )
    assert (failed.detail == said and failed.reason is NEGOTIATION) is envoy


def test_a_handshake_that_failed_or_breaks_the_rules() -> None:
    failed = failure_of(Handshake(outcome="failed", detail="why"))
    assert (failed.reason, failed.detail) == (NEGOTIATION, "why")
    seen = Handshake(
        outcome="open", status=101, accept="wrong", foreign_subprotocol="mqtt",
        foreign_extensions=("x",), problems=("no Upgrade field",),
    )  # fmt: skip
    failed = failure_of(seen)
    assert (failed.reason, failed.detail) == (
        Reason.PROTOCOL_VIOLATION,
        (
            "Sec-WebSocket-Accept is wrong; the subprotocol mqtt was not offered; the extension x "
            "was not offered; no Upgrade field"
        ),
    )
