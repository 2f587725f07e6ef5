"""The HTTP room: versions 1.1, 2 and 3, what they carry, and how fast."""

from typing import Annotated, Literal

from msgspec import Meta

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme


class HttpOptions(RoomOptions, frozen=True, kw_only=True):
    """The request, and what is expected of its answer."""

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
            help="status that the answer must have; also 2xx, 200-299", default="below 500",
        ),
    ] = None  # fmt: skip
    expect_json: Annotated[
        str | None,
        Option(
            flag="expect-json", metavar="EXPRESSION",
            help="JMESPath expression that must hold of the answer",
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
            flag="http-version", help="the only HTTP version to use", default="all that answer"
        ),
    ] = None  # fmt: skip
    qlog_file: Annotated[
        str | None,
        Option(flag="qlog", metavar="FILE", help="file to write a QUIC connection's log to"),
    ] = None


SPEC = Spec(
    name="http",
    title="HTTP",
    schemes=(Scheme(name="http", port=80), Scheme(name="https", port=443)),
    phases=(
        PhaseSpec("http.request", "from the connection being ready to the request going out"),
        PhaseSpec("http.ttfb", "from the request's first byte to the answer's first byte"),
        PhaseSpec("http.download", "from the answer's first byte to its last"),
        PhaseSpec("http.cell", "one further exchange of the matrix of versions and temperatures"),
        PhaseSpec("http.redirect", "following one redirect"),
        PhaseSpec("http.look", "what else is asked of the site: its content, plain HTTP"),
        PhaseSpec("quic", "our first Initial to the end of the handshake, when a request may go"),
        PhaseSpec("quic.hello", "our first Initial to the server's first packet"),
        PhaseSpec("quic.finish", "the server's first packet to the end of the handshake"),
        PhaseSpec("quic.compared", "a QUIC handshake at another place that is announced"),
        PhaseSpec("quic.resumed", "a QUIC handshake that takes up an earlier session"),
        PhaseSpec("quic.early", "one whose request goes as early data"),
    ),
    metrics=(
        Metric(
            "seventh_ttfb_seconds", "histogram", "request to the answer's first byte",
            "ttfb_seconds",
        ),
        Metric(
            "seventh_http_think_seconds", "gauge", "time to the first byte less the round trip",
            "think_seconds",
        ),
        Metric(
            "seventh_http_download_seconds", "gauge", "the answer's first byte to its last",
            "download_seconds",
        ),
        Metric("seventh_http_body_bytes", "gauge", "the answer's body as it came", "body_bytes"),
        Metric("seventh_http_status", "gauge", "the answer's status", "status"),
        Metric(
            "seventh_http_negotiated_total", "counter",
            "1 for each version that was negotiated over TLS or QUIC and answered; its sum over "
            "checks, divided by their number, is the share of checks that obtained the version",
            "negotiated", label="version",
        ),
        Metric(
            "seventh_http_versions", "gauge", "versions of HTTP that answered", "working"
        ),
        Metric(
            "seventh_http_cache_hits_total", "counter", "replies that came from a cache",
            "content.cache_hits", label="kind",
        ),
        Metric(
            "seventh_http_brotli_ratio", "gauge", "share of compressible replies served in brotli",
            "content.brotli_ratio",
        ),
        Metric(
            "seventh_http_compression_ratio", "gauge", "content bytes to each byte on the wire",
            "content.compression_ratio",
        ),
    ),
    options=HttpOptions,
    shared=(
        "ca_file", "ca_store", "server_name", "cert_file", "key_file", "token_file", "headers",
        "hold_seconds",
    ),
    tiers={
        0: "connects, shakes hands, sends bare hellos and one QUIC Initial that it never answers",
        1: "at most 40 GET, HEAD and OPTIONS requests; no cookie is kept",
        2: "sends the bearer token or the credential that was given, to the target's own origin",
        3: "sends the request with an unsafe method that was described, once with Expect, once as "
        "early data, and repeats it to see whether that is safe",
        4: "sends a request with two lengths, moves a QUIC connection to another port, holds "
        "streams open",
    },
    standards=(
        "RFC 9110", "RFC 9111", "RFC 9112", "RFC 9113", "RFC 9114", "RFC 9000", "RFC 6797",
        "RFC 7838", "RFC 8470", "RFC 9460",
    ),
    connections=20,
)  # fmt: skip
