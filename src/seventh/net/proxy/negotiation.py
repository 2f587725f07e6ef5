"""The bytes before a tunnel, and the failures that they end in."""

from __future__ import annotations

import contextlib

from seventh.model.failure import Blame, Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.model.proxy import is_socks
from seventh.model.target import Target
from seventh.net.address import Address
from seventh.net.carrier import CarrierFailed, Unreached
from seventh.net.proxy.refusals import Meaning
from seventh.net.stopwatch import Stopwatch, user_mark
from seventh.net.stream import Stream
from seventh.wire.identify import identify
from seventh.wire.text import quoted

AUTH, CONNECT = "proxy.auth", "connect"
"""The phases of a negotiation."""
IDENTIFY_SECONDS = 0.5
"""How long to collect the first bytes of what is no proxy, to name what it speaks."""
_IDENTIFIABLE = 12
_URLS = {"HTTP": "http://", "TLS": "https://", "SOCKS5": "socks5h://"}


class Negotiation:
    """The bytes before a tunnel, and the failures that they end in."""

    def __init__(
        self, proxy: Target, stream: Stream, to: Address, watch: Stopwatch, until: int
    ) -> None:
        self.stream = stream
        self.to = to
        self.stage = AUTH
        self.requested = user_mark()
        """When the latest message was sent: in the end, the request for the tunnel."""
        self._proxy = proxy
        self._watch = watch
        self._until = until
        self._begun: Mark | None = None
        self._first = b""
        """The first bytes that the proxy sent."""
        self._answering = False
        """Whether a part of its answer has come."""

    async def send(self, data: bytes) -> None:
        """Send a message."""
        try:
            self.requested = await self.stream.send(data)
        except Failed as failed:
            raise self._broken(failed) from None
        self._begun = self._begun or self.requested
        self._answering = False

    async def receive(self) -> tuple[bytes, Mark]:
        """Return the next bytes, at least one."""
        try:
            data, at = await self.stream.receive(self._until)
        except Failed as failed:
            raise self._broken(failed) from None
        if not data:
            raise self._broken(
                Failed(Reason.PEER_CLOSED, "the connection was closed without an answer")
            )
        if len(self._first) < _IDENTIFIABLE:
            self._first += data[:_IDENTIFIABLE]
        self._answering = True
        return data, at

    def logged_in(self, at: Mark) -> None:
        """End the phase of the login."""
        self._record_auth(at, ok=True)
        self.stage = CONNECT

    @property
    def _name(self) -> str:
        return f"the proxy {self._proxy}"

    # -- failures ----------------------------------------------------------------------------------

    def refused(self, meaning: Meaning, at: Mark) -> Failed:
        """Return the failure for a refusal that came at ``at``."""
        name, to = self._name, self.to
        if meaning.is_login:
            return self._failed_in_auth(meaning.reason, f"{name} {meaning.text}", at)
        if meaning.reason is Reason.PROXY_MISMATCH:
            return self._failed(meaning.reason, f"{name} {meaning.text}")
        detail = f"{to.ip} port {to.port} through {name}: {meaning.text}"
        return self._failed(meaning.reason, detail, meaning.blame)

    async def not_understood(self, violation: ProtocolViolation) -> Failed:
        """Return the failure for bytes that the codec does not accept."""
        name = self._name
        start, wanted = (b"\x05", "a SOCKS5") if is_socks(self._proxy) else (b"HTTP/", "an HTTP")
        if self._first.startswith(start):
            return self._failed(Reason.PROXY_FAILED, f"{name}: {violation.detail}")
        with contextlib.suppress(Failed):
            until = min(self._until, self.stream.budget.within(IDENTIFY_SECONDS))
            while len(self._first) < _IDENTIFIABLE:
                data, _ = await self.stream.receive(until)
                if not data:
                    break
                self._first += data[:_IDENTIFIABLE]
        found = "SOCKS5" if self._first.startswith(b"\x05") else identify(self._first)
        hint = f"; write {_URLS[found]} if it is a proxy" if found in _URLS else ""
        said = found or quoted(self._first[:_IDENTIFIABLE])
        return self._failed(
            Reason.PROXY_MISMATCH,
            f"{name} answers with {said}, not as {wanted} proxy{hint}",
        )

    def _broken(self, failed: Failed) -> Failed:
        """Return the failure for a connection that was lost, or that is silent."""
        name, to = self._name, self.to
        if failed.reason is Reason.LOCAL_RESOURCE:
            return failed
        if failed.reason is Reason.PEER_SILENT and self.stage is CONNECT and not self._answering:
            waited = user_mark().since(self.requested)
            return self._failed(
                Reason.CONNECT_TIMEOUT,
                f"{to.ip} port {to.port} through {name}: no answer to CONNECT for {waited:.1f} s; "
                "the target does not answer the proxy, or the proxy hangs",
            )
        if (is_socks(self._proxy) and self.stage is CONNECT and not self._answering
                and failed.reason in {Reason.PEER_CLOSED, Reason.PEER_RESET}):  # fmt: skip
            return self._failed(
                Reason.PROXY_FAILED,
                f"{to.ip} port {to.port} through {name}: closed without a reply to CONNECT; some "
                "proxies do so if they cannot connect (ssh -D, for one)",
            )
        hint = ""
        if not self._first:
            hint = "; if it is a SOCKS proxy, write socks5h://"
            if is_socks(self._proxy):
                hint = "; if it is an HTTP proxy, write http://"
        return self._failed(Reason.PROXY_FAILED, f"{name}: {failed.detail}{hint}")

    def _failed(self, reason: Reason, detail: str, blame: Blame | None = None) -> Failed:
        if self.stage is AUTH:
            return self._failed_in_auth(reason, detail, user_mark())
        return Unreached(reason, detail, self.requested, blame=blame)

    def _failed_in_auth(self, reason: Reason, detail: str, at: Mark) -> Failed:
        self._record_auth(at, ok=False)
        return CarrierFailed(reason, detail, phase=AUTH)

    def _record_auth(self, at: Mark, *, ok: bool) -> None:
        begun = self._begun or at
        self._watch.record(AUTH, begun.ns, at, ok=ok, address=self.stream.address.ip)
