"""Service configs as gRPC's C core reads them, which is the oracle.

A channel with a config that it refuses fails every call at once, and says so.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grpc
from seventh.protocols.grpc.facts.config import Repeated, ServiceConfig
from seventh.protocols.grpc.wire.service_config import (
    MalformedError,
    Problem,
    choices,
    dotted,
    learn,
    parse,
    problems,
    problems_of_choices,
    unknown_fields,
)

RETRY = {
    "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}  # fmt: skip


def refused(text: str) -> bool:
    """Whether gRPC's C core refuses a service config."""
    options = [("grpc.service_config", text), ("grpc.enable_retries", 0)]
    with grpc.insecure_channel("ipv4:127.0.0.1:1", options=options) as used:
        call = used.unary_unary("/other.Service/Method")
        try:
            call(b"", timeout=5, wait_for_ready=False)  # port 1 refuses connections
        except grpc.RpcError as error:
            return error.code() is grpc.StatusCode.INVALID_ARGUMENT
    raise AssertionError("port 1 answered")


def method(**fields: Any) -> dict[str, Any]:
    return {"methodConfig": [{"name": [{"service": "a.B"}], **fields}]}


def retry(**fields: Any) -> dict[str, Any]:
    return method(retryPolicy={k: v for k, v in {**RETRY, **fields}.items() if v is not ...})


CASES: dict[str, Any] = {
    "empty": {}, "list": [], "null": None, "text": "a", "retry": retry(),
    **{f"attempts {n!r}": retry(maxAttempts=n) for n in (0, 1, 2, 9, "4", "a", 1.5, -1, None, ...)},
    **{f"codes {n!r}": retry(retryableStatusCodes=n)
       for n in ([], None, ["NOPE"], [14], ["unavailable"], ["OK"], "UNAVAILABLE", ...)},
    **{f"initialBackoff {n!r}": retry(initialBackoff=n)
       for n in ("100ms", "0s", "1", 1, "1.s", ".5s", "1e3s", "-1s", "0.1234567891s", "01s", "s",
                 "0.000000001s", "0.0009s", "0.001s", None, ...)},
    **{f"multiplier {n!r}": retry(backoffMultiplier=n) for n in (0, -1, "2", "a", 0.5, None, ...)},
    "maxBackoff missing": retry(maxBackoff=...), "unknown in retry": retry(foo=1),
    "initial above max": retry(initialBackoff="5s"), "retryPolicy list": method(retryPolicy=[]),
    **{f"timeout {n!r}": method(timeout=n) for n in ("1s", "1", 1, "0s", "-1s", None, "1.5s")},
    **{f"waitForReady {n!r}": method(waitForReady=n) for n in (True, "true", 1, None)},
    **{f"bytes {n!r}": method(maxRequestMessageBytes=n) for n in (1, "1", "a", -1, 0, None)},
    "two of a name": {"methodConfig": [{"name": [{"service": "a.B"}]}] * 2},
    "two of a name in one": {"methodConfig": [{"name": [{"service": "a.B"}] * 2}]},
    "two defaults": {"methodConfig": [{"name": [{}]}, {"name": [{"service": ""}]}]},
    "a method alone": {"methodConfig": [{"name": [{"method": "C"}]}]},
    "no name": {"methodConfig": [{"timeout": "1s"}]},
    "name text": {"methodConfig": [{"name": "a"}]},
    "service number": {"methodConfig": [{"name": [{"service": 1}]}]},
    "methodConfig object": {"methodConfig": {}}, "methodConfig null": {"methodConfig": None},
    "entry text": {"methodConfig": ["a"]},
    **{f"throttling {n!r}": {"retryThrottling": n}
       for n in ({"maxTokens": 10, "tokenRatio": 0.1}, {"maxTokens": 0, "tokenRatio": 0.1},
                 {"maxTokens": 10, "tokenRatio": 0}, {"maxTokens": 10, "tokenRatio": 0.0001},
                 {"maxTokens": 10}, {}, [], {"maxTokens": "10", "tokenRatio": "0.1"},
                 {"maxTokens": 2000, "tokenRatio": 0.1}, {"maxTokens": 10, "tokenRatio": 0.001},
                 {"maxTokens": 1.5, "tokenRatio": 1}, None)},
    **{f"config {n!r}": {"loadBalancingConfig": n}
       for n in ([{"round_robin": {}}], [{"foo": {}}], [{"foo": {}}, {"pick_first": {}}], [], {},
                 [{"round_robin": {}, "pick_first": {}}], [{"ROUND_ROBIN": {}}], [{}], ["a"], None,
                 [{"round_robin": 1}],
                 [{"foo": 1}, {"round_robin": []}], [{"round_robin": {}}, 1])},
    **{f"policy {n!r}": {"loadBalancingPolicy": n}
       for n in ("round_robin", "ROUND_ROBIN", "foo", 1, None, "")},
    "unknown": {"methodConfigs": 1}, "health": {"healthCheckConfig": {"serviceName": "a"}},
    "nulls": {"methodConfig": [{"name": None, "retryPolicy": None}], "healthCheckConfig": None},
    "name null": {"methodConfig": [{"name": [{"service": None, "method": None}]}]},
    "health number": {"healthCheckConfig": {"serviceName": 1}},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_we_refuse_what_the_c_core_refuses(name: str) -> None:
    text = json.dumps(CASES[name])
    assert bool(problems(parse(text))) == refused(text), problems(parse(text))


TEXTS = {
    "comma": '{"a": [],}', "comment": "{/*a*/}", "key twice": '{"a": 1, "a": 2}', "empty": "",
    "key twice inside": '{"a": {"b": 1, "b": 2}}', "NaN": '{"a": NaN}', "quotes": "{'a': 1}",
    "rest": "{} {}", "deep": "[" * 200_000, "digits": '{"a": ' + "1" * 5000 + "}",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "digits"])
def test_text_that_is_not_json(name: str) -> None:
    with pytest.raises(MalformedError):
        parse(TEXTS[name])
    assert refused(TEXTS[name])


def test_a_number_of_thousands_of_digits_is_refused_by_us_alone() -> None:
    with pytest.raises(MalformedError):
        parse(TEXTS["digits"])


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 9), st.sampled_from(
        ["", "a", "1s", "0.5s", "2", "UNAVAILABLE", "OK", "round_robin", "pick_first"]
    ), st.floats(0, 3),
)  # fmt: skip
NAMES = st.sampled_from(
    ["methodConfig", "name", "service", "method", "timeout", "waitForReady", "retryPolicy",
     "maxAttempts", "initialBackoff", "maxBackoff", "backoffMultiplier", "retryableStatusCodes",
     "retryThrottling", "maxTokens", "tokenRatio", "loadBalancingPolicy", "loadBalancingConfig",
     "round_robin", "maxRequestMessageBytes", "healthCheckConfig", "serviceName", "b"]
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda each: st.lists(each, max_size=3) | st.dictionaries(NAMES, each, max_size=4)
)


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A good config in which a few values are others."""
    config: Any = {
        "methodConfig": [
            {"name": [{"service": "a.B", "method": "C"}], "timeout": "1s",
             "retryPolicy": dict(RETRY)},
            {"name": [{"service": "a.B"}, {}], "waitForReady": True},
        ],
        "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.5},
        "loadBalancingConfig": [{"round_robin": {}}],
    }  # fmt: skip
    for _ in range(draw(st.integers(0, 2))):
        node = config
        while True:
            keys = list(range(len(node))) if isinstance(node, list) else list(node)
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(node[key], list | dict) and draw(st.booleans()):
                node = node[key]
            else:
                node[key] = draw(VALUES)
                break
    return config


@settings(max_examples=150, deadline=None)
@given(config=changed())
def test_what_is_changed_is_refused_by_both_or_by_none(config: Any) -> None:
    text = json.dumps(config)
    assert bool(problems(parse(text))) == refused(text), problems(parse(text))


@given(value=VALUES)
def test_any_value_is_read(value: Any) -> None:
    problems(value)
    learn(value)
    unknown_fields(value)
    choices(value)


def test_hedging_is_checked_for_the_clients_that_read_it() -> None:
    bad = method(hedgingPolicy={"maxAttempts": 1, "hedgingDelay": 1, "nonFatalStatusCodes": "a"})
    assert [(dotted(one.path), one.why) for one in problems(bad)] == [
        ("methodConfig[0].hedgingPolicy.maxAttempts", "must be an integer of at least 2"),
        ("methodConfig[0].hedgingPolicy.hedgingDelay",
         'is not a duration, such as "0.1s": seconds, with an s and at most 9 decimals'),
        ("methodConfig[0].hedgingPolicy.nonFatalStatusCodes",
         "must be an array with the names of statuses"),
    ]  # fmt: skip


def test_the_choices_of_a_record() -> None:
    value = [
        {"percentage": 10, "serviceConfig": {}},
        {"clientLanguage": ["go"], "serviceConfig": 1},
    ]
    assert choices(value) == (((0, "serviceConfig"), {}), ((1, "serviceConfig"), 1))
    assert problems_of_choices(value) == []
    assert problems_of_choices([{"percentage": 101}, 1, {"clientHostname": "a", "serviceConfig": 0}]
                               ) == [
        Problem((0,), "has no serviceConfig"),
        Problem((0, "percentage"), "is not a number from 0 to 100"),
        Problem((1,), "is not an object"),
        Problem((2, "clientHostname"), "is not an array"),
    ]  # fmt: skip


def test_fields_that_clients_ignore() -> None:
    config = {
        "method_config": [], "methodConfig": [{"retrypolicy": {}, "nam": [], "name": [{"zzz": 1}]}],
    }  # fmt: skip
    assert [(dotted(path), meant) for path, meant in unknown_fields(config)] == [
        ("methodConfig[0].nam", "name"), ("methodConfig[0].name[0].zzz", ""),
        ("methodConfig[0].retrypolicy", "retryPolicy"), ("method_config", "methodConfig"),
    ]  # fmt: skip


def test_what_is_learnt() -> None:
    whole, entries = learn(
        {
            "methodConfig": [
                {"name": [{"service": "a.B", "method": "C"}, {"service": "a.B"}, {}],
                 "retryPolicy": RETRY},
                {"hedgingPolicy": {"maxAttempts": "3", "nonFatalStatusCodes": ["OK"]}},
            ]
        }
    )  # fmt: skip
    assert whole == ServiceConfig(repeats=True, throttled=False)
    assert entries == [
        (("methodConfig", 0), ServiceConfig(
            methods=("a.B/C", "a.B/*", "*"), retry=Repeated(max_attempts=4, codes=("UNAVAILABLE",)),
        )),
        (("methodConfig", 1), ServiceConfig(hedging=Repeated(max_attempts=3, codes=("OK",)))),
    ]  # fmt: skip
