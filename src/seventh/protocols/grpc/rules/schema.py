"""Schemas that change."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.facts.schema import Change, Effect, Kind
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_SHOWN = 5
_WIDER = Change(
    kind=Kind.FIELD_TYPE, where="shop.Order.id", old="int32", new="int64", reads_new=Effect.LOSSY
)
_REMOVED = Change(
    kind=Kind.METHOD_REMOVED, where="shop.Orders/Get", reads_old=Effect.BREAKS,
    reads_new=Effect.BREAKS, json=Effect.BREAKS,
)  # fmt: skip


@rule(
    "GRPC-SCHEMA-DRIFT",
    Severity.MEDIUM,
    tier=1,
    source=Source.SERIES,
    title="The schema changed incompatibly",
    evidence="{count} changes break messages or calls: {changes}",
    why="Clients that were built with the earlier schema lose or misread values, or their calls "
    "fail with UNIMPLEMENTED, until all of them are built again.",
    fix={
        "any": "Keep the old fields, methods and numbers: add new ones beside them, reserve the "
        "numbers and names of what is removed, and remove it when no client uses it any more. An "
        "incompatible service belongs into a new package, such as shop.v2. `seventh grpc diff OLD "
        "NEW` lists what breaks."
    },
    references=("Protocol Buffers Language Guide: Updating A Message Type",),
    seed=("12.6.2",),
    good=GrpcFacts(drift=(_WIDER,)),
    bad=GrpcFacts(drift=(_WIDER, _REMOVED)),
)  # fmt: skip
def schema_drift(grpc: GrpcFacts) -> Verdict:
    """Judge what changed between two schemas."""
    if grpc.drift is None:
        return Skip("the schema was compared with no other: `seventh grpc diff OLD NEW`")
    breaking = tuple(dict.fromkeys(one.where for one in grpc.drift if one.breaks))
    return Hit(count=len(breaking), changes=breaking[:_SHOWN]) if breaking else None
