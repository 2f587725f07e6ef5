"""The rule for the size of request content."""

from __future__ import annotations

from seventh.model.failure import Reason
from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.protocols.http.facts.write import Upload, WriteFacts
from seventh.protocols.http.rules.examples import GOOD
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_MIB = 1024 * 1024
FEW_BYTES = 10 * _MIB
"""A limit below this may be a default that was never chosen: nginx's is 1 MiB."""
_TOO_LARGE = 413


def _with(**found: object) -> HttpFacts:
    return GOOD.learn(write=WriteFacts(upload=Upload(method="POST", **found)))  # type: ignore[arg-type]


@rule(
    "HTTP-BODY-LIMIT",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="Request content rejected for its size",
    evidence="{what}{accepted}",
    phrases={
        "what": {
            "rejected": "{method} with {size} gets 413",
            "cut-413": "{method} with {size}: the server closes the connection during the upload. "
            "It answers 413 to that Content-Length alone, a response that many clients never read",
            "cut": "{method} with {size}: the connection ends without a response; with a few bytes "
            "it gets {short}. A proxy's limit without a 413, or a backend that fails",
            "behind": "{method} with {size} gets {status}, with a few bytes {short}. Nothing "
            "answers 413, so the size or the content makes the backend fail",
            "limit": "{method} that declares {size} gets 413",
            "default": "no `client_max_body_size` line: requests above 1 MiB get 413",
        },
        "accepted": {"": "", "some": "; {largest} is accepted"},
    },
    why="Uploads fail that the application would take. Each server on the path has its own limit, "
    "and the smallest one decides: nginx's default is 1 MiB.",
    fix={
        "nginx": "# in the location that takes uploads; each nginx on the path needs it\n"
        "client_max_body_size 50m;",
        "apache": "LimitRequestBody 52428800",
        "caddy": "request_body {{\n\tmax_size 50MB\n}}",
        "any": "Raise the limit of the server that answers 413. If nothing does, look for the "
        "request in the logs from the first proxy to the application: the first that has no entry "
        "for it, or an error, has the limit.",
    },
    references=("RFC 9110 §15.5.14", "Manual of nginx: client_max_body_size"),
    seed=("12.11.7",),
    choice=("nginx",),
    directives={"nginx": ("client_max_body_size", "proxy_pass")},
    good=_with(bytes=2 * _MIB, status=200),
    bad=_with(bytes=2 * _MIB, status=413, declared_status=413, accepted_bytes=_MIB),
)
def body_limit(http: HttpFacts) -> Verdict:
    """Judge the user's own request; without one, a limit below 10 MiB is information."""
    if http.config is not None:
        return _of_file(http.config)
    found = http.write.upload if http.write is not None else None
    if found is None:
        return Skip("no request with content was sent")
    if found.bytes:
        return _of_own(found)
    if found.refused_bytes is not None and found.refused_bytes <= FEW_BYTES:
        return _hit(found, "limit", found.refused_bytes, Severity.INFO)
    if found.accepted_bytes is None:
        return Skip("the server answers neither 100 nor 413 to a declared length")
    return None


def _of_own(found: Upload) -> Verdict:
    cut = found.failure in {Reason.PEER_RESET, Reason.PEER_CLOSED}
    if found.status == _TOO_LARGE:
        return _hit(found, "rejected")
    if cut and found.declared_status == _TOO_LARGE:
        return _hit(found, "cut-413")
    if found.status is None and not cut:
        return Skip("the request with content got no response")
    if (found.status or 0) < 400 and not cut:
        return None
    if found.short_status in {None, found.status}:
        return Skip("the request fails with little content, too")
    return _hit(found, "cut" if cut else "behind")


def _hit(
    found: Upload, what: str, size: int | None = None, severity: Severity | None = None
) -> Hit:
    return Hit(
        severity, what=what, method=found.method, size=size_text(size or found.bytes),
        status=found.status or 0, short=found.short_status or 0,
        accepted="some" if found.accepted_bytes else "",
        largest=size_text(found.accepted_bytes or 0),
    )  # fmt: skip


def size_text(size: int) -> str:
    """Return ``10 MiB``, or bytes where it is not a whole number of them."""
    return f"{size // _MIB} MiB" if size and not size % _MIB else f"{size:,} bytes"


def _of_file(config: HttpConfigFacts) -> Verdict:
    if config.does != "passes" or not config.upload:
        return Skip("no proxied location has the name of an upload")
    return Hit(Severity.LOW, what="default", accepted="") if config.default_body_limit else None
