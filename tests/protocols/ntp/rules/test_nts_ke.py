"""Whether NTS is offered, and whether its key establishment succeeds: at every border."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from seventh.protocols.ntp.facts.nts import NtsFacts
from seventh.protocols.ntp.rules import nts_ke
from seventh.protocols.ntp.rules.examples import GOOD, with_nts
from seventh.rules.rule import Hit
from seventh.rules.words import filled
from tests.verdicts import fixed, told


def hit(verdict: object) -> Hit:
    assert isinstance(verdict, Hit), verdict
    return verdict


# -- NTS-NONE --------------------------------------------------------------------------------------


def source(name: str, **more: Any) -> ConfiguredSource:
    line = f"server {name}"
    return ConfiguredSource(kind="server", name=name, setting=line, text=line, **more)


def chrony_conf(sources: tuple[ConfiguredSource, ...]) -> NtpConfigFacts:
    return NtpConfigFacts(product="chrony", version="4.3", nts_known=True, sources=sources)


NOT_TESTED = "skip: NTS was not tested: with ntp:// targets it is tested on port 123 only"


@pytest.mark.parametrize(
    ("tested", "line"),
    [
        (None, NOT_TESTED), (NtsFacts(), NOT_TESTED), (NtsFacts(port_state="open"), "pass"),
        (NtsFacts(port_state="forbidden"), "skip: this machine's firewall forbids the connection"),
        (NtsFacts(ke_address="192.0.2.1", ke_port=4460, port_state="refused"),
         "low: 192.0.2.1 TCP port 4460: connection refused"),
        (NtsFacts(ke_port=4460, port_state="timeout"), "low: TCP port 4460: connection timed out"),
        (NtsFacts(port_state="reset"), "low: TCP port 0: connection reset"),
        (NtsFacts(ke_address="192.0.2.1", ke_port=1, port_state="unreachable"),
         "low: 192.0.2.1 TCP port 1: no route to host"),
    ],
)  # fmt: skip
def test_ports_of_the_key_establishment(tested: NtsFacts | None, line: str) -> None:
    assert told(nts_ke.none, GOOD.learn(nts=tested)) == line


@pytest.mark.parametrize(("address", "host"), [("192.0.2.1", "192.0.2.1"), ("", "ntp.example.net")])
def test_the_fix_names_the_server_that_is_to_have_nts(address: str, host: str) -> None:
    facts = GOOD.learn(nts=NtsFacts(ke_address=address, port_state="refused"))
    assert fixed(nts_ke.none, facts, "ntpsec").endswith(f"\nserver {host} nts")


PLAIN, SECURE, KEYED = source("a"), source("b", nts=True), source("c", key=0)
PEER = ConfiguredSource(kind="peer", name="p", setting="peer p", text="peer p")
FOR_PEERS = "# for each peer, the option `key` with a key that both sides have"
CHANGE = "# if the server supports NTS; else replace it with one that does"
SERVE = (
    "# to serve NTS; open TCP port 4460", "ntsserverkey /etc/chrony/nts.key",
    "ntsservercert /etc/chrony/nts.pem", "ntsdumpdir /var/lib/chrony",
)  # fmt: skip
WITHOUT = "low: configuration: sources without `nts` and without a key: "
SERVED = "time is served (`allow`) without ntsserverkey and ntsservercert"


@pytest.mark.parametrize(
    ("changes", "line", "fix"),
    [
        ({"product": "ntpd"}, "skip: ntpd does not support NTS", None),
        ({"nts_known": False}, "skip: chrony 4.3 does not support NTS yet", None),
        ({"sources": ()}, "skip: the file has no time source", None),
        ({"sources": (), "serves": False}, "skip: the file has no time source", None),
        ({"sources": (), "serves": True, "nts_server": True}, "pass", None),
        ({"sources": (), "serves": True}, "pass", None),
        ({"sources": (SECURE, KEYED)}, "pass", None),
        ({"sources": (source("a", noselect=True),)}, "pass", None),
        ({}, f"{WITHOUT}a", (CHANGE, "server a nts")),
        ({"product": "ntpsec", "sources": (SECURE, PLAIN)}, f"{WITHOUT}a",
         (CHANGE, "server a nts")),
        ({"sources": (PEER,)}, f"{WITHOUT}p", (FOR_PEERS,)),
        ({"sources": (PEER, PLAIN)}, f"{WITHOUT}p, a", (CHANGE, "server a nts", FOR_PEERS)),
        ({"sources": (SECURE,), "serves": True, "nts_server": False},
         f"low: configuration: {SERVED}", SERVE),
        ({"product": "ntpsec", "sources": (SECURE,), "serves": True, "nts_server": False},
         "pass", None),
        ({"serves": True, "nts_server": False}, f"{WITHOUT}a; {SERVED}",
         (CHANGE, "server a nts", *SERVE)),
        ({"serves": False, "nts_server": False}, f"{WITHOUT}a", (CHANGE, "server a nts")),
    ],
)  # fmt: skip
def test_files_without_nts(changes: dict[str, Any], line: str, fix: tuple[str, ...] | None) -> None:
    config = msgspec.structs.replace(chrony_conf((PLAIN,)), **changes)
    facts = NtpFacts(config=config)
    assert told(nts_ke.none, facts) == line
    if fix is not None:
        found = hit(nts_ke.none(facts))
        assert found.fixes == {config.product: fix}
        plain = [each for each in config.sources if each in {PLAIN, PEER}]
        assert found.params["host"] == (plain[0].name if plain else "ntp.example.net")
        served = ("allow", "ntsserverkey") if SERVED in line else ()
        assert found.settings == (*(each.setting for each in plain), *served)


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


KE_FAILS = {"established": None, "ke_reason": "tls-alpn", "ke_detail": "no ntske/1"}
HERE = "the certificate is valid by this machine's clock, but not by the server's (difference: "
LATER = "): clients that synchronise to it will reject the certificate"
THERE = "the certificate is valid by the server's clock (difference: +0.0 s), so one of the two "
PLACE = "192.0.2.123 port 4460, phase nts.ke_tls: "


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"port_state": ""}, NOT_TESTED),
        ({"port_state": "refused"},
         "not applicable: the port of the key establishment is not open: see NTS-NONE"),
        ({}, "pass"),
        ({"established": None}, "skip: the key establishment was not completed"),
        ({"established": False}, "skip: the key establishment was not completed"),
        (KE_FAILS, f"high: {PLACE}tls-alpn: no ntske/1"),
        ({**KE_FAILS, "ke_phase": "nts.ke_records", "ke_port": None},
         "high: 192.0.2.123 port 0, phase nts.ke_records: tls-alpn: no ntske/1"),
        ({**KE_FAILS, "certificate_valid_here": None}, f"high: {PLACE}tls-alpn: no ntske/1"),
        ({**KE_FAILS, "certificate_valid_here": False},
         f"high: {PLACE}tls-alpn: no ntske/1; {THERE}clocks is wrong"),
        ({**KE_FAILS, "certificate_valid_here": False, "certificate_valid_there": False},
         (f"high: {PLACE}tls-alpn: no ntske/1; the certificate is not valid by the server's clock "
          "either")),
        ({"certificate_valid_there": False}, f"medium: {PLACE}{HERE}+0.0 s{LATER}"),
        ({"certificate_valid_there": None}, "pass"),
        ({"certificate_valid_here": None, "certificate_valid_there": False}, "pass"),
    ],
)  # fmt: skip
def test_key_establishments(changes: dict[str, Any], line: str) -> None:
    assert told(nts_ke.ke_fail, with_nts(**changes)) == line


def test_a_certificate_valid_only_here_where_no_time_came() -> None:
    facts = with_nts(certificate_valid_there=False).learn(offset_seconds=None)
    assert told(nts_ke.ke_fail, facts) == f"medium: {PLACE}{HERE}+0.0 s{LATER}"
    assert told(nts_ke.ke_fail, GOOD.learn(nts=None)) == NOT_TESTED
