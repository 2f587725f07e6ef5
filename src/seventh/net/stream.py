"""Streams: ordered bytes to and from a peer, with the instant at which they arrived.

A :class:`Stream` is anything that carries bytes in order. :class:`TcpStream` is the bottom;
:class:`seventh.net.tls.stream.TlsStream` stands on any Stream, so TLS starts in place after a
STARTTLS, runs inside another TLS, or through whatever later room tunnels bytes.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import errno
import re
import socket
from typing import Self

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.model.target import without_credentials
from seventh.net import kernel, shortage
from seventh.net.address import Address
from seventh.net.budget import Budget, Meter, TimeIsUp
from seventh.net.stopwatch import now_ns
from seventh.net.wait import DeadlineError, readable, writable

CHUNK = 65536
STRETCH_NS = 10_000_000
"""After so long without a wait the loop gets its turn, and the time is looked at: a peer that sends
faster than we read would hold up both for ever."""
_LOOK_NS = 100_000_000
"""How often the kernel is asked whether a keepalive was acknowledged: it does not tell."""
_REPEATED_NS = 2_500_000_000
"""By then a peer has sent a lost segment again three times."""
Transcript = list[str]


class Stream(abc.ABC):
    """Ordered bytes in both directions."""

    address: Address
    opened: Mark
    """When the connection was there: where a phase begins that waits for the peer to speak."""
    connect_seconds: float | None = None
    """How long connecting took; None where nobody measured it."""

    @abc.abstractmethod
    async def send(self, data: bytes) -> Mark:
        """Send ``data``, and return the instant just before its first byte."""

    @abc.abstractmethod
    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return the next bytes, at least one, and their arrival; ``b""`` at the end.

        Raises Failed: peer-silent at the deadline, budget-exceeded, peer-reset.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Close at once; idempotent."""

    async def aclose(self) -> None:
        """Close, after a closing message where the protocol has one."""
        self.close()

    @property
    @abc.abstractmethod
    def budget(self) -> Budget:
        """The limits for this peer."""

    def expect_silence(self) -> None:
        """Stop enforcing a minimum rate: the peer may be silent."""
        return

    def expect_answers(self) -> None:
        """Enforce the minimum rate again."""
        return

    def tcp_info(self) -> kernel.TcpInfo | None:
        """Return the kernel's view of the path, the last one where the stream is closed.

        None where there is no kernel socket of our own.
        """
        return None

    def own_ip(self) -> str | None:
        """Return the address of our end; None without a kernel socket of our own."""
        return None

    def retransmits(self) -> int:
        """Return how many segments TCP has retransmitted; 0 without a kernel socket of our own."""
        return 0

    def black_hole(self) -> kernel.BlackHole | None:
        """Return whose full-size segments are lost while smaller ones arrive; None if none are."""
        return None

    async def keepalive(self) -> None:
        """Have TCP ask whether the peer still has the connection (RFC 9293 §3.8.4).

        Raises Failed: peer-silent without an acknowledgement, peer-reset; options-unusable without
        a kernel socket of our own that can.
        """
        raise Failed(Reason.OPTIONS_UNUSABLE, "TCP keepalives cannot be sent on this connection")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TcpStream(Stream):
    """TCP on a non-blocking socket, with kernel receive timestamps where there are any."""

    __slots__ = ("_budget", "_closed_ns", "_gap_ns", "_last_info", "_last_ns", "_meter",
                 "_overdue_ns", "_silent_since_ns", "_sock", "_transcript", "_waited_ns",
                 "address", "opened")  # fmt: skip

    def __init__(
        self,
        sock: socket.socket,
        address: Address,
        budget: Budget,
        transcript: Transcript | None = None,
        opened: Mark | None = None,
    ) -> None:
        self._sock = sock
        self.opened = opened or Mark(now_ns(), "user")
        self.address = address
        self._budget = budget
        self._meter = Meter(budget.max_bytes)
        self._transcript = transcript
        self._waited_ns = now_ns()
        """When a read last waited; from then on the loop has had no turn."""
        self._overdue_ns = 0
        """When reading without a pause was last interrupted: deadlines before it have passed."""
        self._last_info = b""
        self._closed_ns = 0
        self._last_ns = 0
        """When bytes came last, since our own last ones; 0 where none have."""
        self._gap_ns = 0
        """The longest time between two such arrivals."""
        self._silent_since_ns = 0
        """When the wait began in which nothing has come; 0 where something has."""

    @property
    def budget(self) -> Budget:
        """The limits for this peer."""
        return self._budget

    @property
    def received_bytes(self) -> int:
        """How many bytes the peer has sent."""
        return self._meter.received

    async def send(self, data: bytes) -> Mark:
        """Hand ``data`` to the kernel; raises Failed (peer-reset) without a connection."""
        if self._transcript is not None:
            note(self._transcript, ">", data)
        mark = Mark(now_ns(), "user")
        self._last_ns = self._gap_ns = 0
        view = memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view) :]
            except BlockingIOError:
                try:
                    await writable(self._sock, self._budget.deadline_ns)
                except DeadlineError:
                    raise Failed(Reason.PEER_SILENT, "the peer stopped reading") from None
            except OSError as error:
                raise broken(error) from None
        return mark

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return the next bytes and the kernel's instant of their arrival."""
        until = self._budget.deadline_ns
        if deadline_ns is not None and deadline_ns < until:
            until = deadline_ns
        if until <= self._overdue_ns:
            raise self._time_is_up()
        silent: Failed | None = None
        while True:
            try:
                data, ancillary, _, _ = self._sock.recvmsg(CHUNK, kernel.ANCILLARY_BYTES)
            except BlockingIOError:
                if silent is not None:
                    raise silent from None
                silent = await self._wait(until)
                continue
            except OSError as error:
                raise broken(error) from None
            mark = kernel.arrival(ancillary)
            if self._transcript is not None:
                note(self._transcript, "<", data)
            self._meter.charge(len(data))
            now = now_ns()
            self._gap_ns = max(self._gap_ns, now - self._last_ns) if self._last_ns else 0
            self._last_ns = now if data else 0
            if now - self._waited_ns > STRETCH_NS:
                # A peer that never pauses must not keep the loop, nor outlive the deadline.
                await asyncio.sleep(0)
                self._waited_ns = self._overdue_ns = now_ns()
            return data, mark

    def _time_is_up(self) -> Failed:
        return TimeIsUp(
            Reason.BUDGET_EXCEEDED,
            f"timed out after {self._meter.received} bytes while the peer was still sending",
        )

    async def _wait(self, until: int) -> Failed | None:
        """Wait for bytes; return the failure to raise if the deadline passed without any.

        A loop that comes late may find both: the deadline, and bytes that were here in time.
        """
        started = now_ns()
        self._silent_since_ns = self._silent_since_ns or started
        try:
            await readable(self._sock, until)
        except DeadlineError:
            waited = (now_ns() - started) / 1e9
            # Bytes came in pieces, and the next piece was not overdue yet.
            if waited * 1e9 < 2 * self._gap_ns and until == self._budget.deadline_ns:
                return self._time_is_up()
            after = f" after {self._meter.received} bytes" if self._meter.received else ""
            return Failed(Reason.PEER_SILENT, f"no data from the peer for {waited:.1f} s{after}")
        else:
            self._silent_since_ns = 0
            return None
        finally:
            self._waited_ns = now_ns()
            self._meter.waited_ns += self._waited_ns - started

    def expect_silence(self) -> None:
        """Stop enforcing a minimum rate."""
        self._meter.patient = True

    def expect_answers(self) -> None:
        """Enforce the minimum rate again."""
        self._meter.ask_rate()

    def tcp_info(self) -> kernel.TcpInfo | None:
        """Return the kernel's view of the path now, or when the socket was closed."""
        return kernel.tcp_info(self._last_info or kernel.read_tcp_info(self._sock))

    def own_ip(self) -> str | None:
        """Return the address of our end."""
        return str(self._sock.getsockname()[0])

    def retransmits(self) -> int:
        """Return how many segments TCP has retransmitted; 0 without a kernel socket of our own."""
        return kernel.retransmits(self._last_info or kernel.read_tcp_info(self._sock))

    def black_hole(self) -> kernel.BlackHole | None:
        """Return whose full-size segments are lost while smaller ones arrive; None if none are."""
        info = self.tcp_info()
        if info is None:
            return None
        if info.stuck:
            return "sent"
        end = self._closed_ns or now_ns()
        silent = self._silent_since_ns and end - self._silent_since_ns >= _REPEATED_NS
        return "received" if silent and info.out_of_order else None

    async def keepalive(self) -> None:
        """Have TCP ask whether the peer still has the connection; see :meth:`Stream.keepalive`."""
        if not kernel.keep_alive(self._sock):
            await super().keepalive()
        begun, until = now_ns(), self._budget.within(kernel.KEEPALIVE_SECONDS)
        while now_ns() < until:
            try:
                await readable(self._sock, min(until, now_ns() + _LOOK_NS))
            except DeadlineError:
                pass
            else:
                # An error, mostly: a reset, or that nothing was acknowledged.
                if not (await self.receive(until))[0]:
                    raise Failed(Reason.PEER_CLOSED, "the peer closed the connection")
            info = self.tcp_info()
            if info is not None and info.heard_seconds < (now_ns() - begun) / 1e9:
                return
        raise Failed(Reason.PEER_SILENT, "TCP keepalives were not acknowledged")

    def close(self) -> None:
        """Close the socket; what the peer still sends is dropped."""
        self._last_info = self._last_info or kernel.read_tcp_info(self._sock)
        self._closed_ns = self._closed_ns or now_ns()
        with contextlib.suppress(OSError):
            self._sock.close()


def broken(error: OSError) -> Failed:
    """Return the failure for an error of an established connection."""
    if shortage.is_ours(error):
        return shortage.short(error, "buffer")
    if error.errno in {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED}:
        return Failed(Reason.PEER_RESET, "the peer reset the connection")
    if error.errno == errno.ETIMEDOUT:
        return Failed(
            Reason.PEER_SILENT, "the connection timed out: segments were not acknowledged"
        )
    if error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
        return Failed(Reason.CONNECT_UNREACHABLE, error.strerror or "unreachable")
    return Failed(Reason.LOCAL_RESOURCE, f"socket error: {error.strerror or error}")


TRANSCRIPT_LINES = 400
_SHOWN = 96
_LOOKED_AT = 16384
_CREDENTIAL_FIELD = re.compile(
    r"(?im)^((?:proxy-)?authorization:[ \t]*(?:[\w-]+[ \t]+)?|cookie:[ \t]*|x-api-key:[ \t]*)"
    r"[^\r\n]+"
)
_REQUEST = re.compile(r"[!-~]+ [!-~]+ HTTP/1\.[01]\r\n")
_PERSONAL_FIELD = re.compile(
    r"(?im)^(?!(?:accept|accept-encoding|accept-language|cache-control|connection|content-length|"
    r"content-type|early-data|expect|host|if-match|if-modified-since|if-none-match|keep-alive|"
    r"origin|range|sec-websocket-[a-z]+|te|transfer-encoding|upgrade|user-agent):)"
    r"([!#$%&'*+.^_`|~0-9a-z-]+:[ \t]*)[^\r\n]+"
)
"""Any other field of a request: its value may come from a file or the environment, a secret."""


def note(transcript: Transcript, direction: str, data: bytes) -> None:
    """Add one line to a transcript; binary is shown as hex, and long data is cut."""
    if len(transcript) >= TRANSCRIPT_LINES:
        return
    if not data:
        transcript.append(f"{direction} (closed)")
        return
    text = data[:_SHOWN]
    if all(32 <= byte < 127 or byte in b"\r\n\t" for byte in text):
        # Credentials go before the cut: half of one is still one.
        plain = without_credentials(data[:_LOOKED_AT].decode("latin-1"))
        plain = _CREDENTIAL_FIELD.sub(r"\1…", plain)
        if direction == ">" and _REQUEST.match(plain):
            plain = _PERSONAL_FIELD.sub(r"\1…", plain)
        plain = plain[:_SHOWN]
        shown = plain.encode("unicode_escape").decode("ascii").replace("\\u2026", "…")
    else:
        shown = text.hex(" ", 2)
    more = f" … {len(data)} bytes" if len(data) > _SHOWN else ""
    transcript.append(f"{direction} {shown}{more}")
