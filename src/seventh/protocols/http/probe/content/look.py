"""One look at what a site serves: what came, and what was learnt of it so far."""

from __future__ import annotations

import msgspec

from seventh.net.probe_context import ProbeContext
from seventh.protocols.http.client.origin import Site
from seventh.protocols.http.facts.content import ContentFacts
from seventh.protocols.http.probe.content import caching, coding
from seventh.web.message import Response


class Look:
    """One look: what came, and what was learnt of it so far."""

    def __init__(self, ctx: ProbeContext, site: Site) -> None:
        self.ctx = ctx
        self.site = site
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
        own = site.base_url.origin == site.origin and site.trusted
        return own and site.template.secret

    @property
    def facts(self) -> ContentFacts:
        """What was learnt of it so far."""
        return self.site.notes.facts.content or ContentFacts()

    def learn(self, **changes: object) -> None:
        """Know more."""
        self.site.notes.learn_part("content", ContentFacts, **changes)

    def take_plain(self, response: Response, digest: str) -> None:
        """Keep the representation without a coding; ``digest`` is that of its content."""
        self.plain, self.digest = response, digest

    def take_any(self, response: Response) -> None:
        """Keep the representation as a browser gets it."""
        self.any = response

    async def ask(self, path: str | None = None, *headers: tuple[str, str]) -> Response:
        """GET ``path`` (the representation itself unless given), and note what came."""
        return self.note(path, await coding.undo_ahead(await self.site.get(path, headers=headers)))

    def note(self, path: str | None, response: Response) -> Response:
        """Count a response in: for its cookies, its refusals, its way through caches."""
        kept = msgspec.structs.replace(response, body=b"", undone=None)
        self.responses.append((self.path if path is None else path, kept))
        if path is None and response is not self.site.base and self.site.base_url == self.site.url:
            self.site.learn_think(response)
        for kind in caching.hits(response):
            self.hits[kind] = self.hits.get(kind, 0) + 1
        return response
