"""Proxies (``--proxy``): CONNECT over HTTP or HTTPS, and SOCKS5. Each stream has its own tunnel.

What a proxy says of the target is an Unreached; its own faults are a CarrierFailed, after which
nothing is known of the target. Negotiations are in no transcript: they contain the login.
"""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.failure import (
    NO_TLS_AT_ALL,
    Blame,
    Failed,
    ProtocolViolation,
    Reason,
    UsageError,
)
from seventh.model.netfacts import NetFacts
from seventh.model.phase import Mark
from seventh.model.proxy import is_socks
from seventh.model.target import Target
from seventh.net import resolve, secrets
from seventh.net.address import Address
from seventh.net.carrier import Carrier, CarrierFailed
from seventh.net.connect import open_tcp
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import RESOLVE_SECONDS, ProbeContext
from seventh.net.proxy import refusals
from seventh.net.proxy.negotiation import AUTH, CONNECT, Negotiation
from seventh.net.proxy.tunnel import Proof, TunnelStream
from seventh.net.stopwatch import Stopwatch, now_ns
from seventh.net.stream import Stream
from seventh.net.wait import DeadlineError, bounded
from seventh.wire import http_connect, socks5
from seventh.wire.socks5 import Socks5, Step
from seventh.wire.text import printable

_SHOWN_SOFTWARE = 80
_OTHER = frozenset({Reason.TLS_NOT_TLS, Reason.PROTOCOL_MISMATCH})
"""Failures of a handshake that show another protocol."""


async def carry(ctx: ProbeContext, proxy: Target) -> ProxyCarrier:
    """Return the carrier through ``proxy``, whose name is resolved now.

    Raises CarrierFailed, and UsageError for an unusable file of ``--proxy-auth-file``.
    """
    login = _read_login(ctx.options.proxy_auth_file, proxy)
    return ProxyCarrier(ctx, proxy, login, await _addresses(ctx, proxy))


def _read_login(file: str | None, proxy: Target) -> tuple[bytes, bytes] | None:
    if file is None:
        return None
    user, password = secrets.read_login(file)
    login = user.encode(), password.reveal()
    if is_socks(proxy) and max(map(len, login)) > socks5.MAX_LOGIN_BYTES:
        raise UsageError(
            f"{password.source}: SOCKS5 allows {socks5.MAX_LOGIN_BYTES} bytes for the user and for "
            "the password"
        )
    return login


async def _addresses(ctx: ProbeContext, proxy: Target) -> tuple[Address, ...]:
    if proxy.is_literal:
        host, _, scope = proxy.host.partition("%")
        return (Address(ip=host, port=proxy.port, scope=scope),)
    if ctx.options.resolver is not None:
        resolve.load()
    with ctx.watch.phase("proxy.resolve", proxy.host):
        until = ctx.budget.within(RESOLVE_SECONDS)
        addresses, lookups = await resolve.addresses_of(proxy.host, proxy.port, ctx.options, until)
        if not addresses:
            none = resolve.no_address(proxy.host, lookups)
            raise CarrierFailed(Reason.PROXY_UNREACHABLE, f"the proxy {proxy}: {none.detail}",
                                blame=none.blame)  # fmt: skip
    return addresses


class ProxyCarrier(Carrier):
    """Connections through one proxy."""

    transport = "proxy"

    def __init__(
        self,
        ctx: ProbeContext,
        proxy: Target,
        login: tuple[bytes, bytes] | None,
        addresses: tuple[Address, ...],
    ) -> None:
        self._ctx = ctx
        self._proxy = proxy
        self._name = f"the proxy {proxy}"
        self._proof = Proof(self._name)
        self._login = login
        self._addresses = addresses
        self._timed = False
        self._negotiate = self._by_socks5 if is_socks(proxy) else self._by_connect

    async def open(self, host: str, port: int, deadline_ns: int) -> TunnelStream:
        """Return a new tunnel; only the phases of the first are in the report."""
        watch, self._timed = Stopwatch() if self._timed else self._ctx.watch, True
        stream = await self._connect(watch, deadline_ns)
        with on_failure(stream.close):
            address = Address(ip=host, port=port)
            talk = Negotiation(self._proxy, stream, address, watch, deadline_ns)
            tunnel = await self._negotiate(talk)
        self._ctx.note(f"tunnel to {host} port {port} through {self._name}")
        return tunnel

    def close(self) -> None:
        """Do nothing: every tunnel is closed by its own stream."""

    # -- the connection to the proxy ---------------------------------------------------------------

    async def _connect(self, watch: Stopwatch, until: int) -> Stream:
        """Connect to each address in turn until one accepts; later connections use that one."""
        failed: Failed | None = None
        for tried, address in enumerate(self._addresses):
            now = now_ns()
            share = now + (until - now) // (len(self._addresses) - tried)
            connected = await open_tcp(address, self._ctx.budget, share)
            stream = connected.stream
            watch.record("proxy.connect", connected.start_ns, connected.end,
                         ok=stream is not None, address=address.ip)  # fmt: skip
            if stream is not None:
                self._addresses = (address,)
                self._learn(address=address.ip)
                return await self._start_tls(stream, watch, until)
            failed = connected.failure
        assert failed is not None  # noqa: S101 - there is at least one address, and none accepted
        raise CarrierFailed(
            Reason.PROXY_UNREACHABLE,
            f"{self._name}: {failed.detail}",
            phase="proxy.connect",
            blame=Blame.PROXY if failed.blame is Blame.PEER else failed.blame,
        )

    async def _start_tls(self, stream: Stream, watch: Stopwatch, until: int) -> Stream:
        """Start TLS with an https:// proxy; its certificate has to be valid, as for any client."""
        if self._proxy.scheme != "https":
            return stream
        from seventh.net.tls.handshake import start_tls

        # The client certificate is for the target.
        options = self._ctx.options.replace(cert_file=None, key_file=None)
        handshake = start_tls(stream, options, self._proxy.host, watch=watch,
                              alpn=("http/1.1",), phase="proxy.tls")  # fmt: skip
        try:
            return await bounded(handshake, max(0, until - now_ns()) / 1e9)
        except DeadlineError:
            failed = Failed(Reason.PEER_SILENT, "the TLS handshake did not end in time")
        except Failed as error:
            failed = error
        reason, hint = Reason.PROXY_TLS, ""
        if failed.reason in NO_TLS_AT_ALL:
            hint = "; if it is a proxy without TLS, write http://"
            reason = Reason.PROXY_MISMATCH if failed.reason in _OTHER else reason
        raise CarrierFailed(reason, f"{self._name}: {failed.detail}{hint}", phase="proxy.tls")

    def _learn(self, **changes: object) -> None:
        """Replace facts of the proxy."""
        net = self._ctx.notes(NetFacts)
        if net.facts.proxy is not None:
            net.learn(proxy=replace(net.facts.proxy, **changes))

    # -- the tunnel --------------------------------------------------------------------------------

    async def _by_connect(self, talk: Negotiation) -> TunnelStream:
        talk.stage = CONNECT
        reader = http_connect.ReplyReader()
        await talk.send(http_connect.request(_authority(talk.to), self._login))
        reply, at = None, talk.requested
        while reply is None:
            data, at = await talk.receive()
            try:
                reply = reader.feed(data)
            except ProtocolViolation as violation:
                raise await talk.not_understood(violation) from None
        self._learn(software=_software(reply))
        if not reply.opens:
            logged_in = self._login is not None
            meaning = refusals.of_reply(reply, talk.to.port, logged_in=logged_in)
            raise talk.refused(meaning, at)
        if page := refusals.page_of(reply):
            raise talk.refused(refusals.web_server(f"a page ({page})"), at)
        self._learn(auth_method="basic" if self._login is not None else "none")
        return self._tunnel(talk, at, reader.rest)

    async def _by_socks5(self, talk: Negotiation) -> TunnelStream:
        codec = Socks5(talk.to.ip, talk.to.port, self._login)
        await talk.send(codec.begin())
        while True:
            data, at = await talk.receive()
            try:
                answer = codec.feed(data)
            except ProtocolViolation as violation:
                raise await talk.not_understood(violation) from None
            if codec.refusal is not None:
                meaning = refusals.of_refusal(
                    codec.refusal, self._proxy, talk.to.ip, logged_in=self._login is not None
                )
                raise talk.refused(meaning, at)
            if codec.step is Step.OPEN:
                return self._tunnel(talk, at, codec.rest)
            if codec.step is Step.REPLY and talk.stage is AUTH:
                talk.logged_in(at)
                self._learn(auth_method="password" if codec.uses_login else "none")
            if answer:
                await talk.send(answer)

    def _tunnel(self, talk: Negotiation, opened: Mark, rest: bytes) -> TunnelStream:
        return TunnelStream(talk, opened, rest, self._proof, self._ctx.transcript)


def _authority(to: Address) -> str:
    return f"[{to.ip}]:{to.port}" if ":" in to.ip else f"{to.ip}:{to.port}"


def _software(reply: http_connect.Reply) -> str:
    said = reply.get("proxy-agent") or reply.get("server") or reply.get("via")
    return printable(said, _SHOWN_SOFTWARE)
