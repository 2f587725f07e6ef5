"""A check: everything that a site tells, in one visit.

Its first exchange is a client's own way in: all that TCP carries is offered, and its phases are the
report's. Further versions and temperatures, HTTP/3 and what else is asked come after it, each
bounded by itself, and none of their failures ends the visit.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable

from seventh.model.failure import Failed, Reason
from seventh.model.netfacts import Lookup
from seventh.model.tlsfacts import TlsFacts
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream
from seventh.net.talk import Talk
from seventh.protocols.http import compare, discover, intrusive, redirects, security, transport
from seventh.protocols.http.announced import alt_svc, record_name
from seventh.protocols.http.answering import learn_answer, permit, timed
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts_versions import Advertised, Expectation
from seventh.protocols.http.matrix import Matrix
from seventh.protocols.http.opening import Opened, open_quic, open_stream, speak
from seventh.protocols.http.shape import disappointment
from seventh.protocols.http.site import Site, V
from seventh.protocols.http.url import PORTS, Url
from seventh.protocols.http.versions import ALPN, further, quic_again, quic_cold, tcp
from seventh.web.message import Response
from seventh.wire.text import printable

LAST_SECONDS = 0.15
"""With less than this left of the target's time nothing more is begun."""
_NO_ENTRY = frozenset({400, 401, 403, 495, 496})
"""How HTTP servers turn away a client without a certificate; 495 and 496 are nginx's own."""
# The server as a whole cannot be talked to: more connections would only say the same.
_HOPELESS = frozenset(
    {Reason.TLS_NOT_TLS, Reason.PROTOCOL_MISMATCH, Reason.PEER_SILENT, Reason.BUDGET_EXCEEDED}
)


class Visit:
    """One look at one site."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.site = Site(talk)
        self.matrix = Matrix(self.site)
        self.only: V | None = talk.options.http_version
        self.others: list[Stream] = []
        self.h3: Opened | None = None
        self._record: asyncio.Task[Lookup] | None = None
        self._counting: asyncio.Task[bool] | None = None

    async def run(self) -> None:
        """Look at everything. Raises Failed where the first exchange comes to nothing."""
        site, talk = self.site, self.talk
        permit(talk, site.shape)
        self._files_can_be_used()
        try:
            await self._enter()
            await self._look_around()
        finally:
            for task in (self._record, self._counting):
                if task is not None:
                    task.cancel()
            talk.learn("http", HttpFacts, requests=site.requests)

    def _files_can_be_used(self) -> None:
        """A file that cannot be used is the person's to mend, before any packet."""
        if self.site.secure:
            from seventh.net.tls import context

            context.context(self.talk.options, "lenient")

    # -- the way in --------------------------------------------------------------------------------

    async def _enter(self) -> None:
        talk, site = self.talk, self.site
        if self.only is not None:
            talk.learn("http", HttpFacts, only_version=self.only)
        if site.secure and self.only in {None, "3"} and talk.options.via is None:
            transport.load_quic()
        site.addresses = await talk.addresses()
        if site.secure and not talk.target.is_literal and talk.options.via is None:
            talk.prepare_records()
            name = record_name(talk.target.host, talk.target.port)
            self._record = asyncio.create_task(talk.records(name, "HTTPS"))
        if self.only == "3":
            await self._enter_by_quic()
            return
        first, *self.others = await talk.connect_all()
        rest = tuple(a for a in site.addresses if a != first.address)
        site.addresses = (first.address, *rest)
        opened = await self._shake_hands(first)
        site.best = "2" if opened.version == "2" else "1.1"
        await self._first_exchange(opened)

    async def _enter_by_quic(self) -> None:
        site = self.site
        if not site.secure:
            raise Failed(
                Reason.OPTIONS_UNUSABLE, "HTTP/3 has no http://: write https://", phase="quic"
            )
        log = self.talk.options.qlog_file is not None
        opened = await open_quic(site, site.origin, site.address, log=log)
        site.best = "3"
        self.h3 = opened
        response = await self._ask(opened)
        self.matrix.arrived(opened, response, resolve=self._resolve_seconds())
        self._first_answer(response)

    async def _shake_hands(self, stream: Stream) -> Opened:
        """The first connection; all that TLS tells is noted, of a failed handshake too."""
        site = self.site
        if not site.secure:
            return await open_stream(
                site, site.origin, site.address, (), stream=stream, prior=self.only == "2"
            )
        try:
            return await self._start_tls(stream)
        except Failed as failed:
            failed.phase = failed.phase or "tls"
            if failed.reason not in _HOPELESS:
                await self._hellos()
            raise

    async def _start_tls(self, stream: Stream) -> Opened:
        from seventh.net.tls import handshake, inspect

        site, talk = self.site, self.talk
        name = site.server_name(site.origin)
        alpn = site.alpn if self.only is None else ALPN[self.only]
        start, connect = stream.opened.ns, self._connect_seconds(stream)
        tls = handshake.prepare(
            stream, talk.options, name, alpn=alpn, profile="lenient", staple=True
        )
        try:
            await tls.handshake(talk.watch)
        except Failed as failed:
            inspect.note_handshake(talk, tls, name)
            if "no_application_protocol" not in failed.detail or self.only is not None:
                raise
            # It knows none of ours: once more without, as clients of old did.
            site.alpn = ()
            stream = await talk.connect_again(site.address)
            tls = handshake.prepare(stream, talk.options, name, profile="lenient", staple=True)
            await tls.handshake(talk.watch)
        finally:
            inspect.note_handshake(talk, tls, name)
        refusal = inspect.certificate_failure(talk.learn("tls", TlsFacts))
        if refusal is not None:
            site.distrust(refusal)
            talk.give_up(refusal)
        version = "2" if tls.alpn == "h2" else "1.1"
        if self.only == "2" != version:
            raise Failed(Reason.NEGOTIATION_FAILED, "the server does not choose h2 (ALPN)")
        return Opened(
            connection=speak(version, tls), version=version, address=site.address,
            start_ns=start - int(connect * 1e9), ready_ns=now_ns(), connect_seconds=connect,
            tls_seconds=tls.handshake_seconds, stream=tls, tls=tls,
        )  # fmt: skip

    def _connect_seconds(self, stream: Stream) -> float:
        for attempt in self.talk.net.attempts:
            if attempt.address == stream.address.ip and attempt.outcome == "open":
                return attempt.seconds
        return 0.0

    def _resolve_seconds(self) -> float | None:
        lookups = [look for look in self.talk.net.lookups if look.kind != "HTTPS"]
        return max((look.seconds for look in lookups), default=None)

    async def _ask(self, opened: Opened) -> Response:
        """The first request, its phases the report's."""
        site, talk = self.site, self.talk
        site.rtt_seconds = opened.rtt_seconds
        talk.learn("http", HttpFacts, rtt_seconds=opened.rtt_seconds)
        request = site.request(site.url, method=self.matrix.method, version=opened.version)
        site.spend()
        response = await timed(talk, opened.connection, request, opened.ready_ns)
        opened.used += 1
        opened.idle_since_ns = response.last.ns
        site.remember(request.method, site.url, response)
        learn_answer(talk, site.url, request.method, response, opened.rtt_seconds)
        return response

    async def _first_exchange(self, opened: Opened) -> None:
        """The first answer; where HTTP/2 breaks, the way down to HTTP/1.1 that clients have not."""
        site, matrix = self.site, self.matrix
        try:
            response = await self._ask(opened)
        except Failed as failed:
            self._note_late_refusal(failed)
            if opened.version != "2" or self.only is not None or not site.secure:
                raise
            opened.connection.close()
            matrix.fell("2", failed)
            site.best = "1.1"
            await tcp(matrix, "1.1")
            response = matrix.responses.get("1.1")  # type: ignore[assignment]
            if response is None:
                raise
            learn_answer(self.talk, site.url, matrix.method, response, site.rtt_seconds)
            self._first_answer(response)
            return
        matrix.arrived(opened, response, resolve=self._resolve_seconds())
        self._first_answer(response)
        if opened.tls is not None:
            from seventh.net.tls import inspect

            await further(matrix, opened)
            inspect.note_tickets(self.talk, opened.tls, site.server_name(site.origin))
        else:
            await further(matrix, opened)
        if opened.version == "2":
            await self._step("HTTP/2's settings", transport.look_at_h2(site, opened))

    def _note_late_refusal(self, failed: Failed) -> None:
        if failed.reason is Reason.TLS_CLIENT_CERTIFICATE_REQUIRED:
            self.talk.learn("tls", TlsFacts, client_certificate="required")

    def _first_answer(self, response: Response) -> None:
        """What the first answer's head tells."""
        site, talk = self.site, self.talk
        site.base = response
        if site.secure and self.only is None and talk.options.via is None:
            self._counting = transport.begin_counting(site, talk.target.port)
        services, taken_back = alt_svc(*response.every("alt-svc"))
        talk.learn(
            "http",
            HttpFacts,
            hsts=security.hsts_of(site.origin, response),
            date=security.dated(response),
            advertised=Advertised(alt_svc=services, alt_svc_clear=taken_back),
        )
        tls = talk.learn("tls", TlsFacts) if site.secure else None
        if tls and tls.client_certificate == "optional" and response.status in _NO_ENTRY:
            talk.learn("tls", TlsFacts, client_certificate="refused-later")

    # -- around ------------------------------------------------------------------------------------

    async def _step(self, what: str, doing: Awaitable[None]) -> None:
        """One part of the visit: its failure is noted and goes no further."""
        if self.talk.budget.seconds_left < LAST_SECONDS:
            security.unlearnt(self.site, what, "the target's time was up")
            if asyncio.iscoroutine(doing):
                doing.close()
            return
        try:
            await doing
        except Failed as failed:
            security.unlearnt(self.site, what, f"{failed.reason}: {failed.detail}")

    async def _look_around(self) -> None:
        site = self.site
        await self._step("redirects", self._follow())
        if site.secure:
            await self._further_versions()
            await self._step("TLS's bare hellos", self._hellos())
        await self._step("plain HTTP", self._plain())
        if self.others:
            await self._step("the other addresses", compare.look(site, self.others))
        await self._step("content", self._content())
        await self._step("the request", self._own_request())
        await self._step("permitted tests", intrusive.look(site, self.matrix, self.h3))
        if self._counting is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._counting
        await self._step("keep-alive", transport.look_at_reuse(site, site.pooled_any("1.1")))
        await site.farewell()

    async def _follow(self) -> None:
        """Redirects, unless one of them is what the person expects."""
        site = self.site
        assert site.base is not None  # noqa: S101 - the first answer is there
        expected = site.shape.status
        if expected is None or expected not in redirects.REDIRECTS:
            await redirects.follow(site, site.base)

    async def _further_versions(self) -> None:
        if self.only == "3":
            await self._after_h3()
        if self.only is not None:
            return
        matrix = self.matrix
        for version in ("2", "1.1"):
            if matrix.talk.learn("http", HttpFacts).rung(version) is None:
                await tcp(matrix, version)
        await self._step("HTTP/3", self._http_3())

    async def _http_3(self) -> None:
        """HTTP/3, where it is announced, or answers unannounced."""
        if self.talk.options.via is not None:
            self.matrix.missed("3", "cold", "--via carries TCP only")
            self.matrix.rung("3", "untried", "--via carries TCP only")
            return
        advertised = await discover.announced(self.site, self._record)
        port = discover.port_of(self.site, advertised)
        if port is None:
            self.matrix.missed("3", "cold", "it is announced for another host")
            self.matrix.rung("3", "untried", "it is announced for another host")
            return
        if not advertised.h3 and not await self._answers_unannounced():
            why = "no QUIC packet came back from the UDP port"
            self.matrix.missed("3", "cold", why)
            self.matrix.rung("3", "not-offered", why)
            return
        log = self.talk.options.qlog_file is not None
        self.h3 = await quic_cold(self.matrix, port, log=log)
        await self._after_h3()

    async def _after_h3(self) -> None:
        if self.h3 is not None:
            await quic_again(self.matrix, self.h3)
            await transport.look_at_h3(self.site, self.h3)

    async def _answers_unannounced(self) -> bool:
        return await self._counting if self._counting is not None else False

    async def _hellos(self) -> None:
        """The questions of the TLS room, on connections of this one."""
        from seventh.net.tls import inspect

        site, talk = self.site, self.talk

        async def open_stream() -> Stream:
            return await talk.connect_again(site.address)

        if self.only != "3":
            await inspect.ask_hellos(talk, open_stream, site.server_name(site.origin))

    async def _plain(self) -> None:
        """Plain HTTP: of an http target its own answer, of https what stands on port 80."""
        site, talk = self.site, self.talk
        if site.secure:
            if (talk.target.port, talk.options.via) == (PORTS["https"], None):
                await security.look_at_clear(site, PORTS["http"])
            return
        first = self.matrix.responses[site.best]
        chain = talk.learn("http", HttpFacts).redirects
        clear = security.clear_of(site.url, first, site.address, chain)
        talk.learn("http", HttpFacts, clear=clear)
        if site.best == "1.1":
            opened = site.pooled("1.1") or await site.opened(site.origin, "1.1", fresh=True)
            await security.offer_upgrade(site, opened, Url(site.origin, site.url.path))

    async def _content(self) -> None:
        from seventh.protocols.http import content_probe

        await content_probe.look(self.talk, self.site)

    async def _own_request(self) -> None:
        """The person's request, and whether its answer is what was expected."""
        site, shape = self.site, self.site.shape
        response = self.matrix.responses.get(site.best) or next(
            iter(self.matrix.responses.values())
        )
        if shape.method != self.matrix.method:
            opened = await site.opened(site.origin, site.best)
            try:
                response = await site.exchange(
                    opened, site.url, method=shape.method, body=shape.body
                )
            except Failed as failed:
                self.talk.give_up(failed)
                raise
        failed_expectation = disappointment(shape, response)
        self.talk.learn(
            "http",
            HttpFacts,
            expectation=Expectation(
                method=shape.method,
                status=shape.status,
                json=printable(shape.json or "", 200),
                met=failed_expectation is None,
                detail=failed_expectation.detail if failed_expectation is not None else "",
            ),
        )
        if failed_expectation is not None:
            self.talk.give_up(failed_expectation)
