"""HTTP: versions 1.1, 2 and 3, their content, and how fast they are."""

from typing import Annotated, Literal

from msgspec import Meta

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme


class HttpOptions(RoomOptions, frozen=True, kw_only=True):
    """The request, and what is expected of its response."""

    method: Annotated[
        str,
        Option(
            flag="method", metavar="NAME", help="HTTP method; unsafe methods need --allow-write"
        ),
    ] = "GET"  # fmt: skip
    body_file: Annotated[
        str | None,
        Option(flag="body", metavar="FILE", file="readable", help="request body to send"),
    ] = None
    expect_status: Annotated[
        int | str | None,
        Option(
            flag="expect-status", metavar="NNN[,…]",
            help="expected status, such as 200, 2xx or 200-299", default="below 500",
        ),
    ] = None  # fmt: skip
    expect_headers: Annotated[
        tuple[str, ...],
        Option(
            flag="expect-header", metavar="'NAME: REGEX'",
            help="field that the response must have, and a regular expression that one of its "
            "lines must contain; NAME alone for any value",
        ),
    ] = ()  # fmt: skip
    expect_body: Annotated[
        str | None,
        Option(
            flag="expect-body", metavar="REGEX",
            help="regular expression that the decoded body must contain",
        ),
    ] = None  # fmt: skip
    expect_json: Annotated[
        str | None,
        Option(
            flag="expect-json", metavar="EXPRESSION",
            help="JMESPath expression that must be true of the response's JSON",
        ),
    ] = None  # fmt: skip
    max_body_bytes: Annotated[
        int,
        Meta(ge=1, le=64 * 1024 * 1024),
        Option(
            flag="max-body", metavar="BYTES", help="maximum response body, in bytes",
            default="1 MiB",
        ),
    ] = 1024 * 1024  # fmt: skip
    http_version: Annotated[
        Literal["1.1", "2", "3"] | None,
        Option(
            flag="http-version", help="use this HTTP version only", default="all that are supported"
        ),
    ] = None  # fmt: skip
    qlog_file: Annotated[
        str | None,
        Option(
            flag="qlog", metavar="FILE", help="write a QUIC connection's log to this file (qlog)"
        ),
    ] = None


SPEC = Spec(
    name="http",
    title="HTTP",
    schemes=(Scheme(name="http", port=80), Scheme(name="https", port=443)),
    phases=(
        PhaseSpec("http.request", "from the ready connection to the request's first byte"),
        PhaseSpec("http.ttfb", "from the request's first byte to the response's first byte"),
        PhaseSpec("http.download", "from the response's first byte to its last"),
        PhaseSpec("http.cell", "one further exchange: a version cold, warm, resumed or in 0-RTT"),
        PhaseSpec("http.redirect", "one redirect"),
        PhaseSpec("http.look", "further requests: content, plain HTTP, other addresses"),
        PhaseSpec("quic", "from our first Initial to the end of the handshake"),
        PhaseSpec("quic.hello", "from our first Initial to the server's first packet"),
        PhaseSpec("quic.finish", "from the server's first packet to the end of the handshake"),
        PhaseSpec("quic.compared", "a QUIC handshake with another announced endpoint"),
        PhaseSpec("quic.resumed", "a QUIC handshake that resumes a session"),
        PhaseSpec("quic.early", "a QUIC handshake with the request as early data"),
    ),
    metrics=(
        Metric(
            "seventh_ttfb_seconds", "histogram", "from the request to the response's first byte",
            "ttfb_seconds",
        ),
        Metric(
            "seventh_http_think_seconds", "gauge", "time to the first byte without the round trip",
            "think_seconds",
        ),
        Metric(
            "seventh_http_download_seconds", "gauge", "from the response's first byte to its last",
            "download_seconds",
        ),
        Metric("seventh_http_body_bytes", "gauge", "response body, as received", "body_bytes"),
        Metric("seventh_http_status", "gauge", "response status", "status"),
        Metric(
            "seventh_http_negotiated_total", "counter",
            "1 for each version that was negotiated over TLS or QUIC and answered; the sum over "
            "checks, divided by their number, is the share of checks that got the version",
            "negotiated", label="version",
        ),
        Metric(
            "seventh_http_versions", "gauge", "number of HTTP versions that work", "working"
        ),
        Metric(
            "seventh_http_cache_hits_total", "counter", "responses served from a cache",
            "content.cache_hits", label="kind",
        ),
        Metric(
            "seventh_http_brotli_ratio", "gauge", "share of compressible responses with brotli",
            "content.brotli_ratio",
        ),
        Metric(
            "seventh_http_compression_ratio", "gauge", "bytes on the wire per byte of content",
            "content.compression_ratio",
        ),
    ),
    options=HttpOptions,
    shared=(
        "ca_file", "ca_store", "crl_files", "server_name", "cert_file", "key_file", "token_file",
        "headers", "hold_seconds",
    ),
    tiers={
        0: "connects, completes handshakes, sends TLS hellos and one QUIC Initial that it never "
        "acknowledges",
        1: "sends at most 40 GET, HEAD and OPTIONS requests; stores no cookies",
        2: "sends the given token or credential to the target's own origin",
        3: "sends the given request with its unsafe method, once with Expect, once as early data, "
        "and repeats it to test whether that is safe",
        4: "sends a request with two lengths, one in early data twice, and QUIC Initials with "
        "forged tokens; migrates a QUIC connection to another port; keeps event streams open; "
        "holds up to eight idle connections of TCP and of QUIC, with two HEAD requests or a PING "
        "on each",
    },
    layers=("tls",),
    standards=(
        "RFC 9110", "RFC 9111", "RFC 9112", "RFC 9113", "RFC 9114", "RFC 9000", "RFC 6797",
        "RFC 7838", "RFC 8470", "RFC 9460",
    ),
    connections=23,
)  # fmt: skip
