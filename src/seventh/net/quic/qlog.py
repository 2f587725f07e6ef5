"""A qlog of one connection, without secrets, for tools such as qvis (draft-ietf-quic-qlog)."""

from __future__ import annotations

import collections
import json
from typing import Any

from aioquic.quic.logger import QuicLogger, QuicLoggerTrace

from seventh.model.failure import UsageError
from seventh.wire.text import printable

MAX_EVENTS = 50_000
"""Older events make room for newer ones."""
_SECRET = frozenset(
    {b"authorization", b"proxy-authorization", b"cookie", b"set-cookie", b"authentication-info"}
)
_MAX_VALUE = 512


class Log(QuicLogger):
    """The trace of one connection, in memory."""

    def start_trace(self, is_client: bool, odcid: bytes) -> QuicLoggerTrace:
        """Return a bounded trace, instead of the engine's unbounded one."""
        trace = _Trace(is_client=is_client, odcid=odcid)
        self._traces.append(trace)
        return trace

    def write(self, path: str) -> None:
        """Write the trace; raises UsageError where ``path`` cannot be written."""
        try:
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - one more import saved
                json.dump(self.to_dict(), file)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror or error}") from None


class _Trace(QuicLoggerTrace):
    def __init__(self, *, is_client: bool, odcid: bytes) -> None:
        super().__init__(is_client=is_client, odcid=odcid)
        self._vantage_point["name"] = "seventh"
        self._events = collections.deque(maxlen=MAX_EVENTS)

    def _encode_http3_headers(self, headers: list[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
        return [
            {
                "name": printable(name, _MAX_VALUE),
                "value": _shown(name, value),
            }
            for name, value in headers
        ]


def _shown(name: bytes, value: bytes) -> str:
    if name in _SECRET:
        return "(left out)"
    if name == b":path":
        value, asked, _ = value.partition(b"?")  # a query may carry a token
        value += asked
    return printable(value, _MAX_VALUE)
