"""One verified connection of a verb to the broker, over which packets go both ways for days."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import Any, NamedTuple

from seventh.model.failure import Failed, Reason, UsageError
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.mqtt.client.causes import disconnected, refused
from seventh.protocols.mqtt.client.connection import Connection, Login
from seventh.protocols.mqtt.client.endpoint import ANSWER_SECONDS, Endpoint
from seventh.protocols.mqtt.client.login import given_login
from seventh.protocols.mqtt.facts import Limits
from seventh.protocols.mqtt.probe import limits_of
from seventh.protocols.mqtt.wire.encode import encode
from seventh.protocols.mqtt.wire.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Suback,
    Subscribe,
    Subscription,
    Version,
)
from seventh.protocols.mqtt.wire.properties import NONE, Properties
from seventh.protocols.mqtt.wire.reasons import Code

MAX_PACKET_BYTES = 16 << 20
RECEIVE_MAXIMUM = 200
KEEPALIVE_SECONDS = 30
SECURE = frozenset({"mqtts", "mqtt+wss"})
_ENDLESS_BYTES = 1 << 62
_GRACE_SECONDS = 0.1
"""How long a PINGRESP may take that is here, if this process was busy elsewhere."""
_FOREVER = 0xFFFFFFFF
_PASSING = frozenset(
    {
        Reason.RESOLVE_TIMEOUT, Reason.RESOLVE_FAILED, Reason.CONNECT_REFUSED,
        Reason.CONNECT_TIMEOUT, Reason.CONNECT_RESET, Reason.CONNECT_UNREACHABLE,
        Reason.PEER_CLOSED, Reason.PEER_RESET, Reason.PEER_SILENT, Reason.BUDGET_EXCEEDED,
        Reason.PROXY_UNREACHABLE, Reason.PROXY_FAILED,
    }
)  # fmt: skip
"""Failures that may be over at the next attempt …"""
_BUSY = frozenset({Code.SERVER_BUSY, Code.SERVER_UNAVAILABLE, Code.CONNECTION_RATE_EXCEEDED,
                   Code.QUOTA_EXCEEDED, Code.SERVER_SHUTTING_DOWN})  # fmt: skip


def may_pass(failed: Failed) -> bool:
    """Return whether the next attempt may succeed without a change by a person."""
    return failed.reason in _PASSING or isinstance(failed, Busy)


class Busy(Failed):
    """… and a broker that has too much to do."""


class Client(NamedTuple):
    """Whom the broker sees."""

    id: str
    session_seconds: int
    """How long the broker keeps the session after the connection; 0 ends an earlier one."""
    version: Version | None = None
    """None: 5, or 3.1.1 if the broker lacks it."""
    clean: bool = False
    """Whether an earlier session is ended first."""


def random_id() -> str:
    """Return a client id of 23 letters and digits, which every broker has to accept."""
    return f"seventh{secrets.token_hex(8)}"


def login_of(ctx: ProbeContext, version: Version = 5) -> Login | None:
    """Return the user with the password, or the token, if given. Raises UsageError."""
    options, scheme = ctx.options, ctx.target.scheme
    if options.user is None and options.token_file is None:
        return None
    if scheme not in SECURE and not options.allow_plaintext:
        what = "password" if options.token_file is None else "token"
        raise UsageError(
            f"{scheme}:// would send the {what} in clear: use {scheme}s://, or --allow-plaintext"
        )
    return given_login(ctx, version)


class Link:
    """An accepted connection. It sends PINGREQ as its keep alive requires."""

    def __init__(self, ctx: ProbeContext, connection: Connection, connack: Connack) -> None:
        self._ctx = ctx
        self._connection = connection
        self.version = connection.version
        self.session_present = connack.session_present
        self.limits = limits_of(connack.properties) if self.version == 5 else Limits()
        given = self.limits.keep_alive_seconds
        self._keepalive_ns = int((given if given is not None else KEEPALIVE_SECONDS) * 1e9)
        self._sent_ns = now_ns()
        self._pinged_ns: int | None = None
        self._pings = 0
        self.answered_pings = 0
        self._reading: asyncio.Task[list[Packet]] | None = None

    async def send(self, *packets: Packet) -> None:
        """Send packets. Raises Failed."""
        if not packets:
            return
        self._sent_ns = now_ns()
        await self._connection.stream.send(
            b"".join(encode(packet, self.version) for packet in packets)
        )

    async def ping(self) -> int:
        """Send a PINGREQ; return how many have then to be answered for it to be.

        Its PINGRESP shows that the broker has read all that was sent before.
        """
        self._pinged_ns = self._pinged_ns or now_ns()
        self._pings += 1
        await self.send(Pingreq())
        return self._pings

    async def receive(self, wake: asyncio.Event | None, seconds: float) -> list[Packet]:
        """Return packets; none after ``wake`` or ``seconds``. Raises Failed."""
        if self._reading is None:
            until = self._ctx.budget.deadline_ns
            self._reading = asyncio.ensure_future(self._connection.receive_all(until))
            self._reading.add_done_callback(_noted)
        waiting: set[asyncio.Future[Any]] = {self._reading}
        waking = asyncio.ensure_future(wake.wait()) if wake is not None else None
        if waking is not None:
            waiting.add(waking)
        try:
            await asyncio.wait(
                waiting,
                timeout=min(seconds, self._seconds_left()),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            if waking is not None:
                waking.cancel()
        if not self._reading.done() and self._seconds_left() <= 0:
            await asyncio.wait((self._reading,), timeout=_GRACE_SECONDS)
        if not self._reading.done():
            await self._stay_alive()
            return []
        packets, self._reading = self._reading.result(), None
        return [packet for packet in packets if self._concerns_others(packet)]

    def _seconds_left(self) -> float:
        """Return until when the next PINGREQ, or the PINGRESP, is due."""
        if self._pinged_ns is not None:
            return max(0.0, ANSWER_SECONDS - (now_ns() - self._pinged_ns) / 1e9)
        if not self._keepalive_ns:
            return ANSWER_SECONDS
        return max(0.0, (self._sent_ns + self._keepalive_ns - now_ns()) / 1e9)

    async def _stay_alive(self) -> None:
        if self._seconds_left() > 0:
            return
        if self._pinged_ns is not None:
            raise Failed(
                Reason.PEER_SILENT, f"no PINGRESP from the broker for {ANSWER_SECONDS:g} s"
            )
        if self._keepalive_ns:
            await self.ping()

    def _concerns_others(self, packet: Packet) -> bool:
        """Take note of a packet that is about the connection. Raises Failed for its end."""
        if isinstance(packet, Disconnect):
            raise disconnected(packet.code, packet.properties.reason_string or "")
        if isinstance(packet, Pingresp):
            self._pinged_ns = None
            self.answered_pings += 1
            return False
        return True

    async def subscribe(
        self, subscriptions: tuple[Subscription, ...]
    ) -> tuple[Suback, list[Packet]]:
        """Subscribe; return the SUBACK, and packets that came before it. Raises Failed."""
        await self.send(Subscribe(packet_id=1, subscriptions=subscriptions))
        before: list[Packet] = []
        started = now_ns()
        while (now_ns() - started) / 1e9 < ANSWER_SECONDS:
            packets = await self.receive(None, ANSWER_SECONDS)
            for index, packet in enumerate(packets):
                if isinstance(packet, Suback):
                    return packet, [*before, *packets[index + 1 :]]
                before.append(packet)
        raise Failed(Reason.PEER_SILENT, f"no SUBACK from the broker for {ANSWER_SECONDS:g} s")

    async def close(self, session_seconds: int | None = None) -> None:
        """Disconnect; with ``session_seconds``, set how long the session is kept from now on."""
        with contextlib.suppress(Failed):
            await self._connection.disconnect(session_seconds)
        self.abort()

    def abort(self) -> None:
        """Close without DISCONNECT; idempotent."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._ctx.close()


async def connect(ctx: ProbeContext, client: Client) -> Link:
    """Return an accepted connection; TLS has to be valid. Raises Failed, UsageError."""
    versions: tuple[Version, ...] = (client.version,) if client.version else (5, 4)
    for version in versions:
        login = login_of(ctx, version)  # read again: a token in its file may be a new one
        link, failed = await _try(ctx.again(), client, login, version)
        if link is not None:
            return link
        if version == versions[-1] or failed.reason not in {
            Reason.NEGOTIATION_FAILED, Reason.PEER_CLOSED,
        }:  # fmt: skip
            raise failed
    raise AssertionError


async def _try(
    ctx: ProbeContext, client: Client, login: Login | None, version: Version
) -> tuple[Link | None, Failed]:
    """Return the connection; None with the failure if the broker does not accept it."""
    ctx.budget.allow_bytes(_ENDLESS_BYTES)
    with on_failure(ctx.close):
        endpoint = Endpoint(ctx)
        below = await ctx.connect()
        endpoint.use(below.address)
        stream = await endpoint.open_verified(below)
        stream.expect_silence()
        connection = Connection(ctx, stream, version, MAX_PACKET_BYTES)
        try:
            answer = await connection.connect(_packet(client, login, version), endpoint.until)
        except Failed as failed:
            failed.phase = failed.phase or "mqtt.connack"
            if failed.reason is not Reason.PEER_CLOSED:
                raise
            ctx.close()
            return None, failed
        connack = answer.packet
        assert isinstance(connack, Connack)  # noqa: S101 - what was awaited
        if not connack.code.failed:
            return Link(ctx, connection, connack), Failed(Reason.INTERNAL, "")
        cause = refused(
            connack.code, connack.properties.reason_string or "", with_login=login is not None
        )
        cause.phase = "mqtt.connack"
        if connack.code in _BUSY:
            cause = Busy(cause.reason, cause.detail, phase=cause.phase)
        ctx.close()
        return None, cause


def _packet(client: Client, login: Login | None, version: Version) -> Connect:
    seconds = client.session_seconds
    properties = NONE
    if version == 5:
        properties = Properties(
            receive_maximum=RECEIVE_MAXIMUM, maximum_packet_bytes=MAX_PACKET_BYTES,
            session_expiry_seconds=min(seconds, _FOREVER) or None,
        )  # fmt: skip
    return Connect(
        client_id=client.id, version=version, clean_start=client.clean or not seconds,
        keepalive_seconds=KEEPALIVE_SECONDS, properties=properties,
        user=login.user if login else None, password=login.password if login else None,
    )  # fmt: skip


def _noted(reading: asyncio.Task[list[Packet]]) -> None:
    """Take note of a failure after which nobody reads: closing is what led to it."""
    if not reading.cancelled():
        reading.exception()


class Backoff:
    """How long to wait before each further attempt: longer each time, and never the same."""

    FIRST, LAST = 0.5, 30.0

    def __init__(self) -> None:
        self._next = self.FIRST

    def seconds(self) -> float:
        """Return the pause before the next attempt, in seconds."""
        pause, self._next = self._next, min(self.LAST, 2 * self._next)
        return pause * (0.5 + secrets.randbelow(1001) / 1000)

    def reset(self) -> None:
        """Begin again, after a connection was accepted."""
        self._next = self.FIRST
