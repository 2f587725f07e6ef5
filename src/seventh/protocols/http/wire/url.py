"""URLs of HTTP: an origin and a path, and how a reference is resolved against one (RFC 3986)."""

from __future__ import annotations

import functools
import re
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from seventh.wire.address import is_literal
from seventh.wire.text import printable

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
MAX_REFERENCE = 8192
_SHOWN = 300
_STRANGE = re.compile(r"[^\x21-\x7e]|[\"<>\\^`{|}]")
_KEPT = "/?:@!$&'()*+,;=-._~%#[]"
"""What stands in a reference as it is; the rest is percent-encoded."""


class Origin(msgspec.Struct, frozen=True):
    """Scheme, host and port (RFC 6454): who may see a credential."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """As it stands in a URL and in Host: the port is left out where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS.get(self.scheme) else f"{host}:{self.port}"

    @property
    def literal(self) -> bool:
        """Whether the host is an IP address."""
        return is_literal(self.host)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


class Url(msgspec.Struct, frozen=True):
    """A URL as a request needs it; fragment and user are gone."""

    origin: Origin
    path: str
    """With the query; never empty."""

    def __str__(self) -> str:
        return f"{self.origin}{self.path}"


@functools.lru_cache(maxsize=2048)
def request_path(path: str) -> str:
    """Return a target's path for a request: no fragment, percent-encoded, never empty."""
    path = path.partition("#")[0]
    if _STRANGE.search(path):
        # A byte of a command line that is no text comes as a lone surrogate.
        path = quote(path, safe=_KEPT, errors="surrogateescape")
    return path if path.startswith("/") else f"/{path}"


def resolve(base: Url, reference: str) -> Url | None:
    """Return ``reference`` relative to ``base`` (RFC 3986 §5); None for no HTTP URL."""
    reference = reference.strip()
    if len(reference) > MAX_REFERENCE or any(ord(c) < 0x20 for c in reference):
        return None
    try:
        parts = urlsplit(urljoin(str(base), quote(reference, safe=_KEPT)))
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if parts.scheme not in {"http", "https"} or not host or port == 0 or len(host) > 253:
        return None
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    origin = Origin(parts.scheme, host, port or PORTS[parts.scheme])
    return Url(origin, request_path(path))


def bare(url: Url | str) -> str:
    """Return a URL without its query, which may hold a token."""
    text, question, _ = str(url).partition("?")
    return printable(text, _SHOWN) + ("?…" if question else "")
