"""Jump hosts (``--via``): nested logins, the last of which connects to the target.

The first hop is reached over TCP, or through a proxy, each later one and the target through a
direct-tcpip channel of the hop before. One login at each hop carries all connections of a check.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from msgspec.structs import replace

from seventh.model.failure import Blame, Failed, Reason, UsageError
from seventh.model.netfacts import Hop, NetFacts
from seventh.model.proxy import resolves_here
from seventh.model.target import Target
from seventh.net import resolve
from seventh.net.address import Address
from seventh.net.carrier import Carrier, CarrierFailed, Unreached
from seventh.net.connect import open_tcp, open_through
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ATTEMPT_SECONDS, RESOLVE_SECONDS, ProbeContext
from seventh.net.stopwatch import Timer, now_ns, user_mark
from seventh.net.stream import Stream
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client.auth import GssapiOnlyError, log_in
from seventh.protocols.ssh.client.authenticate_host import exchange_keys, keyscan
from seventh.protocols.ssh.client.conversation import Conversation
from seventh.protocols.ssh.client.credentials import read_credentials
from seventh.protocols.ssh.client.failures import RefusedError, named, refusal_reason
from seventh.protocols.ssh.client.known_hosts import KnownHosts, read_known_hosts
from seventh.protocols.ssh.client.mux import ChannelStream, Mux
from seventh.protocols.ssh.client.session import Session
from seventh.protocols.ssh.facts.login import Trust
from seventh.protocols.ssh.host_alias import resolve_hop
from seventh.wire.address import is_literal
from seventh.wire.text import printable

MAX_HOPS = 8
_JUMP_HOST = "jump host"


async def carry(
    ctx: ProbeContext, hops: tuple[Target, ...], proxy: Carrier | None = None
) -> Carrier:
    """Log in at each of ``hops``, nearest first; return a carrier that opens streams from the last.

    The first is reached through ``proxy``, if there is one. Each hop has phases ``via.*`` with its
    name as their address, and its facts are in ``net.hops``, also after a failure. Raises Failed,
    which names the hop.
    """
    if len(hops) > MAX_HOPS:
        raise UsageError(f"--via: {len(hops)} jump hosts (maximum: {MAX_HOPS})")
    chain = Chain(ctx, read_known_hosts(ctx.options.of(SshOptions).known_hosts), proxy)
    with on_failure(chain.close):
        for hop in hops:
            await chain.extend(hop)
    return chain


class Chain(Carrier):
    """Nested logins."""

    transport = "via"

    def __init__(self, ctx: ProbeContext, known: KnownHosts, proxy: Carrier | None) -> None:
        self._ctx = ctx
        self._proxy = proxy
        self._net = ctx.notes(NetFacts)
        self._known = known
        self._kind = _JUMP_HOST
        self._links: list[Mux] = []
        self._names: list[str] = []
        self._streams: list[Stream] = []
        """The hops' streams; one more than the links during a login."""

    # -- streams to the target -------------------------------------------------------------------

    async def open(self, host: str, port: int, deadline_ns: int) -> ChannelStream:
        """Open a stream from the last hop to ``host``, which the hop resolves."""
        mux, name = self._links[-1], self._names[-1]
        requested = user_mark()
        try:
            return await mux.open_direct(host, port, deadline_ns)
        except RefusedError as error:
            reason = refusal_reason(error.refusal)
            raise Unreached(
                reason,
                f"{host} port {port}: refused by the jump host {name}: {error.refusal.text}",
                requested,
                # Forbidden by the jump host, not by this machine.
                blame=Blame.PEER if reason is Reason.CONNECT_FORBIDDEN else None,
            ) from None
        except Failed as failed:
            if failed.reason is Reason.PEER_SILENT and mux.alive:
                raise Unreached(
                    Reason.CONNECT_TIMEOUT,
                    f"{host} port {port}: the jump host {name} did not connect in time",
                    requested,
                ) from None
            if isinstance(failed, CarrierFailed):
                raise
            raise Unreached(failed.reason, failed.detail, requested, blame=failed.blame) from None

    def close(self) -> None:
        """Close every hop at once; a second call does nothing."""
        for mux in reversed(self._links):
            mux.close(and_stream=True)
        for stream in self._streams[len(self._links) :]:
            stream.close()

    # -- one more hop ----------------------------------------------------------------------------

    async def extend(self, hop: Target, kind: str = _JUMP_HOST) -> Mux:
        """Connect to ``hop`` from the last one and log in there; failures call it a ``kind``."""
        ctx = self._ctx
        self._kind = kind
        name = hop.host if hop.port == 22 else hop.authority
        hop, user, identities = resolve_hop(hop, ctx.options)
        if user is None:
            raise UsageError(
                f"{kind} {name}: user missing: type ssh://USER@{name}, or add --user USER"
            )
        own = replace(ctx.options.of(SshOptions), identities=identities)
        credentials = await read_credentials(ctx.options.having(own), user)
        fact = Hop(host=hop.host, port=hop.port, user=printable(user, 64))
        self._net.learn(hops=(*self._net.facts.hops, fact))
        started = now_ns()
        connect = self._connect_through_last if self._links else self._connect_to_first
        self._streams.append(await connect(hop, name))
        session, trust = await self._open_session(self._streams[-1], hop, name)
        with self._step("via.ssh.auth", name) as timer:
            self._check_trust(trust, hop)
            timer.begin(user_mark())
            try:
                admission = await log_in(session, credentials.for_host(trust))
            except GssapiOnlyError as only:
                if kind == _JUMP_HOST:
                    only.detail += f"; {_through_ssh(user, hop)}"
                raise
            timer.stop(admission.at)
        self._learn(auth_method=admission.method, seconds=admission.at.since(started))
        self._links.append(Mux(session, hop=f"the {kind} {name}"))
        self._names.append(name)
        return self._links[-1]

    async def _connect_through_last(self, hop: Target, name: str) -> Stream:
        with self._step("via.connect", name) as timer:
            stream = await self.open(hop.host, hop.port, self._ctx.budget.within(ATTEMPT_SECONDS))
            timer.begin(stream.requested)
            timer.stop(stream.opened)
        return stream

    async def _connect_to_first(self, hop: Target, name: str) -> Stream:
        """Connect to each address in turn until one accepts."""
        ctx = self._ctx
        failed: Failed | None = None
        for address in await self._addresses(hop, name):
            until = ctx.budget.within(ATTEMPT_SECONDS)
            if self._proxy is None:
                connected = await open_tcp(address, ctx.budget, until, ctx.transcript)
            else:
                connected = await open_through(self._proxy, address, until)
            stream = connected.stream
            ctx.watch.record(
                "via.connect", connected.start_ns, connected.end,
                ok=stream is not None, address=name,
            )  # fmt: skip
            if stream is not None:
                self._learn(address=address.ip if is_literal(address.ip) else "")
                return stream
            failed = connected.failure
        assert failed is not None  # noqa: S101 - there is at least one address, and none accepted
        failed = named(failed, f"the {self._kind} {name}")
        failed.phase = "via.connect"
        raise failed

    async def _addresses(self, hop: Target, name: str) -> tuple[Address, ...]:
        """Resolve the first hop's name on this machine, unless the proxy does."""
        proxy = self._ctx.options.proxy
        if proxy is not None and not resolves_here(proxy):
            return (Address(ip=hop.host, port=hop.port),)
        if hop.is_literal:
            host, _, scope = hop.host.partition("%")
            return (Address(ip=host, port=hop.port, scope=scope),)
        options = self._ctx.options
        if options.resolver is not None:
            resolve.load()
        with self._step("via.resolve", name):
            until = self._ctx.budget.within(RESOLVE_SECONDS)
            addresses, lookups = await resolve.addresses_of(hop.host, hop.port, options, until)
            if not addresses:
                raise resolve.no_address(hop.host, lookups)
            return addresses

    async def _open_session(self, stream: Stream, hop: Target, name: str) -> tuple[Session, Trust]:
        """Exchange identification strings and keys; return what is known of the hop's key."""
        conversation = Conversation(stream)
        with self._step("via.ssh.banner", name) as timer:
            timer.begin(stream.opened)
            _, ident, greeted = await conversation.greet()
            timer.stop(greeted)
            self._learn(software=printable(ident.software, 255))
            if not ident.supports_2:
                raise Failed(
                    Reason.NEGOTIATION_FAILED,
                    f"SSH protocol {ident.protocol_version} only; version 2 is required",
                )
        with self._step("via.ssh.kex", name) as timer:
            timer.begin(greeted)
            trust, newkeys = await exchange_keys(conversation, self._known, hop.host, hop.port)
            timer.stop(newkeys)
            self._learn(host_key=trust.key, host_key_known=trust.status)
            return Session(conversation), trust

    def _check_trust(self, trust: Trust, hop: Target) -> None:
        """Raise Failed (host-key-untrusted) for an unknown key that the options do not accept.

        Such a hop could read and change what passes through it.
        """
        if trust.status != "unknown":
            return
        if self._ctx.options.of(SshOptions).accept_new_host_keys:
            self._learn(host_key_accepted=True)
            accepted = f"{hop.host} port {hop.port}: {trust.key}"
            self._net.learn(accepted_host_keys=(*self._net.facts.accepted_host_keys, accepted))
            return
        why = f" ({trust.detail})" if trust.detail else ""
        raise Failed(
            Reason.HOST_KEY_UNTRUSTED,
            f"host key {trust.key} not in known_hosts{why}, so no connection was made through it; "
            f"compare the key with that on the machine, then run {keyscan(hop.host, hop.port)}, or "
            "add --accept-new-host-keys",
        )

    def _learn(self, **changes: object) -> None:
        """Replace facts of the last hop."""
        *before, last = self._net.facts.hops
        self._net.learn(hops=(*before, replace(last, **changes)))

    @contextlib.contextmanager
    def _step(self, phase: str, name: str) -> Iterator[Timer]:
        """Run a phase of this hop; its failure names the hop."""
        with self._ctx.watch.phase(phase, name) as timer:
            try:
                yield timer
            except Failed as failed:
                raise named(failed, f"the {self._kind} {name}") from None


def _through_ssh(user: str, hop: Target) -> str:
    """Return what to type where only OpenSSH's client can log in."""
    port = "" if hop.port == 22 else f"-p {hop.port} "
    return (
        f"run kinit and ssh -N -D 1080 {port}{user}@{hop.host}, then add "
        "--proxy socks5h://127.0.0.1:1080 instead of --via"
    )
