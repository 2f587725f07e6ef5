"""Jump hosts: logins one inside the other, the last of which connects for us (``--via``).

The first hop is reached over TCP, each further one through a direct-tcpip channel of the one
before, and so is the target. One login at each hop carries all connections of a check.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from msgspec.structs import replace

from seventh.model.failure import Blame, Failed, Reason, UsageError
from seventh.model.netfacts import Hop, Lookup, NetFacts
from seventh.model.phase import Mark
from seventh.model.target import Target
from seventh.net import resolve
from seventh.net.address import Address
from seventh.net.carrier import Carrier
from seventh.net.connect import open_tcp
from seventh.net.probe_context import ATTEMPT_SECONDS, RESOLVE_SECONDS, ProbeContext
from seventh.net.stopwatch import Timer, now_ns
from seventh.net.stream import Stream
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client.auth import log_in
from seventh.protocols.ssh.client.authenticate_host import keyscan, trust_in
from seventh.protocols.ssh.client.conversation import (
    Conversation,
    offer_for,
    our_proposal,
    readable_offer,
)
from seventh.protocols.ssh.client.credentials import gather
from seventh.protocols.ssh.client.known_hosts import KnownHosts, read_known_hosts
from seventh.protocols.ssh.client.mux import ChannelStream, Mux
from seventh.protocols.ssh.client.mux_failures import CarrierFailed, RefusedError, refusal_reason
from seventh.protocols.ssh.client.session import Session
from seventh.protocols.ssh.facts.login import Trust
from seventh.protocols.ssh.host_alias import resolve_hop
from seventh.wire.text import printable

MAX_HOPS = 8


async def carry(ctx: ProbeContext, hops: tuple[Target, ...]) -> Carrier:
    """Log in at each of ``hops``, nearest first; the carrier opens streams from the last.

    Every hop's steps are phases ``via.*`` with the hop as their address, and what is learnt of it
    is in ``net.hops`` even when it does not let us through. Raises Failed, which names the hop.
    """
    if len(hops) > MAX_HOPS:
        raise UsageError(f"--via names {len(hops)} jump hosts; {MAX_HOPS} are the most")
    chain = Chain(ctx, read_known_hosts(ctx.options.of(SshOptions).known_hosts))
    try:
        for hop in hops:
            await chain.extend(hop)
    except BaseException:
        chain.close()
        raise
    return chain


class Chain(Carrier):
    """Logins one inside the other."""

    def __init__(self, ctx: ProbeContext, known: KnownHosts) -> None:
        self._ctx = ctx
        self._net = ctx.notes(NetFacts)
        self._known = known
        self._links: list[Mux] = []
        self._names: list[str] = []
        self._begun: list[Stream] = []
        """The hops' streams; one more than the links while a hop is being logged in to."""

    # -- what it carries -------------------------------------------------------------------------

    async def open(self, host: str, port: int, deadline_ns: int) -> ChannelStream:
        """Return a stream from the last hop to ``host``, which the hop resolves."""
        mux, name = self._links[-1], self._names[-1]
        try:
            return await mux.open_direct(host, port, deadline_ns)
        except RefusedError as error:
            reason = refusal_reason(error.refusal)
            raise Failed(
                reason,
                f"{host} port {port}: the jump host {name} says {error.refusal.text}",
                # What is forbidden here is forbidden by the jump host, not by this machine.
                blame=Blame.PEER if reason is Reason.CONNECT_FORBIDDEN else None,
            ) from None
        except Failed as failed:
            if failed.reason is Reason.PEER_SILENT and mux.alive:
                raise Failed(
                    Reason.CONNECT_TIMEOUT,
                    f"{host} port {port}: the jump host {name} has not connected in time",
                ) from None
            raise

    def close(self) -> None:
        """Let go of every hop at once; closing twice is fine."""
        for mux in reversed(self._links):
            mux.close(and_stream=True)
        for stream in self._begun[len(self._links) :]:
            stream.close()

    # -- one hop more ----------------------------------------------------------------------------

    async def extend(self, hop: Target) -> None:
        """Reach ``hop`` from the end of the chain and log in there."""
        ctx = self._ctx
        name = hop.host if hop.port == 22 else hop.authority
        hop, user, identities = resolve_hop(hop, ctx.options)
        if user is None:
            raise UsageError(
                f"the jump host {name} needs a user: write ssh://USER@{name} or --user USER"
            )
        own = replace(ctx.options.of(SshOptions), identities=identities)
        credentials = await gather(ctx.options.having(own), user)
        self._net.learn(hops=(*self._net.facts.hops, _hop(hop, user)))
        started = now_ns()
        self._begun.append(await (self._from_last(hop, name) if self._links else
                                  self._dial(hop, name)))  # fmt: skip
        session, trust = await self._greet(self._begun[-1], hop, name)
        with self._step("via.ssh.auth", name) as timer:
            self._accept(trust, hop)
            timer.begin(Mark(now_ns(), "user"))
            admission = await log_in(session, credentials.for_host(trust))
            timer.stop(admission.at)
        self._learn(auth_method=admission.method, seconds=max(0, admission.at.ns - started) / 1e9)
        self._links.append(Mux(session, hop=f"the jump host {name}"))
        self._names.append(name)

    async def _from_last(self, hop: Target, name: str) -> Stream:
        with self._step("via.connect", name) as timer:
            stream = await self.open(hop.host, hop.port, self._ctx.budget.within(ATTEMPT_SECONDS))
            timer.begin(stream.asked)
            timer.stop(stream.opened)
        return stream

    async def _dial(self, hop: Target, name: str) -> Stream:
        """Connect from here: each address in turn, until one accepts."""
        ctx = self._ctx
        failed: Failed | None = None
        for address in await self._addresses(hop, name):
            until = ctx.budget.within(ATTEMPT_SECONDS)
            connected = await open_tcp(address, ctx.budget, until, ctx.transcript)
            stream = connected.stream
            ctx.watch.record(
                "via.connect", connected.start_ns, connected.end,
                ok=stream is not None, address=name,
            )  # fmt: skip
            if stream is not None:
                self._learn(address=address.ip)
                return stream
            failed = connected.failure
        assert failed is not None  # noqa: S101 - there is at least one address, and none accepted
        named = _named(failed, name)
        named.phase = "via.connect"
        raise named

    async def _addresses(self, hop: Target, name: str) -> tuple[Address, ...]:
        """Resolved here: nobody else is there yet to do it."""
        if hop.is_literal:
            host, _, scope = hop.host.partition("%")
            return (Address(ip=host, port=hop.port, scope=scope),)
        options = self._ctx.options
        if options.resolver is not None:
            resolve.load()
        with self._step("via.resolve", name):
            until = self._ctx.budget.within(RESOLVE_SECONDS)
            lookups: tuple[Lookup, ...]
            if options.resolver is None:
                addresses, lookup = await resolve.system_addresses(
                    hop.host, hop.port, options.family, until
                )
                lookups = (lookup,)
            else:
                addresses, lookups = await resolve.asked_addresses(
                    hop.host, hop.port, options.family,
                    resolver=options.resolver, deadline_ns=until,
                )  # fmt: skip
            if not addresses:
                raise resolve.no_address(hop.host, lookups)
            return addresses

    async def _greet(self, stream: Stream, hop: Target, name: str) -> tuple[Session, Trust]:
        """Identification strings and keys; what the known hosts say of the hop's key."""
        conversation = Conversation(stream)
        with self._step("via.ssh.banner", name) as timer:
            timer.begin(stream.opened)
            _, ident, greeted = await conversation.greet()
            timer.stop(greeted)
            self._learn(software=printable(ident.software, 255))
            if not ident.supports_2:
                raise Failed(Reason.NEGOTIATION_FAILED, f"speaks SSH {ident.protocol_version}")
        with self._step("via.ssh.kex", name) as timer:
            timer.begin(greeted)
            every = our_proposal().server_host_key_algorithms
            ours = readable_offer(offer_for(self._known.algorithms(hop.host, hop.port, every)))
            theirs, _ = await conversation.offers(ours)
            conversation.agree(ours, theirs.offer)
            timer.stop(await conversation.exchange_keys())
            trust = trust_in(conversation, self._known, hop.host, hop.port)
            self._learn(host_key=trust.key, host_key_known=trust.status)
            return Session(conversation), trust

    def _accept(self, trust: Trust, hop: Target) -> None:
        """Go on through a hop with an unknown key only where the options permit it.

        Failed with host-key-untrusted otherwise: whatever goes through it could be read or changed.
        """
        if trust.status != "unknown":
            return
        if self._ctx.options.of(SshOptions).accept_new_host_keys:
            self._learn(host_key_accepted=True)
            accepted = f"{hop.host} port {hop.port}: {trust.key}"
            self._net.learn(accepted_host_keys=(*self._net.facts.accepted_host_keys, accepted))
            return
        said = f" ({trust.detail})" if trust.detail else ""
        raise Failed(
            Reason.HOST_KEY_UNTRUSTED,
            f"its host key {trust.key} is not in known_hosts{said}, so nothing goes through it; "
            f"compare the key with the machine's own, then: {keyscan(hop.host, hop.port)}; "
            "or --accept-new-host-keys",
        )

    def _learn(self, **changes: object) -> None:
        """Replace fields of the hop that is being reached."""
        *before, last = self._net.facts.hops
        self._net.learn(hops=(*before, replace(last, **changes)))

    @contextlib.contextmanager
    def _step(self, phase: str, name: str) -> Iterator[Timer]:
        """Yield a phase of this hop, whose failure names the hop."""
        with self._ctx.watch.phase(phase, name) as timer:
            try:
                yield timer
            except Failed as failed:
                raise _named(failed, name) from None


def _hop(hop: Target, user: str) -> Hop:
    return Hop(host=hop.host, port=hop.port, user=printable(user, 64))


def _named(failed: Failed, name: str) -> Failed:
    """Return the failure with the hop's name, unless it names an earlier one already."""
    if isinstance(failed, CarrierFailed):
        return CarrierFailed(failed.reason, failed.detail, blame=failed.blame)
    return CarrierFailed(
        failed.reason, f"the jump host {name}: {failed.detail}", blame=failed.blame
    )
