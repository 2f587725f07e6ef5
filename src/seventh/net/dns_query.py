"""One question to DNS, answered by a whole message: for checks whose subject is DNS itself.

:func:`seventh.net.resolve.record` answers for all others. Here a refusal, a truncated or a lame
answer and silence are told apart, as none of them means that there is no record. Messages are
dnspython's; its own transports load every library that it can use, and are not needed for that.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from pathlib import Path
from typing import Literal

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import msgspec

from seventh.model.failure import Failed, Reason
from seventh.model.options import HostPort
from seventh.net import dns_replies, resolve, shortage
from seventh.net.stopwatch import now_ns
from seventh.net.wait import DeadlineError, readable

PAYLOAD_BYTES = 1232
"""What passes every path unfragmented."""
_MOST_BYTES = 65535
_ROUNDS = 2
_ATTEMPT_SECONDS = 2.0
"""How long a server may take before the next one, or the same once more, is asked."""
Problem = Literal["servfail", "refused", "timeout", "truncated", "failed"]
_PROBLEMS: dict[int, Problem] = {dns.rcode.SERVFAIL: "servfail", dns.rcode.REFUSED: "refused"}
_CONFIGURATION = Path("/etc/resolv.conf")
_MOST_SERVERS = 3
"""How many servers of the system's configuration are used, as by the C library."""


class Servers(msgspec.Struct, frozen=True):
    """The resolvers to ask, in order."""

    ips: tuple[str, ...]
    port: int

    @property
    def local(self) -> bool:
        """Whether all are on this machine, so that their answers cannot be changed on the way."""
        return all(ipaddress.ip_address(ip.partition("%")[0]).is_loopback for ip in self.ips)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A message that answers the question, or why there is none."""

    message: dns.message.QueryMessage | None = None
    problem: Problem | None = None
    detail: str = ""


def servers_of(resolver: HostPort | None) -> Servers:
    """Return the server of ``--resolver``, else the system's. Raises Failed without any."""
    if resolver is not None:
        return Servers((resolver.ip,), resolver.port)
    return Servers(_configured(), 53)


def _configured() -> tuple[str, ...]:
    """Return the system's resolvers. Raises Failed without any."""
    try:
        lines = _CONFIGURATION.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    words = (line.split() for line in lines)
    ips = [line[1] for line in words if line[:1] == ["nameserver"] and _is_address(line[1:])]
    if not ips:
        raise Failed(Reason.RESOLVE_FAILED, "no resolver is configured on this machine")
    return tuple(ips[:_MOST_SERVERS])


def _is_address(words: list[str]) -> bool:
    try:
        ipaddress.ip_address("".join(words[:1]))
    except ValueError:
        return False
    return True


async def ask(
    name: str, rtype: str, servers: Servers, *, deadline_ns: int, checking_disabled: bool = False
) -> Reply:
    """Ask the servers in turn until one answers; raises Failed for a limit of this machine."""
    reply = Reply(problem="timeout", detail="the resolver did not answer in time")
    for server in servers.ips * _ROUNDS:
        until = min(deadline_ns, now_ns() + int(_ATTEMPT_SECONDS * 1e9))
        if until <= now_ns():
            break
        try:
            query = _query(name, rtype, checking_disabled=checking_disabled)
        except (dns.exception.DNSException, UnicodeError):
            return Reply(problem="failed", detail=resolve.NOT_A_NAME)
        latest = await _one(query, server, servers.port, until)
        if latest.message is not None or latest.problem in {"servfail", "truncated"}:
            return latest
        reply = latest
    return reply


def _query(name: str, rtype: str, *, checking_disabled: bool) -> dns.message.QueryMessage:
    """Return a question that asks for recursion, AD and signatures.

    Some resolvers set AD only where signatures are asked for. Raises DNSException and UnicodeError
    for what is not a name.
    """
    flags = dns.flags.RD | dns.flags.AD | (dns.flags.CD if checking_disabled else 0)
    return dns.message.make_query(
        name, rtype, use_edns=0, ednsflags=dns.flags.DO, payload=PAYLOAD_BYTES, flags=flags
    )


def _response(data: bytes, query: dns.message.QueryMessage) -> dns.message.QueryMessage | None:
    """Return the response to the question, also where it is cut off; None for any other message."""
    # A name that does not exist has nothing but the question to read, unless an alias led to it.
    nothing = data[3:4] and data[3] & 0xF == dns.rcode.NXDOMAIN and data[6:8] == b"\0\0"
    try:
        message: object = dns.message.from_wire(
            data, question_only=bool(nothing), raise_on_truncation=True, ignore_trailing=True
        )
    except dns.message.Truncated as truncated:
        message = truncated.kwargs["message"]
    except (dns.exception.DNSException, ValueError, IndexError):
        return None
    if isinstance(message, dns.message.QueryMessage) and query.is_response(message):
        return message
    return None


async def _one(query: dns.message.QueryMessage, server: str, port: int, until_ns: int) -> Reply:
    """Ask one server, over TCP if its answer was cut off."""
    try:
        reply = await _over_udp(query, server, port, until_ns)
    except OSError as error:
        if shortage.is_ours(error):
            raise shortage.short(error) from None
        return Reply(
            problem="failed", detail=f"the resolver {server} is unreachable: {_why(error)}"
        )
    if reply.message is None or not reply.message.flags & dns.flags.TC:
        return _judged(reply, server)
    try:
        async with asyncio.timeout(max(0.001, (until_ns - now_ns()) / 1e9)):
            return _judged(await _over_tcp(query, server, port), server)
    except TimeoutError:
        return _cut_off("did not answer over TCP in time")
    except EOFError:
        return _cut_off("gave no usable answer over TCP")
    except OSError as error:
        if shortage.is_ours(error):
            raise shortage.short(error) from None
        return _cut_off(f"is unreachable over TCP: {_why(error)}")


def _why(error: OSError) -> str:
    # asyncio's own text has the address in it.
    return os.strerror(error.errno).lower() if error.errno else "no route"


async def _over_udp(
    query: dns.message.QueryMessage, server: str, port: int, until_ns: int
) -> Reply:
    """Return the first answer to the question; others are described where none comes."""
    family, _, _, _, address = socket.getaddrinfo(
        server, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
    )[0]
    wire = query.to_wire()
    replies = dns_replies.Replies()
    replies.add_query(wire)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        # Connected, the kernel drops what others send, and reports a closed port.
        sock.connect(address)
        sock.send(wire)
        while True:
            try:
                await readable(sock, until_ns)
                data = sock.recv(_MOST_BYTES)
            except DeadlineError:
                if unusable := replies.describe():
                    return Reply(problem="failed", detail=unusable)
                why = f"the resolver {server} did not answer in time"
                return Reply(problem="timeout", detail=why)
            except BlockingIOError:
                continue
            if (message := _response(data, query)) is not None:
                return Reply(message=message)
            replies.add(data, (server, port), (server, port))


async def _over_tcp(query: dns.message.QueryMessage, server: str, port: int) -> Reply:
    """Return the answer; raises OSError and EOFError."""
    reader, writer = await asyncio.open_connection(server, port)
    try:
        wire = query.to_wire()
        writer.write(len(wire).to_bytes(2, "big") + wire)
        length = int.from_bytes(await reader.readexactly(2), "big")
        message = _response(await reader.readexactly(length), query)
    finally:
        writer.transport.abort()
    if message is None or message.flags & dns.flags.TC:
        raise EOFError
    return Reply(message=message)


def _cut_off(why: str) -> Reply:
    return Reply(problem="truncated", detail=f"the answer is truncated, and the resolver {why}")


def _judged(reply: Reply, server: str) -> Reply:
    message = reply.message
    if message is None:
        return reply
    code = message.rcode()
    if code in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        if dns_replies.is_referral(message):
            return Reply(problem="failed", detail=dns_replies.REFERRAL)
        return reply
    return Reply(
        problem=_PROBLEMS.get(code, "failed"),
        detail=f"the resolver {server} answered {dns.rcode.to_text(code)}",
    )
