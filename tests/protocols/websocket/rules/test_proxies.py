"""What is refused on the way in: for the upgrade's sake, or for another."""

from __future__ import annotations

import msgspec
import pytest

from seventh.model.failure import Reason
from seventh.protocols.websocket.client.failure import failure_of
from seventh.protocols.websocket.facts import Handshake, Tunnelled, WebSocketFacts
from seventh.protocols.websocket.probe.cookies import may_name_a_user
from seventh.protocols.websocket.rules import carried, handshake
from seventh.protocols.websocket.rules.examples import GOOD, OPEN
from seventh.rules.rule import Hit, Skip, Verdict

ENVOY = Handshake(outcome="refused", status=403, version="1.1", server="envoy")
SILENT = Handshake(outcome="failed", detail="the peer said nothing for 5.0 s")


def plain(status: int, **more: str) -> Handshake:
    return Handshake(outcome="refused", status=status, version="1.1", **more)  # type: ignore[arg-type]


def stripped(
    seen: Handshake, got: Handshake | None = None, direct: Handshake | None = None
) -> Verdict:
    return handshake.stripped(WebSocketFacts(handshake=seen, no_upgrade=got, direct=direct))


def test_envoy_s_own_refusal_is_the_upgrade_s_only_where_a_get_passes() -> None:
    assert isinstance(stripped(ENVOY, plain(426)), Hit)
    assert isinstance(stripped(ENVOY, plain(403, server="envoy")), Skip)
    assert isinstance(stripped(ENVOY), Skip)
    assert isinstance(stripped(ENVOY, SILENT), Skip)


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
    assert isinstance(stripped(seen, plain(426)), Skip)
    assert failure_of(seen).reason in {Reason.AUTH_REJECTED, Reason.AUTH_REQUIRED}


def test_envoy_s_own_refusal_blames_no_credential() -> None:
    failed = failure_of(ENVOY)
    assert failed.reason is Reason.NEGOTIATION_FAILED
    assert "upgrade_configs" in failed.detail


@pytest.mark.parametrize("status", [301, 401, 403, 407, 429, 502, 503, 504])
def test_what_a_plain_get_meets_as_well_is_not_the_upgrade(status: int) -> None:
    assert isinstance(stripped(plain(status), plain(status), OPEN), Skip)
    assert isinstance(stripped(plain(status), None, OPEN), Skip)
    assert isinstance(stripped(plain(status), plain(426), OPEN), Hit)


@pytest.mark.parametrize("status", [200, 400, 404, 426, 500, 505])
def test_a_page_or_a_complaint_in_its_place_is(status: int) -> None:
    assert isinstance(stripped(plain(status), plain(status), OPEN), Hit)


def test_silence_here_counts_only_where_a_get_is_answered() -> None:
    assert isinstance(stripped(SILENT, plain(426), OPEN), Hit)
    assert isinstance(stripped(SILENT, SILENT, OPEN), Skip)
    assert isinstance(stripped(SILENT, None, OPEN), Skip)
    assert isinstance(stripped(SILENT), Skip)


def test_what_is_announced_and_refused_is_worse_than_what_is_missing() -> None:
    missing = Tunnelled(spoken=True, enabled=False)
    broken = Tunnelled(spoken=True, enabled=True, handshake=plain(400))
    for rule, severity in ((carried.no_h2, "high"), (carried.no_h3, "medium")):
        name = "h2" if rule is carried.no_h2 else "h3"
        quiet, loud = rule(GOOD.learn(**{name: missing})), rule(GOOD.learn(**{name: broken}))
        assert isinstance(quiet, Hit) and quiet.severity is None
        assert isinstance(loud, Hit) and loud.severity == severity


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
