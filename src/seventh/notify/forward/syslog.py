"""Syslog (RFC 5424) over UDP (RFC 5426), TCP (RFC 6587, counted octets) and TLS (RFC 5425)."""

from __future__ import annotations

import os
import re
import socket
from functools import cache

import msgspec

from seventh import protocols
from seventh.engine.check import converse
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.target import Scheme, Target, parse_target
from seventh.net.probe_context import ProbeContext

SCHEMES = {
    "syslog": Scheme(name="syslog", port=514, transport="udp"),
    "syslog+tcp": Scheme(name="syslog+tcp", port=601),
    "syslog+tls": Scheme(name="syslog+tls", port=6514),
}
MAX_UDP_BYTES = 8192
"""Receivers over UDP need not take more than 2048 bytes (RFC 5426 §3.2); common ones take 8192."""
_LOCAL0 = 16
_SEVERITY = {"rejected": 4, "finding": 4, "dropped": 3}
_NOTICE = 5
_UNPRINTABLE = re.compile(r"[^!-~]")


class _Head(msgspec.Struct):
    """What a message takes from a record."""

    at: str
    event: str


_DECODER = msgspec.json.Decoder(_Head)


def target_of(text: str) -> Target:
    """Read the URL of a receiver. Raises UsageError."""
    target = parse_target(text, SCHEMES)[0]
    if target.of_bare_host:
        raise UsageError(f"{text!r:.80} is not a URL such as syslog://host")
    return target


def message(line: bytes) -> bytes:
    """Return a record as a message: its event is the MSGID, its JSON the text."""
    head = _DECODER.decode(line)
    priority = _LOCAL0 * 8 + _SEVERITY.get(head.event, _NOTICE)
    start = f"<{priority}>1 {head.at} {_host()} seventh {os.getpid()} {head.event} - "
    return start.encode() + line


@cache
def _host() -> str:
    return _UNPRINTABLE.sub("", socket.gethostname())[:255] or "-"


async def send(target: Target, options: Options, lines: list[bytes]) -> None:
    """Send records. Raises Failed; without one they were handed to the network.

    Syslog has no acknowledgement: what is lost after that is not known.
    """

    async def step(ctx: ProbeContext) -> None:
        if target.scheme == "syslog":
            await _by_udp(ctx, lines)
            return
        stream = await ctx.connect()
        if target.scheme == "syslog+tls":
            from seventh.net.tls import handshake

            stream = await handshake.start_tls(stream, options, target.host, watch=ctx.watch)
        made = map(message, lines)
        await stream.send(b"".join(str(len(each)).encode() + b" " + each for each in made))
        await stream.aclose()

    ctx = await converse(target, options, protocols.room_of("tcp"), step)
    ctx.close()
    if ctx.failure is not None:
        raise ctx.failure


async def _by_udp(ctx: ProbeContext, lines: list[bytes]) -> None:
    datagram = ctx.datagram((await ctx.addresses())[0])
    for line in lines:
        datagram.send(message(line)[:MAX_UDP_BYTES])
