"""Rules on the answer itself: its status, its content against its fields, its grammar."""

from __future__ import annotations

from typing import Any

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Body, CodingFault, ContentFacts, Variant
from seventh.protocols.http.facts.versions import LeftOver, Redirects
from seventh.protocols.http.rules.examples import GOOD
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_MEANS = {
    401: "a credential is required",
    402: "payment is required",
    403: "access is forbidden",
    404: "nothing is found at this path",
    405: "the method is not allowed",
    407: "a proxy requires a credential",
    410: "the resource has been removed",
    421: "this server does not serve that host name",
    429: "the rate limit is reached",
    451: "the resource is withheld for legal reasons",
}
_FAULTS: dict[CodingFault, str] = {
    "corrupt": "Content-Encoding says {coding}, but the content is not valid {coding} data",
    "cut-short": "Content-Encoding says {coding}, but the {coding} data ends early",
    "unknown": "Content-Encoding says {coding}, which is not a known content coding",
    "still-coded": "the content is compressed data once {coding} is undone, but its type is text",
}
_DEVIATIONS = {
    "bare-lf": "lines that end with LF alone (RFC 9112 §2.2)",
    "obs-fold": "a field folded over two lines (RFC 9112 §5.2)",
    "status-line": "a malformed status line (RFC 9112 §4)",
    "space-before-colon": "a blank before the colon of a field (RFC 9112 §5.1)",
    "field-name": "a field name with characters that names cannot have (RFC 9110 §5.1)",
    "no-colon": "a line without a colon or a name (RFC 9112 §5)",
    "control-character": "control characters in a field value (RFC 9110 §5.5)",
    "blank-line-first": "an empty line before the status line (RFC 9112 §4)",
    "length-and-chunked": "Content-Length beside Transfer-Encoding (RFC 9112 §6.2)",
    "length-twice": "Content-Length more than once (RFC 9110 §8.6)",
    "transfer-encoding-identity": "Transfer-Encoding: identity, which RFC 7230 removed",
    "transfer-coding": "Transfer-Encoding: {codings}, which no TE field of the request allowed "
    "(RFC 9110 §10.1.4)",
}
_NOT_LOOKED = Skip("the representation was not looked at")


def _facts(**parts: Any) -> HttpFacts:
    return HttpFacts(content=ContentFacts(**parts))


@rule(
    "HTTP-STATUS",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="The answer is a client error (4xx)",
    evidence="{url} answers {status}{means}",
    why="Clients that ask for this URL get an error. All other verdicts are about the error "
    "response, not about the service.",
    fix={
        "any": "Check the path, the virtual host and the access rules. Where a credential is "
        "required, give it (`--token-file`, `--header`, `--cert`); where this answer is intended, "
        "say so: `--expect-status {status}`.",
    },
    references=("RFC 9110 §15.5",),
    seed=("12.6.1",),
    good=GOOD,
    bad=GOOD.learn(status=404, redirects=Redirects(final_status=404)),
)
def status(http: HttpFacts) -> Verdict:
    """The final status, unless the user said which is expected; 5xx is the check's failure."""
    expected = http.expectation
    if expected is not None and expected.status is not None:
        return None if expected.met else Skip("it is compared with --expect-status")
    if http.redirects is None:
        return Skip("the check ended before the final answer")
    url, found = http.redirects.final_url or http.url, http.redirects.final_status or http.status
    if expected is not None and expected.method not in {"", "GET", "HEAD"}:
        url, found = f"{http.url} ({expected.method})", expected.got
    if found is None:
        return Skip("no answer came")
    if found >= 500:
        return Skip("a server error is the check's failure")
    if found < 400:
        return None
    means = f": {_MEANS[found]}" if found in _MEANS else ""
    return Hit(url=url, status=found, means=means)


@rule(
    "HTTP-CODING",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Content and Content-Encoding contradict each other",
    evidence="{what}",
    why="Clients undo the coding that is named. Where the content is not what the field says, "
    "browsers show an error page or raw bytes, and programs fail.",
    fix={
        "any": "Send in Content-Encoding exactly the codings that the content has, in the order "
        "in which they were applied. Compress in one place, the application or the proxy; remove "
        "lines that set the field by hand (`add_header Content-Encoding`, "
        "`Header set Content-Encoding`).",
    },
    references=("RFC 9110 §8.4",),
    seed=("12.10.1",),
    good=_facts(content=Body(path="/", status=200, declared="text/html", coding="gzip")),
    bad=_facts(
        content=Body(path="/", status=200, declared="text/html", coding="gzip", fault="corrupt")
    ),
)
def content_coding(http: HttpFacts) -> Verdict:
    """Every reply that was seen whole: the representation under each offer, an error, the assets.

    A coding that is not known is medium: browsers show such content as it is.
    """
    content = http.content
    if content is None or content.content is None:
        return _NOT_LOOKED
    found: dict[str, set[str]] = {}
    severe = False
    for what, seen in _seen(content):
        if seen.fault:
            coding = seen.coding or "no coding"
            found.setdefault(_FAULTS[seen.fault].format(coding=coding), set()).add(what)
            severe = severe or seen.fault != "unknown"
    if not found:
        return None
    said = tuple(f"{', '.join(sorted(places))}: {text}" for text, places in found.items())
    return Hit(None if severe else Severity.MEDIUM, what=said)


def _seen(content: ContentFacts) -> list[tuple[str, Body | Variant | Any]]:
    bodies = [body for body in (content.content, content.error) if body is not None]
    seen: list[tuple[str, Any]] = [(f"{body.path} ({body.status})", body) for body in bodies]
    place = seen[0][0]
    if content.coding is not None:
        seen += [(place, variant) for variant in content.coding.variants]
    return seen + [(f"{asset.path} ({asset.status})", asset) for asset in content.assets or ()]


@rule(
    "HTTP-LENGTH",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="More content than the response announces",
    evidence="{count} bytes came after the end of the {status} response to {method} {url}{limit}",
    why="Clients stop where the response ends: the rest of the content is lost, and on a kept "
    "connection it is read as the next response, so that users get each other's content "
    "(response desynchronisation).",
    fix={
        "any": "Compute Content-Length from the content as it is sent, after compression and "
        "rewriting, or leave it out and let the server use chunked. Send no content with 204, "
        "304 and responses to HEAD.",
    },
    references=("RFC 9112 §6.3", "RFC 9110 §8.6", "RFC 9110 §15.3.5"),
    seed=("12.9.2",),
    good=GOOD,
    bad=GOOD.learn(
        left_over=LeftOver(bytes=5513, method="GET", status=200, url="https://www.example.org/")
    ),
)
def surplus(http: HttpFacts) -> Verdict:
    """Bytes behind an answer of HTTP/1.1; later versions refuse such an answer themselves."""
    found = http.left_over
    if found is None:
        return None if http.status is not None else Skip("no answer came")
    limit = ", where Content-Length ends it"
    if found.status in {204, 304}:
        limit = ", which has no content"
    elif found.method == "HEAD":
        limit = ", which has a head only"
    return Hit(
        count=found.bytes, status=found.status, method=found.method, url=found.url, limit=limit
    )


@rule(
    "HTTP-GRAMMAR",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="Responses deviate from HTTP/1.1's grammar",
    evidence="{what}",
    why="Browsers and curl overlook it. Proxies, stricter libraries and security filters do not: "
    "they refuse the response, or read it differently from the client.",
    fix={
        "any": "Let the server's HTTP library write the response's head, and update what writes it "
        "by hand.",
    },
    references=("RFC 9112",),
    seed=("12.9.2",),
    good=GOOD,
    bad=GOOD.learn(deviations=("obs-fold",)),
)
def grammar(http: HttpFacts) -> Verdict:
    """Return each departure that was overlooked."""
    if http.status is None:
        return Skip("no answer came")
    if not http.deviations:
        return None
    codings = ", ".join(http.transfer_codings)
    said = (_DEVIATIONS.get(name, name).format(codings=codings) for name in http.deviations)
    return Hit(what=tuple(said))
