"""Opening TCP connections, each try at each address an :class:`Attempt` of its own."""

from __future__ import annotations

import errno
import os
import socket

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.model.netfacts import Attempt, AttemptOutcome
from seventh.model.phase import Mark
from seventh.net import kernel, shortage
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.carrier import CarriedStream, Carrier, Unreached
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream, TcpStream, Transcript
from seventh.net.wait import DeadlineError, writable

_OUTCOME: dict[int, tuple[AttemptOutcome, Reason]] = {
    errno.ECONNREFUSED: ("refused", Reason.CONNECT_REFUSED),
    errno.ETIMEDOUT: ("timeout", Reason.CONNECT_TIMEOUT),
    errno.ECONNRESET: ("reset", Reason.CONNECT_RESET),
    errno.EHOSTUNREACH: ("unreachable", Reason.CONNECT_UNREACHABLE),
    errno.ENETUNREACH: ("unreachable", Reason.CONNECT_UNREACHABLE),
    errno.EADDRNOTAVAIL: ("unreachable", Reason.CONNECT_UNREACHABLE),
    errno.EINVAL: ("unreachable", Reason.CONNECT_UNREACHABLE),
    errno.EACCES: ("forbidden", Reason.CONNECT_FORBIDDEN),
    errno.EPERM: ("forbidden", Reason.CONNECT_FORBIDDEN),
}
OUTCOMES: dict[Reason, AttemptOutcome] = {
    **{reason: outcome for outcome, reason in _OUTCOME.values()},
    Reason.NO_REPLY: "timeout",
    Reason.PROXY_REFUSED: "forbidden",
    Reason.PROXY_FAILED: "untried",
    Reason.PROXY_MISMATCH: "untried",
}
"""How an attempt ended, by the reason of its failure."""


class Connected(msgspec.Struct, frozen=True):
    """The result of one attempt: a stream or a failure, and its begin and end."""

    attempt: Attempt
    start_ns: int
    end: Mark
    stream: Stream | None
    failure: Failed | None


async def open_tcp(
    address: Address, budget: Budget, deadline_ns: int, transcript: Transcript | None = None
) -> Connected:
    """Try one address until ``deadline_ns``; raises Failed only for a limit of this machine.

    The phase is the kernel's own measure of SYN to SYN/ACK where there is one and no SYN was lost
    (the kernel's round-trip estimate leaves out a retransmitted SYN, which the user waited for).
    """
    start = now_ns()
    try:
        sock = socket.socket(address.socket_family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except OSError as error:
        if shortage.is_ours(error):
            raise shortage.short(error) from None
        return _failed(address, start, error.errno or 0, error.strerror or str(error))
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        kernel.ask_for_timestamps(sock)
        start = now_ns()
        code = await _connect(sock, address, min(deadline_ns, budget.deadline_ns))
    except DeadlineError:
        sock.close()
        return _failed(
            address,
            start,
            errno.ETIMEDOUT,
            "timed out: a firewall drops the packets, or the host is down",
        )
    except Failed as failed:
        sock.close()
        return _failed(address, start, errno.EADDRNOTAVAIL, failed.detail)
    except BaseException:
        sock.close()
        raise
    if code:
        sock.close()
        limit = OSError(code, os.strerror(code))
        if shortage.is_ours(limit):
            raise shortage.short(limit)
        return _failed(address, start, code, "")
    end = Mark(now_ns(), "user")
    info = kernel.tcp_info(kernel.read_tcp_info(sock))
    if info is not None and info.rtt_seconds > 0 and not info.retransmits:
        measured = start + int(info.rtt_seconds * 1e9)
        end = Mark(min(measured, end.ns), "kernel")
    stream = TcpStream(sock, address, budget, transcript, end)
    attempt = _attempt(address, start, end, "open", "", info)
    stream.connect_seconds = attempt.seconds
    return Connected(attempt, start, end, stream, None)


async def _connect(sock: socket.socket, address: Address, deadline_ns: int) -> int:
    """Connect and return 0 or an errno; the second call saves the wait for a near peer."""
    for _ in range(2):
        if (code := _connect_state(sock, address)) is not None:
            return code
    try:
        await writable(sock, deadline_ns)
    except DeadlineError:
        # A loop that comes late may find both: the deadline, and an answer that was in time.
        if (code := _connect_state(sock, address)) is None:
            raise
        return code
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def _connect_state(sock: socket.socket, address: Address) -> int | None:
    """Return the state of connecting: 0 when done, its errno, None while pending."""
    code = sock.connect_ex(address.sockaddr)
    if code in {errno.EALREADY, errno.EINPROGRESS}:
        return None
    return 0 if code == errno.EISCONN else code


def _failed(address: Address, start: int, code: int, detail: str) -> Connected:
    outcome, reason = _OUTCOME.get(code, ("unreachable", Reason.LOCAL_RESOURCE))
    if code == errno.EINVAL and address.ip.startswith("fe80:") and not address.scope:
        detail = f"a link-local address needs its interface: [{address.ip}%eth0]"
    text = detail or _EXPLAINED.get(reason) or errno.errorcode.get(code, str(code))
    end = Mark(now_ns(), "user")
    failed = Failed(reason, f"{address.ip} port {address.port}: {text}")
    return Connected(_attempt(address, start, end, outcome, text, None), start, end, None, failed)


_EXPLAINED = {
    Reason.CONNECT_REFUSED: "refused: the host is up, but nothing listens on the port",
    Reason.CONNECT_RESET: "reset while connecting",
    Reason.CONNECT_UNREACHABLE: "no route to the address",
    Reason.CONNECT_FORBIDDEN: "blocked by the firewall of this machine",
}


def _attempt(
    address: Address,
    start: int,
    end: Mark,
    outcome: AttemptOutcome,
    detail: str,
    info: kernel.TcpInfo | None,
) -> Attempt:
    return Attempt(
        address=address.ip,
        port=address.port,
        family=address.family,
        transport="tcp",
        outcome=outcome,
        seconds=end.since(start),
        clock=end.clock,
        detail=detail,
        # Where a SYN was sent again the kernel may have measured none.
        rtt_seconds=(info.rtt_seconds or None) if info else None,
        rtt_variance_seconds=info.rtt_variance_seconds if info else None,
        path_mtu_bytes=info.path_mtu_bytes if info else None,
        mss_bytes=info.mss_bytes if info else None,
        retransmits=info.retransmits if info else None,
        segments_sent=info.segments_sent if info else None,
    )


async def open_through(carrier: Carrier, address: Address, deadline_ns: int) -> Connected:
    """Connect to ``address`` by ``carrier``, until ``deadline_ns``. Raises CarrierFailed.

    The attempt lasts from our request to the carrier's confirmation: the round trip to it, and its
    own connect.
    """
    stream: CarriedStream | None = None
    failure: Unreached | None = None
    try:
        stream = await carrier.open(address.ip, address.port, deadline_ns)
        start, end = stream.requested.ns, stream.opened
    except Unreached as failed:
        failure, start, end = failed, failed.requested.ns, Mark(now_ns(), "user")
    attempt = Attempt(
        address=address.ip,
        port=address.port,
        family=address.family,
        transport=carrier.transport,
        outcome="open" if failure is None else OUTCOMES.get(failure.reason, "unreachable"),
        seconds=end.since(start),
        clock=end.clock,
        detail=failure.detail if failure is not None else "",
    )
    if stream is not None:
        stream.connect_seconds = attempt.seconds
    return Connected(attempt, start, end, stream, failure)
