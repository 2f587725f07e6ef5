"""What is refused on the way in: for the upgrade's sake, or for another."""

from __future__ import annotations

import msgspec
import pytest

from seventh.model.failure import Reason
from seventh.protocols.websocket.client.failure import failure_of
from seventh.protocols.websocket.facts import Handshake, WebSocketFacts
from seventh.protocols.websocket.probe.cookies import may_name_a_user
from seventh.protocols.websocket.rules import handshake
from seventh.rules.rule import Skip

ENVOY = Handshake(outcome="refused", status=403, version="1.1", server="envoy")


def plain(status: int, **more: str) -> Handshake:
    return Handshake(outcome="refused", status=status, version="1.1", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        {"via": "x-envoy-upstream-service-time"},
        {"detail": "RBAC: access denied"},
        {"server": "nginx"},
        {"status": 401},
    ],
)
def test_another_refusal_is_not_envoy_s_own(other: dict[str, object]) -> None:
    seen = msgspec.structs.replace(ENVOY, **other)
    assert not seen.refused_by_envoy
    judged = handshake.stripped(WebSocketFacts(handshake=seen, no_upgrade=plain(426)))
    assert isinstance(judged, Skip)
    assert failure_of(seen).reason in {Reason.AUTH_REJECTED, Reason.AUTH_REQUIRED}


def test_envoy_s_own_refusal_blames_no_credential() -> None:
    failed = failure_of(ENVOY)
    assert failed.reason is Reason.NEGOTIATION_FAILED
    assert "upgrade_configs" in failed.detail


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("session=0123456789abcdef; HttpOnly", True),
        ("session=0123456789abcdef; SameSite=None; Secure", True),
        ("session=0123456789abcdef; SameSite=Lax", False),
        ("session=0123456789abcdef; samesite=strict", False),
        ("SRV=one; path=/", False),
        ('lb="2f9c"; HttpOnly', False),
        ("AWSALBCORS=Zm9vYmFyYmF6cXV1eA==; Path=/", False),
        ("", False),
    ],
)
def test_which_cookies_may_name_a_user(field: str, named: bool) -> None:
    assert may_name_a_user(field) is named
