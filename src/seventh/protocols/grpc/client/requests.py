"""The requests of --data: JSON, one object after another."""

from __future__ import annotations

import json
from pathlib import Path

from seventh.model.failure import UsageError, system_error
from seventh.model.options import Options
from seventh.protocols.grpc import GrpcOptions

MAX_FILE = 16 * 1024 * 1024
MAX_REQUESTS = 10_000


def read_requests(text: str, where: str) -> list[object]:
    """Return the JSON objects of ``text``; one empty object if it has none. Raises UsageError."""
    decoder = json.JSONDecoder()
    found: list[object] = []
    at = 0
    while (at := _skip(text, at)) < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError) as error:
            line = text.count("\n", 0, at) + 1
            why = getattr(error, "msg", "nested too deeply")
            raise UsageError(f"{where}, line {line}: not JSON: {why}") from None
        if not isinstance(value, dict):
            raise UsageError(f"{where}: a request is a JSON object, {{…}}")
        found.append(value)
        if len(found) > MAX_REQUESTS:
            raise UsageError(f"{where}: more than {MAX_REQUESTS} requests")
    return found or [{}]


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def requests_of(options: Options) -> list[object]:
    """Return the requests of --data. Raises UsageError."""
    name = options.of(GrpcOptions).data_file
    if name is None:
        return [{}]
    try:
        with Path(name).expanduser().open("rb") as file:
            data = file.read(MAX_FILE + 1)
        text = data.decode()
    except (OSError, RuntimeError) as error:
        raise UsageError(f"--data {name}: {system_error(error)}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--data {name}: not UTF-8 text") from None
    if len(data) > MAX_FILE:
        raise UsageError(f"--data {name}: more than {MAX_FILE} bytes")
    return read_requests(text, f"--data {name}")
