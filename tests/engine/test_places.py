"""Comparing the reports of several places."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.engine.places import compare
from seventh.model.failure import Blame, Failure, Reason
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.place import Aspect, Comparison, Difference
from seventh.model.report import Finding, Report
from seventh.model.severity import Severity
from seventh.model.target import Target
from seventh.model.tlsfacts import Certificate, TlsFacts

TARGET = Target(scheme="tls", host="a.example", port=443)


def report(reason: Reason | None = None, **changes: Any) -> Report:
    failure = None
    if reason is not None:
        failure = Failure(reason=reason, phase="connect", blame=Blame.NETWORK, detail="d")
    values = {"facts": {}} | changes
    return Report(
        target=str(TARGET), protocol="tls", vantage="v", started_seconds=0, duration_seconds=1,
        failure=failure, **values,
    )  # fmt: skip


def compared(**reports: Report) -> Comparison | None:
    return compare(TARGET, Options(), reports)


def finding(rule: str) -> Finding:
    return Finding(
        id=rule, room="tls", severity=Severity.LOW, tier=0, params={}, references=(), seed=()
    )


def test_reports_that_agree_have_no_comparison() -> None:
    same = report(facts={"net": NetFacts(addresses=("192.0.2.1",))}, passed=("A",))
    assert compared(a=same, b=same) is None
    assert compared(a=report(Reason.CONNECT_REFUSED), b=report(Reason.CONNECT_REFUSED)) is None
    assert compared(a=same) is None


@pytest.mark.parametrize(
    ("reason", "state", "near"),
    [
        (Reason.CONNECT_TIMEOUT, "filtered", ("b",)),
        (Reason.NO_REPLY, "no-answer", ("b",)),
        (Reason.CONNECT_REFUSED, "closed", ()),
        (Reason.CONNECT_UNREACHABLE, "unreachable", ()),
        (Reason.RESOLVE_NXDOMAIN, "unresolved", ()),
    ],
)
def test_a_port_open_from_one_place_alone(
    reason: Reason, state: str, near: tuple[str, ...]
) -> None:
    assert compared(a=report(), b=report(reason)) == Comparison(
        target="tls://a.example:443",
        differences=(
            Difference(aspect=Aspect.PORT, values={"a": ("open",), "b": (state,)}),
            Difference(aspect=Aspect.FAILURE, values={"a": ("none",), "b": (reason.value,)}),
        ),
        filtered_near=near,
    )


def test_a_port_that_is_open_nowhere_is_filtered_near_nobody() -> None:
    found = compared(a=report(Reason.CONNECT_REFUSED), b=report(Reason.CONNECT_TIMEOUT))
    assert found is not None
    assert found.filtered_near == ()


def test_a_port_that_answers_in_another_protocol_is_open() -> None:
    found = compared(a=report(Reason.TLS_NOT_TLS), b=report(Reason.CONNECT_TIMEOUT))
    assert found is not None
    assert found.filtered_near == ("b",)


def test_what_one_place_could_not_do_is_no_state_of_the_port() -> None:
    found = compared(a=report(), b=report(Reason.LOCAL_RESOURCE))
    assert found is not None
    assert [each.aspect for each in found.differences] == [Aspect.FAILURE]
    assert found.filtered_near == ()


def facts(address: str, sha256: str, *versions: str) -> Report:
    tls = TlsFacts(chain=(Certificate(subject="s", issuer="i", sha256=sha256),), versions=versions)
    return report(facts={"net": NetFacts(addresses=(address,)), "tls": tls})


def test_addresses_certificates_and_versions_are_compared_where_they_are_known() -> None:
    assert compared(a=facts("192.0.2.1", "aa", "1.2"), b=facts("192.0.2.2", "bb", "1.3")) == (
        Comparison(
            target="tls://a.example:443",
            differences=(
                Difference(
                    aspect=Aspect.ADDRESSES, values={"a": ("192.0.2.1",), "b": ("192.0.2.2",)}
                ),
                Difference(aspect=Aspect.CERTIFICATE, values={"a": ("aa",), "b": ("bb",)}),
                Difference(aspect=Aspect.VERSIONS, values={"a": ("1.2",), "b": ("1.3",)}),
            ),
        )
    )
    assert compared(a=facts("192.0.2.1", "aa", "1.2"), b=report()) is None


def test_a_rule_that_fired_from_one_place_and_passed_from_another() -> None:
    found = compared(
        a=report(findings=(finding("B"), finding("A"), finding("C")), passed=("D",)),
        b=report(findings=(finding("C"),), passed=("A", "B")),
        c=report(),
    )
    assert found is not None
    assert found.differences == (
        Difference(aspect=Aspect.FINDINGS, values={"a": ("A",), "b": ()}),
        Difference(aspect=Aspect.FINDINGS, values={"a": ("B",), "b": ()}),
    )
    assert compared(a=report(findings=(finding("A"),)), b=report()) is None, "not evaluated there"
