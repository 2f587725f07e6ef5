"""Secrets: their sources, and their protection from being shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from seventh.model.failure import UsageError

ENVIRONMENT: Final = "SEVENTH_PASSWORD"
MAX_SECRET_BYTES = 1024


class Secret:
    """A password or passphrase, shown by :meth:`reveal` alone."""

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: str) -> None:
        self._value = value
        self.source = source
        """Where it was read, for messages."""

    def reveal(self) -> bytes:
        """Return the secret's bytes, to be sent or to open a key, and for nothing else."""
        return self._value.encode()

    def __repr__(self) -> str:
        return f"<secret from {self.source}>"


def read_secret(password_file: str | None) -> Secret | None:
    """Read the first line of ``password_file``, else SEVENTH_PASSWORD; None without either.

    Raises UsageError for a file that cannot be read or a secret that cannot be meant: empty, longer
    than 1024 bytes, not UTF-8, or with a NUL in it.
    """
    if password_file is not None:
        source = f"the password file {password_file}"
        return _checked(_first_line(password_file, source), source)
    value = os.environ.get(ENVIRONMENT)
    if value is None:
        return None
    return _checked(os.fsencode(value), f"the environment variable {ENVIRONMENT}")


def read_login(name: str) -> tuple[str, Secret]:
    """Read ``USER:PASSWORD``, the first line of a file. Raises UsageError as :func:`read_secret`.

    The user ends at the first colon; the password may contain some.
    """
    source = f"the login file {name}"
    line = _first_line(name, source)
    user, colon, password = _checked(line, source, "USER:PASSWORD").reveal().partition(b":")
    if not colon or not user:
        raise UsageError(f"{source}: its first line must be USER:PASSWORD")
    return user.decode(), Secret(password.decode(), source)


def _first_line(name: str, source: str) -> bytes:
    try:
        with Path(name).expanduser().open("rb") as file:
            line = file.readline(MAX_SECRET_BYTES + 3)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{source} cannot be read: {reason}") from None
    return line.removesuffix(b"\n").removesuffix(b"\r")


def _checked(value: bytes, source: str, wanted: str = "the password") -> Secret:
    if not value:
        raise UsageError(f"{source} is empty: its first line must be {wanted}")
    if len(value) > MAX_SECRET_BYTES:
        raise UsageError(f"{source} has a line of more than {MAX_SECRET_BYTES} bytes")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{source} is not UTF-8") from None
    if "\0" in text:
        raise UsageError(f"{source} has a NUL character in its first line")
    return Secret(text, source)
