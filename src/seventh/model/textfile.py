"""Files that a person names, read within a bound."""

from __future__ import annotations

from pathlib import Path

from seventh.model.failure import UsageError, system_error


def read_text(path: str, most_bytes: int) -> str:
    """Return the text of a file, without a byte order mark; raises UsageError, in one line."""
    return text_of(path, read_bytes(path, most_bytes))


def read_bytes(path: str, most_bytes: int) -> bytes:
    """Return the content of a file; raises UsageError, in one line."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(most_bytes + 1)  # a device has no size
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {system_error(error)}") from None
    return within(path, data, most_bytes)


def within(name: str, data: bytes, most_bytes: int) -> bytes:
    """Return ``data``; raises UsageError for more than ``most_bytes``."""
    if len(data) > most_bytes:
        raise UsageError(f"{name}: larger than {most_bytes} bytes")
    return data


def text_of(name: str, data: bytes) -> str:
    """Return UTF-8 text without a byte order mark; raises UsageError for other bytes."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 text at byte {error.start}") from None
