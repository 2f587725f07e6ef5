"""How the reference site is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from seventh.labkit.serve import Fault
from seventh.labkit.web.h3 import H3Setup
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.peer import H1Setup
from seventh.labkit.web.serve import TcpVersion
from seventh.model.failure import Reason
from seventh.protocols.http.lab.alternatives import AltPlace
from seventh.web.message import Fields, Request

FRESH = "public, max-age=60, stale-while-revalidate=60, stale-if-error=600"
Change = Callable[[Request, Answer], Answer]
Before = Callable[[Request], Answer | None]
Option = str | float | int | tuple[str, ...]


class ContentSetup(msgspec.Struct, frozen=True, kw_only=True):
    """The site's content; the defaults are those of a good site."""

    validators: bool = True
    conditional: bool = True
    """Whether conditional requests are answered with 304."""
    steady: bool = True
    """Whether the same content has the same ETag each time."""
    tags_by_coding: bool = True
    thin: bool = False
    """Whether a 304 lacks its fields."""
    cache_control: str | None = FRESH
    cookie: str = ""
    vary: str = "Accept-Encoding"
    codings: tuple[str, ...] = ("br", "zstd", "gzip")
    codes_media: bool = False
    """Whether images are compressed, too."""
    token: str = ""
    """A token in the page, which also repeats its query."""
    many: bool = False
    """Whether the list of things is very long."""
    keyed: bool = True
    """Whether a POST with a known Idempotency-Key acts only once."""
    limited: bool = False
    """Whether unknown paths are rejected with 429, without Retry-After."""
    described: bool = True
    truthful: bool = True
    """Whether responses match the description."""
    problems: bool = True
    json_type: str = "application/json"
    more: Fields = ()
    reflects_origin: bool = False
    events: Literal["good", "mute", "buffered"] = "good"


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """The site; the defaults are those of a good site."""

    content: ContentSetup = ContentSetup()
    before: Before | None = None
    """Answers instead of the site's content, where it returns an answer."""
    change: Change | None = None
    """Changes every answer."""
    heeds_early: bool = True
    """Whether unsafe early data is answered with 425."""
    heeds_lengths: bool = True
    """Whether a request with two lengths is rejected."""
    secure: bool = True
    """Whether it is https; plain HTTP has no HTTP/3, no HSTS and is not announced."""
    versions: tuple[TcpVersion, ...] = ("2", "1.1")
    h1: H1Setup = H1Setup()
    h2: H1Setup = H1Setup()
    h3: H3Setup | None = H3Setup()
    """None for no HTTP/3."""
    tcp: bool = True
    """Whether TCP is served."""
    places: tuple[AltPlace, ...] = ()
    """Other places that Alt-Svc names after the origin's own."""
    early_data: int = 0
    """How many bytes of early data TLS over TCP allows."""
    anti_replay: bool = True
    """Whether the same early data is accepted once only."""
    announced: bool = True
    """Whether Alt-Svc and the HTTPS record announce h3."""
    hsts: bool = True
    options: Mapping[str, Option] = {}
    """Options that a check needs to see the fault."""
    path: str = "/"
    """The target's path."""


class SiteFault(Fault, frozen=True, kw_only=True):
    """A fault of the reference site."""

    setup: Setup


def fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: Reason | None = None
) -> SiteFault:
    """Return a fault that triggers these rules."""
    return SiteFault(name=name, meaning=meaning, triggers=triggers, reason=reason, setup=setup)


def with_fields(*fields: tuple[str, str]) -> Change:
    """Return a change that adds fields to every answer."""

    def change(_: Request, answer: Answer) -> Answer:
        return msgspec.structs.replace(answer, headers=(*answer.headers, *fields))

    return change


def setting(name: str, value: str) -> Change:
    """Return a change that sets one field of every answer."""

    def change(_: Request, answer: Answer) -> Answer:
        kept = (field for field in answer.headers if field[0].lower() != name.lower())
        return msgspec.structs.replace(answer, headers=(*kept, (name, value)))

    return change
