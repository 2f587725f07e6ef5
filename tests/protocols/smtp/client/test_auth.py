"""What a login is made of; logins themselves are tried with the reference server."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.model.failure import UsageError
from seventh.net.secrets import ENVIRONMENT
from seventh.protocols.smtp import mailbox
from seventh.protocols.smtp.client.auth import read_credentials


@pytest.fixture
def secret(tmp_path: Path) -> str:
    file = tmp_path / "secret"
    file.write_text("s3cret\nsecond line\n")
    return str(file)


def test_a_password_is_read_from_its_file_or_the_environment(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_credentials("anna", secret, None)
    assert read is not None
    assert (read.user, read.password, read.token) == ("anna", b"s3cret", b"")
    assert read_credentials("anna", None, None) is None
    monkeypatch.setenv(ENVIRONMENT, "other")
    from_environment = read_credentials("anna", None, None)
    assert from_environment is not None
    assert from_environment.password == b"other"
    assert read_credentials(None, None, None) is None


def test_a_token_precedes_a_password(secret: str) -> None:
    read = read_credentials("anna", "/nowhere", secret)
    assert read is not None
    assert (read.password, read.token) == (b"", b"s3cret")


@pytest.mark.parametrize("flag", ["--password-file", "--token-file"])
def test_a_secret_without_a_user_is_refused(secret: str, flag: str) -> None:
    files = (secret, None) if flag == "--password-file" else (None, secret)
    with pytest.raises(UsageError) as caught:
        read_credentials(None, *files)
    assert str(caught.value) == f"{flag} needs --user: SMTP logs in with both"


@pytest.mark.parametrize("text", ["postmaster", "a.b+c@example.org", "x=y@h"])
def test_an_address_is_taken_as_it_is(text: str) -> None:
    assert mailbox(text) == text


@pytest.mark.parametrize(
    "text", ["", "a b@c", "a@b>", "<a@b>", "a@b\r\nQUIT", "a@", "ä@example.org", "a@b@c", "a" * 65]
)
def test_what_a_command_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        mailbox(text)
    assert str(caught.value) == f"{text!r}: not a mail address, such as user@example.com"
