"""HTTP's debugging checklist: caching, compression, keep-alive, versions, and APIs (REST)."""

from seventh.model.checklist import CheckLine
from seventh.model.failure import Reason

LINES = (
    CheckLine(
        "The request is answered",
        facts=("status", "version", "ttfb_seconds"),
        phases=("http.request", "http.ttfb", "http.download", "quic"),
    ),
    CheckLine(
        "The response is the expected one",
        facts=("expectation.met", "status"), failures=(Reason.UNEXPECTED_ANSWER,),
        look="--expect-status 2xx",
    ),
    CheckLine("The first byte arrives fast", rules=("HTTP-TTFB",), facts=("ttfb_seconds",)),
    CheckLine(
        "Redirects are few and end",
        rules=("HTTP-REDIRECT", "HTTP-REDIRECT-LOOP"), phases=("http.redirect",),
    ),
    CheckLine(
        "Plain HTTP redirects to HTTPS, and HSTS is set",
        rules=("HTTP-NO-HTTPS", "HTTP-HSTS"),
    ),
    CheckLine(
        "No path loses the server's header fields", rules=("HTTP-HEADERS-LOST",),
        look="seventh lint nginx.conf",
    ),
    CheckLine(
        "The client's address is taken from proxies only", rules=("HTTP-PROXY-TRUST",),
        look="seventh lint nginx.conf",
    ),
    CheckLine("HTTP/2 is offered", rules=("HTTP-NO-H2",)),
    CheckLine("HTTP/2 settings allow parallel requests", rules=("H2-SETTINGS",)),
    CheckLine(
        "HTTP/3 is announced and answers",
        rules=("HTTP-NO-H3", "HTTP-H3-DEAD", "HTTP-H3-HIDDEN"),
    ),
    CheckLine("QUIC parameters are sound", rules=("QUIC-AMPLIFY", "QUIC-IDLE", "QUIC-PMTU")),
    CheckLine("QUIC connections survive a change of port", rules=("QUIC-MIGRATE",)),
    CheckLine(
        "Clients can fall back to every lower version",
        rules=("HTTP-FALLBACK",), facts=("working",),
    ),
    CheckLine(
        "Connections are kept alive and reused",
        rules=("HTTP-NO-REUSE",), facts=("reuse.requests",),
    ),
    CheckLine(
        "Text is compressed, also with brotli",
        rules=("HTTP-NO-COMPRESS", "HTTP-NO-BR"), facts=("content.compression_ratio",),
    ),
    CheckLine(
        "Compression is not wasted and exposes no secrets",
        rules=("HTTP-COMPRESS-WASTE", "HTTP-COMPRESS-BREACH"),
    ),
    CheckLine(
        "Responses have a freshness lifetime",
        rules=("HTTP-NO-FRESHNESS",), facts=("content.caching.directives",),
    ),
    CheckLine(
        "Caches can revalidate (ETag, 304)",
        rules=("HTTP-NO-VALIDATOR", "HTTP-ETAG-IGNORED", "HTTP-304-HDRS"),
    ),
    CheckLine("ETags are stable and differ by encoding",
              rules=("HTTP-ETAG-UNSTABLE", "HTTP-ETAG-ENC")),
    CheckLine(
        "Vary is right, and private responses are not shared",
        rules=("HTTP-VARY", "HTTP-CACHE-LEAK"),
    ),
    CheckLine(
        "Session cookies are protected, and other origins get no credentials",
        rules=("HTTP-COOKIE-FLAGS", "HTTP-CORS-CREDS"),
    ),
    CheckLine("The Date field is right", rules=("HTTP-DATE-SKEW",)),
    CheckLine("Rejections have Retry-After", rules=("HTTP-RETRY-INFO",)),
    CheckLine(
        "A repeated request acts once",
        rules=("HTTP-IDEMPOTENCY",), look="--method POST --body FILE",
    ),
    CheckLine(
        "Uploads of the needed size are accepted",
        rules=("HTTP-BODY-LIMIT",), facts=("write.upload.accepted_bytes",),
        look="--method POST --body FILE",
    ),
    CheckLine(
        "Expect: 100-continue is answered at once",
        rules=("HTTP-100CONT",), look="--method POST --body FILE",
    ),
    CheckLine(
        "Unsafe requests in early data are rejected",
        rules=("HTTP-0RTT-UNSAFE",), look="--method POST --body FILE",
    ),
    CheckLine("Ambiguous message lengths are rejected", rules=("HTTP-CLTE",)),
    CheckLine(
        "Event streams send heartbeats and are not buffered",
        rules=("SSE-HEARTBEAT",), look="--hold 40",
    ),
    CheckLine(
        "The API has a description and problem details",
        rules=("REST-SCHEMA", "REST-ERRORS", "REST-CTYPE"),
    ),
    CheckLine("The API is not deprecated", rules=("REST-SUNSET",)),
    CheckLine("JSON responses are of moderate size", rules=("HTTP-PAYLOAD",)),
)  # fmt: skip
