"""TLS reports: the form of RFC 8460, and anything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.mail.facts.tls_report import TlsFailure, TlsPolicy, TlsReport
from seventh.protocols.mail.wire.malformed import MalformedError
from seventh.protocols.mail.wire.tls_report import MAX_SHOWN, read_report


def failure(
    kind: str, count: object, host: str = "mx.example.org", **more: str
) -> dict[str, object]:
    return {"result-type": kind, "receiving-mx-hostname": host, "failed-session-count": count,
            "sending-mta-ip": "192.0.2.1", **more}  # fmt: skip


def report(*failures: object, good: object = 98, bad: object = 2) -> dict[str, object]:
    return {
        "organization-name": "Big Mail", "report-id": "r1", "contact-info": "a@b.example",
        "date-range": {"start-datetime": "2026-11-29T00:00:00Z",
                       "end-datetime": "2026-11-30T00:00:00Z"},
        "policies": [{
            "policy": {"policy-type": "sts", "policy-string": ["version: STSv1"],
                       "policy-domain": "example.org", "mx-host": ["*.example.org"]},
            "summary": {"total-successful-session-count": good, "total-failure-session-count": bad},
            "failure-details": list(failures),
        }],
    }  # fmt: skip


def read(value: object) -> TlsReport:
    return read_report(json.dumps(value).encode())


def test_a_report() -> None:
    made = read(report(
        failure("validation-failure", 1, **{"failure-reason-code": "x"}),
        failure("certificate-expired", 1), failure("certificate-expired", "2"),
    ))  # fmt: skip
    assert made == TlsReport(
        organisation="Big Mail", report_id="r1", begin="2026-11-29T00:00:00Z",
        end="2026-11-30T00:00:00Z", sessions=100, failed=2,
        policies=(
            TlsPolicy(
                kind="sts", domain="example.org", successful=98, failed=2,
                failures=(
                    TlsFailure(kind="certificate-expired", sessions=3, host="mx.example.org"),
                    TlsFailure(kind="validation-failure", sessions=1, host="mx.example.org",
                               reason="x"),
                ),
            ),
        ),
    )  # fmt: skip
    assert made.failure_ratio == 0.02


def test_a_policy_without_failures_or_sessions() -> None:
    made = read({"policies": [{}]})
    assert made == TlsReport(policies=(TlsPolicy(kind=""),))
    assert made.failure_ratio is None


def test_failures_have_a_limit() -> None:
    made = read(report(*(failure("x", 1, host=str(i)) for i in range(MAX_SHOWN + 3))))
    assert (len(made.policies[0].failures), made.policies[0].more_failures) == (MAX_SHOWN, 3)


def test_what_is_kept_of_long_texts() -> None:
    long = "x" * 256
    made = read({
        "organization-name": long, "report-id": long,
        "date-range": {"start-datetime": long, "end-datetime": long},
        "policies": [{
            "policy": {"policy-type": long, "policy-domain": long},
            "failure-details": [failure(long, 1, long, **{"failure-reason-code": long}), {}],
        }],
    })  # fmt: skip
    cut = {at: long[:at] + "…" for at in (32, 40, 64, 253, 255)}
    assert made == TlsReport(
        organisation=cut[255], report_id=cut[255], begin=cut[40], end=cut[40],
        policies=(TlsPolicy(
            kind=cut[32], domain=cut[253],
            failures=(TlsFailure(kind=cut[64], sessions=1, host=cut[253], reason=cut[255]),
                      TlsFailure(kind="", sessions=0)),
        ),),
    )  # fmt: skip


def test_kinds_and_policies_have_a_limit() -> None:
    many = report(
        *(failure("x", 1, host=str(i)) for i in range(2001)), failure("x", 9, host="1999")
    )
    made = read({"policies": [many["policies"][0], *[{}] * 200]})  # type: ignore[index]
    assert len(made.policies) == 200
    assert made.policies[0].more_failures == 1950
    assert made.policies[0].failures[0] == TlsFailure(kind="x", sessions=10, host="1999")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([], "not a TLS report: Expected `object`, got `array`"),
        ({}, "not a TLS report: Object missing required field `policies`"),
        ({"policies": []}, "a TLS report without any policy"),
        ({"policies": [3]}, "not a TLS report: Expected `object`, got `int`"),
        (report(good=-1), ("not a TLS report: Expected `int` >= 0 - at "
                          "`$.summary.total-successful-session-count`")),
        (report(good="many"), ("not a TLS report: Expected `int`, got `str` - at "
                              "`$.summary.total-successful-session-count`")),
    ],
)  # fmt: skip
def test_what_is_no_report(value: object, error: str) -> None:
    with pytest.raises(MalformedError) as raised:
        read(value)
    assert str(raised.value) == error


def test_counts_have_a_limit() -> None:
    assert read(report(good=1 << 53)).policies[0].successful == 1 << 53
    with pytest.raises(MalformedError):
        read(report(good=(1 << 53) + 1))
    with pytest.raises(MalformedError) as raised:
        read(report(good={}, bad=1) | {"policies": [{"x" * 300: 0, "summary": "x" * 300}]})
    assert str(raised.value) == "not a TLS report: Expected `object`, got `str` - at `$.summary`"


@given(st.binary(max_size=100))
def test_any_bytes_are_a_report_or_malformed(data: bytes) -> None:
    for each in (data, b'{"policies": [{"policy": ' + data, b"[" * 2000):
        with pytest.raises(MalformedError):
            read_report(each)
