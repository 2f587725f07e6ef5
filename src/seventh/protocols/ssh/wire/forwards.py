"""Forwardings as ssh(1) writes them: ``L:8080:db:5432``, ``R:*:2222:localhost:22``, ``D:1080``.

As in ssh(1), an IPv6 address stands in brackets, and an empty bind address or ``*`` means all.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from seventh.protocols.ssh.wire.patterns import GrammarError, port_number

Kind = Literal["local", "remote", "dynamic"]
KINDS: dict[str, Kind] = {"L": "local", "R": "remote", "D": "dynamic"}
FORMS = "L:[ADDR:]PORT:HOST:PORT, L:HOST:PORT, R:[ADDR:]PORT:HOST:PORT or D:[ADDR:]PORT"
EVERYWHERE = frozenset({"", "*", "0.0.0.0", "::"})  # noqa: S104 - what a request may name
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Forward(msgspec.Struct, frozen=True, kw_only=True):
    """One requested forwarding."""

    text: str
    """As it was given."""
    kind: Kind
    bind: str = "localhost"
    """The address to listen on."""
    port: int = 0
    """The port to listen on; 0 is any, or unknown for ``L:HOST:PORT``."""
    host: str = ""
    """The destination; empty for a SOCKS proxy."""
    host_port: int = 0

    @property
    def requested_bind(self) -> bytes:
        """The address in the request, as OpenSSH's client sends it (RFC 4254 §7.1)."""
        return b"" if self.bind == "*" else self.bind.encode()

    @property
    def for_others(self) -> bool:
        """Whether the requested address is not the loopback."""
        return self.bind.lower() not in LOOPBACK and not self.bind.startswith("127.")


def parse_forward(text: str) -> Forward:
    """Read one forwarding; GrammarError for another text."""
    letter, colon, rest = text.strip().partition(":")
    kind = KINDS.get(letter.strip().upper())
    if not colon or kind is None:
        raise GrammarError(f"write {FORMS}")
    if "/" in rest:
        raise GrammarError("forwardings of Unix sockets are not supported")
    parts = _split(rest)
    count = len(parts)
    if kind == "local" and count == 2:
        return Forward(text=text, kind=kind, host=_host(parts[0]), host_port=_port(parts[1], 1))
    if count in {1, 2} and kind != "local":
        bind, destination = parts[:-1], [*parts[-1:], "", "0"]
    elif count in {3, 4} and kind != "dynamic":
        bind, destination = parts[:-3], parts[-3:]
    else:
        raise GrammarError(f"write {FORMS}")
    port, host, host_port = destination
    return Forward(
        text=text, kind=kind, bind=bind[0] if bind else "localhost",
        port=_port(port, 0 if kind == "remote" else 1),
        host=_host(host) if count > 2 else "", host_port=_port(host_port, 1) if count > 2 else 0,
    )  # fmt: skip


def _split(text: str) -> list[str]:
    """Split at the colons outside brackets; the brackets go."""
    parts, depth = [""], False
    for letter in text.strip():
        if letter in "[]":
            if depth is (letter == "["):
                raise GrammarError("brackets do not match")
            depth = not depth
        elif letter == ":" and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise GrammarError("brackets do not match")
    return parts


def _host(text: str) -> str:
    if not text:
        raise GrammarError("the destination has no host")
    return text


def _port(text: str, least: int) -> int:
    port = 0 if text == "0" else port_number(text)
    if port is None or port < least:
        raise GrammarError(f"{text!r} is not a port")
    return port
