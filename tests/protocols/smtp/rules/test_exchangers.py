"""The judgement of a domain's exchangers and of reverse names."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.exchangers import Exchanger, ExchangerAddress, ExchangersFacts, ReverseName
from seventh.protocols.smtp.rules.exchangers import mx, ptr, ptr_generic
from tests.verdicts import hit, told


def address(
    ip: str = "192.0.2.1", reach: str = "public", port: str | None = "open", **reverse: Any
) -> ExchangerAddress:
    named = {"outcome": "found", "names": ("mx.example.org",), "confirmed": "yes", **reverse}
    return ExchangerAddress(ip=ip, reach=reach, port=port, reverse=ReverseName(**named))  # type: ignore[arg-type]


def host(name: str, *addresses: ExchangerAddress, state: str = "ok") -> Exchanger:
    return Exchanger(preference=10, host=name, state=state, addresses=addresses)  # type: ignore[arg-type]


ONE, TWO = host("mx1", address()), host("mx2", address("192.0.2.2"))


def found(*hosts: Exchanger, outcome: str = "found", **more: Any) -> ExchangersFacts:
    return ExchangersFacts(domain="example.org", outcome=outcome, hosts=hosts, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (found(ONE, TWO), "pass"),
        (found(host("mx1", address(), address("2001:db8::1"))), "pass"),
        (found(ONE), "info: mx1 is the only exchanger, at one address"),
        (found(ONE, internal=True), "pass"),
        (found(outcome="null"), "pass"),
        (found(outcome="none"), "high: example.org has neither MX records nor an address"),
        (found(ONE, outcome="implicit"),
         "info: example.org has no MX record, and its own address is used"),
        (found(outcome="unknown", detail="SERVFAIL"),
         "skip: the look-up of the exchangers failed: SERVFAIL"),
        (found(ONE, TWO, null_beside=True), "high: a null MX stands beside other records"),
        (found(host("mx1", address(), state="alias")),
         "high: mx1 is an alias (CNAME), which an exchanger's name must not be"),
        (found(host("mx1", address(), state="alias"), TWO),
         "medium: mx1 is an alias (CNAME), which an exchanger's name must not be"),
        (found(host("192.0.2.9", state="address")),
         "high: 192.0.2.9 is an address, where a name belongs"),
        (found(host("mx1", state="no-address"), host("mx3", state="no-address"), TWO),
         "medium: mx1, mx3 has no address"),
        (found(host("mx1", state="unknown"), TWO),
         "skip: the look-up of an exchanger's addresses failed"),
        (found(host("mx1", address("10.0.0.1", "private"))),
         "high: mx1 has an address that only its own network reaches"),
        (found(host("mx1", address("127.0.0.1", "loopback"), address())),
         "high: mx1 has an address that only its own network reaches"),
        (found(host("mx1", address("10.0.0.1", "private")), TWO, internal=True), "pass"),
        (found(host("mx1", address(port="refused"), address("192.0.2.3", port="unreachable")), TWO),
         "medium: mx1 refuses connections at every address"),
        (found(host("mx1", address(port="refused"), address("192.0.2.3"))), "pass"),
        (found(host("mx1", address(port="unreachable")), TWO), "pass"),
        (found(host("mx1", address(port="silent")), TWO), "pass"),
    ],
)  # fmt: skip
def test_exchangers(facts: ExchangersFacts, expected: str) -> None:
    assert told(mx, facts) == expected


NONE = {"outcome": "none", "names": (), "confirmed": "no"}
OTHER = {"confirmed": "no", "names": ("x.example",)}
GENERIC = {"generic": True, "names": ("p1.dyn.example",)}
LOST = {"outcome": "unknown", "names": (), "confirmed": "unknown"}


@pytest.mark.parametrize(
    ("reverse", "sending", "of_ptr", "of_generic"),
    [
        ({}, True, "pass", "pass"),
        (NONE, True, "medium: 192.0.2.1 has no reverse name", "pass"),
        (NONE, False, "low: 192.0.2.1 has no reverse name", "pass"),
        (OTHER, True, "medium: 192.0.2.1 is named x.example, which has other addresses", "pass"),
        (OTHER, False, "low: 192.0.2.1 is named x.example, which has other addresses", "pass"),
        (GENERIC, True, "pass", "medium: 192.0.2.1 is named p1.dyn.example"),
        (GENERIC, False, "pass", "low: 192.0.2.1 is named p1.dyn.example"),
        (LOST, True, "skip: the look-up of a reverse name failed",
         "skip: the look-up of the reverse names failed"),
        ({"confirmed": "unknown"}, True, "skip: the look-up of a reverse name failed", "pass"),
    ],
)  # fmt: skip
def test_reverse_names(
    reverse: dict[str, Any], sending: bool, of_ptr: str, of_generic: str
) -> None:
    judged = address(**reverse)
    facts = found(ONE, sender=judged) if sending else found(host("mx1", judged))
    assert (told(ptr, facts), told(ptr_generic, facts)) == (of_ptr, of_generic)


def test_a_reverse_record_to_publish() -> None:
    assert hit(ptr, found(sender=address(**NONE))).fixes["dns"] == (
        "1.2.0.192.in-addr.arpa. IN PTR mail.example.org.",
    )


@pytest.mark.parametrize("rule", [ptr, ptr_generic])
def test_addresses_that_nobody_reaches_have_no_names(rule: Any) -> None:
    private = found(host("mx1", address("10.0.0.1", "private", **NONE)))
    expected = "not applicable: no sending address is known: give --sender-ip ADDRESS"
    assert told(rule, private) == expected
    assert told(rule, found(outcome="null")) == expected
    assert told(rule, ExchangersFacts()) == (
        "skip: the exchangers were not looked up: check mail:DOMAIN"
    )
