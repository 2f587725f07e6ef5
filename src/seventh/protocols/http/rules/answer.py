"""Rules on the response itself: its status, its content against its fields, its grammar."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Asset, Body, ContentFacts, Variant
from seventh.protocols.http.facts.versions import LeftOver, Redirects
from seventh.protocols.http.rules.caching_examples import NOT_LOOKED
from seventh.protocols.http.rules.caching_examples import content as with_content
from seventh.protocols.http.rules.examples import GOOD
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_MEANS = {
    401: "a credential is required",
    402: "payment is required",
    403: "access is forbidden",
    404: "not found",
    405: "the method is not allowed",
    407: "a proxy requires a credential",
    410: "the resource was removed",
    413: "the request content is too large",
    421: "this server does not serve that host name",
    429: "the rate limit is exceeded",
    451: "unavailable for legal reasons",
}


@rule(
    "HTTP-STATUS",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="The response is a client error (4xx)",
    evidence="{url} answers {status}{means}",
    phrases={"means": {"": "", **{str(status): f": {text}" for status, text in _MEANS.items()}}},
    why="Clients that request this URL get an error. All other verdicts describe the error "
    "response, not the service.",
    fix={
        "any": "Check the path, the virtual host and the access rules. If a credential is "
        "required, give `--token-file`, `--header` or `--cert`; if this response is intended, "
        "give `--expect-status {status}`.",
    },
    references=("RFC 9110 §15.5",),
    seed=("12.6.1",),
    good=GOOD,
    bad=GOOD.learn(status=404, redirects=Redirects(final_status=404)),
)
def status(http: HttpFacts) -> Verdict:
    """Judge the final status unless one is expected; 5xx is the check's failure."""
    expected = http.expectation
    if expected is not None and expected.status is not None:
        return None if expected.met else Skip("the status is compared with --expect-status")
    if http.redirects is None:
        return Skip("the check ended before the final response")
    url, found = http.redirects.final_url or http.url, http.redirects.final_status or http.status
    if expected is not None and expected.method not in {"", "GET", "HEAD"}:
        url, found = f"{http.url} ({expected.method})", expected.got
    if found is None:
        return Skip("no response was received")
    if found >= 500:
        return Skip("a server error is the check's failure")
    if found < 400:
        return None
    if found == 413 and http.write is not None and http.write.upload is not None:
        return Skip("HTTP-BODY-LIMIT judges the size of the content")
    return Hit(url=url, status=found, means=str(found) if found in _MEANS else "")


@rule(
    "HTTP-CODING",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Content-Encoding does not match the content",
    evidence="{what}",
    phrases={
        "what": {
            "corrupt": "the content is not valid data of its Content-Encoding: {corrupt}",
            "cut-short": "the compressed data ends early: {cut_short}",
            "unknown": "Content-Encoding is not a known content coding: {unknown}",
            "still-coded": "the content is still compressed after decoding, but its type is text: "
            "{still_coded}",
        }
    },
    why="Clients decode the coding that is named. If the content is not in that coding, browsers "
    "show an error page or raw bytes, and programs fail.",
    fix={
        "any": "Send in Content-Encoding exactly the codings of the content, in the order in which "
        "they were applied. Compress in one place, the application or the proxy, and remove lines "
        "that set the field manually (`add_header Content-Encoding`, "
        "`Header set Content-Encoding`).",
    },
    references=("RFC 9110 §8.4",),
    seed=("12.10.1",),
    good=with_content(content=Body(path="/", status=200, declared="text/html", coding="gzip")),
    bad=with_content(
        content=Body(path="/", status=200, declared="text/html", coding="gzip", fault="corrupt")
    ),
)
def content_coding(http: HttpFacts) -> Verdict:
    """Judge every complete response: the page under each offer, an error, the assets.

    An unknown coding alone is medium: browsers show such content as it is.
    """
    content = http.content
    if content is None or content.content is None:
        return NOT_LOOKED
    found: dict[str, dict[str, None]] = {}
    for path, part in _parts(content, content.content):
        if part.fault:
            where = f"{path} ({part.status}, {part.coding or 'identity'})"
            found.setdefault(part.fault, {})[where] = None
    if not found:
        return None
    severity = Severity.MEDIUM if set(found) == {"unknown"} else None
    places = {fault.replace("-", "_"): tuple(sorted(where)) for fault, where in found.items()}
    return Hit(severity, what=tuple(found), **places)


def _parts(content: ContentFacts, page: Body) -> list[tuple[str, Body | Variant | Asset]]:
    """Return what was received complete, each with its path."""
    parts: list[tuple[str, Body | Variant | Asset]] = [(page.path, page)]
    if content.error is not None:
        parts.append((content.error.path, content.error))
    if content.coding is not None:
        parts += [(page.path, variant) for variant in content.coding.variants]
    return parts + [(asset.path, asset) for asset in content.assets or ()]


@rule(
    "HTTP-LENGTH",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="More content than Content-Length",
    evidence="{count} bytes followed the end of the {status} response to {method} {url}{limit}",
    phrases={
        "limit": {
            "length": ", which Content-Length sets",
            "no-content": ", which has no content",
            "head": ", which is a header section only",
        }
    },
    why="Clients stop where the response ends: the rest of the content is lost, and on a "
    "persistent connection it is read as the next response, so that users get each other's "
    "content (response desynchronisation).",
    fix={
        "any": "Compute Content-Length from the content as it is sent, after compression and "
        "rewriting, or omit it and use chunked. Send no content with 204, 304 and responses to "
        "HEAD.",
    },
    references=("RFC 9112 §6.3", "RFC 9110 §8.6", "RFC 9110 §15.3.5"),
    seed=("12.9.2",),
    good=GOOD,
    bad=GOOD.learn(
        left_over=LeftOver(bytes=5513, method="GET", status=200, url="https://www.example.org/")
    ),
)
def surplus(http: HttpFacts) -> Verdict:
    """Report bytes after an HTTP/1.1 response; later versions reject such a response themselves."""
    found = http.left_over
    if found is None:
        return None if http.status is not None else Skip("no response was received")
    limit = "length"
    if found.status in {204, 304}:
        limit = "no-content"
    elif found.method == "HEAD":
        limit = "head"
    return Hit(
        count=found.bytes, status=found.status, method=found.method, url=found.url, limit=limit
    )


@rule(
    "HTTP-GRAMMAR",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="Responses violate the HTTP/1.1 grammar",
    evidence="{what}",
    phrases={"what": {
        "bare-lf": "lines end with LF only (RFC 9112 §2.2)",
        "obs-fold": "a field is folded over two lines (RFC 9112 §5.2)",
        "status-line": "malformed status line (RFC 9112 §4)",
        "space-before-colon": "whitespace before the colon of a field (RFC 9112 §5.1)",
        "field-name": "a field name with invalid characters (RFC 9110 §5.1)",
        "no-colon": "a line without a colon or a name (RFC 9112 §5)",
        "control-character": "control characters in a field value (RFC 9110 §5.5)",
        "blank-line-first": "an empty line before the status line (RFC 9112 §4)",
        "length-and-chunked": "Content-Length together with Transfer-Encoding (RFC 9112 §6.2)",
        "length-twice": "Content-Length more than once (RFC 9110 §8.6)",
        "transfer-encoding-identity": "Transfer-Encoding: identity, which RFC 7230 removed",
        "transfer-coding": "Transfer-Encoding: {codings}, which no TE field of the request allowed "
        "(RFC 9110 §10.1.4)",
    }},
    why="Browsers and curl accept it. Proxies, stricter libraries and security filters do not: "
    "they reject the response, or parse it differently from the client.",
    fix={
        "any": "Use the server's HTTP library to write the header section, and update code that "
        "writes it manually.",
    },
    references=("RFC 9112",),
    seed=("12.9.2",),
    good=GOOD,
    bad=GOOD.learn(deviations=("obs-fold",)),
)  # fmt: skip
def grammar(http: HttpFacts) -> Verdict:
    """Report each deviation that was accepted."""
    if http.status is None:
        return Skip("no response was received")
    if not http.deviations:
        return None
    return Hit(what=http.deviations, codings=http.transfer_codings)
