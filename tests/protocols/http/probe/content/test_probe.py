"""The look at content, against the lab's site: what it learns, and that it stays in its bounds."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from seventh.engine.check import check_one
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit
from seventh.labkit.web.handler import Answer, Handler
from seventh.labkit.web.serve import web_server
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import ContentFacts
from seventh.protocols.http.lab import site
from seventh.protocols.http.lab.content import site as content_site
from seventh.protocols.http.lab.setup import Change, ContentSetup, Option, Setup, with_fields
from seventh.web.message import Request
from tests.options import options_with
from tests.protocols.http.rules.looks import job
from tests.reports import found, metrics

GOOD = ContentSetup()


async def look(
    kit: Kit, path: str = "/", content: ContentSetup = GOOD, change: Change | None = None,
    **options: Option,
) -> tuple[ContentFacts, Report]:  # fmt: skip
    """A check of the lab's site, in TLS and over TCP alone."""
    setup = Setup(
        content=content, path=path, options=options, h3=None, announced=False, change=change
    )
    async with site(setup, kit) as served:
        report = await check_one(*job(served))
    facts = report.facts["http"]
    assert isinstance(facts, HttpFacts)
    assert facts.content is not None
    assert facts.requests <= 40
    return facts.content, report


async def test_a_page_and_its_assets(kit: Kit) -> None:
    content, report = await look(kit, "/page")
    assert report.failure is None
    assert content.assets is not None
    shown = {asset.path: (asset.coding, asset.packed) for asset in content.assets}
    assert shown == {"/app.js": ("br", False), "/style.css": ("br", False), "/logo.png": ("", True)}
    assert content.brotli_ratio == 1.0
    assert content.compression_ratio is not None and content.compression_ratio < 0.5
    assert content.api is not None and not content.api.speaks
    assert found(report) == {"HTTP-NO-H3"}
    assert metrics(report)['seventh_http_cache_hits_total{kind="304"}'] == 3
    assert metrics(report)["seventh_http_brotli_ratio"] == 1.0


async def test_assets_of_which_some_are_plain(kit: Kit) -> None:
    def change(request: Request, answer: Answer) -> Answer:
        if request.path != "/app.js":
            return answer
        body = b"let x = 1;\n" * 500
        return Answer(headers=(("Content-Type", "text/javascript"),), body=body)

    content, report = await look(kit, "/page", change=change)
    assert content.brotli_ratio == pytest.approx(2 / 3)
    finding = next(f for f in report.findings if f.id == "HTTP-NO-COMPRESS")
    assert finding.params["plain"] == ("/app.js (5500 bytes)",)


async def test_replies_out_of_caches(kit: Kit) -> None:
    fields = (("Age", "12"), ("Cache-Status", "origin; fwd=uri-miss, edge; hit"))
    content, _ = await look(kit, change=with_fields(*fields))
    assert content.cache_hits["cache-status"] > 5
    assert content.cache_hits["age"] == content.cache_hits["cache-status"]
    assert content.cache_status == ("origin; fwd=uri-miss, edge; hit",)
    assert content.caching is not None and content.caching.age_seconds == 12


async def test_what_a_token_gets_must_be_private(kit: Kit, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret-token\n")
    content, report = await look(kit, token_file=str(token))
    assert content.caching is not None and content.caching.authenticated
    assert "HTTP-CACHE-LEAK" in found(report)
    assert b"s3cret-token" not in msgspec.json.encode(report)
    private = ContentSetup(cache_control="private, max-age=60, stale-while-revalidate=5")
    _, report = await look(kit, content=private, token_file=str(token))
    assert "HTTP-CACHE-LEAK" not in found(report)


async def test_cookies_are_told_without_their_values(kit: Kit) -> None:
    content, report = await look(kit, content=ContentSetup(cookie="sid=s3cret; Path=/"))
    (cookie,) = content.cookies
    assert (cookie.name, cookie.secure, cookie.path) == ("sid", False, "/")
    assert b"s3cret" not in msgspec.json.encode(report)


async def test_an_event_stream_that_beats(kit: Kit) -> None:
    content, report = await look(kit, "/events", intrusive=True, hold_seconds=1.0)
    assert report.failure is None
    assert content.events is not None
    assert content.events.comments >= 2
    assert content.events.retry_milliseconds == 5000
    assert not content.events.ended
    assert "SSE-HEARTBEAT" not in found(report)


async def test_an_event_stream_is_not_waited_for(kit: Kit) -> None:
    content, report = await look(kit, "/events")
    assert report.failure is None
    assert content.events is None
    assert "tier 4" in content.unknown["events"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_requests_that_may_be_repeated(kit: Kit, method: str) -> None:
    content, report = await look(kit, "/orders", method=method, allow_write=True)
    assert content.repetition is not None
    assert content.repetition.keyed == (method == "POST")
    assert 200 <= content.repetition.second_status < 300
    assert "HTTP-IDEMPOTENCY" not in found(report)


async def test_a_put_that_creates_twice(kit: Kit) -> None:
    def change(request: Request, answer: Answer) -> Answer:
        return Answer(status=201) if request.method == "PUT" else answer

    _, report = await look(kit, "/orders", change=change, method="PUT", allow_write=True)
    assert "HTTP-IDEMPOTENCY" in found(report)


async def test_a_head_only_target(kit: Kit) -> None:
    content, report = await look(kit, method="HEAD")
    assert content.coding is not None
    assert content.coding.variants[0].content_bytes
    assert report.failure is None


async def test_in_clear_no_br_is_asked_for(kit: Kit) -> None:
    setup = Setup(content=ContentSetup(codings=("gzip",)), secure=False)
    async with site(setup, kit) as served:
        report = await check_one(*job(served))
    facts = report.facts["http"]
    assert isinstance(facts, HttpFacts) and facts.content is not None
    assert facts.content.coding is not None
    assert [v.offered for v in facts.content.coding.variants] == ["identity", "any"]
    skipped = {skip.id: skip.reason for skip in report.skipped}
    assert "over plain HTTP" in skipped["HTTP-NO-BR"]


async def test_nodes_with_different_etags() -> None:
    """Two addresses, the same bytes, an ETag of each one's own."""
    first, second = content_site(), content_site()

    def node(handler: Handler, name: str) -> Handler:
        async def handle(request: Request) -> Answer:
            answer = await handler(request)
            fields = tuple(
                (n, f'{v[:-1]}-{name}"' if n == "ETag" else v) for n, v in answer.headers
            )
            return msgspec.structs.replace(answer, headers=fields)

        return handle

    async with web_server(node(first, "one"), versions=("1.1",), host="127.0.0.1") as port:
        other = web_server(node(second, "two"), versions=("1.1",), host="127.0.0.2", port=port)
        async with other, name_server({"lab.test": {"A": ("127.0.0.1", "127.0.0.2")}}) as resolver:
            target = Target(scheme="http", host="lab.test", port=port, path="/")
            report = await check_one(target, options_with(resolver=resolver))
    assert "HTTP-ETAG-UNSTABLE" in found(report)
    finding = next(f for f in report.findings if f.id == "HTTP-ETAG-UNSTABLE")
    assert any("127.0.0.2" in tag for tag in finding.params["etags"])  # type: ignore[union-attr]


async def test_a_description_that_is_linked(kit: Kit) -> None:
    def change(request: Request, answer: Answer) -> Answer:
        link = ("Link", '</api/v1/description>; rel="service-desc"')
        if request.path == "/api/v1/description":
            body = b'{"swagger": "2.0", "paths": {}}'
            return Answer(headers=(("Content-Type", "application/json"),), body=body)
        return with_fields(link)(request, answer)

    content, _ = await look(kit, content=ContentSetup(described=False), change=change)
    assert content.api is not None
    assert (content.api.described_at, content.api.description) == (
        "/api/v1/description", "Swagger 2.0",
    )  # fmt: skip


async def test_a_reply_of_another_status(kit: Kit) -> None:
    def change(_: Request, answer: Answer) -> Answer:
        return msgspec.structs.replace(answer, status=404)

    content, report = await look(kit, change=change)
    assert content.caching is not None and content.caching.status == 404
    assert content.validation is None
    skipped = {skip.id for skip in report.skipped}
    assert {"HTTP-NO-VALIDATOR", "HTTP-NO-FRESHNESS", "HTTP-CACHE-LEAK"} <= skipped
