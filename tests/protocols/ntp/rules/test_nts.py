"""The borders of the NTS rules."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from seventh.protocols.ntp.facts.nts import AeadTried, NtsFacts, PortState, clock_difference
from seventh.protocols.ntp.rules import conversation, nts, nts_ke
from seventh.protocols.ntp.rules.examples import GOOD, with_nts
from seventh.rules.rule import Hit, Skip
from seventh.rules.words import filled


def hit(verdict: object) -> Hit:
    assert isinstance(verdict, Hit), verdict
    return verdict


# -- NTS-NONE --------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["refused", "timeout", "reset", "unreachable"])
def test_a_port_that_is_not_open_is_no_nts(state: PortState) -> None:
    closed = NtsFacts(ke_address="192.0.2.1", ke_port=4460, port_state=state)
    facts = GOOD.learn(nts=closed)
    verdict = hit(nts_ke.none(facts))
    assert verdict.params["what"] == state
    assert filled(nts_ke.none.words, verdict.params).evidence.startswith("192.0.2.1 TCP port 4460:")
    assert isinstance(nts_ke.ke_fail(facts), Skip), "one fault is not reported twice"


def test_a_port_of_an_unknown_address_is_named_alone() -> None:
    facts = GOOD.learn(nts=NtsFacts(ke_port=4460, port_state="refused"))
    evidence = filled(nts_ke.none.words, hit(nts_ke.none(facts)).params).evidence
    assert evidence == "TCP port 4460: connection refused"


def test_our_own_firewall_says_nothing_of_the_server() -> None:
    assert isinstance(nts_ke.none(GOOD.learn(nts=NtsFacts(port_state="forbidden"))), Skip)


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
    verdict = hit(nts_ke.none(NtpFacts(config=chrony_conf(sources))))
    assert verdict.settings == ("server a.example.net", "server d.example.net")
    assert verdict.params["what"] == ("sources",)
    assert verdict.params["names"] == ("a.example.net", "d.example.net")


def test_a_file_that_serves_time_without_nts_points_at_what_is_missing() -> None:
    config = msgspec.structs.replace(chrony_conf(()), serves=True, nts_server=False)
    verdict = hit(nts_ke.none(NtpFacts(config=config)))
    assert verdict.params["what"] == ("server",)
    assert verdict.settings == ("allow", "ntsserverkey")
    assert "ntsservercert /etc/chrony/nts.pem" in verdict.fixes["chrony"]
    served = msgspec.structs.replace(config, nts_server=True)
    assert nts_ke.none(NtpFacts(config=served)) is None


def test_a_file_in_which_all_sources_are_authenticated_passes() -> None:
    sources = (source("b.example.net", nts=True), source("c.example.net", key=7))
    assert nts_ke.none(NtpFacts(config=chrony_conf(sources))) is None


def test_a_program_that_has_no_nts_is_not_blamed() -> None:
    config = NtpConfigFacts(product="ntpd", sources=(source("a.example.net"),))
    assert isinstance(nts_ke.none(NtpFacts(config=config)), Skip)


# -- NTS-KE-FAIL -----------------------------------------------------------------------------------


def test_a_clock_that_explains_the_certificate_is_named() -> None:
    facts = with_nts(
        ke_reason="tls-certificate-expired",
        ke_detail="expired",
        certificate_valid_here=False,
        certificate_valid_there=True,
    ).learn(offset_seconds=-45 * 86400.0)
    verdict = hit(nts_ke.ke_fail(facts))
    assert verdict.params["what"] == ("refused", "valid-there")
    assert verdict.params["difference"] == "-45.0 d"
    evidence = filled(nts_ke.ke_fail.words, verdict.params).evidence
    assert "(difference: -45.0 d), so one of the two clocks is wrong" in evidence


@pytest.mark.parametrize(
    ("offset", "what"), [(0.0, ("refused", "invalid-there")), (None, ("refused",))]
)
def test_a_certificate_that_no_clock_explains(offset: float | None, what: tuple[str, ...]) -> None:
    facts = with_nts(
        ke_reason="tls-certificate-expired", ke_detail="expired",
        certificate_valid_here=False, certificate_valid_there=False,
    ).learn(offset_seconds=offset)  # fmt: skip
    assert hit(nts_ke.ke_fail(facts)).params["what"] == what


def test_a_certificate_that_the_servers_own_time_contradicts() -> None:
    facts = with_nts(certificate_valid_there=False).learn(offset_seconds=400 * 86400.0)
    verdict = hit(nts_ke.ke_fail(facts))
    assert verdict.severity is Severity.MEDIUM
    assert verdict.params["what"] == "only-here"
    assert verdict.params["difference"] == "+400.0 d"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (37.0, "+37.0 s"), (119.9, "+119.9 s"), (-150, "-2.5 min"), (-7200, "-2.0 h"),
        (-7199, "-120.0 min"), (172800, "+2.0 d"),
    ],
)  # fmt: skip
def test_the_difference_of_clocks_has_a_unit_for_people(seconds: float, shown: str) -> None:
    assert clock_difference(seconds) == shown


# -- NTS-NAK, NTS-COOKIES, NTS-UDP-DROP ------------------------------------------------------------


def test_silence_says_nothing_about_cookies() -> None:
    silent = with_nts(authenticated=0, cookies_asked=0, cookies_returned=0)
    assert isinstance(nts.nak(silent), Skip)


@pytest.mark.parametrize(
    ("rotate", "dump", "what"),
    [
        (0, "/var/lib/chrony", None), (4096, "/var/lib/chrony", None),
        (4095, "/var/lib/chrony", "rotation"), (604800, "", "no-dump"),
    ],
)  # fmt: skip
def test_cookie_keys_outlive_the_cookies(rotate: int, dump: str, what: str | None) -> None:
    config = msgspec.structs.replace(
        chrony_conf(()), nts_server=True, nts_rotate_seconds=rotate, nts_dump=dump
    )
    verdict = nts.nak(NtpFacts(config=config))
    assert (verdict.params["what"] if isinstance(verdict, Hit) else verdict) == what


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
