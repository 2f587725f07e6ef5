"""What each rule says besides its examples: severities, and what leaves it undecided."""

from __future__ import annotations

import pytest

from seventh import protocols
from seventh.model.severity import Severity
from seventh.protocols.grpc.facts import Answer, Foreign, GrpcFacts, Watch
from seventh.protocols.grpc.facts.calls import Big, Held, Paused, Spread
from seventh.protocols.grpc.rules.examples import ABSENT, GOOD, LOCKED, OK
from seventh.rules.rule import Hit, Skip

RULES = {rule.id.removeprefix("GRPC-"): rule for rule in protocols.rules("grpc")}
PROXY = Answer(code="UNAVAILABLE", origin="http", http_status=503)
ENDED = {"deadline_seconds": 0.5, "serving": "SERVING", "code": "UNAVAILABLE"}


def watched(**changes: object) -> GrpcFacts:
    return GOOD.learn(watch=Watch(**{"deadline_seconds": 0.5, "origin": "trailers", **changes}))  # type: ignore[arg-type]


HITS = [
    ("NO-H2", GOOD.learn(alpn=""), {"what": "no-alpn"}, Severity.HIGH),
    ("NO-H2", GrpcFacts(http="refused"), {"what": "refused"}, None),
    ("NOT-GRPC", GOOD.learn(foreign=Foreign(http_status=200, content_type="application/grpc")),
     {"what": "no-status", "status": 200, "type": "application/grpc"}, None),
    ("NOT-GRPC", GOOD.learn(foreign=Foreign(http_status=404)),
     {"what": "untyped", "status": 404}, None),
    ("STREAMS", GOOD.learn(settings={}), {"what": "unlimited"}, None),
    ("META-LIMIT", GOOD.learn(metadata=Answer(code="RESOURCE_EXHAUSTED")),
     {"what": "refused", "code": "RESOURCE_EXHAUSTED", "least": 7168}, None),
    ("PLAINTEXT", GOOD.learn(secure=False, reach="private"),
     {"what": "accepted", "reach": "private"}, None),
    ("NOT-SERVING", GOOD.learn(service="a.B", health=Answer(code="NOT_FOUND"), serving=""),
     {"what": "unknown", "service": "a.B"}, None),
    ("WATCH", watched(code="", waited_seconds=1.0), {"what": "silent", "seconds": "1"}, None),
    ("WATCH", watched(serving="SERVING", ended_seconds=0.1, code="UNAVAILABLE"),
     {"what": "ended", "code": "UNAVAILABLE", "seconds": "0.1", "deadline": "0.5"}, None),
    ("WATCH", watched(ended_seconds=0.1, code="INTERNAL"),
     {"what": "refused", "code": "INTERNAL"}, None),
    ("DEADLINE", watched(serving="SERVING", ended_seconds=0.9, code="OK"),
     {"what": "late", "deadline": "0.5", "seconds": "0.9"}, None),
    ("PUSHBACK", GOOD.learn(pushback="soon"), {"what": "malformed", "value": "soon"}, None),
    ("REFLECT-OPEN", GOOD.learn(reflection_v1=OK, services=("a",), reach="private"),
     {"count": 1, "reach": "private"}, Severity.INFO),
    ("CHANNELZ", GOOD.learn(csds=OK, reach="private"),
     {"what": "services", "services": ("CSDS",), "reach": "private"}, Severity.MEDIUM),
    ("BACKPRESSURE",
     GOOD.learn(paused=Paused(outcome="overran", received_bytes=9, window_bytes=8, seconds=1.0)),
     {"what": "overran", "window": 8, "received": 9, "seconds": "1"}, None),
    ("MSG-LIMIT", GOOD.learn(big=Big(outcome="cut", bytes=9)),
     {"what": "cut", "bytes": 9, "code": "nothing"}, None),
    ("PROXY-CUT", GOOD.learn(held=Held(seconds=15.0, cut=True)),
     {"cut": "held", "seconds": "15"}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "facts", "params", "severity"), HITS,
    ids=[f"{hit[0]}-{number}" for number, hit in enumerate(HITS)],
)  # fmt: skip
def test_it_fires(
    name: str, facts: GrpcFacts, params: dict[str, object], severity: Severity | None
) -> None:
    verdict = RULES[name](facts)
    assert isinstance(verdict, Hit)
    assert (verdict.params, verdict.severity) == (params, severity)


UNDECIDED = [
    ("NO-H2", GrpcFacts(http="other")),
    ("PLAINTEXT", GOOD.learn(secure=False, http="1.1")),
    ("PLAINTEXT", GOOD.learn(secure=False, reach=None)),
    ("WINDOW", GOOD.learn(ping_seconds=None)),
    ("META-LIMIT", GOOD.learn(metadata=None)),
    ("META-LIMIT", GOOD.learn(metadata=Answer(code="UNAVAILABLE"))),
    ("COMPRESS", GOOD.learn(compressed=PROXY)),
    ("COMPRESS", GOOD.learn(health=ABSENT)),
    ("HEALTH-NONE", GOOD.learn(health=PROXY)),
    ("NOT-SERVING", GOOD.learn(health=LOCKED, serving="")),
    ("NOT-SERVING", GOOD.learn(health=ABSENT, serving="")),
    ("WATCH", GOOD.learn(watch=None)),
    ("WATCH", GOOD.learn(health=ABSENT)),
    ("WATCH", watched(ended_seconds=0.01, code="UNAUTHENTICATED")),
    ("DEADLINE", watched(serving="SERVING", ended_seconds=0.1, code="UNAVAILABLE")),
    ("DEADLINE", watched(serving="SERVING")),
    ("HEALTH-LIST", GOOD.learn(listed=PROXY)),
    ("CONTROL-STATUS", GOOD.learn(unknown_method=PROXY)),
    ("REFLECT-OPEN", GOOD.learn(reflection_v1=PROXY)),
    ("REFLECT-OPEN", GOOD.learn(reflection_v1=OK, authenticated=True)),
    ("REFLECT-OPEN", GOOD.learn(reflection_v1=OK, reach="loopback")),
    ("REFLECT-OPEN", GOOD.learn(reflection_v1=OK, reach=None)),
    ("REFLECT-ALPHA", GOOD.learn(reflection_v1=ABSENT)),
    ("REFLECT-OFF", GOOD.learn(reflection_v1=ABSENT)),
    ("CHANNELZ", GOOD.learn(csds=None)),
    ("CHANNELZ", GOOD.learn(channelz=OK, reach="loopback")),
    ("BACKPRESSURE",
     GOOD.learn(paused=Paused(outcome="ended", received_bytes=9, window_bytes=99, seconds=1.0))),
    ("LB-PIN", GOOD.learn(spread=Spread(calls=9, backends={"a": 9}, addresses=1))),
    ("LB-PIN", GOOD.learn(spread=Spread(calls=9, backends={}, unnamed=9, addresses=3))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "facts"), UNDECIDED,
    ids=[f"{each[0]}-{number}" for number, each in enumerate(UNDECIDED)],
)  # fmt: skip
def test_it_is_not_decided(name: str, facts: GrpcFacts) -> None:
    assert isinstance(RULES[name](facts), Skip)


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("PLAINTEXT", GOOD.learn(secure=False, reach="loopback")),
        ("COMPRESS", GOOD.learn(accepted_encodings=())),
        ("META-LIMIT", GOOD.learn(settings={})),
        ("DEADLINE", watched(serving="SERVING", ended_seconds=0.7, code="DEADLINE_EXCEEDED")),
    ],
    ids=["loopback", "gzip-unannounced", "no-setting", "a-little-late"],
)
def test_it_passes(name: str, facts: GrpcFacts) -> None:
    assert RULES[name](facts) is None
