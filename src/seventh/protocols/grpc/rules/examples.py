"""A correct server, from which the rules' examples are made, and what rules share."""

from __future__ import annotations

from seventh.protocols.grpc.facts import Answer, GrpcFacts, Watch
from seventh.protocols.grpc.facts.calls import Big, Called, Held, Paused, Spread
from seventh.rules.rule import Skip, not_applicable

NO_HEALTH = not_applicable("the server has no health service")
NOT_CALLED = Skip("the health was not checked")
OK = Answer(code="OK", seconds=0.002)
ABSENT = Answer(code="UNIMPLEMENTED", message="unknown method", origin="trailers-only")
LOCKED = Answer(code="UNAUTHENTICATED", origin="trailers-only")
MIB = 1024 * 1024
GOOD = GrpcFacts(
    secure=True,
    reach="public",
    alpn="h2",
    http="2",
    settings={"MAX_CONCURRENT_STREAMS": 128, "INITIAL_WINDOW_SIZE": MIB,
              "MAX_HEADER_LIST_SIZE": 16384},
    connection_window_bytes=4 * MIB,
    settings_seconds=0.001,
    ping_seconds=0.001,
    health=OK,
    serving="SERVING",
    ttfb_seconds=0.002,
    watch=Watch(
        deadline_seconds=0.5, serving="SERVING", first_message_seconds=0.002, ended_seconds=0.501,
        waited_seconds=0.501, code="DEADLINE_EXCEEDED", origin="trailers",
    ),
    listed=OK,
    statuses={"": "SERVING"},
    reflection_v1=LOCKED,
    channelz=ABSENT,
    csds=ABSENT,
    unknown_method=ABSENT,
    metadata=OK,
    accepted_encodings=("identity", "gzip"),
    compressed=OK,
    pushback="250",
    called=Called(method="shop.Cart/Get", kind="unary", code="OK", sent=1, received=1),
    paused=Paused(outcome="waited", received_bytes=MIB, window_bytes=MIB, seconds=1.0),
    big=Big(outcome="refused", bytes=4 * MIB + 1, code="RESOURCE_EXHAUSTED"),
    spread=Spread(calls=12, backends={"a": 6, "b": 6}, addresses=2),
    held=Held(seconds=60.0, cut=False),
)  # fmt: skip
