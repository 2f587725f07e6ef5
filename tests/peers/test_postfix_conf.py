"""Our reader of main.cf and master.cf beside Postfix's own: ``postconf`` prints what it read."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.lint.postfix import parameters
from seventh.lint.postfix.conf import Main, MainReader, MasterReader, Service
from seventh.lint.postfix.scope import Base, Scope
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Software
from tests.peers import need_binary, need_version

pytestmark = pytest.mark.peer


def version() -> tuple[int, ...]:
    return tuple(map(int, need_version("postconf").split(".")))


def asked(folder: Path, *flags: str) -> tuple[int, str, str]:
    """postconf's exit code, what it prints, and what it complains of."""
    done = subprocess.run(
        [need_binary("postconf"), "-c", str(folder), *flags],
        capture_output=True, text=True, errors="replace", timeout=30, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def put(folder: Path, main: str, master: str = "") -> None:
    for name, text in (("main.cf", main), ("master.cf", master)):
        path = folder / name
        path.write_text(text)
        os.utime(path, (1_000_000_000, 1_000_000_000))  # of a fresh file it waits for more


def pairs(printed: str) -> dict[str, str | None]:
    """What ``postconf`` prints, by name, without what it adds."""
    split = (line.partition(" =") for line in printed.splitlines())
    return {name: squeezed(value) for name, _, value in split if name != "config_directory"}


def squeezed(value: str | None) -> str | None:
    """As ``postconf`` prints a value: one blank for many."""
    return None if value is None else " ".join(value.split())


def read(folder: Path) -> tuple[Base, tuple[Service, ...]]:
    files = Files(base=folder)
    main, master = files.read(folder / "main.cf"), files.read(folder / "master.cf")
    assert main is not None
    assert master is not None
    base = Base(
        main=MainReader(main, files).read(), main_name=main.name, files=files,
        software=Software(product="postfix", version=version()), assumed=False,
    )  # fmt: skip
    return base, MasterReader(master, files).read()


def written(main: Main) -> dict[str, str | None]:
    return {name: squeezed(entry.value) for name, entry in main.entries.items()}


def expanded(base: Base) -> dict[str, str | None]:
    scope = Scope(base)
    return {name: squeezed(scope.value(name)) for name in base.main.entries}


def test_the_table_has_every_parameter_with_its_default(tmp_path: Path) -> None:
    put(tmp_path, "")
    printed = pairs(asked(tmp_path, "-d")[1])
    table = parameters.table()
    of_services = {name for name in printed if parameters.ends_as_of_service(name)}
    assert set(printed) - of_services <= set(table)
    differing = {
        name: (value, ours)
        for name, value in printed.items()
        if name in table and (ours := parameters.default(name, version())) not in {value, None}
    }
    assert {name for name in differing if not is_packaged(name)} == set()


def is_packaged(name: str) -> bool:
    """Whether a distribution sets the default when it builds Postfix."""
    return name.endswith(("_directory", "_path"))


MAINS = {
    "lines": """
# a comment
myhostname = mail.example.org
  # a comment within
mydestination = $myhostname,

	localhost.$mydomain
 localhost
mydomain=example.org
relayhost =
mynetworks   =   127.0.0.0/8   [::1]/128\t
""",
    "overridden": "mydomain = a.example\nmydomain = b.example\nmyorigin = $mydomain\n",
    "conditionals": """
mydomain = example.org
relayhost = ${mydomain?{[relay.$mydomain]}:{none}}
myorigin = ${nothing:$mydomain}
mail_name = ${mydomain?yes}${nothing?no}$$x
compatibility_level = 3.6
header_checks = ${{$compatibility_level} <level {3.10} ? {older} : {newer}}
syslog_name = ${{a} == {a}?same:other}${{2} < {10} ? {less}}
relay_domains = $(mydomain)
debug_peer_list = ${ mydomain ? a b:{c} }
""",
    "carriage returns": "mydomain = example.org\r\nmyorigin = $mydomain\r\n",
}


@pytest.mark.parametrize("name", MAINS)
def test_the_same_values(tmp_path: Path, name: str) -> None:
    put(tmp_path, MAINS[name])
    base, _ = read(tmp_path)
    assert base.files.problems == []
    assert written(base.main) == pairs(asked(tmp_path, "-n")[1])
    code, printed, complaints = asked(tmp_path, "-n", "-x")
    assert code == 0, complaints
    assert expanded(base) == pairs(printed)


REFUSED = {
    "no sign": "mydomain example.org\n",
    "no name": "= example.org\n",
    "no end": "myorigin = ${mydomain\n",
    "empty": "myorigin = ${}\n",
    "a bare dollar": "myorigin = a$ b\n",
    "itself": "myorigin = $myorigin\n",
    "no name in braces": "myorigin = ${my-domain}\n",
    "a comparison": "myorigin = ${{a} ~ {b} ? {c}}\n",
    "one side": "myorigin = ${{a} == b}\n",
    "a rest": "myorigin = ${mail_name?{a}b}\n",
    "another rest": "myorigin = ${mail_name?{a}:{b}c}\n",
    "a level": "compatibility_level = x\nmyorigin = ${{$compatibility_level} <level {3}}\n",
    "a suffix": "myorigin = ${{1} <size {3}}\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_postconf_refuses_is_a_problem(tmp_path: Path, name: str) -> None:
    put(tmp_path, REFUSED[name])
    assert asked(tmp_path, "-n", "-x")[0] == 1
    base, _ = read(tmp_path)
    assert None in expanded(base).values() or not base.main.entries
    assert len(base.files.problems) == 1


MASTER = """
# service type private unpriv chroot wakeup maxproc command
smtp      inet  n       -       y       -       -       smtpd
#smtp     inet  n       -       y       -       1       postscreen
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  # -o commented=out
  -o smtpd_tls_security_level=encrypt
  -osmtpd_sasl_auth_enable=yes -o { smtpd_relay_restrictions = permit_sasl_authenticated, reject }
127.0.0.1:10025 inet n - - - - /usr/lib/postfix/smtpd -v -o mynetworks=127.0.0.0/8
  -o {mua_x=a  b}
  -vo smtpd_banner=x -o smtpd_banner=$mua_x
smtpd     pass  -       -       y       -       -       smtpd
tlsmgr    unix  -       -       y       1000?   1       tlsmgr
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -o x=y -d ${recipient}
"""


def test_the_same_services(tmp_path: Path) -> None:
    put(tmp_path, "mydomain = example.org\n", MASTER)
    base, services = read(tmp_path)
    assert base.files.problems == []
    assert_as_postconf_reads(tmp_path, base, services)
    assert [one.at.line for one in services] == [3, 5, 10, 13, 14, 15]
    assert {name: entry.at.line for name, entry in services[1].overrides.items()} == {
        "syslog_name": 6, "smtpd_tls_security_level": 8, "smtpd_sasl_auth_enable": 9,
        "smtpd_relay_restrictions": 9,
    }  # fmt: skip
    assert [one.port for one in services[:4]] == [25, 587, 10025, None]


def assert_as_postconf_reads(folder: Path, base: Base, services: tuple[Service, ...]) -> None:
    code, printed, complaints = asked(folder, "-M")
    assert code == 0, complaints
    names = [tuple(line.split()[:2]) for line in printed.splitlines() if line[0] != " "]
    assert [(one.name, one.type) for one in services] == names
    code, printed, complaints = asked(folder, "-P", "-x")
    assert code == 0, complaints
    assert pairs(printed) == {
        f"{one.label}/{name}": squeezed(Scope(base, one).value(name))
        for one in services for name in one.overrides
    }  # fmt: skip


REFUSED_SERVICES = {
    "fields": "smtp inet n - y - -\n",
    "type": "smtp tcp n - y - - smtpd\n",
    "flag": "smtp inet maybe - y - - smtpd\n",
    "wakeup": "smtp inet n - y soon - smtpd\n",
    "maxproc": "smtp inet n - y - many smtpd\n",
}


@pytest.mark.parametrize("name", REFUSED_SERVICES)
def test_a_service_that_postconf_refuses_is_a_problem(tmp_path: Path, name: str) -> None:
    put(tmp_path, "", REFUSED_SERVICES[name])
    assert asked(tmp_path, "-M")[0] == 1
    base, services = read(tmp_path)
    assert services == ()
    assert len(base.files.problems) == 1


NAMES = st.sampled_from(["mydomain", "myorigin", "relayhost", "mail_name", "nothing", "a"])
WORDS = st.sampled_from(
    ["a", "b", " ", "$$", "$mydomain", "${mail_name}", "$(a)", "${nothing?x}", "${a:{y z}}",
     "${a?{b}:{c}}", "{", "}", "$", "?", ":", ",", "#", "=", "1", "10", "é",
     "${{$a} == {b} ? {x} : {y}}", "${{1} < {$a}}", "${ a ? b}", "\n ", "\n\t# c\n ", "\n\n "]
)  # fmt: skip
VALUES = st.lists(WORDS, max_size=6).map("".join)
LINES = st.tuples(NAMES, st.sampled_from([" = ", "=", " =", "  ="]), VALUES).map("".join)
FILES = st.lists(LINES | st.sampled_from(["", "# x", "  # y"]), max_size=6).map("\n".join)


@settings(max_examples=40, deadline=None)
@given(text=FILES)
def test_any_main_cf_is_read_as_postconf_reads_it(text: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        put(folder, text)
        base, _ = read(folder)
        code, printed, complaints = asked(folder, "-n", "-x")
        ours, theirs = expanded(base), pairs(printed)
        if code:
            assert base.files.problems or None in ours.values(), complaints
            return
        known = {name: value for name, value in ours.items() if value is not None}
        # postconf leaves out what it does not know and nothing refers to.
        assert {name: theirs.get(name, value) for name, value in known.items()} == known
        assert set(theirs) <= set(ours)


OPTIONS = st.sampled_from(
    ["-o", "-v", "-vo", "-D", "--", "-oa=b", "a=$mydomain", "{a = b  c}", "{ mydomain=x }",
     "mydomain=y", "argv", "\n ", "\n # x\n "]
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(options=st.lists(OPTIONS, max_size=6))
def test_any_options_of_a_service_are_read_as_postconf_reads_them(options: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        put(folder, "mydomain = m\n", f"smtp inet n - y - - smtpd {' '.join(options)}\n")
        _, services = read(folder)
        code, printed, complaints = asked(folder, "-P")
        if code:
            return
        ours = {
            f"smtp/inet/{name}": squeezed(entry.value)
            for one in services for name, entry in one.overrides.items()
        }  # fmt: skip
        assert pairs(printed) == ours, complaints
