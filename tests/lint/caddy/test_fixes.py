"""Each fix for Caddy is pasted where it says: its finding is gone, and nothing else is worse."""

from __future__ import annotations

import re

import msgspec
import pytest

from seventh import protocols
from seventh.engine.lint import Wanted, lint_text
from seventh.model.report import Report
from seventh.rules.rule import AnyRule
from seventh.rules.words import filled

pytestmark = pytest.mark.field

RULES: dict[str, AnyRule] = {
    rule.id: rule
    for room in ("http", "websocket", "tls")
    for rule in protocols.rules(room)
    if "caddy" in rule.directives and "caddy" in rule.words.fix
}
HSTS = 'header Strict-Transport-Security "max-age=31536000"'
CACHE = 'header Cache-Control "max-age=60, stale-while-revalidate=60"'
GOOD = (HSTS, CACHE, "encode zstd gzip", "root * /srv", "file_server")


class Scene(msgspec.Struct):
    """A Caddyfile's lines: the global options', the site's, and those of the good one that go."""

    site: tuple[str, ...] = ()
    options: str = ""
    without: tuple[str, ...] = ()
    address: str = "www.example.org"
    drop: tuple[str, ...] = ()
    """What a fix says in words to take out: lines that begin so."""


PROXY = "reverse_proxy localhost:8080"
SCENES: dict[str, Scene] = {
    "HTTP-NO-FRESHNESS": Scene(without=(CACHE,)),
    "HTTP-NO-SWR": Scene(site=('header Cache-Control "max-age=60"',), without=(CACHE,)),
    "HTTP-VARY": Scene(site=("header -Vary",), drop=("header -Vary",)),
    "HTTP-NO-COMPRESS": Scene(without=("encode",)),
    "HTTP-NO-BR": Scene(site=("encode gzip",), without=("encode",)),
    "HTTP-COMPRESS-WASTE": Scene(
        site=("encode gzip {\n\tmatch {\n\theader Content-Type image/png*\n\t}\n}",),
        without=("encode",),
    ),
    "HTTP-0RTT-UNSAFE": Scene(
        site=("request_header -Early-Data", PROXY), without=("file_server", "root")
    ),
    "SSE-HEARTBEAT": Scene(
        site=("handle /events {\n\treverse_proxy localhost:8080 {\n\tresponse_buffers 1m\n\t}\n}",),
        drop=("handle /events",),
    ),
    "HTTP-PROXY-TRUST": Scene(options="servers {\n\ttrusted_proxies static 0.0.0.0/0\n}"),
    "HTTP-NO-REUSE": Scene(options="servers {\n\ttimeouts {\n\t\tidle 2s\n\t}\n}"),
    "HTTP-NO-HTTPS": Scene(address="http://www.example.org", without=(HSTS,)),
    "HTTP-HSTS": Scene(without=(HSTS,)),
    "HTTP-NO-VALIDATOR": Scene(
        site=("header -ETag", "header -Last-Modified"), drop=("header -",)
    ),
    "HTTP-NO-H2": Scene(options="servers {\n\tprotocols h1\n}"),
    "HTTP-NO-H3": Scene(options="servers {\n\tprotocols h1 h2\n}"),
    "HTTP-H3-DEAD": Scene(site=("header Connection close",), drop=("header Connection",)),
    "HTTP-H3-HIDDEN": Scene(site=("header -Alt-Svc",), drop=("header -Alt-Svc",)),
    "HTTP-FALLBACK": Scene(options="servers {\n\tprotocols h3\n}"),
    "WS-STRIPPED": Scene(
        site=("handle /ws {\n\treverse_proxy localhost:8080 {\n\theader_up -Upgrade\n\t}\n}",),
        drop=("handle /ws",),
    ),
    "WS-CLEAR": Scene(
        site=(f"handle /ws {{\n\t{PROXY}\n}}",), address="http://www.example.org", without=(HSTS,)
    ),
    "WS-IDLE-CUT": Scene(
        site=("handle /ws {\n\treverse_proxy localhost:8080 {\n\tstream_timeout 30s\n\t}\n}",),
        drop=("handle /ws",),
    ),
    "TLS-CLIENTS-CUT": Scene(
        site=(("tls {\n\tprotocols tls1.2 tls1.2\n"
              "\tciphers TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA\n}"),),
    ),
    "TLS-NO13": Scene(site=("tls {\n\tprotocols tls1.2 tls1.2\n}",)),
    "TLS-WEAK-CIPHER": Scene(
        site=("tls {\n\tciphers TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA\n}",)
    ),
    "TLS-NO-PQ": Scene(site=("tls {\n\tcurves x25519\n}",)),
    "TLS-MTLS-OPTIONAL": Scene(
        site=("tls {\n\tclient_auth {\n\t\tmode request\n\t}\n}",)
    ),
}  # fmt: skip
NEXT = {
    "HTTP-NO-COMPRESS": {"HTTP-NO-BR"},
    "HTTP-NO-HTTPS": {"HTTP-HSTS", "HTTP-NO-BR", "HTTP-NO-COMPRESS", "HTTP-NO-FRESHNESS"},
    "HTTP-H3-DEAD": {"HTTP-NO-H3"},
    "WS-CLEAR": {"HTTP-HSTS"},
}  # fmt: skip
"""What only becomes a question when the fix is in, or is a line of the site that was there."""


def split(text: str) -> list[str]:
    """The directives, blocks whole."""
    found: list[str] = []
    depth = 0
    for line in text.splitlines():
        if depth:
            found[-1] += f"\n{line}"
        elif line.strip() and not line.lstrip().startswith("#"):
            found.append(line)
        depth += line.rstrip().endswith("{") - (line.strip() == "}")
    return found


def text_of(options: list[str], site: list[str], address: str) -> str:
    lines_of = "{\n" + "\n".join(options) + "\n}\n" if options else ""
    return lines_of + address + " {\n" + "\n".join(site) + "\n}\n"


def same(old: str, new: str) -> bool:
    words, others = old.split(), new.split()
    size = 2 if words[0] == "header" else 1
    name = [word.lstrip("+-") for word in words[:size]]
    return name == [word.lstrip("+-") for word in others[:size]]


def judge(text: str) -> Report:
    report = lint_text("Caddyfile", text.encode(), Wanted(kind="Caddyfile"))
    assert report.failure is None, (report.failure, text)
    return report


def weights(report: Report) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in report.findings:
        found[one.id] = max(found.get(one.id, 0), 1 + one.severity.rank)
    return found


def test_every_fix_is_tried() -> None:
    assert set(RULES) == set(SCENES)


@pytest.mark.parametrize("name", SCENES)
def test_the_finding_is_gone_and_nothing_is_worse(name: str) -> None:
    scene = SCENES[name]
    site = [*(line for line in GOOD if not line.startswith(scene.without or ("-",))), *scene.site]
    options = split(scene.options)
    bad = judge(text_of(options, site, scene.address))
    (finding, *_) = [one for one in bad.findings if one.id == name]
    fix = filled(RULES[name].words, finding.params).fix["caddy"]
    # Of a fix for two causes, this is the one that these files have.
    pieces = split(fix.partition("# where a version is missing")[2] or fix)
    site = [line for line in site if not line.startswith(scene.drop or ("-",))]
    address = scene.address
    if "# in the global options" in fix:
        options = [o for o in options if not any(same(o, piece) for piece in pieces)] + pieces
    elif pieces[0].startswith("www.example.org {"):
        address = "www.example.org"  # a whole site stands for the address that the fix changes
    else:
        site = [one for one in site if not any(same(one, piece) for piece in pieces)] + pieces
    after = text_of(options, site, address)
    good = judge(after)
    now, then = weights(good), weights(bad)
    assert name not in now, after
    assert not {one for one in now if now[one] > then.get(one, 0)} - NEXT.get(name, set()), after
    assert re.search(r"\S", fix)
