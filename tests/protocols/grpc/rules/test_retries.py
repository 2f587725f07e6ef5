"""Which service configs the rules on retries fire on, and on which they do not."""

from __future__ import annotations

import pytest

from seventh.model.report import SkipCause
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.facts.config import Repeated, ServiceConfig
from seventh.protocols.grpc.rules.retries import RETRY, THROTTLING, retry_conf, retry_unsafe
from seventh.rules.rule import AnyRule, Hit, Skip


def judged(rule: AnyRule, config: ServiceConfig) -> object:
    """What a rule says: the codes of a hit, the cause of a skip, or None."""
    verdict = rule(GrpcFacts(client_config=config))
    if isinstance(verdict, Hit):
        return verdict.params["what"]
    return verdict.cause if isinstance(verdict, Skip) else None


def entry(*codes: str, methods: tuple[str, ...] = ("a.B/Create",), n: int = 4) -> ServiceConfig:
    return ServiceConfig(methods=methods, retry=Repeated(max_attempts=n, codes=codes))


def hedged(*methods: str) -> ServiceConfig:
    return ServiceConfig(methods=methods, hedging=Repeated(max_attempts=3, codes=()))


@pytest.mark.parametrize(
    ("config", "what"),
    [
        (ServiceConfig(repeats=True, throttled=True), None),
        (ServiceConfig(repeats=False, throttled=True), ("none",)),
        (ServiceConfig(repeats=True, throttled=False), ("unthrottled",)),
        (ServiceConfig(repeats=True, throttled=True, ignored=("a",), meant=("",)), ("ignored",)),
        (ServiceConfig(methods=("*",)), SkipCause.NOT_APPLICABLE),
        (entry("UNAVAILABLE"), None),
        (entry("UNAVAILABLE", n=5), None),
        (entry("UNAVAILABLE", n=6), ("clamped",)),
        (entry("UNAVAILABLE", "NOT_FOUND", n=6), ("clamped", "pointless")),
        (hedged("*"), None),
    ],
)
def test_whether_retries_are_effective(config: ServiceConfig, what: object) -> None:
    assert judged(retry_conf, config) == what


@pytest.mark.parametrize(
    ("config", "what"),
    [
        (entry("UNAVAILABLE"), None),
        (entry("UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED"), None),
        (entry("INTERNAL"), ("codes",)),
        (entry("UNAVAILABLE", "UNKNOWN"), ("codes",)),
        (entry("DEADLINE_EXCEEDED", methods=("a.B/*",)), ("codes",)),
        (entry("DEADLINE_EXCEEDED", methods=("*",)), ("codes",)),
        (entry("INTERNAL", methods=("a.B/GetOrder",)), SkipCause.NO_EVIDENCE),
        (entry("INTERNAL", methods=("a.B/GetOrder", "a.B/Order")), ("codes",)),
        (entry("INTERNAL", methods=("a.B/Getaway",)), ("codes",)),
        (entry("INTERNAL", methods=()), SkipCause.NOT_APPLICABLE),
        (hedged("a.B/Create"), ("hedged",)),
        (hedged("a.B/*"), ("hedged",)),
        (hedged("a.B/ListOrders"), SkipCause.NO_EVIDENCE),
        (ServiceConfig(repeats=True, throttled=True), SkipCause.NOT_APPLICABLE),
    ],
)
def test_whether_repeated_calls_are_safe(config: ServiceConfig, what: object) -> None:
    assert judged(retry_unsafe, config) == what


def test_the_lines_of_the_fixes() -> None:
    whole = ServiceConfig(repeats=False, throttled=False, ignored=("a_b", "c"), meant=("aB", ""))
    entries = entry("OK", "ABORTED", "NOT_FOUND", n=7)
    made = [rule(GrpcFacts(client_config=config)) for rule, config in
            ((retry_conf, whole), (retry_conf, entries), (retry_unsafe, entries),
             (retry_unsafe, hedged("a.B/C")))]  # fmt: skip
    assert [hit.fixes["grpc"] for hit in made if isinstance(hit, Hit)] == [
        ('# a_b: write "aB"', "# remove c",
         "# in each entry of methodConfig that is safe to repeat",
         RETRY, "# at the top level", THROTTLING),
        ('"maxAttempts": 5', '"retryableStatusCodes": ["ABORTED"]'),
        ('"retryableStatusCodes": ["ABORTED"]',),
        ("# retry it instead of hedging, or name only methods that are safe to repeat", RETRY),
    ]  # fmt: skip
