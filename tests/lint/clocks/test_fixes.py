"""Every fix for a clock's file is applied as it says: the finding goes, and nothing new comes.

tests/peers/test_chrony_conf.py has chronyd read what comes out.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seventh import protocols
from seventh.engine.lint import Wanted, lint_file
from seventh.lintkit.linted import Software, parse_software
from seventh.model.report import Finding, Report
from seventh.render.wording import clean_params
from seventh.rules.words import filled

pytestmark = pytest.mark.field

CHRONY = "driftfile /var/lib/chrony/drift\nmakestep 1 3\nrtcsync\n"
NTPD = "driftfile /var/lib/ntp/ntp.drift\nrestrict default nomodify notrap noquery\n"
FOUR = "pool a.example iburst nts maxsources 4\n"
RULES = {rule.id: rule for rule in protocols.rules("ntp")}
CASES: dict[str, tuple[str, str, str]] = {
    "iburst, chrony": ("NTP-IBURST", "chrony", f"{CHRONY}pool a.example maxsources 5 nts\n"),
    "iburst, several": (
        "NTP-IBURST", "chrony", CHRONY + "".join(f"server s{n}.example nts\n" for n in range(5)),
    ),
    "iburst, ntpd": ("NTP-IBURST", "ntpd", f"{NTPD}pool a.example\nserver b.example key 3\n"),
    "makestep": ("NTP-MAKESTEP", "chrony", f"driftfile /d\nrtcsync\n{FOUR}"),
    "makestep at any time": (
        "NTP-MAKESTEP", "chrony", f"driftfile /d\nrtcsync\nmakestep 0.1 -1\n{FOUR}",
    ),
    "driftfile": ("NTP-DRIFT", "chrony", f"makestep 1 3\nrtcsync\n{FOUR}"),
    "driftfile, ntpd": ("NTP-DRIFT", "ntpd", "pool a.example iburst\nrestrict default noquery\n"),
    "rtcsync": ("NTP-RTCSYNC", "chrony", f"driftfile /d\nmakestep 1 3\n{FOUR}"),
    "few, none": ("NTP-FEW", "chrony", CHRONY),
    "few, with NTS": (
        "NTP-FEW", "chrony",
        f"{CHRONY}server time.cloudflare.com iburst nts\nserver nts.netnod.se iburst nts\n",
    ),
    "few, Google": ("NTP-FEW", "chrony", f"{CHRONY}server time1.google.com iburst\n"),
    "few, Amazon": ("NTP-FEW", "chrony", f"{CHRONY}server 169.254.169.123 iburst\n"),
    "few, a small pool": ("NTP-FEW", "chrony", f"{CHRONY}pool pool.ntp.org iburst maxsources 1\n"),
    "few, ntpd": ("NTP-FEW", "ntpd", f"{NTPD}server a.example iburst\n"),
    "few, maxclock": ("NTP-FEW", "ntpd", f"{NTPD}pool a.example iburst\ntos maxclock 2\n"),
    "named twice": ("NTP-SAMEUP", "chrony", (f"{CHRONY}{FOUR}server b.example iburst nts\n"
                    "server b.example iburst nts\n")),
    "smear": ("NTP-SMEAR-MIX", "chrony", (f"{CHRONY}server time.google.com iburst\n"
              "pool a.example iburst\n")),
    "own clock": ("NTP-LOCALCLOCK", "chrony", (f"{CHRONY}{FOUR}local stratum 8\nallow\n"
                  "ntsserverkey /k\nntsservercert /c\nntsdumpdir /d\n")),
    "own clock, ntpd": (
        "NTP-LOCALCLOCK", "ntpd", (f"{NTPD}pool a.example iburst\nserver 127.127.1.0 iburst\n"
        "fudge 127.127.1.0 stratum 10\n"),
    ),
    "NTS, chrony": ("NTS-NONE", "chrony", f"{CHRONY}pool a.example iburst maxsources 4\n"),
    "NTS, served": ("NTS-NONE", "chrony", f"{CHRONY}{FOUR}allow 192.0.2.0/24\n"),
    "NTS, ntpsec": ("NTS-NONE", "ntpsec", f"{NTPD}pool a.example iburst\n"),
    "cookies": ("NTS-NAK", "chrony", f"{CHRONY}{FOUR}ntsserverkey /k\nntsservercert /c\n"),
    "cookies, rotated": (
        "NTS-NAK", "chrony", (f"{CHRONY}{FOUR}ntsserverkey /k\nntsservercert /c\nntsdumpdir /d\n"
        "ntsrotate 60\n"),
    ),
    "queries": ("NTP-MODE6", "ntpd", ("driftfile /d\nserver a.example iburst\npool b.example "
                "iburst\n")),
    "queries, IPv6": (
        "NTP-MODE6", "ntpd", "driftfile /d\npool b.example iburst\nrestrict -4 default noquery\n",
    ),
    "queries, IPv4": (
        "NTP-MODE6", "ntpd", "driftfile /d\npool b.example iburst\nrestrict -6 default noquery\n",
    ),
    "queries, ntpsec": (
        "NTP-MODE6", "ntpsec", ("driftfile /d\npool b.example iburst nts\n"
        "unrestrict default noquery\n"),
    ),
    "monlist": ("NTP-MONLIST", "ntpd=4.2.6", ("driftfile /d\npool b.example iburst\n"
                "server c.example iburst\n")),
    "ignored": ("NTP-SOURCES-DENIED", "ntpd", (
        "driftfile /d\nserver a.example iburst\npool b.example iburst\nrestrict default ignore\n")),
    "ignored, ntpsec": ("NTP-SOURCES-DENIED", "ntpsec", (
        "driftfile /d\nserver 10.0.0.1 iburst nts\nrestrict default ignore\n")),
    "Autokey": ("NTP-MAC-AUTOKEY", "ntpd", (f"{NTPD}pool a.example iburst\n"
                "server b.example iburst autokey\nkeys /etc/site.keys\ntrustedkey 4\n")),
}  # fmt: skip


def linted(path: Path, text: str, said: str) -> Report:
    path.write_text(text)
    product = said.partition("=")[0]
    kind = {"chrony": "chrony.conf", "ntpd": "ntp.conf", "ntpsec": "ntpsec.conf"}[product]
    software: tuple[Software, ...] = (parse_software(said),) if "=" in said else ()
    return lint_file(path, Wanted(kind=kind, software=software))


def fix_of(finding: Finding, product: str) -> str:
    """As it is printed: with parameters that are made safe to show."""
    if product in finding.fixes:
        return "\n".join(finding.fixes[product])
    return filled(RULES[finding.id].words, clean_params(finding.params)).fix[product]


def applied(text: str, fix: str) -> str:
    """The file with the fix: a line takes the place of the line about the same thing."""
    lines = text.splitlines()
    for line in fix.splitlines():
        comment = re.match(r"# (?:instead of|remove the second of): (.*)", line)
        if comment:
            lines.reverse()
            lines.remove(comment[1])
            lines.reverse()
        elif not line.startswith("#"):
            words = line.split()
            sources = {"server", "pool", "peer"}
            count = 2 if words[0] in sources else 1
            same = [old for old in lines if old.split()[:count] == words[:count]]
            if words[0] in {"restrict", "trustedkey"} or not same:
                lines.append(line)
            else:
                lines[lines.index(same[0])] = line
    return "\n".join(lines) + "\n"


def mended(text: str, fix: str, rule: str) -> str:
    """What else the comments of a fix ask for, done as they say it."""
    done = applied(text, fix)
    if rule == "NTP-SMEAR-MIX":
        done = re.sub(r"(?m)^server time\.google\.com.*\n", "", done)
    if rule == "NTP-LOCALCLOCK":
        done = re.sub(r"(?m)^(server|fudge) 127\.127\.1\.0.*\n", "", done)
    return done.replace(" autokey", "") if rule == "NTP-MAC-AUTOKEY" else done


@pytest.mark.parametrize("name", CASES)
def test_a_fix_takes_its_finding_away_and_brings_none(tmp_path: Path, name: str) -> None:
    rule, said, text = CASES[name]
    path = tmp_path / "some.conf"
    before = linted(path, text, said)
    finding = next(one for one in before.findings if one.id == rule)
    fix = fix_of(finding, said.partition("=")[0])
    after = linted(path, mended(text, fix, rule), said)
    assert after.failure is None, fix
    left = {one.id for one in after.findings}
    assert rule not in left, fix
    assert left <= {one.id for one in before.findings}, fix


def test_a_pool_keeps_its_associations_and_broadcast_clients_theirs(tmp_path: Path) -> None:
    """``nopeer`` alone would forbid them."""
    path = tmp_path / "ntp.conf"
    text = "driftfile /d\npool a.example iburst\n"
    for more, source, nopeer in (
        ("", True, True),
        ("restrict source nomodify noquery\n", False, True),
        ("broadcastclient\n", True, False),
        ("manycastclient 239.255.254.254\n", True, False),
    ):
        finding = next(f for f in linted(path, text + more, "ntpd").findings if f.id == "NTP-MODE6")
        fix = fix_of(finding, "ntpd")
        assert ("restrict source nomodify notrap noquery" in fix) is source, more
        assert (" nopeer" in fix) is nopeer, more


def test_what_the_default_line_says_already_stays(tmp_path: Path) -> None:
    text = "driftfile /d\nserver a.example\nrestrict default notrust noepeer\n"
    report = linted(tmp_path / "ntp.conf", text, "ntpd")
    finding = next(f for f in report.findings if f.id == "NTP-MODE6")
    assert "restrict default kod limited nomodify notrap nopeer noquery noepeer notrust" in fix_of(
        finding, "ntpd"
    )
    assert "restrict source" not in fix_of(finding, "ntpd")


def test_the_keys_of_a_file_stay_in_use(tmp_path: Path) -> None:
    rule, said, text = CASES["Autokey"]
    report = linted(tmp_path / "ntp.conf", text + "server d.example iburst key 1\n", said)
    fix = fix_of(next(f for f in report.findings if f.id == rule), "ntpd")
    assert "keys /etc/site.keys" in fix
    assert "trustedkey 2" in fix


@pytest.mark.parametrize("rule", [id_ for id_, rule in RULES.items() if "chrony" in rule.words.fix])
def test_chrony_takes_no_comment_behind_a_line(rule: str) -> None:
    for line in RULES[rule].words.fix["chrony"].splitlines():
        assert line.startswith("#") or "#" not in line
