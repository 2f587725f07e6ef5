"""The whole verdict on chrony.conf and ntp.conf, with its lines, at every boundary."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, DefaultRights, NtpConfigFacts
from seventh.protocols.ntp.rules import config as rules
from seventh.protocols.ntp.rules.examples import GOOD
from seventh.rules.rule import AnyRule
from tests.verdicts import fixed, hit, told

PART = "skip: the file is a part of a configuration; other parts may set this"
OF_FILES = (
    rules.iburst,
    rules.makestep,
    rules.drift,
    rules.rtcsync,
    rules.autokey,
    rules.sources_denied,
)


def source(kind: str, name: str, **more: Any) -> ConfiguredSource:
    line = f"{kind} {name}"
    return ConfiguredSource(**{"kind": kind, "name": name, "setting": line, "text": line, **more})


A, B = source("server", "a"), source("pool", "b", iburst=True)


def chrony(**changes: Any) -> NtpFacts:
    config = NtpConfigFacts(product="chrony", version="4.3", complete=True, sources=(A,))
    return NtpFacts(config=msgspec.structs.replace(config, **changes))


@pytest.mark.parametrize("rule", OF_FILES, ids=lambda rule: rule.id)
def test_a_server_shows_nothing_of_its_file(rule: AnyRule) -> None:
    assert told(rule, GOOD) == "skip: no configuration file was read"


@pytest.mark.parametrize(
    ("sources", "line"),
    [
        ((), "skip: the file has no server and no pool line"),
        ((source("peer", "p"),), "skip: the file has no server and no pool line"),
        ((B,), "pass"),
        ((A,), "low: 1 of 1 sources without iburst: a"),
        ((source("pool", "c"), B, source("peer", "p"), A, A),
         "low: 3 of 4 sources without iburst: c, a"),
    ],
)  # fmt: skip
def test_iburst(sources: tuple[ConfiguredSource, ...], line: str) -> None:
    assert told(rules.iburst, chrony(sources=sources)) == line


def test_each_line_without_iburst_is_shown_with_it() -> None:
    facts = chrony(product="ntpsec", sources=(source("pool", "c", text="pool c prefer"), B, A))
    found = hit(rules.iburst, facts)
    assert found.settings == ("pool c", "server a")
    assert found.fixes == {"ntpsec": ("pool c prefer iburst", "server a iburst")}
    assert fixed(rules.iburst, facts, "ntpd") == "pool c prefer iburst"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"product": "ntpd", "makestep_updates": 0},
         "skip: makestep is a directive of chronyd; ntpd steps the clock by default"),
        ({"makestep_seconds": 0.1, "makestep_updates": -1},
         "low: makestep 0.1 -1: the clock is stepped at any time"),
        ({"makestep_updates": -1, "initstepslew": True},
         "low: makestep 0 -1: the clock is stepped at any time"),
        ({"makestep_updates": 1}, "pass"), ({"makestep_updates": 0, "initstepslew": True}, "pass"),
        ({"initstepslew": True}, "pass"),
        ({"makestep_updates": 0, "complete": False},
         "low: makestep with a limit of 0 updates: the clock is never stepped"),
        ({"complete": False}, PART),
        ({"sources": ()}, "skip: the file has no time source"),
        ({"sources": (), "reference_clocks": ("PPS /dev/pps0",)},
         "low: no makestep line: the clock is slewed, however large the offset"),
        ({}, "low: no makestep line: the clock is slewed, however large the offset"),
    ],
)  # fmt: skip
def test_when_the_clock_is_stepped(changes: dict[str, Any], line: str) -> None:
    assert told(rules.makestep, chrony(**changes)) == line


@pytest.mark.parametrize(
    ("rule", "changes", "line"),
    [
        (rules.drift, {"drift_file": "/d", "complete": False}, "pass"),
        (rules.drift, {"complete": False}, PART),
        (rules.drift, {}, "low: no driftfile line"),
        (rules.drift, {"product": "ntpd"}, "low: no driftfile line"),
        (rules.rtcsync, {"rtc": "rtcfile", "complete": False}, "pass"),
        (rules.rtcsync, {"complete": False}, PART),
        (rules.rtcsync, {}, "low: neither rtcsync nor rtcfile is set"),
        (rules.rtcsync, {"product": "ntpsec"},
         "skip: only chronyd needs a directive for it; with ntpd the kernel does it"),
    ],
)  # fmt: skip
def test_drift_and_hardware_clock(rule: AnyRule, changes: dict[str, Any], line: str) -> None:
    assert told(rule, chrony(**changes)) == line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"autokey": ()}, "pass"),
        ({}, "high: Autokey enabled by: crypto"),
        ({"autokey": ("crypto", "server a")}, "high: Autokey enabled by: crypto, server a"),
    ],
)
def test_autokey(changes: dict[str, Any], line: str) -> None:
    facts = chrony(**{"product": "ntpd", "autokey": ("crypto",), **changes})
    assert told(rules.autokey, facts) == line
    if changes.get("autokey", True):
        assert hit(rules.autokey, facts).settings == facts.config.autokey  # type: ignore[union-attr]


AUTOKEYED = source("server", "k", text="server k autokey prefer", autokey=True)


@pytest.mark.parametrize(
    ("changes", "line", "keys", "number"),
    [
        ({"sources": ()}, "server ntp.example.net", "/etc/ntp.keys", 1),
        ({"sources": (A,)}, "server a", "/etc/ntp.keys", 1),
        ({"sources": (A, AUTOKEYED), "key_file": "/etc/ntp/keys"},
         "server k prefer", "/etc/ntp/keys", 1),
        # The first number that no source and no key of the file has.
        ({"sources": (source("server", "a", key=1),), "md5_keys": ("2", "4")},
         "server a", "/etc/ntp.keys", 3),
        ({"sources": (source("server", "a", key=2),), "md5_keys": ("1",)},
         "server a", "/etc/ntp.keys", 3),
    ],
)  # fmt: skip
def test_what_replaces_autokey(changes: dict[str, Any], line: str, keys: str, number: int) -> None:
    facts = chrony(product="ntpd", autokey=("crypto",), **changes)
    params = hit(rules.autokey, facts).params
    assert params == {"lines": ("crypto",), "line": line, "keys": keys, "number": number}
    assert fixed(rules.autokey, facts, "ntpd") == (
        f"# in the key file, a line: {number} AES128CMAC and 32 hexadecimal digits\n"
        f"# remove autokey, crypto and keysdir from all lines\nkeys {keys}\n"
        f"trustedkey {number}\n{line} key {number}"
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"product": "chrony"},
         "skip: chronyd's deny lines do not apply to the replies of its sources"),
        ({"sources": ()}, "skip: the file has no time source"), ({"complete": False}, PART),
        ({}, "pass"),
        ({"denied": ("server a",)},
         "medium: a `restrict` line with `ignore` drops the replies of 1 of 2 sources: a"),
        ({"denied": ("server a", "pool b")},
         "high: a `restrict` line with `ignore` drops the replies of 2 of 2 sources: a, b"),
    ],
)  # fmt: skip
def test_ignored_sources(changes: dict[str, Any], line: str) -> None:
    facts = chrony(**{"product": "ntpsec", "sources": (A, B), **changes})
    assert told(rules.sources_denied, facts).partition(" @ ")[0] == line


@pytest.mark.parametrize("flags", [("ignore",), ("noquery",)])
def test_ignored_sources_are_admitted_or_no_longer_ignored(flags: tuple[str, ...]) -> None:
    strangers = (DefaultRights(family="IPv4", flags=flags),)
    facts = chrony(product="ntpsec", denied=("server a",), strangers=strangers)
    own = ("# remove `ignore` from the restrict lines of these hosts",)
    expected = {} if "ignore" in flags else {"ntpsec": own}
    found = hit(rules.sources_denied, facts)
    assert (found.fixes, found.settings) == (expected, ("restrict default", "server a"))
