"""Rules for the header fields that a server adds to every response."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.config import HttpConfigFacts, LostHeader, LostHeaders
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_PROTECTIVE = frozenset(
    {"content-security-policy", "x-frame-options", "x-content-type-options", "referrer-policy",
     "permissions-policy", "cross-origin-opener-policy", "cross-origin-embedder-policy",
     "cross-origin-resource-policy"}
)  # fmt: skip
"""Fields without which a browser allows more."""
_BAD = LostHeaders(
    by="nginx.conf:12",
    headers=(
        LostHeader(
            name="X-Content-Type-Options",
            at="nginx.conf:7",
            line='add_header X-Content-Type-Options "nosniff" always;',
        ),
    ),
)


def _config(lost: LostHeaders | None) -> HttpFacts:
    return HttpFacts(config=HttpConfigFacts(product="nginx", does="files", lost_headers=lost))


@rule(
    "HTTP-HEADERS-LOST",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="Inherited add_header lines replaced",
    evidence="`add_header` at {by} replaces every inherited one; not sent here: {lost}",
    why="nginx inherits `add_header` lines only into a block that has none of its own. One line "
    "for one path removes all fields of the server from it, such as Content-Security-Policy, "
    "without a warning.",
    fix={
        "nginx": "# in the location or server that has the replacing line: repeat each lost line, "
        "or\n# move them to a file and write `include` in both blocks\n"
        'add_header X-Content-Type-Options "nosniff" always;',
    },
    references=("Manual of nginx, ngx_http_headers_module: add_header",),
    seed=("12.10.4",),
    directives={"nginx": ("add_header", "add_header lost")},
    good=_config(None),
    bad=_config(_BAD),
)
def headers_lost(http: HttpFacts) -> Verdict:
    """Report fields that a block's own lines remove; medium where they restrict browsers."""
    config = http.config
    if config is None:
        return Skip("only a configuration file shows it; run `seventh lint FILE`")
    if not config.does:
        return Skip("the file is a part of a configuration and defines no server")
    lost = config.lost_headers
    if lost is None:
        return None
    protective = any(one.name.lower() in _PROTECTIVE for one in lost.headers)
    names = tuple(f"{one.name} ({one.at})" for one in lost.headers)
    hit = Hit(Severity.MEDIUM if protective else None, by=lost.by, lost=names)
    if lost.can_merge:
        lines: tuple[str, ...] = ("add_header_inherit merge;",)
    else:
        lines = tuple(one.line for one in lost.headers)
    return hit.fixed_by("nginx", f"# in the block of {lost.by}", *lines)
