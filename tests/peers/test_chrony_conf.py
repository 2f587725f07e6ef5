"""Our reader of chrony.conf beside chronyd's own: ``chronyd -p`` prints what it has read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from seventh.lint.chrony import conf as chrony_conf
from seventh.lint.clocks.lines import Conf
from seventh.lintkit.files import Files
from tests.lint.clocks.test_fixes import CASES, fix_of, linted, mended
from tests.peers import need_binary, need_version

pytestmark = pytest.mark.peer

PACKAGED = Path("/etc/chrony/chrony.conf")


def version() -> tuple[int, ...]:
    return tuple(int(part) for part in need_version("chronyd").split("."))


def asked(path: Path) -> tuple[int, list[str], str]:
    """chronyd's exit code, the configuration that it prints, and what it complains of."""
    done = subprocess.run(
        [need_binary("chronyd"), "-p", "-f", str(path)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def ours(path: Path) -> Conf:
    files = Files(base=path.parent)
    text = files.read(path)
    assert text is not None
    return chrony_conf.read(text, files, version())


def lines(conf: Conf, *, without: Path | None = None) -> list[str]:
    """As chronyd prints them; it does not print what sourcedirs add."""
    return [
        " ".join((d.name, *d.words))
        for d in conf.directives
        if without is None or not d.at.file.startswith(str(without))
    ]


def lowered(printed: list[str]) -> list[str]:
    return [" ".join((line.split()[0].lower(), *line.split()[1:])) for line in printed]


CORPUS = {
    "the seed's sample": """
pool time.google.com     iburst maxsources 4
pool 0.kr.pool.ntp.org   iburst
driftfile /var/lib/chrony/drift
makestep 0.1 3
rtcsync
""",
    "comments and blanks": "# a\n! b\n; c\n% d\n \t MakeStep\t1   3 \n\n  # e\n",
    "a server": """
server 192.0.2.1 iburst nts certset 1 ntsport 4460
peer 192.0.2.2 key 10 minpoll -2 maxpoll +6 xleave
allow 192.0.2.0/24
allow all 2001:db8::/32
allow 10
deny
local stratum 10 orphan distance 0.5
ntsserverkey /etc/nts.key
ntsservercert /etc/nts.pem
ntsrotate 0
ntsdumpdir /var/lib/chrony
keyfile /etc/chrony.keys
ratelimit interval 1 burst 16 leak 2
smoothtime 400 0.001 leaponly
""",
    "hardware": """
refclock PHC /dev/ptp0 poll 0 dpoll -2 offset -37 tai prefer refid PTP0
refclock PPS /dev/pps0 lock NMEA rate 5
refclock SHM 0 refid GPS precision 1e-1 offset 0.9999 delay 0.2
hwtimestamp * minpoll 1 rxfilter all
tempcomp /sys/class/hwmon/hwmon0/temp2_input 30 26000 0.0 0.000183 0.0
maxchange 1000 1 2
fallbackdrift 16 19
log tracking measurements statistics
mailonchange root@localhost 0.5
broadcast 60 192.0.2.255
initstepslew 10
""",
    "numbers with a rest": "makestep 1 3x\nfallbackdrift 1 3.5\nsmoothtime 1 3x\n"
    "bindcmdaddress /run/x\nbindacqaddress ::1\nport 1x\nallow 10.0/9\n",
    "old and gone": "linux_hz 100\nlinux_freq_scale 0.9\ncommandkey 1\ndumponexit\n",
}


@pytest.mark.parametrize("name", CORPUS)
def test_the_same_directives_in_the_same_order(tmp_path: Path, name: str) -> None:
    path = tmp_path / "chrony.conf"
    path.write_text(CORPUS[name])
    code, printed, complaints = asked(path)
    assert code == 0, complaints
    conf = ours(path)
    assert conf.refused == ()
    assert lines(conf) == lowered(printed)


def test_includes_confdirs_and_sourcedirs(tmp_path: Path) -> None:
    files = {
        "inc/b.inc": "manual\n",
        "inc/a.inc": "include {0}/deep.txt\nlock_all\n",
        "inc/.hidden.inc": "rtconutc\n",
        "deep.txt": "noclientlog\n",
        "one/20.conf": "server one20\n",
        "one/10.conf": "server one10\n",
        "two/10.conf": "server two10\n",
        "two/15.conf": "confdir {0}/three\nserver two15\n",
        "two/B.conf": "server twoB\n",
        "two/a.conf": "server twoa\n",
        "two/notes.txt": "nothing\n",
        "three/x.conf": "port 0\n",
        "sources/s.sources": "server from.sources\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text.format(tmp_path))
    path = tmp_path / "chrony.conf"
    path.write_text(
        f"rtcsync\ninclude {tmp_path}/inc/*.inc\ninclude {tmp_path}/none*.conf\n"
        f"confdir {tmp_path}/one {tmp_path}/missing {tmp_path}/two\nsourcedir {tmp_path}/sources\n"
        f"include {tmp_path}/inc\nincludE {tmp_path}/deep.txt\nmakestep 1 3\n"
    )
    code, printed, complaints = asked(path)
    assert code == 0, complaints
    conf = ours(path)
    assert conf.refused == ()
    assert lines(conf, without=tmp_path / "sources") == lowered(printed)
    assert lines(conf)[-1] == "server from.sources"


WRONG = [
    "server", "server a key", "server a key x", "server a bogus", "server a iburst # good",
    "pool a maxsources", "rtcsync yes", "makestep 1", "makestep 1 3 4", "makestep a b",
    "bogus 1", "local stratum 16", "local bogus", "allow foo/3", "allow 1.2 3", "driftfile",
    "ntsrotate x", "smoothtime 400 0.001 foo", "smoothtime 400", "leapsecmode foo", "keyfile a b",
    "log foo", "authselectmode requirex", "maxdistance abc", "initstepslew", "logbanner a",
    "tempcomp a b", "ratelimit interval", "ratelimit foo 1", "refclock PPS",
    "refclock PPS /dev/pps0 foo", "hwtimestamp", "hwtimestamp eth0 foo", "manual x",
    "mailonchange a@b", "fallbackdrift 16", "maxchange 1", "ntstrustedcerts 1 2 3",
    "ntstrustedcerts a /a", "bindaddress foo", "broadcast 60 foo", "include", "confdir",
    "confdir /a /b /c /d /e /f /g /h /i /j /k", "server a extfield zz",
    "log " + "tracking " * 300, "makestep 1x 3", "fallbackdrift 1.5 3", "maxchange 1 1e3 5",
    "smoothtime 1x 3", "refclock PPS /dev/pps0 refid LONGER", "bindaddress 300", "bindacqaddress x",
    "bindcmdaddress 10.0.0.0/24", "allow 300", "deny 10.256", "hwtimestamp eth0 rxfilter x",
]  # fmt: skip


@pytest.mark.parametrize("line", ["include /no/such/file", "include /no/such/*.conf"])
def test_what_chronyd_does_not_find_we_do_not_read(tmp_path: Path, line: str) -> None:
    """It does not start here; on the machine that the file is of, it may."""
    path = tmp_path / "chrony.conf"
    path.write_text(f"rtcsync\n{line}\n")
    assert asked(path)[0] == 1
    files = Files(base=tmp_path)
    text = files.read(path)
    assert text is not None
    assert chrony_conf.read(text, files, version()).refused == ()
    assert [problem.line for problem in files.unread] == [2]


@pytest.mark.parametrize("line", WRONG, ids=lambda line: line[:40])
def test_what_chronyd_rejects_we_tell_with_file_and_line(tmp_path: Path, line: str) -> None:
    part = tmp_path / "part.conf"
    part.write_text(f"# first\n{line}\n")
    path = tmp_path / "chrony.conf"
    path.write_text(f"rtcsync\ninclude {part}\nmakestep 1 3\n")
    code, _, complaints = asked(path)
    assert code == 1, complaints
    conf = ours(path)
    assert [(refused.file, refused.line) for refused in conf.refused] == [(str(part), 2)]
    assert lines(conf) == ["rtcsync", "makestep 1 3"], "the rest is read"


def test_a_circle_is_rejected_by_both(tmp_path: Path) -> None:
    path = tmp_path / "chrony.conf"
    path.write_text(f"rtcsync\ninclude {path}\n")
    code, _, complaints = asked(path)
    assert code == 1
    assert "include level" in complaints
    assert [refused.line for refused in ours(path).refused] == [2]


def test_every_directive_and_option_of_the_grammar_is_known_to_chronyd(tmp_path: Path) -> None:
    """What our table has and this chronyd does not must be newer than it."""
    grammar = chrony_conf.grammar()
    samples = {"": "", "integer": " 1", "number": " 1.0", "word": " x", "hexadecimal": " F323"}
    path = tmp_path / "chrony.conf"
    known_options = "server 192.0.2.1"
    for option, takes in grammar.options["source"].items():
        said = f" {option}{samples[takes]}"
        words = tuple(f"192.0.2.1{said}".split())
        if not grammar.mismatch("server", words, version()):
            known_options += said
            continue
        path.write_text(f"server 192.0.2.1{said}\n")
        assert asked(path)[0] == 1, option
    path.write_text(known_options + "\n")
    assert asked(path)[0] == 0, known_options
    for name in grammar.directives:
        path.write_text(f"{name}\n")
        known = "Invalid directive" not in asked(path)[2]
        came = "came with version" in grammar.mismatch(name, (), version())
        assert known != came, name


def test_the_packaged_configuration() -> None:
    need_binary("chronyd")
    if not PACKAGED.exists():
        pytest.skip(f"{PACKAGED} is not installed")
    code, printed, complaints = asked(PACKAGED)
    assert code == 0, complaints
    conf = ours(PACKAGED)
    assert conf.refused == ()
    assert lines(conf, without=Path("/etc/chrony/sources.d")) == lowered(printed)


@pytest.mark.field
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[1] == "chrony"])
def test_chronyd_takes_what_a_fix_makes(tmp_path: Path, name: str) -> None:
    rule, product, text = CASES[name]
    path = tmp_path / "chrony.conf"
    report = linted(path, text, product)
    fix = fix_of(next(one for one in report.findings if one.id == rule), product)
    path.write_text(mended(text, fix, rule))
    code, _, complaints = asked(path)
    assert code == 0, complaints + fix
