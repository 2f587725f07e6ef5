"""Targets, written as a URL or a bare host. The caller passes in the schemes of the rooms."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Mapping

import msgspec

from seventh.model.failure import UsageError
from seventh.model.near import near

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://(.*)$", re.DOTALL)
_LABEL = re.compile(r"^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$")
_NEARLY = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)(?::/?|/{2,})(?!/)([^/].*)$", re.DOTALL)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

CREDENTIAL_PARAMETERS = (
    "access_token", "accesstoken", "api_key", "apikey", "auth", "auth_token", "authorization",
    "bearer", "credential", "id_token", "jwt", "key", "pass", "passwd", "password",
    "secret", "session", "session_id", "sessionid", "sid", "sig", "signature", "ticket", "token",
)  # fmt: skip
"""Query parameters whose values are credentials and never shown."""
_CREDENTIAL = re.compile(
    rf"(?i)((?:^|[?&;/])(?:{'|'.join(CREDENTIAL_PARAMETERS)})=)[^&;#/ ]+"
    r"|()eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"
)

_MEANT = {
    "ssl": "tls", "sftp": "ssh", "scp": "ssh", "sntp": "ntp", "chrony": "ntp", "http2": "https",
    "http3": "https", "h2": "https", "h3": "https", "quic": "https", "websocket": "ws",
}  # fmt: skip
"""Other names of a protocol, and its scheme."""


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """A URL scheme of a room."""

    name: str
    port: int | None
    """The default port; None where the URL must have one."""
    transport: str = "tcp"
    well_known: bool = True
    """Whether a bare host is checked on this port."""
    domain: bool = False
    """Whether its targets are domains: ``mail:example.org``, without slashes and port."""

    @property
    def start(self) -> str:
        """The beginning of its targets: ``ssh://``."""
        return f"{self.name}:" if self.domain else f"{self.name}://"

    @property
    def pattern(self) -> str:
        """A target of it, for messages: ``ssh://HOST``."""
        return self.start + ("DOMAIN" if self.domain else "HOST")


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One target of a check."""

    scheme: str
    host: str
    port: int
    """0 for a domain, which has none."""
    path: str = ""
    user: str | None = None
    port_given: bool = True
    """Whether the port was written, and is not the scheme's default."""
    of_bare_host: bool = False
    """Whether it is a well-known port of a host that was given without a scheme."""

    @property
    def is_literal(self) -> bool:
        """Whether the host is an IP address."""
        return _literal(self.host) is not None

    @property
    def authority(self) -> str:
        """``host:port``, with brackets around an IPv6 address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        if not self.port:
            return f"{self.scheme}:{self.host}"
        return f"{self.scheme}://{self.authority}{without_credentials(self.path)}"


def without_credentials(path: str) -> str:
    """Return ``path`` and its query with ``…`` for the values of credentials."""
    return _CREDENTIAL.sub(lambda match: f"{match[1] or ''}…", path) if path else path


def parse_target(text: str, schemes: Mapping[str, Scheme]) -> tuple[Target, ...]:
    """Read one target; a bare host becomes a target per well-known port of ``schemes``.

    Raises UsageError, with the correction where there is one, for a malformed target.
    """
    text = text.strip()
    if not text:
        raise UsageError("empty target: write a URL such as ssh://host, or a host name")
    if forbidden := _FORBIDDEN.search(text):
        raise UsageError(
            f"target {text!r} has a control or space character at column {forbidden.start() + 1}: "
            "remove it"
        )
    name, colon, rest = text.partition(":")
    known = schemes.get(name.lower())
    if colon and known is not None and known.domain:
        return (_of_domain(text, rest, known, schemes),)
    match = _SCHEME.match(text)
    if match is None:
        return _bare(text, schemes)
    name = match.group(1).lower()
    scheme = schemes.get(name)
    if scheme is None:
        raise UsageError(_unknown_scheme(text, match.group(2), name, schemes))
    return (_from_url(text, match.group(2), scheme),)


def _bare(text: str, schemes: Mapping[str, Scheme]) -> tuple[Target, ...]:
    if (meant := _mistyped(text, schemes)) is not None:
        raise UsageError(f"target {text!r} is not a URL: did you mean {meant}?")
    host, port = _host_and_port(text, text)
    if port is not None:
        raise UsageError(
            f"target {text!r} has a port but no scheme: write {_with_port(text, port, schemes)}"
        )
    return tuple(
        Target(scheme=scheme.name, host=host, port=scheme.port, port_given=False, of_bare_host=True)
        for scheme in schemes.values()
        if scheme.well_known and scheme.port is not None
    )


def _of_domain(text: str, rest: str, scheme: Scheme, schemes: Mapping[str, Scheme]) -> Target:
    """Read what follows ``mail:``, a domain. Raises UsageError, with what to write instead."""
    like = f"{scheme.name}:example.org"
    if rest.isascii() and rest.isdigit():
        urls = _with_port(text, int(rest[:6]), schemes)
        raise UsageError(f"target {text!r} has a port and no domain: write {like}, or {urls}")
    bare = rest.strip("/")
    if not bare:
        raise UsageError(f"target {text!r} has no domain: write {like}")
    if "@" in bare:
        bare = bare.rpartition("@")[2]
    if _literal(bare.strip("[]")) is not None:
        raise UsageError(f"target {text!r}: {bare} is an address, not a domain: write {like}")
    host, _, more = bare.partition("/")
    host, _, port = host.partition(":")
    host = _host(host, text).removesuffix(".")
    if bare != rest or more or port:
        raise UsageError(
            f"target {text!r} is not a domain alone: did you mean {scheme.name}:{host}?"
        )
    return Target(scheme=scheme.name, host=host, port=0, port_given=False)


def _from_url(text: str, rest: str, scheme: Scheme) -> Target:
    cut = min((i for i in (rest.find(c) for c in "/?#") if i >= 0), default=len(rest))
    authority, path = rest[:cut], rest[cut:]
    user: str | None = None
    if "@" in authority:
        user, _, authority = authority.rpartition("@")
        if ":" in user:
            raise UsageError(
                f"target {scheme.name}://…@{authority} contains a password: remove it, and use "
                "--password-file or the environment variable SEVENTH_PASSWORD"
            )
    host, given = _host_and_port(authority, text)
    port = given if given is not None else scheme.port
    if port is None:
        raise UsageError(
            f"target {text!r} has no port: write one, such as "
            f"{scheme.name}://{authority or 'host'}:443"
        )
    return Target(
        scheme=scheme.name, host=host, port=port, path=path, user=user or None,
        port_given=given is not None,
    )  # fmt: skip


def _host_and_port(authority: str, text: str) -> tuple[str, int | None]:
    if not authority:
        raise UsageError(f"target {text!r} has no host")
    if authority.startswith("["):
        inside, closed, after = authority[1:].partition("]")
        if not closed:
            raise UsageError(f"target {text!r}: the IPv6 address has no closing ']'")
        if after and not after.startswith(":"):
            raise UsageError(f"target {text!r}: only ':PORT' may follow ']'")
        if _literal(inside) is None or ":" not in inside:
            raise UsageError(f"target {text!r}: {inside!r} is not an IPv6 address")
        return inside.lower(), _port(after[1:], text) if after else None
    if authority.count(":") > 1:
        if _literal(authority) is not None:
            return authority.lower(), None
        raise UsageError(f"target {text!r}: write the IPv6 address in brackets, such as [::1]:443")
    host, colon, port = authority.partition(":")
    return _host(host, text), _port(port, text) if colon else None


def _host(host: str, text: str) -> str:
    if not host:
        raise UsageError(f"target {text!r} has no host")
    if _literal(host) is not None:
        return host
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise UsageError(f"target {text!r}: {host!r} is not a valid host name") from None
    labels = ascii_host.removesuffix(".").split(".")
    if len(ascii_host) > 253 or not all(_LABEL.match(label) for label in labels):
        raise UsageError(f"target {text!r}: {host!r} is not a valid host name")
    if all(label.isdigit() for label in labels):
        raise UsageError(f"target {text!r}: {host!r} is not a valid IPv4 address")
    return ascii_host.lower()


def _port(text_port: str, text: str) -> int:
    # Length before value: Python refuses to read a number of thousands of digits.
    number = text_port.lstrip("0")
    if not (number.isascii() and number.isdigit()) or len(number) > 5 or int(number) > 65535:
        shown = text_port if len(text_port) < 20 else f"{text_port[:20]}…"
        raise UsageError(f"target {text[:200]!r}: port {shown!r} is not a number from 1 to 65535")
    return int(number)


@functools.lru_cache(maxsize=4096)
def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _unknown_scheme(text: str, rest: str, name: str, schemes: Mapping[str, Scheme]) -> str:
    known = ", ".join(schemes[scheme].start for scheme in sorted(schemes))
    error = f"target {text!r}: unknown scheme {name}://"
    meant = [_MEANT[name]] if _MEANT.get(name) in schemes else near(name, schemes)
    if meant:
        urls = " or ".join(f"{scheme}://{rest}" for scheme in meant[:2])
        return f"{error}: did you mean {urls}? `seventh check --help` describes targets"
    return f"{error}; supported schemes: {known} (`seventh check --help`)"


def _mistyped(text: str, schemes: Mapping[str, Scheme]) -> str | None:
    """Return the URL that was meant where a colon or a slash of ``://`` is missing, else None."""
    match = _NEARLY.match(text)
    if match is None or (name := match.group(1).lower()) not in schemes:
        return None
    return f"{name}://{match.group(2)}"


def _with_port(text: str, port: int, schemes: Mapping[str, Scheme]) -> str:
    """Suggest URLs for a host and port, by the schemes with that default port."""
    usual = [scheme.name for scheme in schemes.values() if scheme.port == port]
    return " or ".join(f"{name}://{text}" for name in (usual or ["tls", "tcp"])[:3])
