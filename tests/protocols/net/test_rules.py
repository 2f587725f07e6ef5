"""The borders of the network's rules."""

from __future__ import annotations

import msgspec
import pytest

from seventh.model.netfacts import Attempt, AttemptOutcome, Lookup, NetFacts, Proxy
from seventh.model.report import SkipCause
from seventh.protocols.net import rules
from seventh.rules.rule import AnyRule, Hit, Skip
from tests.reports import evidence


def attempt(ip: str, outcome: AttemptOutcome = "open", pmtu: int | None = 1500) -> Attempt:
    return Attempt(
        address=ip,
        port=1,
        family="ipv6" if ":" in ip else "ipv4",
        transport="tcp",
        outcome=outcome,
        seconds=0.1,
        clock="user",
        path_mtu_bytes=pmtu,
    )


def net(*attempts: Attempt) -> NetFacts:
    return NetFacts(host="h", port=1, attempts=attempts)


@pytest.mark.parametrize("outcome", ["refused", "timeout", "reset"])
def test_each_way_of_not_being_open_is_named(outcome: AttemptOutcome) -> None:
    verdict = rules.port_state(net(attempt("192.0.2.1"), attempt("192.0.2.2", outcome)))
    assert isinstance(verdict, Hit)
    assert verdict.params["states"] == (f"192.0.2.2 {outcome}",)


def test_a_family_without_route_says_nothing_of_the_peer() -> None:
    both = net(attempt("192.0.2.1"), attempt("2001:db8::1", "unreachable"))
    assert rules.port_state(both) is None
    assert isinstance(rules.ipv6_broken(both), Skip)
    assert isinstance(rules.port_state(net(attempt("2001:db8::1", "unreachable"))), Skip)


def test_ipv6_is_broken_only_beside_a_working_ipv4() -> None:
    v4, v6 = attempt("192.0.2.1", "refused"), attempt("2001:db8::1", "refused")
    assert rules.ipv6_broken(net(v4, v6)) is None
    assert isinstance(rules.ipv6_broken(net(attempt("192.0.2.1"), v6)), Hit)
    assert isinstance(rules.ipv6_broken(net(attempt("192.0.2.1"))), Skip)


@pytest.mark.parametrize(("seconds", "fires"), [(0.2, False), (0.201, True)])
def test_a_lookup_is_slow_above_200_ms(seconds: float, fires: bool) -> None:
    lookup = Lookup(name="h", kind="A", outcome="ok", seconds=seconds)
    verdict = rules.dns_slow(NetFacts(lookups=(lookup,)))
    assert isinstance(verdict, Hit) is fires


@pytest.mark.parametrize("outcome", ["nxdomain", "no-data"])
def test_a_fast_no_is_not_slow(outcome: str) -> None:
    lookup = msgspec.convert(
        {"name": "h", "kind": "A", "outcome": outcome, "seconds": 0.01}, Lookup
    )
    assert rules.dns_slow(NetFacts(lookups=(lookup,))) is None


@pytest.mark.parametrize("judge", [rules.dns_slow, rules.ipv6_broken, rules.addr_drift])
def test_one_ipv4_address_raises_no_question_of_names_ipv6_or_drift(judge: AnyRule) -> None:
    one = judge(NetFacts(addresses=("192.0.2.1",)))
    assert isinstance(one, Skip)
    assert one.cause is SkipCause.NOT_APPLICABLE


def test_an_ipv6_address_that_was_not_tried_is_unknown() -> None:
    verdict = rules.ipv6_broken(NetFacts(addresses=("192.0.2.1", "2001:db8::1")))
    assert isinstance(verdict, Skip)
    assert verdict.cause is SkipCause.NO_EVIDENCE


def test_a_second_address_that_did_not_answer_leaves_the_drift_unknown() -> None:
    verdict = rules.addr_drift(NetFacts(addresses=("192.0.2.1", "192.0.2.2")))
    assert isinstance(verdict, Skip)
    assert verdict.cause is SkipCause.NO_EVIDENCE


def test_one_address_is_nothing_to_compare() -> None:
    assert isinstance(rules.addr_drift(NetFacts(compared=("192.0.2.1",))), Skip)
    assert rules.addr_drift(NetFacts(compared=("192.0.2.1", "192.0.2.2"))) is None


def test_the_path_is_small_below_1500() -> None:
    assert isinstance(rules.path_mtu(net(attempt("192.0.2.1", pmtu=1499))), Hit)
    assert rules.path_mtu(net(attempt("192.0.2.1", pmtu=65535))) is None
    assert isinstance(rules.path_mtu(net(attempt("192.0.2.1", pmtu=None))), Skip)


def test_what_a_person_reads() -> None:
    shut = net(attempt("192.0.2.1", "refused"), attempt("192.0.2.2", "timeout"))
    udp = msgspec.structs.replace(attempt("192.0.2.1", "refused"), transport="udp")
    assert evidence(rules.port_state, rules.port_state(shut)) == (
        "port 1: 192.0.2.1 refused, 192.0.2.2 timeout"
    )
    both = rules.port_state(net(attempt("192.0.2.1"), udp))
    assert evidence(rules.port_state, both) == "port 1: 192.0.2.1 refused (UDP)"
    slow = NetFacts(lookups=(Lookup(name="h", kind="A", outcome="servfail", seconds=0.0149),))
    assert evidence(rules.dns_slow, rules.dns_slow(slow)) == "h A: servfail (15 ms)"
    small = rules.path_mtu(net(attempt("192.0.2.1", pmtu=1400), attempt("192.0.2.2")))
    assert evidence(rules.path_mtu, small) == "path MTU: 192.0.2.1: 1400 bytes"


def test_one_open_transport_makes_an_ipv6_address_reachable() -> None:
    udp = msgspec.structs.replace(attempt("2001:db8::1", "timeout"), transport="udp")
    v4, v6 = attempt("192.0.2.1"), attempt("2001:db8::1")
    assert rules.ipv6_broken(net(v4, v6, udp)) is None
    assert isinstance(rules.ipv6_broken(net(v4, udp)), Hit)


# -- through a proxy -------------------------------------------------------------------------------

_PROXY = Proxy(scheme="socks5", host="p", port=1080, resolves="here")


def proxied(*outcomes: AttemptOutcome, ip: str = "192.0.2.1", **changes: object) -> NetFacts:
    """Facts of connections that a proxy made."""
    attempts = tuple(
        msgspec.structs.replace(attempt(ip, outcome, None), transport="proxy")
        for outcome in outcomes
    )
    return net(*attempts).learn(proxy=_PROXY, addresses=(ip,), **changes)


def test_a_shut_port_is_as_the_proxy_reports_it() -> None:
    verdict = rules.port_state(proxied("refused"))
    assert isinstance(verdict, Hit)
    assert verdict.params["states"] == ("192.0.2.1 refused (as the proxy reports)",)


def test_an_open_port_proves_it_only_for_an_address_that_is_known() -> None:
    assert rules.port_state(proxied("open")) is None
    assert isinstance(rules.port_state(proxied("open", ip="name.example")), Skip)


@pytest.mark.parametrize("outcome", ["unreachable", "forbidden", "untried"])
def test_what_the_proxy_did_not_reach_is_not_judged(outcome: AttemptOutcome) -> None:
    verdict = rules.port_state(proxied(outcome))
    assert isinstance(verdict, Skip)
    assert "the proxy" in verdict.reason


@pytest.mark.parametrize(
    "judged", [rules.dns_slow, rules.ipv6_broken, rules.addr_drift, rules.path_mtu]
)
def test_the_way_to_the_proxy_is_not_judged_as_the_target_s(judged: AnyRule) -> None:
    """Nor is it not applicable: by another way it may be wrong."""
    verdict = judged(proxied("open"))
    assert isinstance(verdict, Skip)
    assert verdict.cause is SkipCause.NO_EVIDENCE


def test_ipv6_of_the_proxy_s_network_is_not_the_target_s() -> None:
    facts = proxied("open").learn(
        attempts=(*proxied("open").attempts, *proxied("timeout", ip="2001:db8::1").attempts)
    )
    assert isinstance(rules.ipv6_broken(facts), Skip)
