"""The faults of the reference site, each with its setup."""

from __future__ import annotations

import time
from email.utils import formatdate

from seventh.labkit.web.h3 import H3Setup
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.peer import H1Setup
from seventh.labkit.web.quicserver import QuicSetup
from seventh.model.failure import Reason
from seventh.protocols.http.lab import alternatives
from seventh.protocols.http.lab.alternatives import AltPlace
from seventh.protocols.http.lab.setup import ContentSetup, Setup, fault, setting, with_fields
from seventh.web.message import Request

MAX_STREAMS = 0x3
_WRITE = {"allow_write": True}
_INTRUSIVE = {"intrusive": True}
_HOLD = {"intrusive": True, "hold_seconds": 3.0, "timeout_seconds": 12.0}
_CLEAR_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"


def _walk(request: Request) -> Answer | None:
    """Send four redirects, one after another."""
    step = {"/": 1, "/1": 2, "/2": 3, "/3": 4}.get(request.path)
    if step is None:
        return None
    where = f"/{step}" if step < 4 else "/things"
    return Answer(status=302, headers=(("Location", where), ("Cache-Control", "no-store")))


def _loop(request: Request) -> Answer | None:
    where = "/?again" if "again" not in request.path else "/"
    return Answer(status=302, headers=(("Location", where),))


def _unaware(request: Request) -> Answer | None:
    """Redirect to https as a backend that does not learn that its proxy has TLS."""
    if ("x-forwarded-proto", "https") in {(n.lower(), v) for n, v in request.headers}:
        return None
    return Answer(status=301, headers=(("Location", f"https://{request.authority}{request.path}"),))


def _upgrades(request: Request, answer: Answer) -> Answer:
    if not (request.protocol or "").lower().startswith("tls/"):
        return answer
    upgrade = with_fields(("Upgrade", "TLS/1.0, HTTP/1.1"), ("Connection", "Upgrade"))
    return upgrade(request, answer)


def _differs_in_1_1(request: Request, answer: Answer) -> Answer:
    """Answer HTTP/1.1 as a virtual host that does not know the name."""
    if any(name.lower() == "host" for name, _ in request.headers):
        return Answer(status=404, body=b"no such host", headers=(("Content-Type", "text/plain"),))
    return answer


def _not_found(request: Request) -> Answer | None:
    return Answer(status=404, body=b"nothing here") if request.path == "/" else None


def _wrong_coding(request: Request, answer: Answer) -> Answer:
    """Set Content-Encoding regardless of the content."""
    return setting("Content-Encoding", "gzip")(request, answer) if answer.status == 200 else answer


def _raw(raw: bytes) -> Setup:
    """Return a server of plain HTTP that answers everything with ``raw``."""
    return Setup(secure=False, h1=H1Setup(fault="raw", raw=raw))


def _content(path: str = "/", **changes: object) -> Setup:
    """Return a site with other content."""
    return Setup(content=ContentSetup(**changes), path=path)  # type: ignore[arg-type]


def _http_date(days: float) -> str:
    """Return an HTTP date that many days from now."""
    return formatdate(time.time() + days * 86400, usegmt=True)


FAULTS = (
    fault("no-h2", "HTTP/2 is not offered", "HTTP-NO-H2", setup=Setup(versions=("1.1",))),
    fault("no-h3", "HTTP/3 is neither served nor announced", "HTTP-NO-H3",
          setup=Setup(h3=None, announced=False)),
    fault("h3-dead", "HTTP/3 is announced, but a firewall drops UDP", "HTTP-H3-DEAD",
          setup=Setup(h3=H3Setup(quic=QuicSetup(silent=True)))),
    fault("alt-dead", "HTTP/3 works, but is also announced for a host that drops UDP",
          "HTTP-H3-DEAD", setup=Setup(places=(AltPlace(protocol="h3", silent=True),))),
    fault("alt-stranger", "HTTP/2 is announced for a host with a certificate for another name",
          "HTTP-FALLBACK",
          setup=Setup(places=(AltPlace(protocol="h2", certificate=alternatives.NAME),))),
    fault("no-tcp", "the HTTPS record announces h3, but TCP is not accepted", "HTTP-FALLBACK",
          setup=Setup(tcp=False)),
    fault("h3-hidden", "HTTP/3 works but is not announced", "HTTP-H3-HIDDEN",
          setup=Setup(announced=False)),
    fault("h2-broken", "HTTP/2 is negotiated, then fails with GOAWAY", "HTTP-FALLBACK",
          setup=Setup(h2=H1Setup(fault="goaway", code=2))),
    fault("h1-differs", "HTTP/1.1 reaches another virtual host", "HTTP-FALLBACK",
          setup=Setup(change=_differs_in_1_1)),
    fault("closes", "each HTTP/1.1 connection is closed after one response", "HTTP-NO-REUSE",
          setup=Setup(h1=H1Setup(keep_alive_requests=1))),
    fault("short-keep-alive", "idle connections are closed after two seconds", "HTTP-NO-REUSE",
          setup=Setup(h1=H1Setup(keep_alive_seconds=2))),
    fault("long-way", "four redirects lead to the page", "HTTP-REDIRECT",
          setup=Setup(before=_walk)),
    fault("other-page", "the page lacks the text that --expect-body requires",
          setup=Setup(options={"expect_body": "all systems (go|operational)"}),
          reason=Reason.UNEXPECTED_ANSWER),
    fault("lacks-field", "the response lacks the field that --expect-header requires",
          setup=Setup(options={"expect_headers": ("X-Frame-Options: DENY",)}),
          reason=Reason.UNEXPECTED_ANSWER),
    fault("circle", "the redirects form a loop", "HTTP-REDIRECT-LOOP", setup=Setup(before=_loop),
          reason=Reason.PROTOCOL_VIOLATION),
    fault("unaware", "a backend redirects https to https, for its proxy sends no "
          "X-Forwarded-Proto", "HTTP-REDIRECT-LOOP", setup=Setup(before=_unaware),
          reason=Reason.PROTOCOL_VIOLATION),
    fault("clear", "plain HTTP serves the page", "HTTP-NO-HTTPS", setup=Setup(secure=False)),
    fault("upgrade-tls", "plain HTTP offers an upgrade to TLS", "HTTP-UPGRADE-TLS",
          setup=Setup(secure=False, change=_upgrades)),
    fault("no-hsts", "responses have no HSTS field", "HTTP-HSTS", setup=Setup(hsts=False)),
    fault("short-hsts", "HSTS lasts for an hour", "HTTP-HSTS",
          setup=Setup(change=setting("Strict-Transport-Security", "max-age=3600"))),
    fault("wrong-date", "the Date field is months off", "HTTP-DATE-SKEW",
          setup=Setup(change=setting("Date", "Thu, 01 Jan 2026 00:00:00 GMT"))),
    fault("few-streams", "HTTP/2 allows ten concurrent streams", "H2-SETTINGS",
          setup=Setup(h2=H1Setup(settings=((MAX_STREAMS, 10),)))),
    fault("amplifies", "the reply to one QUIC Initial is sent four times", "QUIC-AMPLIFY",
          setup=Setup(h3=H3Setup(quic=QuicSetup(copies=4)))),
    fault("any-token", "QUIC accepts a token that it never issued", "QUIC-AMPLIFY",
          setup=Setup(h3=H3Setup(quic=QuicSetup(retry=True, any_token=True)), options=_INTRUSIVE)),
    fault("quic-idle", "idle QUIC connections are closed after ten seconds", "QUIC-IDLE",
          setup=Setup(h3=H3Setup(quic=QuicSetup(idle_seconds=10)))),
    fault("quic-small", "QUIC accepts no datagram above 1200 bytes", "QUIC-PMTU",
          setup=Setup(h3=H3Setup(quic=QuicSetup(max_udp_payload=1200)))),
    fault("quic-stays", "QUIC drops packets from a new port", "QUIC-MIGRATE",
          setup=Setup(h3=H3Setup(quic=QuicSetup(migration="ignore")), options=_INTRUSIVE)),
    fault("early-data", "TLS over TCP accepts early data", "TLS-0RTT-ON",
          setup=Setup(early_data=16384)),
    fault("early-replay", "the same early data is accepted twice", "TLS-0RTT-ON",
          "TLS-0RTT-REPLAY",
          setup=Setup(early_data=16384, anti_replay=False, options=_INTRUSIVE)),
    fault("early-post", "a POST in early data is carried out at once", "HTTP-0RTT-UNSAFE",
          setup=Setup(heeds_early=False, options=_WRITE)),
    fault("expect-stalls", "100 (Continue) is not sent", "HTTP-100CONT",
          setup=Setup(h1=H1Setup(fault="expect-stall"), options=_WRITE)),
    fault("small-limit", "content above 1 MiB is rejected with 413", "HTTP-BODY-LIMIT",
          setup=Setup(h1=H1Setup(max_content_bytes=1024 * 1024), options=_WRITE)),
    fault("not-found", "the target's path does not exist", "HTTP-STATUS",
          setup=Setup(before=_not_found)),
    fault("false-coding", "uncompressed content has Content-Encoding: gzip", "HTTP-CODING",
          setup=Setup(content=ContentSetup(codings=()), change=_wrong_coding)),
    fault("surplus", "responses have more content than Content-Length", "HTTP-LENGTH",
          setup=_raw(_CLEAR_ANSWER + b"\r\nhello, and more")),
    fault("odd-grammar", "a field has a space before its colon", "HTTP-GRAMMAR",
          setup=_raw(_CLEAR_ANSWER + b"X-Odd : a\r\nConnection: close\r\n\r\nhello")),
    fault("two-lengths", "a request with two lengths is carried out", "HTTP-CLTE",
          setup=Setup(heeds_lengths=False, options=_INTRUSIVE)),
    fault("no-validator", "responses have neither ETag nor Last-Modified", "HTTP-NO-VALIDATOR",
          setup=_content(validators=False)),
    fault("etag-ignored", "conditional requests get the full content", "HTTP-ETAG-IGNORED",
          setup=_content(conditional=False)),
    fault("etag-unstable", "each response has another ETag", "HTTP-ETAG-UNSTABLE",
          setup=_content(steady=False)),
    fault("etag-encoding", "all codings have the same strong ETag", "HTTP-ETAG-ENC",
          setup=_content(tags_by_coding=False)),
    fault("thin-304", "304 responses lack the fields of the 200", "HTTP-304-HDRS",
          setup=_content(thin=True)),
    fault("no-freshness", "responses have no lifetime", "HTTP-NO-FRESHNESS",
          setup=_content(cache_control=None)),
    fault("two-minds", "responses have both no-store and a lifetime", "HTTP-NO-FRESHNESS",
          setup=_content(cache_control="no-store, max-age=3600")),
    fault("cache-leak", "a session cookie is sent with a public lifetime", "HTTP-CACHE-LEAK",
          setup=_content(cookie="session={id}; Path=/; Secure; HttpOnly; SameSite=Lax")),
    fault("bare-cookie", "a session cookie has no protecting attributes", "HTTP-COOKIE-FLAGS",
          setup=_content(cache_control="private, no-cache", cookie="session={id}; Path=/")),
    fault("versions-shown", "the software's versions are in each response", "HTTP-SERVER-LEAK",
          setup=Setup(change=with_fields(("Server", "nginx/1.22.1"),
                                         ("X-Powered-By", "PHP/8.2.7")))),
    fault("no-stale", "stale responses may not be served", "HTTP-NO-SWR",
          setup=_content(cache_control="public, max-age=60")),
    fault("no-vary", "content is compressed, but Vary is missing", "HTTP-VARY",
          setup=_content(vary="")),
    fault("vary-star", "Vary is *", "HTTP-VARY", setup=_content(vary="*")),
    fault("cors-reflected", "any Origin is allowed with credentials, without Vary", "HTTP-VARY",
          "HTTP-CORS-CREDS",
          setup=_content(reflects_origin=True)),
    fault("plain-text", "text is not compressed", "HTTP-NO-COMPRESS", setup=_content(codings=())),
    fault("gzip-only", "text is compressed with gzip only", "HTTP-NO-BR",
          setup=_content(codings=("gzip",))),
    fault("squeezed-image", "an image is compressed again", "HTTP-COMPRESS-WASTE",
          setup=_content("/logo.png", codes_media=True)),
    fault("breach", "a compressed page has a token and repeats its query", "HTTP-COMPRESS-BREACH",
          setup=_content("/page", token="b3f1c9d2a4e5f60718293a4b")),  # noqa: S106 - it is in a lab
    fault("large-json", "one response has two megabytes of JSON", "HTTP-PAYLOAD",
          setup=_content(many=True)),
    fault("acts-twice", "a POST with the same Idempotency-Key acts again", "HTTP-IDEMPOTENCY",
          setup=Setup(content=ContentSetup(keyed=False), path="/orders",
                      options={"method": "POST", "allow_write": True})),
    fault("no-retry-after", "429 responses have no Retry-After", "HTTP-RETRY-INFO",
          setup=_content(limited=True)),
    fault("undescribed", "the API has no description", "REST-SCHEMA",
          setup=_content(described=False)),
    fault("breaks-schema", "responses violate the API's description", "REST-SCHEMA",
          setup=_content(truthful=False)),
    fault("bare-errors", "errors are HTML pages", "REST-ERRORS", setup=_content(problems=False)),
    fault("wrong-type", "JSON is sent as HTML", "REST-CTYPE",
          setup=_content(json_type="text/html")),
    fault("sunset", "the API was to be removed last week", "REST-SUNSET",
          setup=_content(more=(("Deprecation", "@1750000000"), ("Sunset", _http_date(-7)),
                               ("Link", "</v2>; rel=successor-version")))),
    fault("mute-events", "an event stream is silent, then ends", "SSE-HEARTBEAT",
          setup=Setup(content=ContentSetup(events="mute"), path="/events", options=_HOLD)),
    fault("buffered-events", "events wait until a buffer is full", "SSE-HEARTBEAT",
          setup=Setup(content=ContentSetup(events="buffered"), path="/events", options=_HOLD)),
)  # fmt: skip
