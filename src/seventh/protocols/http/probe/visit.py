"""The whole check of a site.

The first exchange is that of a client: all versions over TCP are offered, and its phases are the
report's. Further versions and temperatures, HTTP/3 and all other steps follow, each bounded by
itself, and none of their failures ends the check.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from seventh.model.alert import Alert
from seventh.model.failure import NO_TLS_AT_ALL, Failed, Reason
from seventh.model.netfacts import NetFacts
from seventh.net.probe_context import ATTEMPT_SECONDS, ProbeContext
from seventh.net.stream import Stream
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.client.connect import Opened, in_clear, on_tls
from seventh.protocols.http.client.origin import ALPN, Site, V
from seventh.protocols.http.facts.alternatives import Advertised
from seventh.protocols.http.probe import (
    addresses,
    client_certificate,
    hsts,
    intrusive,
    redirects,
    transport,
    upload,
)
from seventh.protocols.http.probe.first_response import (
    exchange_in_clear,
    learn_answer,
    permit,
    record,
    timed,
)
from seventh.protocols.http.probe.http3 import Http3
from seventh.protocols.http.probe.matrix import Matrix
from seventh.protocols.http.probe.versions import further, tcp, warm
from seventh.protocols.http.wire.alt_svc import alt_svc
from seventh.protocols.http.wire.url import PORTS, Url
from seventh.web.message import Response

LAST_SECONDS = 0.15
"""With less than this left of the target's time no further step is started."""


class Visit:
    """One check of one site."""

    def __init__(self, ctx: ProbeContext) -> None:
        self.ctx = ctx
        self.site = Site(ctx)
        self.matrix = Matrix(self.site)
        self.only: V | None = ctx.options.of(HttpOptions).http_version
        self.others: list[Stream] = []
        self.h3 = Http3(self.matrix)
        self.tcp = True
        """Whether any address accepts TCP."""

    async def run(self) -> None:
        """Run every step. Raises Failed where the first exchange fails."""
        site, ctx = self.site, self.ctx
        permit(ctx, site.template)
        self._load_files()
        try:
            await self._enter()
            await self._further_checks()
        finally:
            self.h3.stop()
            site.notes.learn(requests=site.requests)

    def _load_files(self) -> None:
        """Fail before any packet where a certificate or key file cannot be used."""
        if self.site.secure:
            from seventh.net.tls import context

            context.context(self.ctx.options, "lenient")

    # -- first exchange ----------------------------------------------------------------------------

    async def _enter(self) -> None:
        ctx, site = self.ctx, self.site
        if self.only is not None:
            site.notes.learn(only_version=self.only)
        if site.secure:
            transport.load(quic=self.only in {None, "3"} and not ctx.carried)
        await site.resolve()
        if site.secure and not ctx.carried:
            self.h3.begin_record()
        if self.only == "3":
            response = await self._ask(await self.h3.enter())
            assert self.h3.opened is not None  # noqa: S101 - just entered
            self.matrix.arrived(self.h3.opened, response, resolve=self._resolve_seconds())
            self._learn_first(response)
            await warm(self.matrix, self.h3.opened)
            return
        if not await self._reach():
            return
        opened = await self._shake_hands(self.first)
        site.use("2" if opened.version == "2" else "1.1")
        await self._first_exchange(opened)

    async def _reach(self) -> bool:
        """Connect to all addresses; return False where HTTP/3 was used, for none accepts TCP."""
        ctx, site = self.ctx, self.site
        quic = site.secure and self.only is None and not ctx.carried
        try:
            # Something is left of the time for QUIC where firewalls drop what goes to TCP.
            most = min(ATTEMPT_SECONDS, ctx.options.timeout_seconds / 2)
            self.first, *self.others = await ctx.connect_all(most if quic else ATTEMPT_SECONDS)
        except Failed as failed:
            if not quic:
                raise
            await self._reach_by_quic(failed)
            return False
        for other in self.others:
            # They may be the same server, and one with a single worker waits for each.
            other.close()
        site.prefer(self.first.address)
        return True

    async def _reach_by_quic(self, refused: Failed) -> None:
        response = await self.h3.enter_instead(refused)
        opened = self.h3.opened
        assert opened is not None  # noqa: S101 - it has answered
        self.tcp = False
        record(self.ctx, opened.address.ip, response, opened.ready_ns)
        self._note_answer(opened, response)
        self.matrix.arrived(opened, response, resolve=self._resolve_seconds())
        self._learn_first(response)
        await warm(self.matrix, opened)

    async def _shake_hands(self, stream: Stream) -> Opened:
        """Return the first connection; TLS facts are noted, of a failed handshake too."""
        site = self.site
        if not site.secure:
            return in_clear(stream, site.address, prior=self.only == "2")
        try:
            return await self._start_tls(stream)
        except Failed as failed:
            failed.phase = failed.phase or "tls"
            if failed.reason not in NO_TLS_AT_ALL or site.tls_notes.facts.large_hello_bytes:
                await self._hellos()
            raise

    async def _start_tls(self, stream: Stream) -> Opened:
        from seventh.net.tls import handshake, inspect
        from seventh.net.tls.large_hello import shake

        site, ctx = self.site, self.ctx
        name = site.name
        alpn = site.alpn if self.only is None else ALPN[self.only]
        tls = handshake.prepare(
            stream, ctx.options, name, alpn=alpn, profile="lenient", staple=True
        )
        try:
            await shake(ctx, tls, lambda: ctx.connect_again(site.address), name)
        except Failed as failed:
            inspect.note_handshake(ctx, tls, name)
            if failed.alert is not Alert.NO_APPLICATION_PROTOCOL or self.only is not None:
                raise
            # It supports none of ours: once more without ALPN, as old clients do.
            site.offer_no_alpn()
            stream = await ctx.connect_again(site.address)
            tls = handshake.prepare(stream, ctx.options, name, profile="lenient", staple=True)
            await tls.handshake(ctx.watch)
        finally:
            inspect.note_handshake(ctx, tls, name)
        refusal = inspect.certificate_failure(site.tls_notes.facts)
        if refusal is not None:
            site.distrust()
            ctx.fail(refusal)
        if self.only == "2" and tls.alpn != "h2":
            raise Failed(Reason.NEGOTIATION_FAILED, "the server does not select h2 (ALPN)")
        # Reading the certificate meanwhile took this process's time, not the site's.
        return on_tls(tls, stream, site.address)

    def _resolve_seconds(self) -> float | None:
        lookups = [
            lookup for lookup in self.ctx.notes(NetFacts).facts.lookups if lookup.kind != "HTTPS"
        ]
        return max((lookup.seconds for lookup in lookups), default=None)

    async def _ask(self, opened: Opened) -> Response:
        """Make the first request; its phases are the report's."""
        site, ctx = self.site, self.ctx
        site.notes.learn(rtt_seconds=opened.rtt_seconds)
        request = site.request(site.url, method=self.matrix.method, version=opened.version)
        site.spend()
        exchange = timed if site.secure else exchange_in_clear
        response = await exchange(ctx, opened.connection, request, opened.ready_ns)
        site.carried(opened, site.url, request.method, response)
        self._note_answer(opened, response)
        return response

    def _note_answer(self, opened: Opened, response: Response) -> None:
        site = self.site
        site.learn_round_trip(opened)
        learn_answer(self.ctx, site.url, self.matrix.method, response, opened.rtt_seconds)

    async def _first_exchange(self, opened: Opened) -> None:
        """Make the first exchange; where HTTP/2 breaks, use HTTP/1.1, as no client does."""
        site, matrix = self.site, self.matrix
        try:
            response = await self._ask(opened)
        except Failed as failed:
            self._note_late_refusal(failed)
            if opened.version != "2" or self.only is not None or not site.secure:
                raise
            opened.connection.close()
            matrix.fell("2", failed)
            site.use("1.1")
            await tcp(matrix, "1.1")
            response = matrix.responses.get("1.1")  # type: ignore[assignment]
            if response is None:
                raise
            kept = site.pool.last("1.1")
            rtt = kept.rtt_seconds if kept is not None else None
            learn_answer(self.ctx, site.url, matrix.method, response, rtt)
            await self._require_certificate(response)
            self._learn_first(response)
            return
        matrix.arrived(opened, response, resolve=self._resolve_seconds())
        await self._require_certificate(response)
        self._learn_first(response)
        await further(matrix, opened)
        if opened.version == "2":
            await self._step("HTTP/2 settings", transport.learn_h2(site, opened))

    def _note_late_refusal(self, failed: Failed) -> None:
        if failed.reason is Reason.TLS_CLIENT_CERTIFICATE_REQUIRED:
            self.site.tls_notes.learn(client_certificate="required")

    def _learn_first(self, response: Response) -> None:
        """Learn from the first response's fields."""
        site, ctx = self.site, self.ctx
        site.settle(site.url, response)
        if site.secure and self.only is None and not ctx.carried:
            self.h3.begin_counting()
        services, taken_back = alt_svc(*response.every("alt-svc"))
        site.notes.learn(
            hsts=hsts.hsts_of(site.origin, response, trusted=site.trusted),
            date=hsts.dated(response),
            advertised=Advertised(alt_svc=services, alt_svc_clear=taken_back),
        )

    async def _require_certificate(self, response: Response) -> None:
        """Raise Failed where the response is an error for want of a client certificate."""
        failed = client_certificate.refused(self.site, response)
        if failed is not None:
            await self._hellos()
            raise failed

    # -- further -----------------------------------------------------------------------------------

    async def _step(self, what: str, doing: Awaitable[None]) -> None:
        """Run one step; its failure is noted, and the next step runs."""
        if self.ctx.budget.seconds_left < LAST_SECONDS:
            self.site.notes.unknown(what, "the target's time limit was reached")
            if asyncio.iscoroutine(doing):
                doing.close()
            return
        try:
            await doing
        except Failed as failed:
            self.site.notes.unknown(what, f"{failed.reason}: {failed.detail}")

    async def _further_checks(self) -> None:
        site = self.site
        await self._step("redirects", self._follow())
        own = site.template.method != self.matrix.method
        if not own:  # what the user expects is compared before the time is used up
            await self._step("request", self._own_request())
        if site.secure:
            await self._further_versions()
            await self._step("TLS hellos", self._hellos())
        await self._step("plain HTTP", self._plain())
        if self.others:
            await self._step("other addresses", addresses.compare(site, self.others))
        await self._step("content", self._content())
        if own:
            await self._step("request", self._own_request())
        await self.h3.counted()
        await self._step("permitted tests", intrusive.run(site, self.matrix, self.h3.opened))
        await self._step("keep-alive", transport.learn_reuse(site, site.pool.keep_alive))
        await site.pool.aclose()
        if self.ctx.holds:
            from seventh.protocols.http.probe import idle  # for connections over QUIC, too

            quic = idle.quic_of(self.h3.release())  # minutes follow
            await idle.hold(site, quic, tcp=self.tcp and self.only != "3")

    async def _follow(self) -> None:
        """Follow redirects, unless a redirect is the expected status."""
        site = self.site
        assert site.base is not None  # noqa: S101 - the first answer is there
        expected = site.template.expectation.status
        if expected is None or not any(status in expected for status in redirects.REDIRECTS):
            await redirects.follow(site, site.base)

    async def _further_versions(self) -> None:
        if self.only == "3":
            await self.h3.after()
        if self.only is not None:
            return
        for version in ("2", "1.1"):
            if self.site.notes.facts.rung(version) is None:
                await tcp(self.matrix, version)
        open_at = {
            a.address for a in self.ctx.notes(NetFacts).facts.attempts if a.outcome == "open"
        }
        reached = tuple(a for a in self.site.addresses if a.ip in open_at)
        await self._step("HTTP/3", self.h3.check(reached))

    async def _hellos(self) -> None:
        """Send the TLS probes' hellos, on connections of this check."""
        from seventh.net.tls.bare_hellos import check_bare_hellos
        from seventh.net.tls.caa import look_up_caa
        from seventh.net.tls.certificates import ask_other_certificates

        site, ctx = self.site, self.ctx

        async def open_stream() -> Stream:
            return await ctx.connect_again(site.address)

        if self.tcp and self.only != "3":
            await ask_other_certificates(ctx, open_stream, site.name)
            await check_bare_hellos(ctx, open_stream, site.name)
        await look_up_caa(ctx, site.name)

    async def _plain(self) -> None:
        """Check plain HTTP: an http target's own response, else port 80 beside port 443.

        For any other port than 443 no other port belongs to it, so only the port itself is
        checked for plain HTTP.
        """
        site, ctx = self.site, self.ctx
        if site.secure:
            usual = ctx.target.port == PORTS["https"]
            if not ctx.carried and (usual or self.tcp):
                await hsts.check_clear(site, PORTS["http"] if usual else ctx.target.port)
            return
        first = self.matrix.responses[site.best]
        chain = site.notes.facts.redirects
        clear = hsts.clear_of(site.url, first, site.address, chain)
        site.notes.learn(clear=clear)
        if site.best == "1.1":
            opened = site.pool.reusable("1.1") or await site.opened(site.origin, "1.1", fresh=True)
            await hsts.offer_upgrade(site, opened, Url(site.origin, site.url.path))

    async def _content(self) -> None:
        from seventh.protocols.http.probe.content import probe as content_probe

        await content_probe.check(self.ctx, self.site)

    async def _own_request(self) -> None:
        """Make the user's request, and compare the response with what is expected."""
        site, template = self.site, self.site.template
        expected = template.expectation
        response = self.matrix.responses.get(site.best) or next(
            iter(self.matrix.responses.values())
        )
        if template.method != self.matrix.method:
            opened = await site.opened(site.origin, site.best)
            try:
                response = await site.exchange(
                    opened, site.url, method=template.method, body=template.body
                )
            except Failed as failed:
                upload.sent(site, None, failed)
                self.ctx.fail(failed)
                raise
            upload.sent(site, response.status)
        unmet = await expected.unmet(response, self.ctx.budget.deadline_ns)
        if unmet is None and expected.status is None and site.base is not None:
            # A server error where redirects led is one that users see.
            unmet = expected.failing(site.base)
        site.notes.learn(expectation=expected.compared(template.method, response, unmet))
        if unmet is not None:
            self.ctx.fail(unmet)
