"""ntp.conf: its words, its includes, and what a stranger may do."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.lint.clocks import lines as clock_lines
from seventh.lint.clocks.lines import Conf, Directive
from seventh.lint.ntpd import conf as ntp_conf
from seventh.lint.ntpd.restrictions import Network, Restriction, default_rights, restrictions
from seventh.lintkit.files import Files


def read(folder: Path, text: str, product: str = "ntpd") -> Conf:
    path = folder / "ntp.conf"
    path.write_text(text)
    files = Files(base=folder)
    got = files.read(path)
    assert got is not None
    return ntp_conf.read(got, files, product)


def said(conf: Conf) -> list[str]:
    return [" ".join((d.name, *d.words)) for d in conf.directives]


def lines(folder: Path, *restrict: str, product: str = "ntpd") -> tuple[Directive, ...]:
    conf = read(folder, "\n".join(restrict) + "\n", product)
    assert conf.refused == ()
    return conf.directives


def test_comments_stand_anywhere_and_quotes_hold_words_together() -> None:
    assert ntp_conf.words_of('server a#b "c d" # e') == ["server", "a"]
    assert ntp_conf.words_of('keys "/etc/my keys" # x') == ["keys", "/etc/my keys"]
    assert ntp_conf.words_of('logfile "open to the end # of line') == [
        "logfile", "open to the end # of line",
    ]  # fmt: skip
    assert ntp_conf.words_of("  # nothing") == []


def test_what_ntpsec_logs_a_syntax_error_for(tmp_path: Path) -> None:
    """The lines of which ntpsec 1.2.2 itself said so; the others it took.

    That the file of line 14 is missing it logs, too, which says nothing of another machine.
    """
    conf = read(
        tmp_path,
        """driftfile /var/lib/ntp/drift
server a.example iburst autokey
crypto pw foo
server 192.0.2.1 iburst nts maxpoll 10
Server 192.0.2.2
restrict default kod limited nomodify notrap nopeer noquery
restrict -6 default noquery
restrict 10.0.0.0 mask 255.0.0.0 nomodify
restrict 192.168.0.0/16 nomodify
tos orphan 10 maxclock 5
tinker panic 0
fudge 127.127.1.0 stratum 10
disable monitor
includefile /no/such.conf
refclock shm unit 0 refid GPS
server "192.0.2.3" # comment
server 192.0.2.4#x
keysdir /x
bogus 1
filegen loopstats file loopstats type day enable
statistics loopstats peerstats
logconfig =syncevents +peerevents
restrict default serverresponse fuzz
setvar a = b
nts cert /x
leapfile /x
trustedkey 1 2 (3 ... 5)
interface ignore wildcard
mru maxmem 4096
limit average 1
phone 1234
server 192.0.2.9 minpoll
""",
        "ntpsec",
    )
    assert [line.line for line in conf.refused] == [2, 3, 5, 18, 19, 23, 32]


@pytest.mark.field
@pytest.mark.parametrize("product", ["ntpd", "ntpsec"])
def test_an_includefile_that_is_not_here_is_not_read_and_nothing_refused(
    tmp_path: Path, product: str
) -> None:
    path = tmp_path / "ntp.conf"
    path.write_text("driftfile /d\nincludefile /etc/ntp/crypto/pw\nincludefile keys.inc\n")
    files = Files(base=tmp_path)
    text = files.read(path)
    assert text is not None
    conf = ntp_conf.read(text, files, product)
    assert conf.refused == ()
    assert [problem.line for problem in files.unread] in ([2, 3], [3, 2])
    program = {"ntpd": "ntpd", "ntpsec": "ntpsec's ntpd"}[product]
    missing = f"not read: no such file on this machine; {program} continues without it"
    assert {problem.text for problem in files.unread} == {
        f"/etc/ntp/crypto/pw {missing}", f"{tmp_path}/keys.inc {missing}",
    }  # fmt: skip


def test_products_differ(tmp_path: Path) -> None:
    text = "server a autokey\ncrypto pw s3cret\nkeysdir /k\nbroadcastclient\n"
    assert read(tmp_path, text).refused == ()
    assert len(read(tmp_path, text, "ntpsec").refused) == 4
    text = "nts cert /c\nserver a nts\nrefclock shm\nunrestrict default noquery\n"
    assert read(tmp_path, text, "ntpsec").refused == ()
    assert len(read(tmp_path, text).refused) == 4


def test_a_password_is_nowhere(tmp_path: Path) -> None:
    conf = read(tmp_path, "crypto randfile /dev/urandom pw s3cret host h\nbogus s3cret\n")
    assert "s3cret" not in repr(conf)
    assert said(conf) == ["crypto randfile /dev/urandom pw … host h"]


def test_end_ends(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("driftfile /d\nend\nserver c\n")
    conf = read(tmp_path, f"server a\nincludefile {tmp_path}/more\nserver b\n")
    assert said(conf) == ["server a", "driftfile /d"]


def test_ntpsec_includes_folders_and_reads_the_one_beside_it(tmp_path: Path) -> None:
    for name in ("d/b.conf", "d/a.conf", "d/skip.txt", "ntp.d/z.conf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"server {name}\n")
    conf = read(tmp_path, "includefile d\nserver own\n", "ntpsec")
    assert said(conf) == ["server d/a.conf", "server d/b.conf", "server own", "server ntp.d/z.conf"]
    conf = read(tmp_path, f"includefile {tmp_path}/d\nserver own\n", "ntpd")
    assert said(conf) == ["server own"]
    assert [(line.line, line.text) for line in conf.refused] == [
        (1, "includefile names a folder: ntpd reads nothing from it")
    ]


def test_includes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_lines, "MAX_INCLUDES", 2)
    for count, last in ((2, []), (4, [(3, "more than 2 files included")])):
        files = Files(base=tmp_path)
        text = files.take(str(tmp_path / "ntp.conf"), b"includefile none\n" * count)
        ntp_conf.read(text, files, "ntpd")
        assert [(p.line, p.text) for p in files.problems][2:] == last


CYCLE = "includes form a cycle, or are nested more than 5 files deep"


def test_circles_are_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_text(f"includefile {tmp_path}/ntp.conf\nserver x\n")
    conf = read(tmp_path, f"includefile {tmp_path}/x\nserver own\n")
    assert said(conf) == ["server x", "server own"]
    assert [(Path(line.file).name, line.line, line.text) for line in conf.refused] == [
        ("x", 1, CYCLE)
    ]


def test_includes_are_read_to_a_depth_of_five(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"{number}").write_text(f"server s{number}\nincludefile {number + 1}\n")
    conf = read(tmp_path, "includefile 0\n", "ntpsec")
    assert said(conf) == [f"server s{number}" for number in range(5)]
    assert [(Path(line.file).name, line.line, line.text) for line in conf.refused] == [
        ("4", 2, CYCLE)
    ]


def test_the_folder_of_an_included_file(tmp_path: Path) -> None:
    """ntpsec takes a name as relative to the file that it stands in, ntpd to the main file."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_text("includefile b\n")
    (tmp_path / "sub" / "b").write_text("server inner\n")
    (tmp_path / "b").write_text("server outer\n")
    assert said(read(tmp_path, "includefile sub/a\n", "ntpsec")) == ["server inner"]
    assert said(read(tmp_path, "includefile sub/a\n")) == ["server outer"]
    text = f"includefile {tmp_path}/sub/b\n"
    assert [said(read(tmp_path, text, each)) for each in ("ntpd", "ntpsec")] == [
        ["server inner"]
    ] * 2


def test_only_ntpsec_s_main_file_has_a_folder_beside_it(tmp_path: Path) -> None:
    (tmp_path / "ntp.d").mkdir()
    (tmp_path / "ntp.d" / "a.conf").write_text("server a\n")
    for name, product, found in (
        ("ntp.conf", "ntpsec", ["server a"]), ("ntp.conf", "ntpd", []), ("x.conf", "ntpsec", []),
    ):  # fmt: skip
        files = Files(base=tmp_path)
        text = files.take(str(tmp_path / name), b"")
        assert said(ntp_conf.read(text, files, product)) == found


IGNORES = "ntpd ignores the line"


@pytest.mark.parametrize(
    ("line", "product", "why"),
    [
        ("frobnicate", "ntpd", "unknown directive of ntpd: ntpd ignores the line"),
        ("frobnicate", "ntpsec", "unknown directive of ntpd: ntpsec's ntpd ignores the line"),
        ("Server a", "ntpd",
         f"unknown directive of ntpd; directives must be in lower case: {IGNORES}"),
        ("nts enable", "ntpd",
         "nts is not supported by ntpd, only by ntpsec: ntpd ignores the line"),
        ("crypto", "ntpsec",
         "crypto is not supported by ntpsec, only by ntpd: ntpsec's ntpd ignores the line"),
    ],
)  # fmt: skip
def test_a_line_that_is_ignored_is_explained(
    tmp_path: Path, line: str, product: str, why: str
) -> None:
    conf = read(tmp_path, f"driftfile /d\n{line}\nserver a\n", product)
    assert said(conf) == ["driftfile /d", "server a"]
    assert [(line.line, line.text) for line in conf.refused] == [(2, why)]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("crypto pw s3cret", "crypto pw …"), ("crypto host h pw s3cret ident i",
                                              "crypto host h pw … ident i"),
        ("crypto pwhash s3cret", "crypto pwhash …"), ("keys pw", "keys pw"),
        ('logfile "a b"', "logfile a b"), ("driftfile /pw # note", "driftfile /pw"),
    ],
)  # fmt: skip
def test_a_line_is_shown_without_passwords(tmp_path: Path, line: str, shown: str) -> None:
    (directive,) = read(tmp_path, f"\n{line}\n").directives
    assert (directive.at.line, directive.at.text) == (2, shown)
    assert said(read(tmp_path, f"{line}\n")) == [shown]


# -- restrict --------------------------------------------------------------------------------------


def flags_for(address: str, known: dict[Network, Restriction]) -> frozenset[str]:
    """Return the flags that apply to a client at ``address``."""
    ip = ip_address(address)
    matching = [r for r in known.values() if r.network.version == ip.version and ip in r.network]
    return max(matching, key=lambda r: r.network.prefixlen).flags


def test_the_most_specific_line_decides_and_equal_ones_add_up(tmp_path: Path) -> None:
    known = restrictions(
        lines(
            tmp_path,
            "restrict default nomodify",
            "restrict default noquery",
            "restrict 10.0.0.0 mask 255.0.0.0 nomodify",
            "restrict 10.1.0.0 mask 255.255.0.0 ignore",
            "restrict 10.1.2.3",
            "restrict 2001:db8:: mask ffff:ffff:: noserve",
            "restrict ::1",
            "restrict ntp.example nomodify",
        ),
        "ntpd",
        (4, 2, 8),
    )
    assert flags_for("192.0.2.1", known) == {"nomodify", "noquery"}
    assert flags_for("2001:db9::1", known) == {"nomodify", "noquery"}
    assert flags_for("10.9.9.9", known) == {"nomodify"}
    assert flags_for("10.1.9.9", known) == {"ignore"}
    assert flags_for("10.1.2.3", known) == frozenset()
    assert flags_for("2001:db8::5", known) == {"noserve"}
    assert flags_for("::1", known) == frozenset()


@pytest.mark.parametrize(
    ("product", "version", "restrict", "may"),
    [
        ("ntpd", (4, 2, 8), [], (True, True)),
        ("ntpsec", (1, 2, 2), [], (False, False)),
        ("ntpsec", (1, 1, 8), [], (True, True)),
        ("ntpd", (4, 2, 8), ["restrict default noquery"], (False, False)),
        ("ntpd", (4, 2, 4), ["restrict default noquery"], (False, True)),
        ("ntpd", (4, 2, 4), ["restrict default ignore", "restrict -6 default ignore"],
         (False, False)),
        ("ntpd", (4, 2, 8), ["restrict -4 default noquery"], (False, True)),
        ("ntpd", (4, 2, 8), ["restrict 0.0.0.0 mask 0.0.0.0 noquery", "restrict :: mask :: ignore"],
         (False, False)),
        ("ntpd", (4, 2, 8), ["restrict default kod nomodify notrap nopeer"], (True, True)),
        # From port 123 alone it would be forbidden; a stranger takes another port.
        ("ntpd", (4, 2, 8), ["restrict default noquery ntpport"], (True, True)),
        # The flags of one network add up: this does not open what ntpsec closes by itself.
        ("ntpsec", (1, 2, 2), ["restrict default nomodify"], (False, False)),
        ("ntpsec", (1, 2, 2), ["unrestrict default noquery"], (True, True)),
        ("ntpsec", (1, 2, 2), ["unrestrict default"], (False, False)),
        ("ntpd", (4, 2, 8), ["restrict source noquery"], (True, True)),
    ],
)  # fmt: skip
def test_what_strangers_may(
    tmp_path: Path,
    product: str,
    version: tuple[int, ...],
    restrict: list[str],
    may: tuple[bool, bool],
) -> None:
    known = restrictions(lines(tmp_path, *restrict, product=product), product, version)
    rights = default_rights(known)
    assert tuple(one.may_query for one in rights) == may
    assert [one.family for one in rights] == ["IPv4", "IPv6"]


WORDS = [
    *sorted(ntp_conf.grammar().directives), *sorted(ntp_conf.grammar().options["restrict"]),
    "-6", "default", "0.0.0.0", "::", "ffff::1", "255.0.255.0", "10.0.0.0/8", "/", '"', "#", "\n",
]  # fmt: skip


@given(st.one_of(
    st.binary(max_size=400),
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), max_size=60).map(
        lambda words: " ".join(words).encode("utf-8", "replace")
    ),
))  # fmt: skip
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    for product in ("ntpd", "ntpsec"):
        files = Files(base=Path("/nonexistent"))
        conf = ntp_conf.read(files.take("ntp.conf", data), files, product)
        rights = default_rights(restrictions(conf.directives, product, ntp_conf.NEWEST[product]))
        assert len(rights) == 2
