"""The talk: what a probe is given. It resolves, connects, keeps time, collects what is learnt."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from seventh.model.facts import Facts
from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.netfacts import Attempt, Lookup, NetFacts, differences_of
from seventh.model.options import Options
from seventh.model.phase import Mark
from seventh.model.target import Target
from seventh.net import resolve
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.carrier import Carrier
from seventh.net.connect import Connected, open_tcp, open_through
from seventh.net.datagram import Datagram
from seventh.net.kernel import TcpInfo
from seventh.net.notes import Notes
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream, Transcript
from seventh.wire.address import check_peer_named, is_literal, reach

F = TypeVar("F", bound=Facts)
ATTEMPT_SECONDS = 5.0
"""How long one address may take to accept before it counts as filtered."""
_SPOKEN = {"ipv4": "IPv4", "ipv6": "IPv6"}
Carry = Callable[["ProbeContext"], Awaitable[Carrier]]
"""Makes the carrier of a talk that goes through jump hosts, when it is first needed."""
RESOLVE_SECONDS = 5.0
"""How long the name may take; less when the whole target has less."""


class ProbeContext:
    """One look at one target: its clock, its budget, its connections and what they taught.

    ``facts`` maps a room's name to what was learnt for it. A failure leaves them standing.
    """

    __slots__ = (
        "_addresses", "_attempts", "_carrier", "_carry", "_net", "_opened", "_per_address",
        "_transports", "budget", "facts", "failure", "options", "target", "transcript", "watch",
    )  # fmt: skip

    def __init__(
        self,
        target: Target,
        options: Options,
        *,
        connections: int = 4,
        carry: Carry | None = None,
    ) -> None:
        self.target = target
        self.options = options
        self.watch = Stopwatch()
        self.budget = Budget(options.timeout_seconds)
        self._per_address = connections
        self.facts: dict[str, Facts] = {
            "net": NetFacts(host=target.host, port=target.port),
        }
        self._net = self.notes(NetFacts)
        self.failure: Failed | None = None
        self.transcript: Transcript | None = [] if options.transcript else None
        self._addresses: tuple[Address, ...] | None = None
        self._opened: list[Stream | Datagram] = []
        self._transports: dict[str, Stream] = {}
        self._carry = carry
        self._carrier: Carrier | None = None
        self._attempts: dict[str, int] = {}

    # -- what was learnt -------------------------------------------------------------------------

    def notes(self, kind: type[F]) -> Notes[F]:
        """Return the handle on the facts of ``kind``: read ``facts``, write with ``learn``."""
        return Notes(self.facts, kind)

    def fail(self, failed: Failed) -> None:
        """Note a failure without leaving the probe; the first one is the report's."""
        if self.failure is None:
            self.failure = failed

    def note(self, text: str) -> None:
        """Add a line to the transcript, where one is kept. Never put a secret here."""
        if self.transcript is not None:
            self.transcript.append(f"# {text}")

    def denied(self, tier: int) -> str | None:
        """Return why a step of ``tier`` must not be taken with this target; None when it may.

        Tier 4 asks more of a peer that is not on this machine, so ask after the name is resolved.
        """
        here = bool(self._addresses) and self._carry is None
        loopback = here and all(reach(a.ip) == "loopback" for a in self._addresses or ())
        return self.options.denied(tier, loopback=loopback)

    # -- names -----------------------------------------------------------------------------------

    async def addresses(self) -> tuple[Address, ...]:
        """The target's addresses, resolved once; Failed (a resolve reason) when there are none."""
        if self._addresses is None:
            self._addresses = await self._resolve()
            self._net.learn(addresses=tuple(a.ip for a in self._addresses))
        return self._addresses

    async def _resolve(self) -> tuple[Address, ...]:
        target, options = self.target, self.options
        if self._carry is not None:
            return (Address(ip=target.host, port=target.port),)  # the last hop resolves
        if target.is_literal:
            version = "ipv6" if ":" in target.host else "ipv4"
            if options.family not in {"any", version}:
                raise Failed(
                    Reason.OPTIONS_UNUSABLE,
                    f"{target.host} is no {_SPOKEN[options.family]} address, and no other was "
                    "asked for: leave -4 or -6 out",
                    phase="resolve",
                )
            return (Address(ip=target.host.partition("%")[0], port=target.port,
                            scope=target.host.partition("%")[2]),)  # fmt: skip
        return await self._look_up(target.host, target.port)

    async def _look_up(self, host: str, port: int) -> tuple[Address, ...]:
        options = self.options
        if options.resolver is not None:
            resolve.load()
        until = self.budget.within(min(RESOLVE_SECONDS, 0.8 * options.timeout_seconds))
        with self.watch.phase("resolve"):
            if options.resolver is not None:
                addresses, lookups = await resolve.asked_addresses(
                    host, port, options.family, resolver=options.resolver, deadline_ns=until
                )
            else:
                addresses, lookup = await resolve.system_addresses(
                    host, port, options.family, until
                )
                lookups = (lookup,)
            self._net.learn(lookups=self._net.facts.lookups + lookups)
            if not addresses:
                raise resolve.no_address(host, lookups)
        return addresses

    async def addresses_of(self, host: str, port: int) -> tuple[Address, ...]:
        """Return the addresses of another host that the person has named. Raises Failed."""
        if self._carry is not None or is_literal(host):
            return (Address(ip=host, port=port),)
        return await self._look_up(host, port)

    async def addresses_named(self, asked: str, host: str, port: int) -> tuple[Address, ...]:
        """The addresses of a host that the peer at ``asked`` has named: in a redirect, a referral.

        A name is resolved as the target's is. Raises Failed: a resolve reason, or address-policy
        when any of the addresses is one that this peer may not name. Through jump hosts nobody can
        tell, so nothing is followed.
        """
        if self._carry is not None:
            raise Failed(Reason.ADDRESS_POLICY, f"the peer names {host}: not followed with --via")
        if is_literal(host):
            named: tuple[Address, ...] = (Address(ip=host, port=port),)
        else:
            named = await self._look_up(host, port)
        for address in named:
            check_peer_named(asked, address.ip)
        return named

    @staticmethod
    def prepare_records() -> None:
        """Load what :meth:`records` needs, before phases run that it would hold up."""
        resolve.load()

    async def records(self, name: str, kind: str) -> Lookup:
        """Look up a record; the Lookup joins the network facts. Never raises for the answer."""
        lookup = await resolve.record(
            name, kind, resolver=self.options.resolver, deadline_ns=self.budget.within(5.0)
        )
        self._net.learn(lookups=(*self._net.facts.lookups, lookup))
        return lookup

    # -- connections -----------------------------------------------------------------------------

    async def connect(self) -> Stream:
        """Return a TCP connection to the first address that accepts, tried one after another.

        The failure of the last address is raised when none does. This is the pulse's way.
        """
        failed: Failed | None = None
        for address in await self.addresses():
            connected = await self._open(address)
            if connected.stream is not None:
                return connected.stream
            failed = connected.failure
        assert failed is not None  # noqa: S101 - addresses() never gives an empty tuple
        raise failed

    async def connect_all(self, seconds: float = ATTEMPT_SECONDS) -> list[Stream]:
        """A TCP connection to every address that accepts, tried all at once, in resolver order.

        Every attempt is in the network facts; Failed when no address accepts within ``seconds``.
        This is the check's way: the first stream is the conversation, the others are compared
        with it.
        """
        addresses = await self.addresses()
        tried = await asyncio.gather(*(self._open(a, seconds) for a in addresses))
        # They were noted as they ended; the conversation's, from which metrics are read, is first.
        order = {address.ip: index for index, address in enumerate(addresses)}
        attempts = sorted(
            self._net.facts.attempts, key=lambda attempt: order.get(attempt.address, -1)
        )
        self._net.learn(attempts=tuple(attempts))
        streams = [c.stream for c in tried if c.stream is not None]
        if streams:
            return streams
        raise next(c.failure for c in tried if c.failure is not None)

    async def connect_again(self, address: Address, seconds: float = ATTEMPT_SECONDS) -> Stream:
        """One more connection to ``address``, outside the ``connect`` phase; spends the budget."""
        self.spend(address)
        connected = await self._try(address, seconds)
        if connected.stream is None:
            assert connected.failure is not None  # noqa: S101 - one of the two is always there
            raise connected.failure
        self._opened.append(connected.stream)
        return connected.stream

    def connections_left(self, address: Address) -> int:
        """Return how many more connections this target's budget allows to ``address``."""
        return self._per_address - self._attempts.get(address.ip, 0)

    def grant(self, connections: int) -> None:
        """Allow so many more connections to each address: for steps that the person asked for."""
        self._per_address += connections

    @property
    def carried(self) -> bool:
        """Whether jump hosts carry it, so that nothing but TCP gets through."""
        return self._carry is not None

    def spend(self, address: Address) -> None:
        """Count one connection to ``address``, of TCP or of QUIC.

        Failed (budget-exceeded) where none is left.
        """
        if self.connections_left(address) <= 0:
            raise Failed(
                Reason.BUDGET_EXCEEDED,
                f"the budget of {self._per_address} connections to {address.ip} is spent",
            )
        self._attempts[address.ip] = self._attempts.get(address.ip, 0) + 1

    async def _open(self, address: Address, seconds: float = ATTEMPT_SECONDS) -> Connected:
        self.spend(address)
        connected = await self._try(address, seconds)
        self.watch.record(
            "connect",
            connected.start_ns,
            connected.end,
            ok=connected.stream is not None,
            address=address.ip,
        )
        self._attempted(connected.attempt)
        if connected.failure is not None:
            connected.failure.phase = "connect"
        if connected.stream is not None:
            self._opened.append(connected.stream)
            self._transports[address.ip] = connected.stream
        return connected

    async def _try(self, address: Address, seconds: float = ATTEMPT_SECONDS) -> Connected:
        until = self.budget.within(seconds)
        if self._carry is None:
            return await open_tcp(address, self.budget, until, self.transcript)
        if self._carrier is None:
            self._carrier = await self._carry(self)
        return await open_through(self._carrier, address, until)

    def _attempted(self, attempt: Attempt) -> None:
        self._net.learn(attempts=(*self._net.facts.attempts, attempt))

    def datagram(self, address: Address, *, source_port: int = 0) -> Datagram:
        """Return a UDP socket towards ``address``, from ``source_port`` where one is named.

        UsageError where the talk goes through jump hosts; Failed (local-resource) where the port
        is not to be had.
        """
        if self._carry is not None:
            raise UsageError(
                f"--via carries TCP only: {self.target} is asked by datagrams; leave --via out"
            )
        made = Datagram(address, self.budget, self.transcript, source_port)
        self._opened.append(made)
        return made

    def attempted_datagram(
        self, address: Address, outcome: str, start_ns: int, end: Mark, detail: str = ""
    ) -> None:
        """Note how asking ``address`` by datagram went (open, refused, timeout, unreachable)."""
        self._attempted(
            msgspec.convert(
                {
                    "address": address.ip, "port": address.port, "family": address.family,
                    "transport": "udp", "outcome": outcome, "clock": end.clock, "detail": detail,
                    "seconds": max(0, end.ns - start_ns) / 1e9,
                },
                Attempt,
            )
        )  # fmt: skip

    async def compare(
        self, streams: list[Stream], look: Callable[[Stream], Awaitable[dict[str, str]]]
    ) -> None:
        """Look at each address the same way and note in the network facts what differs.

        ``look`` gives named traits (``{"host key": "SHA256:…"}``); an address whose look fails is
        noted as such and does not end the probe.
        """
        seen: dict[str, dict[str, str]] = {}
        for stream in streams:
            try:
                seen[stream.address.ip] = await look(stream)
            except Failed as failed:
                seen[stream.address.ip] = {"failure": str(failed.reason)}
        self.note_drift(seen)

    def note_drift(self, seen: dict[str, dict[str, str]]) -> None:
        """Note in which traits the addresses differ; ``seen`` has each one's traits."""
        self._net.learn(differences=differences_of(seen), compared=tuple(seen))

    def note_paths(self) -> None:
        """Note the kernel's last word on the path of each connection."""
        for address, stream in self._transports.items():
            if (info := stream.tcp_info()) is not None:
                self._note_path(address, info)

    def note_losses(self) -> None:
        """Note the paths on which TCP sent something again: all that a pulse has time for."""
        for address, stream in self._transports.items():
            if stream.retransmits() and (info := stream.tcp_info()) is not None:
                self._note_path(address, info)

    def _note_path(self, address: str, info: TcpInfo) -> None:
        """Note all but the round trip: how long the server thinks is no part of the first one."""
        attempts = tuple(
            msgspec.structs.replace(
                attempt,
                rtt_variance_seconds=info.rtt_variance_seconds,
                path_mtu_bytes=info.path_mtu_bytes,
                retransmits=info.retransmits,
                segments_sent=info.segments_sent,
            )
            if (attempt.address, attempt.transport, attempt.outcome) == (address, "tcp", "open")
            else attempt
            for attempt in self._net.facts.attempts
        )
        self._net.learn(attempts=attempts)

    def close(self) -> None:
        """Close everything that was opened; closing twice is fine."""
        for opened in self._opened:
            opened.close()
        self._opened.clear()
        if self._carrier is not None:
            self._carrier.close()


@functools.cache
def vantage() -> str:
    """Return where this is measured from: the machine's name."""
    return socket.gethostname()
