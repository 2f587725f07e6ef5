"""Which version of a program is installed, as it says itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from seventh.cli.main import main
from seventh.engine import installed
from seventh.lint import kinds


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that alone is searched for programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(installed, "_FOLDERS", ())
    installed._asked.cache_clear()
    yield folder
    installed._asked.cache_clear()


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


SSH = "OpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0.15"


@pytest.mark.parametrize(
    ("kind", "name", "script", "expected"),
    [
        ("sshd_config", "sshd", f"echo '{SSH}' >&2", "openssh 9.2"),
        ("sshd_config", "sshd", f"echo 'unknown option -- V\n{SSH}' >&2; exit 1", "openssh 9.2"),
        ("sshd_config", "ssh", f"echo '{SSH}' >&2", "openssh 9.2"),
        ("ssh_config", "ssh", f"echo '{SSH}' >&2", "openssh 9.2"),
        ("authorized_keys", "sshd", f"echo '{SSH}' >&2", "openssh 9.2"),
        ("sshd-T", "sshd", f"echo '{SSH}' >&2", "None"),
        ("nginx.conf", "nginx", "echo 'nginx version: nginx/1.22.1' >&2", "nginx 1.22.1"),
        ("Caddyfile", "caddy", "echo 'v2.10.2 h1:abc='", "caddy 2.10.2"),
        ("Caddyfile", "caddy", "echo 2.6.2", "caddy 2.6.2"),
        ("chrony.conf", "chronyd", "echo 'chronyd (chrony) version 4.3 (+NTP)'", "chrony 4.3"),
        ("chrony.sources", "chronyd", "echo 'chronyd (chrony) version 4.3'", "chrony 4.3"),
        ("ntp.conf", "ntpd", "echo 'ntpd 4.2.8p15@1.3728-o Wed Sep 23'", "ntpd 4.2.8"),
        ("ntp.conf", "ntpd", "echo 'ntpd ntpsec-1.2.2'", "ntpsec 1.2.2"),
        ("ntpsec.conf", "ntpd", "echo 'ntpd ntpsec-1.2.2'", "ntpsec 1.2.2"),
        ("ntpsec.conf", "ntpd", "echo 'ntpd 4.2.8p15@1.3728-o'", "None"),
        ("ntp.conf", "ntpd", "echo 'usage: ntpd [-dnSsv]' >&2; exit 1", "None"),  # OpenNTPD
        ("sshd_config", "sshd", "echo something else", "None"),
        ("sshd_config", "sshd", "printf '\\377OpenSSH_x'", "None"),
    ],
)
def test_what_it_says(programs: Path, kind: str, name: str, script: str, expected: str) -> None:
    program(programs, name, script)
    assert str(installed.installed(kinds()[kind])) == expected


def test_no_program_and_one_that_cannot_be_run(programs: Path) -> None:
    kind = kinds()["sshd_config"]
    assert installed.installed(kind) is None
    installed._asked.cache_clear()
    (programs / "sshd").write_bytes(b"\x7fELF no program")
    (programs / "sshd").chmod(0o755)
    assert installed.installed(kind) is None


def test_a_program_that_does_not_end(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "_SECONDS", 0.05)
    os.mkfifo(programs / "wait")
    program(programs, "nginx", f"read line < {programs}/wait")
    assert installed.installed(kinds()["nginx.conf"]) is None


def test_lint_says_which_version_it_took(
    programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(programs, "sshd", f"echo '{SSH}' >&2")
    (tmp_path / "sshd_config").write_text("Port 22\n")
    file = str(tmp_path / "sshd_config")
    main(["lint", file])
    assert "software openssh 9.2 · software installed yes" in capsys.readouterr().out
    main(["lint", file, "--software", "openssh=8.4"])
    out = capsys.readouterr().out
    assert "software openssh 8.4" in out
    assert "installed" not in out
    (programs / "sshd").unlink()
    installed._asked.cache_clear()
    main(["lint", file])
    assert "version assumed yes" in capsys.readouterr().out
