"""Looking at what a site serves: caching, codings, validators, errors, its description.

Everything is asked through the site and its budget of requests. Each step stands for itself: where
one fails, ``unlearnt`` says why and the next one goes on, unless time or requests are spent.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.net.clock import wall_ns
from seventh.net.talk import Talk
from seventh.protocols.http import caching, coding, cookies, cors, errors, fields
from seventh.protocols.http.content_api import look_at_api
from seventh.protocols.http.content_beside import look_at_assets, look_at_events, repeat
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts_content import (
    Coding,
    ContentFacts,
    Validation,
    Variant,
)
from seventh.protocols.http.site import Site
from seventh.web.message import Fields, Response
from seventh.wire.text import printable

MAX_OTHER_ADDRESSES = 3
_OFFERS = ("br", "zstd", "gzip")
_IDENTITY: Fields = (("Accept-Encoding", "identity"),)
"""Asks for the plain representation, also of a server that codes unasked."""
MAX_TAG = 2048
"""The longest ETag that is sent back; a longer one might not fit a server's limit for a head."""
_SPENT = frozenset({Reason.BUDGET_EXCEEDED, Reason.ADDRESS_POLICY})
_ENDS = frozenset({"text/event-stream", "multipart/x-mixed-replace"})
"""Types of replies that never end."""
Step = Callable[[], Awaitable[None]]


async def look(talk: Talk, site: Site) -> None:
    """Learn all that the representation at ``site.base_url`` and its surroundings tell.

    Needs ``site.base``. Raises nothing: what fails is in ``ContentFacts.unlearnt``.
    """
    await Look(talk, site).run()


class Look:
    """One look: what came, and what was learnt of it so far."""

    def __init__(self, talk: Talk, site: Site) -> None:
        self.talk = talk
        self.site = site
        self.facts = ContentFacts()
        self.responses: list[tuple[str, Response]] = []
        self.plain: Response | None = None
        """The representation without a content coding."""
        self.any: Response | None = None
        """The representation as a browser gets it."""
        self.digest = ""
        """Of the plain representation's content; empty where it was not seen whole."""
        self.hits: dict[str, int] = {}

    @property
    def path(self) -> str:
        """The representation's path, with its query."""
        return self.site.base_url.path

    @property
    def secure(self) -> bool:
        """Whether the representation comes over TLS."""
        return self.site.base_url.origin.scheme == "https"

    @property
    def trusted(self) -> bool:
        """Whether requests to the representation carry the person's credential."""
        site = self.site
        own = site.base_url.origin == site.origin and site.shared.distrust is None
        return own and site.shape.secret

    def learn(self, **changes: object) -> None:
        """Know more."""
        self.facts = msgspec.structs.replace(self.facts, **changes)
        self.talk.learn("http", HttpFacts, content=self.facts)

    async def ask(self, path: str | None = None, *headers: tuple[str, str]) -> Response:
        """GET ``path`` (the representation itself unless given), and note what came."""
        return self.note(path, await self.site.get(path, headers=headers))

    def note(self, path: str | None, response: Response) -> Response:
        """Count a response in: for its cookies, its refusals, its way through caches."""
        kept = msgspec.structs.replace(response, body=b"")
        self.responses.append((self.path if path is None else path, kept))
        for kind in caching.hits(response):
            self.hits[kind] = self.hits.get(kind, 0) + 1
        return response

    # -- the steps ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """All steps, in the order of what they are worth."""
        if self.site.base is None:
            return
        self.note(None, self.site.base)
        steps: dict[str, Step] = {
            "codings": self._codings,
            "validators": self._validators,
            "addresses": self._addresses,
            "errors": self._errors,
            "cross-origin": self._cross_origin,
            "reflection": self._reflection,
            "description": lambda: look_at_api(self),
            "assets": lambda: look_at_assets(self),
        }
        if fields.media_type(self.site.base.get("content-type")) in _ENDS:
            steps = {"events": lambda: look_at_events(self)}
            self.learn(content=errors.body_of(self._shown(), self.site.base))
        steps["repetition"] = lambda: repeat(self)
        unlearnt: dict[str, str] = {}
        for name, step in steps.items():
            try:
                await step()
            except Failed as failed:
                unlearnt[name] = failed.detail
                if failed.reason in _SPENT:
                    break
            self._sum_up(unlearnt)
        self._sum_up(unlearnt)

    def _sum_up(self, unlearnt: dict[str, str]) -> None:
        """What all replies together tell."""
        now = wall_ns(self.responses[-1][1].last) / 1e9
        got = [response for _, response in self.responses]
        refused = [(p, r) for p, r in self.responses if r.status in {429, 503}]
        chain = [r.every("cache-status") for r in got if r.get("cache-status")]
        self.learn(
            unlearnt=dict(unlearnt),
            cache_hits=dict(self.hits),
            cache_status=tuple(printable(v, 200) for v in chain[-1]) if chain else (),
            cookies=cookies.cookies(got, secure=self.secure, now_seconds=now),
            refusals=tuple(errors.refusal(p.partition("?")[0], r) for p, r in refused[:8]),
            lifecycle=errors.lifecycle(got, now),
        )

    def _shown(self) -> str:
        """The path as facts may show it: a query may hold a secret."""
        return self.path.partition("?")[0]

    async def _codings(self) -> None:
        """The representation under each offer; what a shared cache may do with it."""
        self.plain = await self._unpacked()
        self._judge(self.plain)
        kind = fields.media_type(self.plain.get("content-type"))
        known = Coding(
            content_type=printable(kind, 80),
            compressible=coding.is_compressible(kind),
            packed=coding.is_packed(kind),
            secure=self.secure,
            variants=(coding.variant("identity", self.plain),),
        )
        self.learn(coding=known, content=errors.body_of(self._shown(), self.plain))
        self.digest = known.variants[0].digest
        if self.plain.status != 200 or not self.plain.body_bytes:
            return
        browser = coding.BROWSER if self.secure else coding.BROWSER_IN_CLEAR
        self.any = await self.ask(None, ("Accept-Encoding", browser))
        known = self._add(known, coding.variant("any", self.any))
        for offer in _OFFERS if known.compressible is not False else ():
            # In clear no browser offers br and zstd; and what has been seen need not be asked for.
            if (self.secure or offer == "gzip") and offer not in coding.codings(known.variants):
                asked = await self.ask(None, ("Accept-Encoding", offer))
                known = self._add(known, coding.variant(offer, asked))

    def _add(self, known: Coding, variant: Variant) -> Coding:
        known = msgspec.structs.replace(known, variants=(*known.variants, variant))
        self.learn(coding=known)
        return known

    async def _unpacked(self) -> Response:
        """The representation without a coding: what is there already, where it is that."""
        base = self.site.base
        if (
            base is not None
            and self.site.shape.method != "HEAD"
            and not base.truncated
            and not coding.coding_of(base)
        ):
            return base
        return await self.ask(None, ("Accept-Encoding", "identity"))

    def _judge(self, response: Response) -> None:
        received = wall_ns(response.first) / 1e9
        self.learn(caching=caching.judge(response, received, authenticated=self.trusted))

    async def _validators(self) -> None:
        """Conditional requests, and the same request again."""
        plain = self.plain
        if plain is None or plain.status != 200:
            return
        tag, modified = fields.etag(plain.get("etag")), plain.get("last-modified")
        known = Validation(
            etag=None if tag is None else fields.shown_tag(tag),
            last_modified=None if modified is None else printable(modified, 64),
        )
        self.learn(validation=known)
        again = await self.ask(None, *_IDENTITY)
        known = self._replace(known, etags=self._same_content(plain, "first", again, "repeated"))
        if tag is not None and len(tag) <= MAX_TAG:
            got = await self.ask(None, *_IDENTITY, ("If-None-Match", tag))
            known = self._replace(
                known, etag_status=got.status, etag_same_bytes=self._is_same(got),
                dropped=caching.dropped(plain, got) if got.status == 304 else None,
            )  # fmt: skip
        known = await self._coded(known)
        if modified is not None and fields.http_date(modified) is not None:
            got = await self.ask(None, *_IDENTITY, ("If-Modified-Since", modified))
            dropped = known.dropped
            if dropped is None and got.status == 304:
                dropped = caching.dropped(plain, got)
            self._replace(
                known, date_status=got.status, date_same_bytes=self._is_same(got), dropped=dropped
            )

    async def _coded(self, known: Validation) -> Validation:
        """The same for the coded reply: it is what browsers have in their caches."""
        got = self.any
        tag = fields.etag(got.get("etag")) if got is not None else None
        if got is None or tag is None or len(tag) > MAX_TAG or not coding.coding_of(got):
            return known
        browser = coding.BROWSER if self.secure else coding.BROWSER_IN_CLEAR
        validated = await self.ask(None, ("Accept-Encoding", browser), ("If-None-Match", tag))
        return self._replace(
            known, coded=coding.coding_of(got), coded_etag=fields.shown_tag(tag),
            coded_status=validated.status, coded_same_bytes=self._is_same(validated),
        )  # fmt: skip

    def _replace(self, known: Validation, **changes: object) -> Validation:
        known = msgspec.structs.replace(known, **changes)
        self.learn(validation=known)
        return known

    def _is_same(self, response: Response) -> bool | None:
        """Whether a full reply has the plain one's content; None where nobody can say."""
        if response.status != 200 or not self.digest:
            return None
        digest = coding.variant("", response).digest
        return digest == self.digest if digest else None

    def _same_content(self, *seen: Response | str) -> dict[str, str]:
        """ETags by their place, of those replies that are the same to the byte."""
        found = {}
        for response, place in zip(seen[::2], seen[1::2], strict=True):
            assert isinstance(response, Response) and isinstance(place, str)  # noqa: S101, PT018
            tag = fields.etag(response.get("etag"))
            if tag is not None and not coding.coding_of(response) and self._is_same(response):
                found[place] = fields.shown_tag(tag)
        return found

    async def _addresses(self) -> None:
        """The same at the name's other addresses."""
        known = self.facts.validation
        if known is None or known.etag is None or self.plain is None:
            return
        etags = dict(known.etags)
        if "first" in etags:
            etags[self.site.address.ip] = etags.pop("first")
        for address in self.site.addresses[1 : 1 + MAX_OTHER_ADDRESSES]:
            other = await self.site.at(address)
            try:
                got = await other.get(headers=_IDENTITY)
            except Failed as failed:
                if failed.reason in _SPENT:
                    raise
                continue  # a dead address is others' finding
            etags |= self._same_content(self.note(None, got), address.ip)
        self._replace(known, etags=etags)

    async def _errors(self) -> None:
        """A path that cannot exist."""
        path = f"/seventh-{secrets.token_hex(6)}"
        wanted = ("Accept", "application/problem+json, application/json;q=0.9, */*;q=0.1")
        self.learn(error=errors.body_of("/seventh-…", await self.ask(path, wanted)))

    async def _cross_origin(self) -> None:
        """The same with a foreign Origin."""
        if self.plain is not None:
            extra = (*_IDENTITY, ("Origin", cors.FOREIGN))
            self.learn(cors=cors.judge(await self.ask(None, *extra)))

    async def _reflection(self) -> None:
        """Whether a query's value comes back in a page that is compressed."""
        known = self.facts.coding
        if known is None or self.plain is None or not self.secure:
            return
        packed = coding.codings(known.variants)
        if not packed or known.compressible is False:
            return
        marker = f"seventh{secrets.token_hex(8)}"
        joined = "&" if "?" in self.path else "?"
        got = await self.ask(f"{self.path}{joined}q={marker}", ("Accept-Encoding", coding.BROWSER))
        if got.truncated:
            return
        content = coding.content_of(got)
        known = msgspec.structs.replace(
            known,
            reflected=marker.encode() in content,
            reflected_coding=coding.coding_of(got),
            secrets=coding.secrets_in(content),
        )
        self.learn(coding=known)
