"""How gRPC's reference server is configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from seventh.labkit.web.handler import Answer
from seventh.labkit.web.peer import H1Setup

HOST = "127.0.0.1"
OptionValues = Mapping[str, str | float | int | tuple[str, ...]]
Step = Literal["headers", "message", "trailers"]


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How the server behaves; the defaults are a correct one. ``options`` are for its check."""

    # -- what carries it
    secure: bool = False
    host: str = HOST
    also: str = ""
    """A further address with the same server, and the name ``lab.test`` of both."""
    alpn: tuple[bytes, ...] = (b"h2",)
    http1: Answer | None = None
    """The answer of an HTTP/1.1 server, which this then is."""
    page: Answer | None = None
    """The answer to every request over HTTP/2, instead of gRPC."""
    settings: tuple[tuple[int, int], ...] = ((3, 128), (4, 1024 * 1024), (6, 16384))
    """The initial SETTINGS by code."""
    h2: H1Setup | None = None
    """A fault of :mod:`seventh.labkit.web.h2faults` after the first request."""
    max_metadata: int = 16384
    """The bytes of header fields above which a call ends with RESOURCE_EXHAUSTED."""
    # -- health
    health: bool = True
    status: int = 1
    """The serving status of the server as a whole."""
    lists: bool = True
    watch: Literal["streams", "absent", "silent", "ends"] = "streams"
    watch_seconds: float | None = None
    """How long a Watch lasts that has no deadline; None does not end it."""
    deadlines: bool = True
    # -- other services
    reflection: tuple[str, ...] = ("v1", "v1alpha")
    descriptors: Literal["right", "huge", "recursive", "damaged"] = "right"
    channelz: bool = False
    unknown_code: int = 12
    """The status of a method that does not exist."""
    gzip: bool = True
    pushback: str = ""
    """grpc-retry-pushback-ms of the unknown method."""
    http_status: int = 200
    """The HTTP status of the unknown method."""
    backends: tuple[str, ...] = ("a", "b")
    """The values of x-backend, in turn."""
    max_bytes: int | None = 4 * 1024 * 1024
    """The longest request; a longer one ends with RESOURCE_EXHAUSTED."""
    drops_long: bool = False
    """Whether a longer one resets the stream."""
    patient: bool = True
    """Whether a stream waits for its reader; otherwise it is reset when the window is full."""
    # -- hostile
    reset_at: Step | None = None
    """Where Check's stream is reset."""
    no_trailers: bool = False
    """Whether Check ends without trailers."""
    raw_message: bytes | None = None
    """What Check sends instead of its message, with its prefix."""
    encoding: str = ""
    """grpc-encoding of ``raw_message``."""
    message_text: str | None = None
    """grpc-message of Check, which then fails."""
    endless: bool = False
    """Whether Watch sends without end."""
    options: OptionValues = {}
    data: str = ""
    """The content of the file of --data."""
