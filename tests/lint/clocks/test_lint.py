"""What lint says of chrony.conf and ntp.conf: every rule that a file decides, and its place."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh import protocols
from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.engine.recognise import by_content, by_name
from seventh.lint import chrony, ntpd
from seventh.lint.chrony.views import lint as chrony_lint
from seventh.lint.clocks.settings import MAX_SOURCES
from seventh.lint.ntpd.views import lint as ntpd_lint
from seventh.lintkit.files import Files
from seventh.lintkit.linted import parse_software
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Finding, Report
from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import NtpConfigFacts
from seventh.render.wording import Wording
from seventh.rules.words import filled

KINDS = (*chrony.KINDS, *ntpd.KINDS)

SEED = """# /etc/chrony/chrony.conf
pool time.google.com     iburst maxsources 4
pool 0.kr.pool.ntp.org   iburst
driftfile /var/lib/chrony/drift
makestep 0.1 3
rtcsync
"""
DEBIAN = """# Debian's, without its words
confdir /etc/chrony/conf.d
pool 2.debian.pool.ntp.org iburst
sourcedir /run/chrony-dhcp
sourcedir /etc/chrony/sources.d
keyfile /etc/chrony/chrony.keys
driftfile /var/lib/chrony/chrony.drift
ntsdumpdir /var/lib/chrony
#log tracking measurements statistics
logdir /var/log/chrony
maxupdateskew 100.0
rtcsync
makestep 1 3
leapsectz right/UTC
"""
RHEL = """# Red Hat's, without its words
pool 2.rhel.pool.ntp.org iburst
sourcedir /run/chrony-dhcp
driftfile /var/lib/chrony/drift
makestep 1.0 3
rtcsync
#hwtimestamp *
#minsources 2
#allow 192.168.0.0/16
#local stratum 10
keyfile /etc/chrony.keys
ntsdumpdir /var/lib/chrony
leapsectz right/UTC
logdir /var/log/chrony
"""
UBUNTU = """# Ubuntu's, without its words
pool ntp.ubuntu.com        iburst maxsources 4
pool 0.ubuntu.pool.ntp.org iburst maxsources 1
pool 1.ubuntu.pool.ntp.org iburst maxsources 1
pool 2.ubuntu.pool.ntp.org iburst maxsources 2
keyfile /etc/chrony/chrony.keys
driftfile /var/lib/chrony/chrony.drift
ntsdumpdir /var/lib/chrony
logdir /var/log/chrony
maxupdateskew 100.0
rtcsync
makestep 1 3
leapsectz right/UTC
"""
DEBIAN_NTP = """# Debian's of ntpd, without its words
driftfile /var/lib/ntp/ntp.drift
leapfile /usr/share/zoneinfo/leap-seconds.list
statistics loopstats peerstats clockstats
filegen loopstats file loopstats type day enable
filegen peerstats file peerstats type day enable
filegen clockstats file clockstats type day enable
pool 0.debian.pool.ntp.org iburst
pool 1.debian.pool.ntp.org iburst
pool 2.debian.pool.ntp.org iburst
pool 3.debian.pool.ntp.org iburst
restrict -4 default kod notrap nomodify nopeer noquery limited
restrict -6 default kod notrap nomodify nopeer noquery limited
restrict 127.0.0.1
restrict ::1
restrict source notrap nomodify noquery
"""
DEBIAN_NTPSEC = """# Debian's of ntpsec, without its words
driftfile /var/lib/ntpsec/ntp.drift
leapfile /usr/share/zoneinfo/leap-seconds.list
tos maxclock 11
tos minclock 4 minsane 3
pool 0.debian.pool.ntp.org iburst
pool 1.debian.pool.ntp.org iburst
pool 2.debian.pool.ntp.org iburst
pool 3.debian.pool.ntp.org iburst
restrict default kod nomodify nopeer noquery limited
restrict 127.0.0.1
restrict ::1
"""
CHRONY = "pool a.example iburst nts maxsources 4\ndriftfile /d\nmakestep 1 3\nrtcsync\n"
"""A chrony.conf without a finding."""
NTPD = "pool a.example iburst\ndriftfile /d\nrestrict default noquery nomodify\n"
"""An ntp.conf without a finding."""


def linted(
    folder: Path, text: str | bytes, name: str = "chrony.conf", software: str = ""
) -> Report:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    said = (parse_software(software),) if software else ()
    return lint_file(path, Wanted(software=said))


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


def found(report: Report, rule_id: str) -> Finding:
    return next(finding for finding in report.findings if finding.id == rule_id)


def lines(report: Report, rule_id: str) -> list[str]:
    """Where a finding points: line number and text; a default has no number."""
    return [
        f"{line.line}: {line.text}" if line.line else line.text
        for line in found(report, rule_id).source
    ]


def config(report: Report) -> NtpConfigFacts:
    facts = report.facts["ntp"]
    assert isinstance(facts, NtpFacts)
    assert facts.config is not None
    return facts.config


def words(report: Report, rule_id: str, product: str) -> tuple[str, str]:
    """The evidence and the fix, as they are printed."""
    words = Wording().words(found(report, rule_id))
    return words.evidence, words.fix[product]


# -- which file is it? -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/chrony.conf", "chrony.conf"),
        ("/etc/chrony/chrony.conf", "chrony.conf"),
        ("/etc/chrony/conf.d/site.conf", "chrony.conf"),
        ("/etc/chrony/sources.d/site.sources", "chrony.sources"),
        ("/run/chrony-dhcp/eth0.sources", "chrony.sources"),
        ("/etc/apt/sources.list.d/debian.sources", None),
        ("/etc/ntp.conf", "ntp.conf"),
        ("/etc/ntpsec/ntp.conf", "ntpsec.conf"),
        ("/etc/squid/conf.d/site.conf", None),
    ],
)
def test_kinds_by_name(path: str, kind: str | None) -> None:
    known = by_name(Path(path))
    assert (known.name if known else None) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (SEED, "chrony.conf"),
        (DEBIAN, "chrony.conf"),
        (UBUNTU, "chrony.conf"),
        (DEBIAN_NTP, "ntp.conf"),
        ("driftfile /d\nserver a iburst\nserver b nts\nnts enable\nnts cert /c\n", "ntpsec.conf"),
        ("server a iburst\nserver b iburst\nserver c\n", None),
        ("user www-data;\nhttp {\n  server {\n    listen 80;\n  }\n  include x;\n}\n", None),
        ("Port 22\nPermitRootLogin no\nInclude /etc/ssh/*.conf\nPasswordAuthentication no\n", None),
    ],
)
def test_kinds_by_content(text: str, kind: str | None) -> None:
    mine = {one.name for one in KINDS}
    known = by_content(tuple(text.splitlines()))
    assert (known.name if known and known.name in mine else None) == kind


# -- real files ------------------------------------------------------------------------------------


def test_the_seeds_sample_mixes_smeared_and_true_time(tmp_path: Path) -> None:
    report = linted(tmp_path, SEED)
    assert {f.id for f in report.findings if f.severity.reaches(Severity.MEDIUM)} == {
        "NTP-SMEAR-MIX"
    }
    assert lines(report, "NTP-SMEAR-MIX") == ["2: pool time.google.com iburst maxsources 4"]
    evidence, fix = words(report, "NTP-SMEAR-MIX", "chrony")
    assert "time.google.com" in evidence
    assert "0.kr.pool.ntp.org" in evidence
    assert "pool" in fix
    assert {"NTP-IBURST", "NTP-MAKESTEP", "NTP-DRIFT", "NTP-RTCSYNC", "NTP-FEW"} <= {*report.passed}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (DEBIAN, "chrony.conf"),
        (RHEL, "chrony.conf"),
        (UBUNTU, "chrony.conf"),
        (DEBIAN_NTP, "ntp.conf"),
        (DEBIAN_NTPSEC, "ntpsec/ntp.conf"),
    ],
)
def test_what_distributions_ship_lacks_only_nts(tmp_path: Path, text: str, name: str) -> None:
    tree = f"root/etc/{name}"  # its folders are those of the tree, not this machine's
    report = linted(tmp_path, text, tree)
    assert report.failure is None
    assert ids(report) <= {"NTS-NONE"}


def test_clean_files(tmp_path: Path) -> None:
    for text, name in ((CHRONY, "chrony.conf"), (NTPD, "ntp.conf")):
        report = linted(tmp_path, text, name)
        assert report.failure is None
        assert ids(report) == set()


# -- each rule -------------------------------------------------------------------------------------


def test_iburst(tmp_path: Path) -> None:
    text = CHRONY + "server plain.example\npeer p.example\npool old.example maxsources 2 burst\n"
    report = linted(tmp_path, text)
    assert lines(report, "NTP-IBURST") == [
        "5: server plain.example",
        "7: pool old.example maxsources 2 burst",
    ]
    evidence, fix = words(report, "NTP-IBURST", "chrony")
    assert evidence == "2 of 3 sources without iburst: plain.example, old.example"
    assert fix == "server plain.example iburst\npool old.example maxsources 2 burst iburst"
    assert "NTP-IBURST" in ids(linted(tmp_path, NTPD + "server b.example\n", "ntp.conf"))


@pytest.mark.parametrize(
    ("line", "fires"),
    [
        ("makestep 1 3", False),
        ("makestep 0.1 -1", True),
        ("makestep 1 0", True),
        ("initstepslew 10 a.example", False),
        ("makestep 1 3\nmakestep 1 -1", True),
        ("makestep 1 -1\nmakestep 1 3", False),
        ("", True),
    ],
)
def test_makestep(tmp_path: Path, line: str, fires: bool) -> None:
    report = linted(tmp_path, CHRONY.replace("makestep 1 3", line))
    assert ("NTP-MAKESTEP" in ids(report)) == fires
    if fires and line:
        last = line.splitlines()[-1]
        assert lines(report, "NTP-MAKESTEP")[0].endswith(f": {last}"), "the line that holds"


def test_defaults_are_the_evidence_where_no_line_is(tmp_path: Path) -> None:
    report = linted(tmp_path, "pool a.example iburst nts\n", software="chrony=4.3")
    assert ids(report) == {"NTP-MAKESTEP", "NTP-DRIFT", "NTP-RTCSYNC"}
    for rule_id in ids(report):
        (line,) = found(report, rule_id).source
        assert line.line is None
        assert "default of chrony 4.3" in line.text
        assert "assumed" not in line.text
    report = linted(tmp_path, "pool a.example iburst nts\n")
    assert "default of chrony 4.8, assumed" in lines(report, "NTP-DRIFT")[0]
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    assert (facts.software, facts.software_assumed) == ("chrony 4.8", True)


def test_a_part_says_nothing_by_what_it_leaves_out(tmp_path: Path) -> None:
    report = linted(tmp_path, "server a.example nts\n", "chrony/conf.d/site.conf")
    assert ids(report) == {"NTP-IBURST"}
    report = linted(tmp_path, "server a.example nts iburst\n", "sources.d/site.sources")
    assert ids(report) == set()
    assert "NTP-FEW" in {skipped.id for skipped in report.skipped}


def test_ntpd_needs_no_rtcsync_and_no_makestep(tmp_path: Path) -> None:
    report = linted(tmp_path, "pool a iburst\nrestrict default noquery\n", "ntp.conf")
    assert ids(report) == {"NTP-DRIFT"}


def test_few_sources(tmp_path: Path) -> None:
    rest = "driftfile /d\nmakestep 1 3\nrtcsync\n"
    for sources, few in [
        ("server a iburst nts\nserver b iburst nts\nserver c iburst nts\n", True),
        ("pool a iburst nts\n", False),
        ("pool a iburst nts maxsources 3\n", True),
        ("pool a iburst nts maxsources 3\nserver b iburst nts\n", False),
        ("pool a iburst nts maxsources 3\nserver b iburst nts noselect\n", True),
        ("", True),
    ]:
        report = linted(tmp_path, sources + rest)
        assert ("NTP-FEW" in ids(report)) == few, sources
    assert "no server, pool or peer set" in lines(report, "NTP-FEW")[0]


def test_a_sourcedir_counts(tmp_path: Path) -> None:
    folder = tmp_path / "etc" / "chrony" / "sources.d"
    folder.mkdir(parents=True)
    for name in "bcd":
        (folder / f"{name}.sources").write_text(f"server {name}.example iburst nts\n")
    text = "server a iburst nts\ndriftfile /d\nmakestep 1 3\nrtcsync\n"
    text += "sourcedir /etc/chrony/sources.d\n"
    assert ids(linted(tmp_path, text, "etc/chrony/chrony.conf")) == set()
    (folder / "c.sources").unlink()
    report = linted(tmp_path, text, "etc/chrony/chrony.conf")
    assert ids(report) == {"NTP-FEW"}
    assert {Path(line.file).name for line in found(report, "NTP-FEW").source} == {
        "chrony.conf", "b.sources", "d.sources",
    }  # fmt: skip


def test_a_source_named_twice(tmp_path: Path) -> None:
    report = linted(tmp_path, CHRONY + "server A.example. iburst nts\n")
    assert "NTP-SAMEUP" in ids(report)
    assert [line.line for line in found(report, "NTP-SAMEUP").source] == [1, 5]


def test_smeared_time_beside_own_leap_seconds(tmp_path: Path) -> None:
    text = CHRONY.replace("a.example", "time.aws.com")
    assert "NTP-SMEAR-MIX" not in ids(linted(tmp_path, text))
    report = linted(tmp_path, text + "leapsectz right/UTC\n")
    assert [line.line for line in found(report, "NTP-SMEAR-MIX").source] == [5, 1]


@pytest.mark.parametrize("host", ["time1.google.com", "216.239.35.4", "2001:4860:4806:8::"])
def test_smearers_by_name_and_address(tmp_path: Path, host: str) -> None:
    assert "NTP-SMEAR-MIX" in ids(linted(tmp_path, CHRONY + f"server {host} iburst nts\n"))
    noselect = linted(tmp_path, CHRONY + f"server {host} iburst nts noselect\n")
    assert "NTP-SMEAR-MIX" not in ids(noselect)


def test_control_queries_from_everybody(tmp_path: Path) -> None:
    text = "pool a.example iburst\ndriftfile /d\n"
    report = linted(tmp_path, text, "ntp.conf")
    assert ids(report) == {"NTP-MODE6"}
    assert lines(report, "NTP-MODE6") == [
        "restrict default not set: any host may query (default of ntpd 4.2.8, assumed)"
    ]
    report = linted(tmp_path, text + "restrict default kod nomodify limited\n", "ntp.conf")
    assert lines(report, "NTP-MODE6") == ["3: restrict default kod nomodify limited"]
    report = linted(tmp_path, text + "restrict -4 default noquery\n", "ntp.conf")
    assert "IPv6" in words(report, "NTP-MODE6", "ntpd")[0]
    assert "IPv4" not in words(report, "NTP-MODE6", "ntpd")[0]
    report = linted(tmp_path, text, "ntpsec/ntp.conf", "ntpsec=1.2.2")
    assert "NTP-MODE6" not in ids(report)
    report = linted(tmp_path, text, "ntpsec/ntp.conf", "ntpsec=1.1.8")
    assert "NTP-MODE6" in ids(report)


def test_monlist_only_where_the_version_is_said(tmp_path: Path) -> None:
    text = "pool a.example iburst\ndriftfile /d\n"
    assert "NTP-MONLIST" not in ids(linted(tmp_path, text, "ntp.conf"))
    report = linted(tmp_path, text, "ntp.conf", "ntpd=4.2.6p5")
    assert found(report, "NTP-MONLIST").severity is Severity.CRITICAL
    assert "disable monitor not set" in lines(report, "NTP-MONLIST")[0]
    for more, fires in [
        ("disable monitor\n", False),
        ("restrict default noquery\nrestrict -6 default noquery\n", False),
        # Limiting needs to remember clients, whatever is disabled.
        ("disable monitor\nrestrict default limited\n", True),
    ]:
        report = linted(tmp_path, text + more, "ntp.conf", "ntpd=4.2.6")
        assert ("NTP-MONLIST" in ids(report)) == fires, more
    report = linted(tmp_path, text, "ntp.conf", "ntpd=4.2.7p25")
    assert "NTP-MONLIST" in {skipped.id for skipped in report.skipped}


@pytest.mark.parametrize(
    ("name", "more", "severity"),
    [
        ("chrony.conf", "local stratum 8", Severity.LOW),
        ("chrony.conf", "allow\nlocal stratum 8", Severity.MEDIUM),
        ("chrony.conf", "allow\nlocal stratum 10 orphan", None),
        ("ntp.conf", "server 127.127.1.0\nfudge 127.127.1.0 stratum 10", Severity.MEDIUM),
        ("ntp.conf", "tos orphan 10", None),
        ("ntp.conf", "server 127.127.20.0 prefer", None),
        ("ntpsec/ntp.conf", "refclock local", Severity.MEDIUM),
    ],
)
def test_the_own_clock(tmp_path: Path, name: str, more: str, severity: Severity | None) -> None:
    report = linted(tmp_path, (CHRONY if "chrony" in name else NTPD) + more + "\n", name)
    if severity is None:
        assert "NTP-LOCALCLOCK" not in ids(report)
        return
    assert found(report, "NTP-LOCALCLOCK").severity is severity
    assert [line.text for line in found(report, "NTP-LOCALCLOCK").source] == [
        line for line in more.splitlines() if line != "allow"
    ]


def test_autokey(tmp_path: Path) -> None:
    text = NTPD + "crypto pw s3cret\nserver b.example iburst autokey\n"
    report = linted(tmp_path, text, "ntp.conf")
    assert found(report, "NTP-MAC-AUTOKEY").severity is Severity.HIGH
    assert lines(report, "NTP-MAC-AUTOKEY") == [
        "4: crypto pw …",
        "5: server b.example iburst autokey",
    ]
    assert "server b.example iburst key 1" in words(report, "NTP-MAC-AUTOKEY", "ntpd")[1]
    assert "s3cret" not in repr(report)
    report = linted(tmp_path, text, "ntpsec/ntp.conf")
    assert report.failure is not None, "ntpsec has removed it, and says so"


def test_md5_keys_are_told_without_their_keys(tmp_path: Path) -> None:
    (tmp_path / "k").write_text(
        "# keys\n1 MD5 s3cretA\n2 s3cretB\n3 SHA1 HEX:AAAA\n4 AES128 HEX:BBBB\n"
    )
    report = linted(tmp_path, CHRONY + f"keyfile {tmp_path}/k\n")
    assert lines(report, "NTP-MAC-MD5") == ["2: 1 MD5 …", "3: 2 MD5 …"]
    assert all(Path(line.file).name == "k" for line in found(report, "NTP-MAC-MD5").source)
    assert "s3cret" not in repr(report)
    (tmp_path / "k").write_text("1 M s3cretA\n7 MD5 s3cretB\n9 SHA1 s3cretC\n")
    text = NTPD + f"keys {tmp_path}/k\ntrustedkey 7 9\n"
    report = linted(tmp_path, text, "ntp.conf")
    assert lines(report, "NTP-MAC-MD5") == ["2: 7 MD5 …"], "key 1 is not trusted, so of no use"
    assert "s3cret" not in repr(report)
    missing = linted(tmp_path, CHRONY + "keyfile /no/such/file\n")
    assert missing.failure is None
    assert "NTP-MAC-MD5" in {skipped.id for skipped in missing.skipped}


def test_nts(tmp_path: Path) -> None:
    text = CHRONY.replace(" nts", "")
    assert ids(linted(tmp_path, text)) == {"NTS-NONE"}
    assert ids(linted(tmp_path, text, software="chrony=3.5")) == set(), "3.5 has no NTS"
    served = CHRONY + "allow 192.0.2.0/24\n"
    report = linted(tmp_path, served)
    assert "5: allow 192.0.2.0/24" in lines(report, "NTS-NONE")
    served += "ntsserverkey /k\nntsservercert /c\nntsdumpdir /var/lib/chrony\n"
    assert ids(linted(tmp_path, served)) == set()


@pytest.mark.parametrize(
    ("more", "fires"),
    [
        ("ntsdumpdir /var/lib/chrony", False),
        ("", True),
        ("ntsrotate 0", True),
        ("ntsdumpdir /d\nntsrotate 0", False),
        ("ntsdumpdir /d\nntsrotate 3600", True),
    ],
)
def test_the_keys_of_the_cookies(tmp_path: Path, more: str, fires: bool) -> None:
    text = CHRONY + "allow\nntsserverkey /k\nntsservercert /c\n" + more + "\n"
    assert ("NTS-NAK" in ids(linted(tmp_path, text))) == fires


def test_every_finding_has_its_words_and_a_place(tmp_path: Path) -> None:
    """A finding of lint names file and line, or the default; and a fix for the file's program."""
    worst = {
        "chrony.conf": "server time.google.com\nserver b\nserver b\nlocal\nallow\nmakestep 1 -1\n"
        "ntsserverkey /k\nntsservercert /c\nkeyfile k\n",
        "ntp.conf": "server a autokey\nserver 127.127.1.0\ncrypto\nserver a\nkeys k\n"
        "trustedkey 1\nserver time.google.com\nserver 10.0.0.9\nrestrict 10.0.0.9 ignore\n"
        "tos maxclock 3\n",
    }
    (tmp_path / "k").write_text("1 MD5 secret\n")
    by_id = {rule.id: rule for rule in protocols.rules("ntp")}
    for name, text in worst.items():
        report = linted(tmp_path, text, name, "ntpd=4.2.6" if name == "ntp.conf" else "")
        product = "chrony" if name == "chrony.conf" else "ntpd"
        expected = {id_ for id_, rule in by_id.items() if product in rule.directives}
        assert ids(report) == expected, expected ^ ids(report)
        for finding in report.findings:
            assert finding.source, finding.id
            said = filled(by_id[finding.id].words, finding.params)
            assert "…" not in said.evidence, finding.id
            assert {product, "any"} & said.fix.keys(), finding.id


# -- versions --------------------------------------------------------------------------------------


def test_a_said_version_decides_what_is_known(tmp_path: Path) -> None:
    text = CHRONY + "refresh 1000\n"
    assert linted(tmp_path, text).failure is None
    report = linted(tmp_path, text, software="chrony=4.3")
    assert report.failure is not None
    assert "refresh requires version 4.4" in report.failure.detail
    assert ids(report) == set(), "the rest is judged all the same"


# -- hostile ---------------------------------------------------------------------------------------


def test_a_hundred_thousand_servers(tmp_path: Path) -> None:
    text = "".join(f"server h{n}.example\n" for n in range(100_000))
    report = linted(tmp_path, text + "driftfile /d\nmakestep 1 3\nrtcsync\n")
    assert report.failure is not None
    assert len(config(report).sources) == MAX_SOURCES
    assert ids(report) == {"NTP-IBURST", "NTS-NONE"}
    assert all(len(finding.source) <= 16 for finding in report.findings)


def test_junk_leaves_the_rest(tmp_path: Path) -> None:
    junk = b"\x00\x01\xff\xfe\x1b[2J\n" + b"A" * 10_000_000 + b"\n\n"
    for name, text in (("chrony.conf", CHRONY), ("ntp.conf", NTPD)):
        report = linted(tmp_path, junk + text.encode(), name)
        assert report.failure is not None
        assert ids(report) == set()
        assert "\x1b" not in repr(report)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "shut").symlink_to("shut")  # a circle of links: not even root can open it
    report = linted(tmp_path, CHRONY + f"include {tmp_path}/shut\n")
    assert report.failure is not None
    assert str(report.failure.reason) == "file-unreadable"


@given(st.binary(max_size=300), st.sampled_from([kind.name for kind in KINDS]))
def test_arbitrary_bytes_never_raise(data: bytes, kind: str) -> None:
    report = lint_text("-", data, Wanted(kind=kind))
    assert report.facts["ntp"]


@given(st.lists(st.sampled_from([
    *SEED.splitlines(), *DEBIAN_NTP.splitlines(), "local", "allow", "makestep nan 99999999999999",
    "makestep inf -9999999999", "local stratum 999", "server", "fudge 127.127.1.0 stratum",
    "tos orphan 99999999999999999", "restrict 1.2.3.4 mask 255.0.255.0", "crypto pw", "\x00", "nts",
    "server -4", "server 127.127.1", "keyfile /", "keys /", "trustedkey (1", "ntsrotate -5",
]), max_size=20))  # fmt: skip
def test_lines_in_any_order_never_raise(chosen: list[str]) -> None:
    for kind in KINDS:
        files = Files(base=Path("/nonexistent"))
        text = files.take("ntp.conf", "\n".join(chosen).encode())
        for said in (None, parse_software(f"{kind.product}=1.0")):
            (view,) = kind.lint(text, files, said).views
            for rule in protocols.rules("ntp"):
                if rule.facts_type is NtpFacts:
                    rule(view.facts["ntp"])


def test_nothing_that_a_terminal_would_obey_gets_out(tmp_path: Path) -> None:
    evil = "\x1b[2J\u202e"
    report = linted(
        tmp_path,
        f"server a{evil}\ndriftfile /d{evil}\nrefclock SHM 0{evil}\nntsdumpdir /x{evil}\n"
        f"leapsectz x{evil}\n",
    )
    told = msgspec.json.encode(report).decode()
    assert "\\u001b" not in told
    assert "\u202e" not in told
    report = linted(
        tmp_path, f"restrict {evil} noquery\nserver b{evil}\ndriftfile /d{evil}\n", "ntp.conf"
    )
    told = msgspec.json.encode(report).decode()
    assert "\\u001b" not in told
    assert "\u202e" not in told


@pytest.mark.parametrize(
    ("lines", "stratum"),
    [
        ("server 127.127.1.0\nfudge 127.127.1.0 stratum 10\n", 10),
        ("server 127.127.1.0\nfudge 127.127.1.1 stratum 10\n", 5),
        ("server 127.127.1.0\nfudge 127.127.1.0 stratum\n", 5),
        ("server 127.127.1.0\n", 5),
        ("tos orphan 7\n", 7),
        ("tos orphan 16\n", None),
        ("fudge 127.127.1.0 stratum 10\n", None),
    ],
)
def test_the_stratum_of_the_local_clock(tmp_path: Path, lines: str, stratum: int | None) -> None:
    assert config(linted(tmp_path, NTPD + lines, "ntp.conf")).local_stratum == stratum


@pytest.mark.parametrize(
    ("name", "lines", "key", "count"),
    [
        ("chrony.conf", "ntsserverkey /a\nntsserverkey /b\n", "ntsserverkey", 2),
        ("chrony.conf", "allow 192.0.2.0/24\nallow 198.51.100.0/24\n", "allow", 2),
        ("chrony.conf", "driftfile /a\ndriftfile /b\n", "driftfile", 1),
        ("ntp.conf", "restrict 192.0.2.1\nrestrict 192.0.2.2\n", "restrict", 3),
        ("ntp.conf", "driftfile /a\ndriftfile /b\n", "driftfile", 1),
    ],
)
def test_which_lines_accumulate(
    tmp_path: Path, name: str, lines: str, key: str, count: int
) -> None:
    """Of other directives, the last line replaces those before."""
    path = tmp_path / name
    path.write_text((CHRONY if name == "chrony.conf" else NTPD) + lines)
    files = Files(base=tmp_path)
    text = files.read(path)
    assert text is not None
    lint = chrony_lint if name == "chrony.conf" else ntpd_lint
    (view,) = lint(text, files, None).views
    found = view.settings[key]
    assert len(found) == count
    assert found[-1].value == lines.splitlines()[-1].split()[1]
