"""The context of a probe: it resolves, connects, measures time and collects facts."""

from __future__ import annotations

import functools
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from seventh.model.facts import Facts
from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.netfacts import Attempt, AttemptOutcome, Lookup, NetFacts, differences_of
from seventh.model.options import Options
from seventh.model.phase import Mark
from seventh.model.proxy import proxy_facts
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.net import resolve
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.carrier import Carrier
from seventh.net.connect import Connected, open_tcp, open_through
from seventh.net.datagram import Datagram
from seventh.net.kernel import BlackHole, TcpInfo
from seventh.net.mailbox import OpenMailbox, ReadMessage
from seventh.net.notes import Notes
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream, Transcript
from seventh.net.wait import all_of
from seventh.wire.address import check_peer_named, is_literal, reach

F = TypeVar("F", bound=Facts)
ATTEMPT_SECONDS = 5.0
"""How long one address may take to accept before it counts as filtered."""
_FAMILY_NAMES = {"ipv4": "IPv4", "ipv6": "IPv6"}
Carry = Callable[["ProbeContext"], Awaitable[Carrier]]
"""Makes the carrier, a proxy or a chain of jump hosts, when it is first needed."""
CheckPart = Callable[[Target, tuple[Address, ...]], Awaitable[Report]]
"""Checks another target as this one is checked, at those addresses; a pulse has none."""
RESOLVE_SECONDS = 5.0
"""How long the name may take; less when the whole target has less."""


class ProbeContext:
    """One check of one target: its stopwatch, budget, connections and facts.

    ``facts`` maps a protocol's name to its facts, which a failure does not discard.
    """

    __slots__ = (
        "_addresses", "_attempts", "_carrier", "_carry", "_extended", "_net", "_opened",
        "_per_address", "_transports", "budget", "check_part", "facts", "failure",
        "open_mailbox", "options", "parts", "read_message", "target", "transcript", "watch",
    )  # fmt: skip

    def __init__(
        self, target: Target, options: Options, *, connections: int = 4, carry: Carry | None = None
    ) -> None:
        self.target = target
        self.options = options
        self.watch = Stopwatch()
        self.budget = Budget(options.timeout_seconds)
        self._per_address = connections
        self.facts: dict[str, Facts] = {
            "net": NetFacts(host=target.host, port=target.port, proxy=proxy_facts(options.proxy)),
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
        self._extended = False
        self.open_mailbox: OpenMailbox | None = None
        self.read_message: ReadMessage | None = None
        self.check_part: CheckPart | None = None
        self.parts: list[Report] = []
        """The reports of the targets that were given to ``check_part``."""

    # -- what was learnt -------------------------------------------------------------------------

    def notes(self, kind: type[F]) -> Notes[F]:
        """Return the handle on the facts of ``kind``: read ``facts``, write with ``learn``."""
        return Notes(self.facts, kind)

    def fail(self, failed: Failed) -> None:
        """Record a failure without leaving the probe; the report has the first one."""
        if self.failure is None:
            self.failure = failed

    def note(self, text: str) -> None:
        """Add a line to the transcript, where one is kept. Never a secret."""
        if self.transcript is not None:
            self.transcript.append(f"# {text}")

    def denied(self, tier: int) -> str | None:
        """Return why a step of ``tier`` is not permitted for this target, or None.

        Tier 4 asks more of a peer that is not on this machine, so ask after the name is resolved.
        """
        direct = bool(self._addresses) and self._carry is None
        loopback = direct and all(reach(a.ip) == "loopback" for a in self._addresses or ())
        return self.options.denied(tier, loopback=loopback)

    # -- names -----------------------------------------------------------------------------------

    async def addresses(self) -> tuple[Address, ...]:
        """Return the target's addresses, resolved once; raises Failed when there are none."""
        if self._addresses is None:
            self._addresses = await self._resolve()
            self._net.learn(addresses=tuple(a.ip for a in self._addresses))
        return self._addresses

    def pin(self, addresses: tuple[Address, ...]) -> None:
        """Have the target's name resolved already, unless something else resolves names."""
        if self.resolves:
            self._addresses = addresses
            self._net.learn(addresses=tuple(a.ip for a in addresses))

    async def _resolve(self) -> tuple[Address, ...]:
        target, options = self.target, self.options
        if not self.resolves:
            return (Address(ip=target.host, port=target.port),)
        if target.is_literal:
            version = "ipv6" if ":" in target.host else "ipv4"
            if options.family not in {"any", version}:
                raise Failed(
                    Reason.OPTIONS_UNUSABLE,
                    f"{target.host} is not an {_FAMILY_NAMES[options.family]} address: "
                    "remove -4 or -6",
                    phase="resolve",
                )
            return (Address(ip=target.host.partition("%")[0], port=target.port,
                            scope=target.host.partition("%")[2]),)  # fmt: skip
        return await self._resolve_host(target.host, target.port)

    async def _resolve_host(self, host: str, port: int) -> tuple[Address, ...]:
        options = self.options
        if options.resolver is not None:
            resolve.load()
        until = self.budget.within(min(RESOLVE_SECONDS, 0.8 * options.timeout_seconds))
        with self.watch.phase("resolve"):
            addresses, lookups = await resolve.addresses_of(host, port, options, until)
            self._net.learn(lookups=self._net.facts.lookups + lookups)
            if not addresses:
                raise resolve.no_address(host, lookups)
        return addresses

    async def addresses_of(self, host: str, port: int) -> tuple[Address, ...]:
        """Return the addresses of another host that the user has named. Raises Failed."""
        if not self.resolves or is_literal(host):
            return (Address(ip=host, port=port),)
        return await self._resolve_host(host, port)

    async def addresses_named(self, peer: str, host: str, port: int) -> tuple[Address, ...]:
        """Return the addresses of a host to which ``peer`` refers, as in a redirect.

        A name is resolved as the target's is. Raises Failed: a resolve reason, or address-policy
        when this peer must not refer to any of them. Through jump hosts and proxies their reach is
        unknown, so nothing is followed.
        """
        if self.carried:
            raise Failed(
                Reason.ADDRESS_POLICY, f"the peer refers to {host}: not followed with {self.route}"
            )
        if is_literal(host):
            named: tuple[Address, ...] = (Address(ip=host, port=port),)
        else:
            named = await self._resolve_host(host, port)
        for address in named:
            check_peer_named(peer, address.ip)
        return named

    @staticmethod
    def prepare_records() -> None:
        """Load what :meth:`records` needs, before a phase that loading would lengthen."""
        resolve.load()

    async def records(self, name: str, kind: str) -> Lookup:
        """Look up a record and add the Lookup to the network facts; its outcome raises nothing."""
        lookup = await resolve.record(
            name, kind, resolver=self.options.resolver, deadline_ns=self.budget.within(5.0)
        )
        self._net.learn(lookups=(*self._net.facts.lookups, lookup))
        return lookup

    # -- connections -----------------------------------------------------------------------------

    async def connect(self, addresses: tuple[Address, ...] = ()) -> Stream:
        """Connect to ``addresses`` in turn, the target's by default; return the first connection.

        Raises the failure of the last address when none accepts. For pulses.
        """
        failed: Failed | None = None
        for address in addresses or await self.addresses():
            connected = await self._open(address)
            if connected.stream is not None:
                return connected.stream
            failed = connected.failure
        assert failed is not None  # noqa: S101 - addresses() never gives an empty tuple
        raise failed

    async def connect_all(self, seconds: float = ATTEMPT_SECONDS) -> list[Stream]:
        """Connect to all addresses at once, and return the connections in resolver order.

        Every attempt is in the network facts; Failed when no address accepts within ``seconds``.
        For checks: the first stream is the main one, the others are compared
        with it.
        """
        addresses = await self.addresses()
        await self._begin_carrying()
        tried = await all_of(self._open(a, seconds) for a in addresses)
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
        """Open one more connection to ``address``, outside the ``connect`` phase."""
        self.spend(address)
        connected = await self._try(address, seconds)
        if connected.stream is None:
            assert connected.failure is not None  # noqa: S101 - one of the two is always there
            raise connected.failure
        self._opened.append(connected.stream)
        return connected.stream

    def connections_left(self, address: Address) -> int:
        """Return how many more connections to ``address`` the budget allows."""
        return self._per_address - self._attempts.get(address.ip, 0)

    def grant(self, connections: int) -> None:
        """Allow more connections to each address, for steps that the user requested."""
        self._per_address += connections

    @property
    def holds(self) -> bool:
        """Whether idle connections are to be held: --hold, which is tier 4."""
        return self.options.hold_seconds > 0 and self.denied(4) is None

    def extend(self) -> None:
        """Add the hold's time to the target's, once: nothing else may use it."""
        if not self._extended:
            self._extended = True
            self.budget.deadline_ns += int(self.options.held_seconds * 1e9)

    def extend_for_parts(self) -> None:
        """Give the check the time of a target once more, from now on."""
        until = Budget(self.options.timeout_seconds).deadline_ns
        self.budget.deadline_ns = max(self.budget.deadline_ns, until)

    @property
    def carried(self) -> bool:
        """Whether connections go through jump hosts or a proxy, which carry TCP only."""
        return self._carry is not None

    @property
    def route(self) -> str:
        """The option by which connections are carried, for messages."""
        return "--via" if self.options.via or self.options.proxy is None else "--proxy"

    @property
    def resolves(self) -> bool:
        """Whether names are resolved by this machine, and not by what carries the connections."""
        return self._carry is None or self.options.resolves_here

    def spend(self, address: Address) -> None:
        """Count one connection to ``address``, of TCP or of QUIC.

        Failed (budget-exceeded) where none is left.
        """
        if self.connections_left(address) <= 0:
            raise Failed(
                Reason.BUDGET_EXCEEDED,
                f"the limit of {self._per_address} connections to {address.ip} is reached",
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
        await self._begin_carrying()
        until = self.budget.within(seconds)
        if self._carrier is None:
            return await open_tcp(address, self.budget, until, self.transcript)
        return await open_through(self._carrier, address, until)

    async def _begin_carrying(self) -> None:
        """Make the carrier, if there is to be one."""
        if self._carry is not None and self._carrier is None:
            self._carrier = await self._carry(self)

    def _attempted(self, attempt: Attempt) -> None:
        self._net.learn(attempts=(*self._net.facts.attempts, attempt))

    def datagram(self, address: Address, *, source_port: int = 0) -> Datagram:
        """Return a UDP socket to ``address``, from ``source_port`` if given.

        Raises UsageError with jump hosts or a proxy, and Failed (local-resource) where the port is
        not available.
        """
        if self.carried:
            raise UsageError(
                f"{self.route} carries TCP only, and {self.target} uses UDP: remove {self.route}"
            )
        made = Datagram(address, self.budget, self.transcript, source_port)
        self._opened.append(made)
        return made

    def attempted_datagram(
        self, address: Address, outcome: AttemptOutcome, start_ns: int, end: Mark, detail: str = ""
    ) -> None:
        """Record the outcome of a UDP request (open, refused, timeout, unreachable)."""
        self._attempted(
            Attempt(
                address=address.ip, port=address.port, family=address.family, transport="udp",
                outcome=outcome, clock=end.clock, detail=detail, seconds=end.since(start_ns),
            )
        )  # fmt: skip

    def note_lost_datagrams(self, address: Address) -> None:
        """Record that full-size datagrams to ``address`` are lost, while smaller ones arrive."""
        self._change_open(address.ip, "udp", black_hole="sent")

    async def compare(
        self, streams: list[Stream], read_traits: Callable[[Stream], Awaitable[dict[str, str]]]
    ) -> None:
        """Apply ``read_traits`` to each address and record in the network facts what differs.

        ``read_traits`` gives named traits (``{"host key": "SHA256:…"}``); an address for which
        it fails is recorded as failed and does not end the probe.
        """
        traits: dict[str, dict[str, str]] = {}
        for stream in streams:
            try:
                traits[stream.address.ip] = await read_traits(stream)
            except Failed as failed:
                traits[stream.address.ip] = {"failure": str(failed.reason)}
        self.note_drift(traits)

    def note_drift(self, traits: dict[str, dict[str, str]]) -> None:
        """Record the traits in which the addresses differ; ``traits`` has those of each."""
        self._net.learn(differences=differences_of(traits), compared=tuple(traits))

    def note_paths(self) -> None:
        """Record the kernel's latest state of the path of each connection."""
        for address, stream in self._transports.items():
            if (info := stream.tcp_info()) is not None:
                self._note_path(address, info, stream.black_hole())

    def note_losses(self) -> None:
        """Record the segments of each path; that is cheap enough for a pulse."""
        for address, stream in self._transports.items():
            if (info := stream.tcp_info()) is not None:
                self._note_path(address, info)

    def _note_path(self, address: str, info: TcpInfo, hole: BlackHole | None = None) -> None:
        """Record all but the round trip, which later includes the server's own delays."""
        self._change_open(
            address, "tcp", black_hole=hole, rtt_variance_seconds=info.rtt_variance_seconds,
            path_mtu_bytes=info.path_mtu_bytes, retransmits=info.retransmits,
            segments_sent=info.segments_sent,
        )  # fmt: skip

    def _change_open(self, address: str, transport: str, **changes: object) -> None:
        """Change the attempts at ``address`` that succeeded."""
        attempts = tuple(
            msgspec.structs.replace(attempt, **changes)
            if (attempt.address, attempt.transport, attempt.outcome) == (address, transport, "open")
            else attempt
            for attempt in self._net.facts.attempts
        )
        self._net.learn(attempts=attempts)

    def again(self) -> ProbeContext:
        """Return a context of the same target for a further connection; the caller closes it.

        For verbs that run for days: names are resolved again, and what a connection leaves goes
        with its context.
        """
        return ProbeContext(
            self.target, self.options, connections=self._per_address, carry=self._carry
        )

    def close(self) -> None:
        """Close everything that was opened; idempotent."""
        for opened in self._opened:
            opened.close()
        self._opened.clear()
        if self._carrier is not None:
            self._carrier.close()


@functools.cache
def vantage() -> str:
    """Return the name of this machine, from which is measured."""
    return socket.gethostname()
