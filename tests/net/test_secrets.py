"""Passwords: the places that they come from, and that they are never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.model.failure import UsageError
from seventh.net.secrets import read_login, read_secret


def test_a_secret_is_the_files_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes("pässword \r\nsecond line\n".encode())
    monkeypatch.setenv("SEVENTH_PASSWORD", "from the environment")
    read = read_secret(str(file))
    assert read is not None
    assert read.reveal() == "pässword ".encode()
    assert "ssword " not in repr(read).replace("the password file", "")
    other = read_secret(None)
    assert other is not None
    assert other.reveal() == b"from the environment"
    monkeypatch.delenv("SEVENTH_PASSWORD")
    assert read_secret(None) is None


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is empty: its first line must be the password"),
     (b"\nx", "is empty: its first line must be the password"),
     (b"a\0b", "has a NUL character in its first line"), (b"\xff\n", "is not UTF-8"),
     (b"x" * 1025, "has a line of more than 1024 bytes"),
     (b"x" * 1025 + b"\r\n", "has a line of more than 1024 bytes")],
)  # fmt: skip
def test_a_secret_that_cannot_be_meant_is_refused(
    tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(UsageError) as raised:
        read_secret(str(file))
    assert str(raised.value) == f"the password file {file} {says}"


def test_the_longest_secret(tmp_path: Path) -> None:
    file = tmp_path / "password"
    for end in (b"", b"\n", b"\r\n", b"\r\nmore"):
        file.write_bytes(b"x" * 1024 + end)
        secret = read_secret(str(file))
        assert secret is not None and secret.reveal() == b"x" * 1024


def test_an_empty_environment_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEVENTH_PASSWORD", "")
    with pytest.raises(UsageError) as raised:
        read_secret(None)
    assert str(raised.value) == (
        "the environment variable SEVENTH_PASSWORD is empty: its first line must be the password"
    )


def test_a_login_is_a_user_and_the_rest_of_the_line(tmp_path: Path) -> None:
    file = tmp_path / "login"
    file.write_bytes("öps:pass:word \r\nmore\n".encode())
    user, password = read_login(str(file))
    assert (user, password.reveal()) == ("öps", b"pass:word ")
    file.write_bytes(b"ops:\n")
    assert read_login(str(file))[1].reveal() == b"", "an empty password is one"


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"ops", ": its first line must be USER:PASSWORD"),
     (b":x", ": its first line must be USER:PASSWORD"),
     (b"", " is empty: its first line must be USER:PASSWORD"), (b"\xff:x", " is not UTF-8")],
)  # fmt: skip
def test_a_login_that_cannot_be_meant_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "login"
    file.write_bytes(content)
    with pytest.raises(UsageError) as raised:
        read_login(str(file))
    assert str(raised.value) == f"the login file {file}{says}"
    with pytest.raises(UsageError) as raised:
        read_login(str(tmp_path / "none"))
    assert str(raised.value) == (
        f"the login file {tmp_path / 'none'} cannot be read: No such file or directory"
    )
