"""Our reader of dovecot.conf beside Dovecot's own: ``doveconf`` prints what it has read."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.engine.validate import Answer
from seventh.lint.dovecot.conf import Conf, Reader, check_version, differences
from seventh.lint.dovecot.effective import Effective
from seventh.lintkit.files import Files
from tests.lint.dovecot.test_fixes import CASES, fixed
from tests.peers import need_binary, need_version

pytestmark = pytest.mark.peer


def version() -> tuple[int, ...]:
    found = tuple(map(int, need_version("dovecot").split(".")))
    if found[:2] != (2, 3):
        pytest.skip("the files are for Dovecot 2.3")
    return found


def asked(path: Path, *words: str) -> tuple[int, str, str]:
    """doveconf's exit code, what it prints, and what it complains of."""
    need_binary("dovecot")
    done = subprocess.run(
        ["doveconf", "-c", str(path), *words],
        capture_output=True, text=True, errors="replace", timeout=30, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def read(path: Path) -> tuple[Conf, Files]:
    files = Files(base=path.parent)
    text = files.read(path)
    assert text is not None
    return Reader(text, files).read(), files


def effective(path: Path, protocol: str) -> Effective:
    conf, files = read(path)
    return Effective(conf, version(), files, protocol)


WHOLE = """
# a comment
protocols = imap
protocols = $protocols pop3 # more
ssl=required
ssl_cert = <cert.pem
ssl_key = </etc/ssl/key.pem
login_greeting = "a \\"quoted\\" # greeting"
mail_location = maildir:~/Mail # a comment
mail_plugins = acl \\
  quota \\
  zlib
!include parts/*.conf
!include_try nothing.conf
protocol imap {
  mail_plugins = $mail_plugins imap_acl
  imap_idle_notify_interval = 5 mins
  ssl = yes
}
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = 10993
    ssl = yes
  }
}
"""


def test_the_same_values(tmp_path: Path) -> None:
    path = tmp_path / "dovecot.conf"
    path.write_text(WHOLE)
    (tmp_path / "cert.pem").write_text("x")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "1.conf").write_text("disable_plaintext_auth = no\nssl = no\n")
    (tmp_path / "parts" / "2.conf").write_text("ssl = yes\nprotocol imap {\n  ssl = required\n}\n")
    imap, pop3 = effective(path, "imap"), effective(path, "pop3")
    _, files = read(path)
    assert files.problems == []
    for key in ("ssl", "disable_plaintext_auth", "mail_location", "login_greeting", "mail_plugins"):
        for ours, which in ((imap, "imap"), (pop3, "pop3")):
            code, printed, complaints = asked(path, "-h", "-f", f"protocol={which}", key)
            assert code == 0, complaints
            assert ours.value(key) == printed.rstrip("\n"), f"{key} for {which}"
    assert imap.protocols() == frozenset({"imap", "pop3"})
    printed = asked(path, "service/imap-login/inet_listener")[1]
    assert [one.port for one in imap.listeners().values()] == [
        int(line.split("=")[1]) for line in printed.splitlines() if line.strip()[:4] == "port"
    ]


REFUSED = {
    "an end": "}\n",
    "no end": "service imap-login {\n",
    "no block": "protocols imap\n",
    "behind a brace": "service imap-login { port = 1\n}\n",
    "itself": "!include dovecot.conf\n",
    "nothing": "!include nothing.conf\n",
    "of 2.4": "auth_allow_cleartext = no\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_doveconf_refuses_is_a_problem(name: str, tmp_path: Path) -> None:
    path = tmp_path / "dovecot.conf"
    path.write_text(REFUSED[name])
    assert asked(path, "-n")[0] != 0
    conf, files = read(path)
    check_version(conf, version(), files, str(path))
    assert len(files.problems) == 1


STATEMENTS = st.sampled_from([
    "ssl = yes", "ssl=no", "ssl = required # x", 'ssl = "yes"', "ssl = \\\nno", "ssl = \\\n# x\nno",
    "disable_plaintext_auth = no", "disable_plaintext_auth = yes", "protocol imap {",
    "protocol pop3 {", "}", "# }", "", "mail_plugins = $mail_plugins acl", "mail_plugins = quota",
    "mail_plugins = 'a b'", "remote 192.0.2.1 {", "login_greeting = a#b", "login_greeting = 'x",
    "namespace inbox {", "inbox = yes", "ssl", "{", "protocol imap { x",
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(STATEMENTS, max_size=9))
def test_any_file_is_read_as_doveconf_reads_it(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "dovecot.conf"
        path.write_text("\n".join(lines) + "\n")
        code, printed, complaints = asked(path, "-n")
        _, files = read(path)
        if "Error in configuration file" not in complaints:
            assert files.problems == [], complaints
        if code or files.problems:
            return
        again = Path(name) / "printed"
        again.write_text(printed)
        for protocol in ("imap", "pop3"):
            ours, theirs = effective(path, protocol), effective(again, protocol)
            for key in ("ssl", "disable_plaintext_auth", "mail_plugins", "login_greeting"):
                mine = ours.value(key)
                # What is set to its default is not printed.
                if theirs.entry(key) is not None or mine:
                    default = asked(Path("/dev/null"), "-h", key)[1].rstrip("\n")
                    seen = theirs.value(key) or default
                    assert (mine or default).split() == seen.split(), f"{key}\n{printed}"


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.written])
def test_doveconf_accepts_what_a_fix_writes(name: str, tmp_path: Path) -> None:
    if CASES[name].version != ".".join(map(str, version())):
        pytest.skip("for another version")
    made = fixed(CASES[name], tmp_path)
    assert made.validation is not None
    assert made.validation.answer is Answer.ACCEPTED, made.validation


def test_the_settings_of_2_4_are_not_those_of_2_3(tmp_path: Path) -> None:
    version()
    (tmp_path / "empty.conf").write_text("")
    printed = asked(tmp_path / "empty.conf", "-a")[1]
    known = {line.partition(" ")[0] for line in printed.splitlines() if line[:1].isalpha()}
    table = differences()
    assert {*table.replaced, *table.removed} - known == set()
    assert table.added & known == set()
