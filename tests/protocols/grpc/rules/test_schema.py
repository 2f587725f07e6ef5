"""Which differences of schemas are a fault."""

from __future__ import annotations

import pytest

from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.facts.schema import Change, Effect, Kind
from seventh.protocols.grpc.rules.schema import schema_drift
from seventh.rules.rule import Hit, Skip


def change(where: str, **effects: Effect) -> Change:
    return Change(kind=Kind.FIELD_TYPE, where=where, **effects)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("drift", "params"),
    [
        ((), None),
        ((change("a"), change("b", reads_old=Effect.LOSSY, json=Effect.LOSSY)), None),
        ((change("a", reads_old=Effect.BREAKS),), {"count": 1, "changes": ("a",)}),
        ((change("a", reads_new=Effect.BREAKS),), {"count": 1, "changes": ("a",)}),
        ((change("a"), change("b", json=Effect.BREAKS)), {"count": 1, "changes": ("b",)}),
        (
            tuple(change(each, json=Effect.BREAKS) for each in "aabcdefg"),
            {"count": 7, "changes": tuple("abcde")},
        ),
    ],
)
def test_what_breaks_is_a_fault(drift: tuple[Change, ...], params: object) -> None:
    verdict = schema_drift(GrpcFacts(drift=drift))
    assert (verdict.params if isinstance(verdict, Hit) else verdict) == params


def test_without_a_comparison_nothing_is_known() -> None:
    assert isinstance(schema_drift(GrpcFacts()), Skip)
