"""What a proxy does to calls: which rules fire, and on which facts they do not."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.report import SkipCause
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.facts.config import ProxiedCalls
from seventh.protocols.grpc.rules.calls import proxy_cut
from seventh.protocols.grpc.rules.exposed import channelz
from seventh.protocols.grpc.rules.proxied import web
from seventh.protocols.grpc.rules.transport import no_h2, not_grpc, plaintext
from seventh.rules.rule import AnyRule, Hit, Skip

NA, NONE = SkipCause.NOT_APPLICABLE, SkipCause.NO_EVIDENCE


def judged(rule: AnyRule, **facts: Any) -> object:
    """What a rule says: the codes of a hit, True for one without, a skip's cause, or None."""
    verdict = rule(GrpcFacts(proxied=ProxiedCalls(product="envoy", place="/a.B/", **facts)))
    if isinstance(verdict, Hit):
        return verdict.params.get("cut") or verdict.params.get("what", True)
    return verdict.cause if isinstance(verdict, Skip) else None


@pytest.mark.parametrize(
    ("total", "idle", "what"),
    [
        (None, None, NA), (0, 0, None), (0, 301, None), (0, 300, ("idle",)), (0, 60, ("idle",)),
        (15, 0, ("total",)), (3599, 3600, ("total",)), (3600, 3600, None),
        (15, 300, ("total", "idle")), (0, None, NONE), (15, None, ("total",)),
    ],
)  # fmt: skip
def test_how_long_calls_last(total: float | None, idle: float | None, what: object) -> None:
    assert judged(proxy_cut, total_seconds=total, idle_seconds=idle) == what


@pytest.mark.parametrize(
    ("front", "backend", "what"),
    [
        (None, None, NA), (True, True, None), (True, None, None), (None, True, None),
        (False, True, ("front",)), (True, False, ("backend",)), (False, None, ("front",)),
        (False, False, ("front", "backend")),
    ],
)  # fmt: skip
def test_http2_on_both_sides(front: bool | None, backend: bool | None, what: object) -> None:
    assert judged(no_h2, front_h2=front, backend_h2=backend) == what


@pytest.mark.parametrize(
    ("rule", "name"),
    [(not_grpc, "status_replaced"), (plaintext, "in_clear"), (channelz, "admin_open")],
)
def test_what_must_not_be(rule: AnyRule, name: str) -> None:
    assert [judged(rule, **{name: value}) for value in (None, False, True)] == [
        NA,
        None,
        {"status_replaced": "replaced", "in_clear": "served", "admin_open": "proxy"}[name],
    ]


@pytest.mark.parametrize(
    ("facts", "what"),
    [({}, NA), ({"web": True, "cors": True}, None), ({"web": True, "cors": False}, True)],
)
def test_browsers_need_both_filters(facts: dict[str, Any], what: object) -> None:
    assert judged(web, **facts) == what


def test_envoys_lines_are_those_that_are_missing() -> None:
    calls = ProxiedCalls(product="envoy", total_seconds=0, idle_seconds=60, backend_h2=False)
    made = [rule(GrpcFacts(proxied=calls)) for rule in (proxy_cut, no_h2)]
    assert [hit.fixes["envoy"][:2] for hit in made if isinstance(hit, Hit)] == [
        ("# in the route", "idle_timeout: 3600s"),
        ("# in the cluster", "typed_extension_protocol_options:"),
    ]
