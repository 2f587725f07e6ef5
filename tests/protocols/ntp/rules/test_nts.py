"""The borders of the NTS rules."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from seventh.protocols.ntp.facts.nts import AeadTried
from seventh.protocols.ntp.rules import nts
from seventh.protocols.ntp.rules.examples import GOOD, with_nts
from seventh.rules.rule import AnyRule, Hit, Skip
from seventh.rules.words import filled
from tests.verdicts import told


def hit(verdict: object) -> Hit:
    assert isinstance(verdict, Hit), verdict
    return verdict


def chrony_conf(sources: tuple[ConfiguredSource, ...]) -> NtpConfigFacts:
    return NtpConfigFacts(product="chrony", version="4.3", nts_known=True, sources=sources)


# -- NTS-NAK, NTS-COOKIES, NTS-UDP-DROP ------------------------------------------------------------


NO_REQUEST = "skip: no authenticated request was sent"
SILENT_NTS = {"authenticated": 0, "naks": 0, "plain_answered": True, "padded_answered": False}


@pytest.mark.parametrize(
    ("rule", "changes", "line"),
    [
        (nts.nak, {"requests": 0}, NO_REQUEST),
        (nts.nak, {}, "pass"),
        (nts.nak, {"authenticated": 0}, "skip: no authenticated request was answered"),
        (nts.nak, {"naks": 1, "authenticated": 3}, ("medium: of 4 requests with unused cookies, 1 "
         "were refused (kiss code NTSN) and 3 got authenticated time")),
        (nts.cookies, {"cookies": None}, "skip: no key establishment issued cookies"),
        (nts.cookies, {"cookies": 9}, "pass"),
        (nts.cookies, {"cookies": 7},
         "medium: cookies from the key establishment: 7 of 8; from replies: 4 of 4"),
        (nts.cookies, {"cookies_returned": 3},
         "medium: cookies from the key establishment: 8 of 8; from replies: 3 of 4"),
        (nts.udp_drop, {"requests": 0}, NO_REQUEST),
        (nts.udp_drop, {**SILENT_NTS, "authenticated": 1}, "pass"),
        (nts.udp_drop, {**SILENT_NTS, "naks": 1}, "pass"),
        (nts.udp_drop, {**SILENT_NTS, "plain_answered": None},
         "skip: no plain request was sent for comparison"),
        (nts.udp_drop, {**SILENT_NTS, "plain_answered": False},
         "skip: plain requests are not answered either"),
        (nts.udp_drop, {**SILENT_NTS, "padded_answered": True}, "pass"),
        (nts.udp_drop, SILENT_NTS, ("medium: 192.0.2.123 port 123 answers plain requests of 48 "
         "bytes, but none of 228 bytes, authenticated or not")),
        (nts.udp_drop, {**SILENT_NTS, "ntp_port": None, "request_bytes": None},
         ("medium: 192.0.2.123 port 0 answers plain requests of 48 bytes, but none of 0 bytes, "
          "authenticated or not")),
    ],
)  # fmt: skip
def test_authenticated_time(rule: AnyRule, changes: dict[str, Any], line: str) -> None:
    assert told(rule, with_nts(**changes)) == line


def test_without_nts_nothing_is_known_of_it() -> None:
    assert told(nts.nak, GOOD.learn(nts=None)) == NO_REQUEST
    assert told(nts.udp_drop, GOOD.learn(nts=None)) == NO_REQUEST
    assert told(nts.cookies, GOOD.learn(nts=None)) == "skip: no key establishment issued cookies"
    assert told(nts.aead_interop, GOOD.learn(nts=None)) == "skip: no AEAD algorithm works"


@pytest.mark.parametrize(
    ("server", "dump", "rotate", "line"),
    [
        (False, "", 1, "skip: the configuration does not enable an NTS server"),
        (None, "", 1, "skip: the configuration does not enable an NTS server"),
        (True, "", 4095,
         "medium: ntsdumpdir not set: the cookie keys are lost at every restart"),
        (True, "/d", None, "pass"), (True, "/d", 0, "pass"), (True, "/d", 4096, "pass"),
        # Two periods must be as long as 8 polls of 1024 s.
        (True, "/d", 4095, ("medium: ntsrotate 4095: a cookie key is kept for 8190 s, but clients "
         "keep cookies for up to 8192 s")),
        (True, "/d", 1, ("medium: ntsrotate 1: a cookie key is kept for 2 s, but clients keep "
         "cookies for up to 8192 s")),
    ],
)  # fmt: skip
def test_cookie_keys_of_a_file(
    server: bool | None, dump: str, rotate: int | None, line: str
) -> None:
    config = msgspec.structs.replace(
        chrony_conf(()), nts_server=server, nts_dump=dump, nts_rotate_seconds=rotate
    )
    facts = NtpFacts(config=config)
    assert told(nts.nak, facts) == line
    if line.startswith("medium"):
        found = hit(nts.nak(facts))
        assert (found.settings, found.fixes) == (
            (("ntsrotate",), {"chrony": ("ntsrotate 604800",)}) if dump
            else (("ntsdumpdir",), {"chrony": ("ntsdumpdir /var/lib/chrony",)})
        )  # fmt: skip


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


@pytest.mark.parametrize("number", [15, 30, 16])
def test_one_algorithm_alone_is_not_judged(number: int) -> None:
    facts = with_nts(aeads=(tried(number, "works"),))
    assert told(nts.aead_interop, facts) == "skip: only one AEAD algorithm was tested"


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        ("nak", "is accepted, but its cookies are refused (NTSN)"),
        ("no-reply", "is accepted, but authenticated requests get no reply"),
        ("not-chosen", "is not accepted"), ("failed", "could not be tested"),
    ],
)  # fmt: skip
def test_how_an_algorithm_fails(outcome: str, shown: str) -> None:
    must, may = (tried(15, outcome), tried(30, "works")), (tried(15, "works"), tried(30, outcome))
    assert told(nts.aead_interop, with_nts(aeads=must)) == (
        f"info: AES-SIV-CMAC-256 (15) {shown}; AES-128-GCM-SIV (30) works"
    )
    assert told(nts.aead_interop, with_nts(aeads=may)) == (
        f"info: AES-SIV-CMAC-256 (15) works; AES-128-GCM-SIV (30) {shown}"
        if outcome in {"nak", "no-reply"} else "pass"
    )  # fmt: skip


def test_the_outcome_of_each_algorithm_is_shown() -> None:
    facts = with_nts(aeads=(tried(15, "works"), tried(30, "works", "chrony-4.4")))
    verdict = hit(nts.aead_interop(facts))
    assert (verdict.params["mandatory"], verdict.params["optional"]) == (
        ("works",), ("works", "chrony-4.4"),
    )  # fmt: skip
    evidence = filled(nts.aead_interop.words, verdict.params).evidence
    assert evidence == (
        "AES-SIV-CMAC-256 (15) works; AES-128-GCM-SIV (30) works; keys are exported as in chrony "
        "4.4 to 4.6.0"
    )
