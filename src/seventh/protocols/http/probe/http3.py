"""HTTP/3 in a check: alone, instead of TCP, or beside it where it is announced."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.model.netfacts import Lookup
from seventh.net.address import Address
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.client.connect import Opened
from seventh.protocols.http.facts.alternatives import Advertised
from seventh.protocols.http.probe import discover, transport
from seventh.protocols.http.probe.alternatives import Candidate, Following, Outcome
from seventh.protocols.http.probe.discover import Place
from seventh.protocols.http.probe.matrix import Matrix
from seventh.protocols.http.probe.versions import quic_again, warm
from seventh.protocols.http.wire.alt_svc import record_name
from seventh.web.message import Response

_NO_TCP = frozenset({Reason.CONNECT_REFUSED, Reason.CONNECT_TIMEOUT, Reason.CONNECT_RESET})
"""Where TCP alone may be shut: the host may still answer over UDP."""
MAX_ADDRESSES = 4
"""At how many of its addresses an unannounced HTTP/3 is looked for."""


class Http3:
    """The third version of HTTP at one site."""

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix
        self.site = matrix.site
        self.ctx = matrix.ctx
        self.opened: Opened | None = None
        """The connection that carries it."""
        self._log = self.ctx.options.of(HttpOptions).qlog_file is not None
        self._record: asyncio.Task[Lookup] | None = None
        self._counting: asyncio.Task[bool] | None = None

    # -- beside what else is done ------------------------------------------------------------------

    def begin_record(self) -> None:
        """Start the lookup of the HTTPS record, where there is a name."""
        target = self.ctx.target
        if not target.is_literal:
            self.ctx.prepare_records()
            name = record_name(target.host, target.port)
            self._record = asyncio.create_task(self.ctx.records(name, "HTTPS"))

    def begin_counting(self) -> None:
        """Start counting the replies to one Initial: it takes more than a second."""
        counting = transport.count_amplification(self.site, self.ctx.target.port)
        self._counting = asyncio.create_task(counting)

    async def counted(self) -> bool:
        """Return whether the Initial got any reply."""
        if self._counting is None:
            return False
        # Waited for, not awaited: a cancelled check must not be taken for a cancelled count.
        await asyncio.wait((self._counting,))
        return not self._counting.cancelled() and self._counting.result()

    def release(self) -> Opened | None:
        """Return the connection for its last use, and let go of it."""
        opened, self.opened = self.opened, None
        return opened

    def stop(self) -> None:
        """Cancel the tasks."""
        for task in (self._record, self._counting):
            if task is not None:
                task.cancel()

    # -- instead of TCP ----------------------------------------------------------------------------

    async def enter(self) -> Opened:
        """Return a first connection, where HTTP/3 alone is wanted. Raises Failed."""
        if not self.site.secure:
            raise Failed(
                Reason.OPTIONS_UNUSABLE,
                "HTTP/3 requires TLS: use https:// instead of http://",
                phase="quic",
            )
        opened = await self._connect()
        self._take(opened)
        self._learn_certificate(opened)
        return opened

    async def _connect(self) -> Opened:
        """Return a connection to the first address that answers, else raise the last Failed."""
        *others, last = self.site.addresses
        for address in others:
            with contextlib.suppress(Failed):
                return await self.site.connect_quic(address, log=self._log)
        return await self.site.connect_quic(last, log=self._log)

    async def enter_instead(self, refused: Failed) -> Response:
        """Use HTTP/3 where no address accepts TCP; return its first response.

        Raises ``refused`` where HTTP/3 does not answer either. Where no HTTPS record announces it,
        it stays the check's failure all the same: without TCP no client would learn of it.
        """
        site, ctx = self.site, self.ctx
        if not site.secure or refused.reason not in _NO_TCP:
            raise refused
        advertised = await discover.announced(site, self._record)
        found = await self._anywhere(advertised)
        if found is None or found.opened is None or found.response is None:
            raise refused
        self._take(found.opened)
        site.move_to(msgspec.structs.replace(found.opened.address, port=site.origin.port))
        self._learn_certificate(found.opened)
        for version in ("2", "1.1"):
            self.matrix.missed(version, "cold", f"{refused.reason}: {refused.detail}", failed=True)
            site.mark_broken(version)
            self.matrix.rung(version, "broken", f"no TCP connection: {refused.detail}")
        if "h3" not in (advertised.https_alpn or ()):
            ctx.fail(refused)
        return found.response

    async def _anywhere(self, advertised: Advertised) -> Outcome | None:
        """Try HTTP/3 at the announced places, else on the target's own port, announced or not."""
        site = self.site
        following = Following(self.matrix, site.addresses)
        await following.find(discover.places(site.origin, advertised))
        announced = await following.first_h3(log=self._log)
        if announced is not None and announced.opened is not None:
            return announced
        own = Place(protocol="h3", host="", port=site.origin.port, by=())
        known = {
            (a.address, a.port) for a in self.site.notes.facts.alternatives if a.protocol == "h3"
        }
        here = [a for a in site.addresses if (a.ip, a.port) not in known][:MAX_ADDRESSES]
        tried = await asyncio.gather(
            *(following.ask(Candidate(own, a, ()), phase="quic", log=self._log) for a in here)
        )
        works = [outcome for outcome in tried if outcome.opened is not None]
        for outcome in works[1:]:
            outcome.close()
        return works[0] if works else None

    def _take(self, opened: Opened) -> None:
        self.opened = opened
        self.site.take_over(opened)

    def _learn_certificate(self, opened: Opened) -> None:
        """Learn the certificate from QUIC, where no TCP connection shows it."""
        from seventh.net.tls import chain as tlschain

        quic, site = opened.quic, self.site
        assert quic is not None  # noqa: S101 - opened by open_quic
        known = tlschain.certificate_facts(quic.certificates, site.name, self.ctx.options)
        site.tls_notes.learn(server_name=site.name, version="TLSv1.3" if known else None, **known)

    # -- beside TCP --------------------------------------------------------------------------------

    async def check(self, reached: tuple[Address, ...]) -> None:
        """Try HTTP/3 where it is announced or answers unannounced; then the other places.

        ``reached`` are the origin's addresses that answer.
        """
        if self.ctx.carried:
            self.matrix.absent("3", "untried", f"{self.ctx.route} carries TCP only")
            return
        site, matrix = self.site, self.matrix
        advertised = await discover.announced(site, self._record)
        following = Following(matrix, reached)
        await following.find(discover.places(site.origin, advertised))
        if self.opened is None and advertised.h3:
            await self._where_announced(following)
        elif self.opened is None:
            await self._unannounced()
        await self.after()
        await following.all_others()

    async def _where_announced(self, following: Following) -> None:
        outcome = await following.first_h3(log=self._log)
        if outcome is None:
            known = self.site.notes.facts.alternatives
            why = [f"{a.label}: {a.detail}" for a in known if a.protocol == "h3"]
            detail = "; ".join(why) or "no announced place could be tried"
            self.matrix.absent("3", "untried", detail)
        elif outcome.opened is None or outcome.response is None:
            assert outcome.failed is not None  # noqa: S101 - one of the two is there
            self.matrix.fell("3", outcome.failed)
        else:
            await self._arrived(outcome.opened, outcome.response)

    async def _unannounced(self) -> None:
        if not await self.counted():
            self.matrix.absent("3", "not-offered", "no reply to QUIC on the UDP port")
            return
        following = Following(self.matrix, ())
        place = Place(protocol="h3", host="", port=self.site.origin.port, by=())
        candidate = Candidate(place, self.site.address, ())
        outcome = await following.ask(candidate, phase="quic", log=self._log)
        if outcome.opened is not None and outcome.response is not None:
            await self._arrived(outcome.opened, outcome.response)
        elif outcome.failed is not None:
            self.matrix.fell("3", outcome.failed)

    async def _arrived(self, opened: Opened, response: Response) -> None:
        self._take(opened)
        self.matrix.arrived(opened, response)
        await warm(self.matrix, opened)

    async def after(self) -> None:
        """Make HTTP/3's further rows, and learn from its connection."""
        if self.opened is not None:
            await quic_again(self.matrix, self.opened)
            await transport.learn_h3(self.site, self.opened)
