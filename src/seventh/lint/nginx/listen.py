"""``listen`` lines: where a server listens, and what nginx refuses of them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

import msgspec

from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx import values
from seventh.lint.nginx.conf import Conf, Directive
from seventh.lint.nginx.directives import Version
from seventh.lint.nginx.parameters.addresses import is_unix
from seventh.lint.nginx.parameters.judging import above_zero, anything, is_, whole
from seventh.model.source import Line


def _is_keepalive(value: str) -> bool:
    if value in {"on", "off"}:
        return True
    parts = value.split(":")
    if len(parts) > 3 or not any(parts):
        return False
    idle, interval, count = (*parts, "", "")[:3]
    return all(not part or values.seconds(part) is not None for part in (idle, interval)) and (
        not count or whole(count)
    )


_PARAMETERS: dict[str, Callable[[str], bool]] = {
    **dict.fromkeys(("default_server", "default", "deferred", "bind", "ssl", "http2", "quic",
                     "reuseport", "proxy_protocol", "multipath"), anything),
    "backlog=": above_zero, "rcvbuf=": is_(values.size), "sndbuf=": is_(values.size),
    "fastopen=": whole, "accept_filter=": bool, "setfib=": whole,
    "ipv6only=": frozenset({"on", "off"}).__contains__,
    "so_keepalive=": _is_keepalive,
}  # fmt: skip
_NO_OPTIONS = frozenset({"default_server", "default", "ssl", "http2", "quic", "proxy_protocol"})
"""Parameters that may be said again for the same socket; the others are set once."""


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """One ``listen`` line, with what all servers of that socket say of it together."""

    address: str
    port: int | None
    """None for a socket of this machine (``unix:``)."""
    tls: bool
    h2: bool
    """Whether the line itself asks for HTTP/2, as was done before 1.25.1."""
    quic: bool
    at: Line
    default: bool = False
    """Whether the line makes its server the default one of the socket."""
    options: bool = False
    """Whether the line sets options of the socket, which only one line may."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        if self.port is None or self.address == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.address.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def socket(self) -> tuple[str, int | None, bool]:
        """What two lines have in common that are of one socket."""
        return self.address, self.port, self.quic

    def __str__(self) -> str:
        marks = [word for word, on in (("ssl", self.tls and not self.quic), ("quic", self.quic))
                 if on]  # fmt: skip
        where = self.address if self.port is None else str(self.port)
        return " ".join([where, *marks])


def read(conf: Conf, line: Directive, version: Version) -> list[Listener]:
    """Return the sockets of a ``listen`` line, one a port; note what nginx refuses."""
    if not line.words:
        return []
    where, *parameters = line.words
    for parameter in parameters:
        name, separator, value = parameter.partition("=")
        reader = _PARAMETERS.get(name + separator)
        early = version < nginx_directives.since(f"listen {parameter}")
        if reader is None or early:
            conf.refuse(line.at, f'invalid parameter "{parameter}"')
        elif not reader(value):
            conf.refuse(line.at, f'invalid {name} "{parameter}"')
    why, address, ports = _where(where)
    if why:
        conf.refuse(line.at, f'{why} "{where}" of the "listen" directive')
        return []
    quic = "quic" in parameters
    return [
        Listener(
            address=address, port=port, quic=quic, tls=quic or "ssl" in parameters,
            h2="http2" in parameters, at=line.at,
            default=bool({"default_server", "default"} & set(parameters)),
            options=bool(set(parameters) - _NO_OPTIONS),
        )
        for port in ports
    ]  # fmt: skip


_MOST_PORTS = 64
"""Ports of one range that are looked at."""


def _where(text: str) -> tuple[str, str, list[int | None]]:
    """Return why nginx refuses an address, the address, and its ports; ``*`` and 80 if left out."""
    if is_unix(text):
        return "" if text[5:] else "no path in the unix domain socket in", text, [None]
    if text.startswith("["):
        host, closing, rest = text.partition("]")
        if not closing or (rest and rest[0] != ":"):
            return "invalid host in", "", []
        try:
            ipaddress.IPv6Address(host[1:])
        except ValueError:
            return "invalid IPv6 address in", "", []
        address, port = f"{host}]", rest[1:] if rest else None
    elif "/" in text:
        return "invalid host in", "", []
    elif re.fullmatch(r"[0-9]+(?:-[0-9]+)?", text):
        address, port = "*", text
    else:
        host, colon, rest = text.partition(":")
        if not host:
            return "no host in", "", []
        address, port = host, rest if colon else None
        if "*" in host and host != "*":
            return "host not found in", "", []
    address = "*" if address in {"*", "0.0.0.0"} else address  # noqa: S104 - as nginx has it
    if port is None:
        return "", address, [80]
    first, dash, last = port.partition("-")
    low, high = values.number(first), values.number(last) if dash else values.number(first)
    if low is None or high is None or not 0 < low < 65536 or not 0 < high < 65536:
        return "invalid port in", "", []
    if high < low:
        return "invalid port range in", "", []
    return "", address, list(range(low, min(high + 1, low + _MOST_PORTS)))
