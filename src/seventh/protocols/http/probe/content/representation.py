"""The representation at a URL: its responses, and what was learnt of it so far."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from seventh.net.probe_context import ProbeContext
from seventh.protocols.http.client.origin import Site
from seventh.protocols.http.facts.content import Coding, ContentFacts, Validation, Variant
from seventh.protocols.http.probe.content import caching, coding
from seventh.web.message import Response


class Representation:
    """What the base URL of a site serves."""

    def __init__(self, ctx: ProbeContext, site: Site) -> None:
        self.ctx = ctx
        self.site = site
        self.responses: list[tuple[str, Response]] = []
        """All responses by path, without their bodies."""
        self.plain: Response | None = None
        """The response without a content coding."""
        self.coded: Response | None = None
        """The response as a browser gets it."""
        self.digest = ""
        """Of the plain response's content; empty where it was not received complete."""
        self.hits: Counter[str] = Counter()

    @property
    def path(self) -> str:
        """Its path, with the query."""
        return self.site.base_url.path

    @property
    def shown_path(self) -> str:
        """Its path without the query, which may hold a secret."""
        return self.path.partition("?")[0]

    @property
    def secure(self) -> bool:
        """Whether it is served over TLS."""
        return self.site.base_url.origin.scheme == "https"

    @property
    def browser_codings(self) -> str:
        """Accept-Encoding as browsers send it for this URL."""
        return coding.BROWSER if self.secure else coding.BROWSER_IN_CLEAR

    @property
    def authenticated(self) -> bool:
        """Whether requests carry the user's credential."""
        site = self.site
        own = site.base_url.origin == site.origin and site.trusted
        return own and site.template.secret

    @property
    def facts(self) -> ContentFacts:
        """What was learnt so far."""
        return self.site.notes.facts.content or ContentFacts()

    def learn(self, **changes: object) -> None:
        """Add facts."""
        self.site.notes.learn_part("content", ContentFacts, **changes)

    def learn_validation(self, **changes: object) -> None:
        """Add facts about conditional requests."""
        self.learn(validation=replace(self.facts.validation or Validation(), **changes))

    def learn_variant(self, variant: Variant) -> None:
        """Add the response to one offer of codings."""
        known = self.facts.coding or Coding()
        self.learn(coding=replace(known, variants=(*known.variants, variant)))

    def take_plain(self, response: Response, digest: str) -> None:
        """Keep the response without a coding; ``digest`` is that of its content."""
        self.plain, self.digest = response, digest

    def take_coded(self, response: Response) -> None:
        """Keep the response as a browser gets it."""
        self.coded = response

    async def ask(self, path: str | None = None, *headers: tuple[str, str]) -> Response:
        """Request ``path`` (its own unless given) with GET, and keep the response."""
        return self.note(path, await coding.undo_ahead(await self.site.get(path, headers=headers)))

    def note(self, path: str | None, response: Response) -> Response:
        """Keep a response for its cookies, rejections and cache fields."""
        kept = replace(response, body=b"", undone=None)
        self.responses.append((self.path if path is None else path, kept))
        if path is None and response is not self.site.base and self.site.base_url == self.site.url:
            self.site.learn_think(response)
        self.hits.update(caching.hits(response))
        return response
