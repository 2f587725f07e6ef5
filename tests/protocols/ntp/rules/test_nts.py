"""The borders of the NTS rules."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from seventh.protocols.ntp.facts.nts import AeadTried, NtsFacts, PortState, clocks_apart
from seventh.protocols.ntp.rules import conversation, nts
from seventh.rules.rule import Hit, Skip

GOOD: NtpFacts = nts.ke_fail.good


def with_nts(**changes: Any) -> NtpFacts:
    assert GOOD.nts is not None
    return GOOD.learn(nts=msgspec.structs.replace(GOOD.nts, **changes))


def hit(verdict: object) -> Hit:
    assert isinstance(verdict, Hit), verdict
    return verdict


# -- NTS-NONE --------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["refused", "timeout", "reset", "unreachable"])
def test_a_port_that_is_not_open_is_no_nts(state: PortState) -> None:
    closed = NtsFacts(ke_address="192.0.2.1", ke_port=4460, port_state=state)
    facts = GOOD.learn(nts=closed)
    assert "4460" in str(hit(nts.none(facts)).params["where"])
    assert isinstance(nts.ke_fail(facts), Skip), "one fault is not told twice"


def test_our_own_firewall_says_nothing_of_the_server() -> None:
    assert isinstance(nts.none(GOOD.learn(nts=NtsFacts(port_state="forbidden"))), Skip)


def source(name: str, **more: Any) -> ConfiguredSource:
    return ConfiguredSource(kind="server", name=name, setting=f"server {name}", **more)


def chrony_conf(sources: tuple[ConfiguredSource, ...]) -> NtpConfigFacts:
    return NtpConfigFacts(product="chrony", version="4.3", nts_known=True, sources=sources)


def test_a_file_without_nts_points_at_its_lines() -> None:
    sources = (
        source("a.example.net"),
        source("b.example.net", nts=True),
        source("c.example.net", key=7),
        source("d.example.net"),
    )
    verdict = hit(nts.none(NtpFacts(config=chrony_conf(sources))))
    assert verdict.settings == ("server a.example.net", "server d.example.net")
    assert "a.example.net, d.example.net" in str(verdict.params["state"])


def test_a_file_in_which_all_sources_are_authenticated_passes() -> None:
    sources = (source("b.example.net", nts=True), source("c.example.net", key=7))
    assert nts.none(NtpFacts(config=chrony_conf(sources))) is None


def test_a_program_that_has_no_nts_is_not_blamed() -> None:
    config = NtpConfigFacts(product="ntpd", sources=(source("a.example.net"),))
    assert isinstance(nts.none(NtpFacts(config=config)), Skip)


# -- NTS-KE-FAIL -----------------------------------------------------------------------------------


def test_a_clock_that_explains_the_certificate_is_named() -> None:
    facts = with_nts(
        ke_reason="tls-certificate-expired",
        ke_detail="expired",
        certificate_valid_here=False,
        certificate_valid_there=True,
    ).learn(offset_seconds=-45 * 86400.0)
    detail = str(hit(nts.ke_fail(facts)).params["detail"])
    assert "45.0 days behind this machine's" in detail
    assert "clocks is the reason" in detail


def test_a_certificate_that_the_servers_own_time_contradicts() -> None:
    facts = with_nts(certificate_valid_there=False).learn(offset_seconds=400 * 86400.0)
    verdict = hit(nts.ke_fail(facts))
    assert verdict.severity is Severity.MEDIUM
    assert "400.0 days ahead" in str(verdict.params["detail"])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(37.0, "37.0 seconds ahead"), (-150, "2.5 minutes behind"), (-7200, "2.0 hours behind")],
)
def test_clocks_are_told_in_units_for_people(seconds: float, said: str) -> None:
    assert said in clocks_apart(seconds)


# -- NTS-NAK, NTS-COOKIES, NTS-UDP-DROP ------------------------------------------------------------


def test_silence_says_nothing_about_cookies() -> None:
    silent = with_nts(authenticated=0, cookies_asked=0, cookies_returned=0)
    assert isinstance(nts.nak(silent), Skip)


def test_cookies_count_both_ways() -> None:
    assert nts.cookies(with_nts(cookies_asked=4, cookies_returned=5)) is None
    hit(nts.cookies(with_nts(cookies_asked=4, cookies_returned=3)))
    hit(nts.cookies(with_nts(cookies=7)))


@pytest.mark.parametrize(
    ("plain", "padded", "kind"),
    [(True, False, Hit), (True, True, type(None)), (False, False, Skip), (None, None, Skip)],
)
def test_only_a_filter_by_size_is_called_one(
    plain: bool | None, padded: bool | None, kind: type
) -> None:
    facts = with_nts(authenticated=0, plain_answered=plain, padded_answered=padded)
    assert isinstance(nts.udp_drop(facts), kind)
    unanswered = facts.learn(replies=0)
    assert isinstance(conversation.no_reply(unanswered), Skip if kind is Hit else Hit)


# -- NTS-AEAD-INTEROP ------------------------------------------------------------------------------


def tried(number: int, outcome: Any, keys: Any = "") -> AeadTried:
    return AeadTried(number=number, name=str(number), outcome=outcome, keys=keys)


@pytest.mark.parametrize(
    ("must", "may", "kind"),
    [
        (tried(15, "works"), tried(30, "works"), type(None)),
        (tried(15, "works"), tried(30, "not-chosen"), type(None)),
        (tried(15, "works"), tried(30, "failed"), type(None)),
        (tried(15, "works"), tried(30, "nak"), Hit),
        (tried(15, "works"), tried(30, "works", "chrony-4.4"), Hit),
        (tried(15, "not-chosen"), tried(30, "works"), Hit),
        (tried(15, "nak"), tried(30, "works"), Hit),
        (tried(15, "nak"), tried(30, "nak"), Skip),
    ],
)
def test_algorithms_that_do_not_work_together(must: AeadTried, may: AeadTried, kind: type) -> None:
    assert isinstance(nts.aead_interop(with_nts(aeads=(must, may))), kind)
    assert isinstance(nts.aead_interop(with_nts(aeads=(may, must))), kind)


def test_one_algorithm_alone_is_not_judged() -> None:
    assert isinstance(nts.aead_interop(with_nts(aeads=(tried(15, "works"),))), Skip)
