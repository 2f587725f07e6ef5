"""What a configuration file decides: one rule after another, at its borders."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh import protocols
from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, DefaultRights, NtpConfigFacts
from seventh.protocols.ntp.rules import lines
from seventh.rules.rule import Hit, Skip
from tests.verdicts import told

RULES = {rule.id: rule for rule in protocols.rules("ntp")}
OPEN4 = DefaultRights(family="IPv4", flags=("kod",))
OPEN6 = DefaultRights(family="IPv6", flags=("kod",), setting="restrict -6 default")
CLOSED4 = DefaultRights(family="IPv4", flags=("noquery",))
NTPD = NtpConfigFacts(
    product="ntpd", version="4.2.6", complete=True, strangers=(OPEN4, OPEN6), monitor=True,
    monlist=True,
)  # fmt: skip


def judge(rule_id: str, config: NtpConfigFacts = NTPD, **changes: Any) -> Hit | Skip | None:
    return RULES[rule_id](NtpFacts(config=msgspec.structs.replace(config, **changes)))


def hit(verdict: Hit | Skip | None) -> Hit:
    assert isinstance(verdict, Hit), verdict
    return verdict


# -- access ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, "restrict default kod limited nomodify notrap nopeer noquery"),
        ({"strangers": (OPEN4,)}, "restrict -4 default kod limited nomodify notrap nopeer noquery"),
        ({"strangers": (OPEN6,)}, "restrict -6 default kod limited nomodify notrap nopeer noquery"),
        ({"mobilised_by": ("broadcastclient",)},
         "restrict default kod limited nomodify notrap noquery"),
        ({"product": "ntpsec"}, "restrict default kod limited nomodify noquery"),
    ],
)  # fmt: skip
def test_the_lines_that_deny_queries(changes: dict[str, Any], first: str) -> None:
    config = msgspec.structs.replace(NTPD, **changes)
    assert lines.no_queries(config, config.strangers)[0] == first


@pytest.mark.parametrize(
    ("mobilised_by", "restrict_source", "product", "line"),
    [
        (("pool",), False, "ntpd", "restrict source nomodify notrap noquery"),
        (("pool",), False, "ntpsec", "restrict source nomodify noquery"),
        (("pool",), True, "ntpd", None),
        ((), False, "ntpd", None),
    ],
)
def test_a_pool_needs_a_line_for_its_servers(
    mobilised_by: tuple[str, ...], restrict_source: bool, product: str, line: str | None
) -> None:
    config = msgspec.structs.replace(
        NTPD, mobilised_by=mobilised_by, restrict_source=restrict_source, product=product
    )
    made = [text for text in lines.no_queries(config, config.strangers) if " source " in text]
    assert made == ([line] if line else [])


PART = "skip: the file is a part of a configuration; other parts may set this"
BOTH = "monitoring is enabled, and any host may query over IPv4, IPv6"


@pytest.mark.parametrize(
    ("rule_id", "changes", "line"),
    [
        ("NTP-MODE6", {}, ("medium: no restrict line denies control queries of any host over "
         "IPv4, IPv6")),
        ("NTP-MODE6", {"strangers": (CLOSED4, OPEN6)},
         "medium: no restrict line denies control queries of any host over IPv6"),
        ("NTP-MODE6", {"strangers": (CLOSED4,)}, "pass"),
        ("NTP-MODE6", {"strangers": ()}, "pass"),
        ("NTP-MODE6", {"complete": False}, PART),
        ("NTP-MONLIST", {}, f"critical: ntpd 4.2.6 supports monlist, {BOTH}"),
        ("NTP-MONLIST", {"strangers": (CLOSED4,)}, "pass"),
        ("NTP-MONLIST", {"monitor": False}, "pass"), ("NTP-MONLIST", {"monitor": None}, "pass"),
        ("NTP-MONLIST", {"monlist": False}, "pass"),
        ("NTP-MONLIST", {"monlist": None, "version": "4.2.7"},
         "skip: ntpd 4.2.7 answers monlist before its patch 26 only"),
        ("NTP-MONLIST", {"complete": False}, PART),
    ],
)  # fmt: skip
def test_who_may_query(rule_id: str, changes: dict[str, Any], line: str) -> None:
    facts = NtpFacts(config=msgspec.structs.replace(NTPD, **changes))
    assert told(RULES[rule_id], facts) == line


DENY = "kod limited nomodify notrap nopeer noquery"


@pytest.mark.parametrize(
    ("rule_id", "settings", "before"),
    [
        ("NTP-MODE6", ("restrict default", "restrict -6 default"), ()),
        ("NTP-MONLIST", ("disable monitor", "restrict default", "restrict -6 default"),
         ("# and upgrade: monlist was removed in 4.2.7p26",)),
    ],
)  # fmt: skip
def test_the_whole_fix_of_open_queries(
    rule_id: str, settings: tuple[str, ...], before: tuple[str, ...]
) -> None:
    found = hit(judge(rule_id))
    assert found.settings == settings
    assert found.fixes == {
        "ntpd": (
            *before, f"restrict default {DENY}", f"restrict -6 default {DENY}",
            "restrict 127.0.0.1", "restrict ::1",
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rights", "changes", "first"),
    [
        # What the line already says stays, but nopeer where associations are wanted.
        (("notrust", "nopeer", "kod"), {}, f"restrict -4 default {DENY} notrust"),
        (("nopeer", "kod"), {"mobilised_by": ("pool", "manycastclient")},
         "restrict -4 default kod limited nomodify notrap noquery"),
        (("kod",), {"mobilised_by": ("pool",)}, f"restrict -4 default {DENY}"),
        (("kod",), {"product": "ntpsec", "mobilised_by": ("broadcastclient",)},
         "restrict -4 default kod limited nomodify noquery"),
    ],
)  # fmt: skip
def test_a_line_keeps_what_it_says(
    rights: tuple[str, ...], changes: dict[str, Any], first: str
) -> None:
    config = msgspec.structs.replace(NTPD, **changes)
    made = lines.no_queries(config, [DefaultRights(family="IPv4", flags=rights)])
    assert made[0] == first
    assert made[-2:] == ["restrict 127.0.0.1", "restrict ::1"]


# -- the local clock, keys -------------------------------------------------------------------------


def source(name: str, **more: Any) -> ConfiguredSource:
    text = f"server {name}"
    return ConfiguredSource(kind="server", name=name, setting=text, text=text, **more)


@pytest.mark.parametrize(
    ("changes", "what", "severity"),
    [
        ({}, "alone", None),
        ({"sources": (source("a"),)}, "fallback", None),
        ({"reference_clocks": ("PPS /dev/pps0",)}, "fallback", None),
        ({"sources": (source("a"),), "serves": False}, "fallback", Severity.LOW),
        ({"serves": False}, "alone", None),
        ({"sources": (source("a"),), "serves": False, "product": "ntpd"}, "fallback", None),
        ({"sources": (source("a"),), "serves": True}, "fallback", None),
    ],
)
def test_a_local_clock_that_is_served(
    changes: dict[str, Any], what: str, severity: Severity | None
) -> None:
    config = NtpConfigFacts(product="chrony", local_stratum=8, local_settings=("local",))
    found = hit(judge("NTP-LOCALCLOCK", config, **changes))
    assert (found.params["what"], found.severity) == (what, severity)
    assert (found.params["stratum"], found.settings) == (8, ("local",))
    when = "; no source is configured" if what == "alone" else " when no source is reachable"
    facts = NtpFacts(config=msgspec.structs.replace(config, **changes))
    assert told(RULES["NTP-LOCALCLOCK"], facts) == (
        f"{severity or 'medium'}: local clock served at stratum 8{when}"
    )
    assert judge("NTP-LOCALCLOCK", config, local_orphan=True) is None
    assert judge("NTP-LOCALCLOCK", config, local_stratum=None) is None


def test_md5_keys_of_a_file() -> None:
    config = NtpConfigFacts(product="ntpd", key_file_read=True, md5_keys=("1", "30"))
    found = hit(judge("NTP-MAC-MD5", config))
    assert (found.params["what"], found.params["key"]) == ("key-file", "1, 30")
    assert found.settings == ("key 1", "key 30")
    assert judge("NTP-MAC-MD5", config, md5_keys=()) is None
    assert told(RULES["NTP-MAC-MD5"], NtpFacts(config=config)) == (
        "medium: MD5 keys in the key file: 1, 30"
    )
    assert judge("NTP-MAC-MD5", config, key_file_read=False) == Skip(
        "the configuration names no readable key file"
    )


# -- sources ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "last"), [(8, "n7"), (9, "… (+1)"), (12, "… (+4)")])
def test_evidence_lists_eight_names(count: int, last: str) -> None:
    names = lines.shown(f"n{n}" for n in range(count))
    assert names[-1] == last
    assert names[:8] == tuple(f"n{n}" for n in range(8))
    fixed = lines.with_option([source(f"n{n}") for n in range(count)], "nts")
    assert len(fixed) == min(count, 9)
    assert fixed[0] == "server n0 nts"
    assert (fixed[-1] == f"# … and {count - 8} more of these lines") == (count > 8)


@pytest.mark.parametrize(
    ("sources", "changes", "expected"),
    [
        ((), {}, ["pool pool.ntp.org iburst maxsources 4"]),
        ((source("pool.ntp.org"),), {}, ["pool 2.pool.ntp.org iburst maxsources 4"]),
        (
            (source("nts.netnod.se", nts=True), source("x", nts=True)), {"nts_known": True},
            ["server time.cloudflare.com iburst nts", "server ptbtime1.ptb.de iburst nts"],
        ),
        (
            (source("time1.google.com", smears="Google, 24 h linear"),) * 3, {},
            ["server time2.google.com iburst"],
        ),
        (
            (source("time.aws.com", smears="AWS, 24 h linear"), source("x")), {},
            ["# instead of: server time.aws.com", "pool pool.ntp.org iburst maxsources 4"],
        ),
        # Without NTS among the sources or in the program, a pool is enough.
        ((source("x", nts=True), source("y")), {"nts_known": True},
         ["pool pool.ntp.org iburst maxsources 4"]),
        ((source("x", nts=True),), {"nts_known": False},
         ["pool pool.ntp.org iburst maxsources 4"]),
        ((), {"nts_known": True}, [
            "server time.cloudflare.com iburst nts", "server nts.netnod.se iburst nts",
            "server ptbtime1.ptb.de iburst nts", "server ntppool1.time.nl iburst nts",
        ]),
        ((source("NTS.netnod.se.", nts=True),), {"nts_known": True}, [
            "server time.cloudflare.com iburst nts", "server ptbtime1.ptb.de iburst nts",
            "server ntppool1.time.nl iburst nts",
        ]),
        ((source("x", smears="Google, 24 h linear"),), {}, [
            "server time1.google.com iburst", "server time2.google.com iburst",
            "server time3.google.com iburst",
        ]),
        ((source("Time3.Google.com.", smears="Google, 24 h linear"),) * 2, {}, [
            "server time1.google.com iburst", "server time2.google.com iburst",
        ]),
        ((source("time4.google.com", smears="Google, 24 h linear"), source("x")), {},
         ["# instead of: server time4.google.com", "pool pool.ntp.org iburst maxsources 4"]),
        ((source("POOL.ntp.org."),), {"product": "ntpsec"}, ["pool 2.pool.ntp.org iburst"]),
        ((source("a"),) * 2, {"sources_at_most": 3, "product": "ntpd"},
         ["tos maxclock 10", "pool pool.ntp.org iburst"]),
        ((source("a"),) * 4, {"sources_at_most": 3}, ["tos maxclock 10"]),
        ((source("a"),) * 4, {"sources_at_most": 2}, ["tos maxclock 10"]),
        ((source("a"),) * 4, {"sources_at_most": 4}, []),
    ],
)  # fmt: skip
def test_sources_to_add_are_like_those_configured(
    sources: tuple[ConfiguredSource, ...], changes: dict[str, Any], expected: list[str]
) -> None:
    config = msgspec.structs.replace(NtpConfigFacts(product="chrony", sources=sources), **changes)
    assert lines.more_sources(config, len(sources), 4) == expected
