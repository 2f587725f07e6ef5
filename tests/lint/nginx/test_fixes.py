"""Each fix for nginx is pasted where it says: its finding is gone, and nothing else is worse."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from seventh import protocols
from seventh.model.report import Finding, Report
from seventh.rules.rule import AnyRule
from seventh.rules.words import filled
from tests.lint.nginx.texts import judge

pytestmark = pytest.mark.field

RULES: dict[str, AnyRule] = {
    rule.id: rule
    for room in ("http", "websocket", "tls")
    for rule in protocols.rules(room)
    if "nginx" in rule.directives
}
NEW, OLD = "nginx=1.30", "nginx=1.22.1"
PLACES = ("main", "http", "server", "location")
_HEADING = re.compile(r"#\s+in (main|http|server)\b")
_LOCATION = re.compile(r"#\s+in (?:the|its) [^#]*?(?:location|proxy_pass)")
_SINCE = re.compile(r"#\s+nginx ([0-9.]+) or newer")
_BEFORE = re.compile(r"#\s+before nginx ([0-9.]+)")
_KEYED = frozenset({"add_header", "proxy_set_header", "listen"})
HSTS = 'add_header Strict-Transport-Security "max-age=31536000" always;'
PROXY = "proxy_pass http://127.0.0.1:8080;"
UPGRADE = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;"
QUIC = "listen 443 quic reuseport; add_header Alt-Svc 'h3=\":443\"; ma=86400' always;"


class Scene(msgspec.Struct):
    """A configuration's lines by place. ``without`` are lines of the good server that go."""

    software: str = NEW
    http: str = ""
    server: str = ""
    location: str = ""
    without: tuple[str, ...] = ()
    path: str = "/app/"


GOOD = (
    "listen 443 ssl;", "server_name www.example.net;", "ssl_certificate c.pem;",
    "ssl_certificate_key k.pem;", "ssl_protocols TLSv1.2 TLSv1.3;",
    "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;", "http2 on;", HSTS,
    'add_header Cache-Control "max-age=60, stale-while-revalidate=60" always;',
    "gzip on;", "gzip_vary on;", "gzip_types text/css;", "root /srv;",
)  # fmt: skip
SCENES: dict[str, Scene] = {
    "HTTP-NO-FRESHNESS": Scene(without=("Cache-Control",)),
    "HTTP-CACHE-LEAK": Scene(
        http="proxy_cache_path /c keys_zone=kept:1m;",
        location=f"{PROXY} proxy_cache kept; proxy_cache_valid 1m; "
        "proxy_ignore_headers Cache-Control;",
    ),
    "HTTP-CACHE-LEAK of cookies": Scene(
        http="proxy_cache_path /c keys_zone=kept:1m;",
        location=f"{PROXY} proxy_cache kept; proxy_ignore_headers Set-Cookie;",
    ),
    "HTTP-NO-FRESHNESS at a location": Scene(location="alias /files/;", without=("Cache-",)),
    "HTTP-HSTS at a location": Scene(location="add_header X-A b;"),
    "HTTP-HEADERS-LOST": Scene(
        server='add_header X-Content-Type-Options "nosniff" always;',
        location=f'{HSTS} add_header Cache-Control "max-age=60, stale-while-revalidate=60"; '
        "add_header X-A b;",
    ),
    "HTTP-BODY-LIMIT": Scene(location=PROXY, path="/upload"),
    "HTTP-PROXY-TRUST": Scene(
        server="set_real_ip_from 0.0.0.0/0; real_ip_header X-Forwarded-For;"
    ),
    "HTTP-NO-SWR": Scene(server='add_header Cache-Control "max-age=60";', without=("Cache-",)),
    "HTTP-VARY": Scene(without=("gzip_vary",)),
    "HTTP-NO-COMPRESS": Scene(without=("gzip",)),
    "HTTP-NO-BR": Scene(),
    "HTTP-COMPRESS-WASTE": Scene(server="gzip_types image/png;", without=("gzip_types",)),
    "HTTP-RETRY-INFO": Scene(
        http="limit_req_zone $binary_remote_addr zone=r:1m rate=9r/s;", server="limit_req zone=r;"
    ),
    "H2-SETTINGS": Scene(http="http2_max_concurrent_streams 10;"),
    "QUIC-IDLE": Scene(server=f"{QUIC} quic_retry on; keepalive_timeout 12;"),
    "HTTP-0RTT-UNSAFE": Scene(server="ssl_early_data on;", location=PROXY),
    "SSE-HEARTBEAT": Scene(location=PROXY, path="/events"),
    "HTTP-SERVER-LEAK": Scene(),
    "HTTP-NO-REUSE": Scene(server="keepalive_timeout 0;"),
    "HTTP-NO-HTTPS": Scene(server="listen 80;", without=("listen", "http2", "ssl", "Strict")),
    "HTTP-HSTS": Scene(without=("Strict-",)),
    "HTTP-NO-VALIDATOR": Scene(server='etag off; add_header Last-Modified "";'),
    "HTTP-NO-H2": Scene(without=("http2",)),
    "HTTP-NO-H3": Scene(),
    "HTTP-H3-DEAD": Scene(server="add_header Alt-Svc 'h3=\":443\"';"),
    "HTTP-H3-HIDDEN": Scene(server="listen 443 quic reuseport; quic_retry on;"),
    "HTTP-FALLBACK": Scene(server="listen 443 quic; quic_retry on;", without=("listen", "http2")),
    "WS-STRIPPED": Scene(location=PROXY, path="/ws"),
    "WS-CLEAR": Scene(
        server="listen 80;",
        location=f'{PROXY} {UPGRADE} proxy_set_header Connection upgrade; proxy_read_timeout 1h;',
        path="/ws", without=("listen", "ssl", "http2", "Strict"),
    ),
    "WS-IDLE-CUT": Scene(
        location=f"{PROXY} {UPGRADE} proxy_set_header Connection upgrade;", path="/ws"
    ),
    "TLS-LEGACY": Scene(server="ssl_protocols TLSv1 TLSv1.2 TLSv1.3;", without=("ssl_protocols",)),
    "TLS-NO13": Scene(server="ssl_protocols TLSv1.2;", without=("ssl_protocols",)),
    "TLS-WEAK-CIPHER": Scene(without=("ssl_ciphers",)),
    "TLS-CLIENTS-CUT": Scene(
        server="ssl_protocols TLSv1.2; ssl_ciphers AES128-GCM-SHA256;",
        without=("ssl_protocols", "ssl_ciphers"),
    ),
    "TLS-TICKET-LONG": Scene(
        server="ssl_protocols TLSv1.2; ssl_session_timeout 2d;", without=("ssl_protocols",)
    ),
    "TLS-NO-PQ": Scene(server="ssl_ecdh_curve X25519:P-256;"),
    "TLS-NO-RESUME": Scene(server="ssl_session_tickets off;"),
    "TLS-0RTT-ON": Scene(server="ssl_early_data on;"),
    "TLS-MTLS-OPTIONAL": Scene(server="ssl_verify_client optional; ssl_client_certificate ca.pem;"),
}  # fmt: skip
ELSEWHERE = {
    "HTTP-REDIRECT-LOOP": "a server block to add and a line to remove: tests/peers/test_behind.py",
    "TLS-DH-SMALL": "needs a file of parameters: tests/lint/nginx/test_lint.py",
    "QUIC-AMPLIFY": "a file shows that it is off; only the wire shows that this matters",
}


def split(text: str) -> list[str]:
    """The directives of one line each; blocks stay whole."""
    found: list[str] = []
    depth, start = 0, 0
    for at, char in enumerate(text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if (char == ";" or char == "}") and not depth:
            piece = text[start : at + 1]
            if piece.count('"') % 2 or piece.count("'") % 2:
                continue
            found.append(piece.strip())
            start = at + 1
    return found


def parts(scene: Scene) -> dict[str, list[str]]:
    kept = [line for line in GOOD if not any(one in line for one in scene.without)]
    if scene.software == OLD and "http2 on;" in kept:
        kept = [line.replace("443 ssl", "443 ssl http2") for line in kept if line != "http2 on;"]
    return {"main": [], "http": split(scene.http), "server": kept + split(scene.server),
            "location": split(scene.location)}  # fmt: skip


def text_of(lines: dict[str, list[str]], path: str) -> str:
    location = ""
    if lines["location"]:
        location = f"location {path} {{\n" + "\n".join(lines["location"]) + "\n}\n"
    return "\n".join(
        [*lines["main"], "events { }", "http {", *lines["http"], "server {", *lines["server"],
         location, "}", "}", ""]
    )  # fmt: skip


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def pasted(lines: dict[str, list[str]], fix: str, software: str) -> dict[str, list[str]]:
    """The lines with the fix in them: it takes the place of what says the same."""
    now = version(software.partition("=")[2])
    result = {place: list(block) for place, block in lines.items()}
    place = "server"
    body: dict[str, str] = {}
    for line in fix.splitlines():
        heading, location = _HEADING.match(line), _LOCATION.match(line)
        if line.startswith("#"):
            place = heading[1] if heading else "location" if location else place
            continue
        since, before = _SINCE.search(line), _BEFORE.search(line)
        if (since and now < version(since[1])) or (before and now >= version(before[1])):
            continue
        body[place] = body.get(place, "") + re.sub(r"\s+#.*$", "", line) + "\n"
    for place, text in body.items():
        pieces = split(text)
        for other, said in result.items():
            if place == "http" or other == place:
                result[other] = [o for o in said if not any(same(o, piece) for piece in pieces)]
        result[place] += pieces
        headers = [one for one in pieces if one.startswith("add_header")]
        if any(one.startswith("add_header") for one in result["location"]):
            result["location"] += headers * (place == "server")  # as the fix's comment says
    return result


def same(old: str, new: str) -> bool:
    words, others = old.rstrip(";").split(), new.rstrip(";").split()
    if words[0] == "listen" == others[0]:
        return words[1] == others[1] and ("quic" in words) == ("quic" in others)
    return words[: 1 + (words[0] in _KEYED)] == others[: 1 + (words[0] in _KEYED)]


def weights(report: Report) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in report.findings:
        found[one.id] = max(found.get(one.id, 0), 1 + one.severity.rank)
    return found


def fix_of(finding: Finding) -> str:
    return filled(RULES[finding.id].words, finding.params).fix["nginx"]


def test_every_fix_is_tried() -> None:
    assert set(RULES) == {name.partition(" ")[0] for name in SCENES} | set(ELSEWHERE)


def changed(name: str, lines: dict[str, list[str]]) -> dict[str, list[str]]:
    """What a fix asks for besides what it says to paste."""
    if name in {"HTTP-NO-HTTPS", "WS-CLEAR"}:
        lines["server"] = [line for line in lines["server"] if line != "listen 80;"]
    if name == "HTTP-NO-HTTPS":
        lines["server"] += [*GOOD[:6], HSTS]
    return lines


NEXT = {
    "HTTP-NO-COMPRESS": {"HTTP-NO-BR"}, "HTTP-H3-DEAD": {"HTTP-NO-H3"},
    "HTTP-NO-HTTPS": {"HTTP-NO-BR", "HTTP-NO-H2", "HTTP-NO-H3"},
    "WS-CLEAR": {"HTTP-HSTS", "HTTP-NO-BR", "HTTP-NO-H2", "HTTP-NO-H3", "TLS-WEAK-CIPHER",
                 "TLS-LEGACY", "TLS-NO13"},
}  # fmt: skip
"""What only becomes a question when the fix is in: better coding, newer versions, TLS at all."""


@pytest.mark.parametrize("software", [NEW, OLD])
@pytest.mark.parametrize("scene_name", SCENES)
def test_the_finding_is_gone_and_nothing_is_worse(
    scene_name: str, software: str, tmp_path: Path
) -> None:
    scene = msgspec.structs.replace(SCENES[scene_name], software=software)
    name = scene_name.partition(" ")[0]
    if "quic" in scene.server + fix_text(name) and software == OLD:
        pytest.skip("nginx 1.22 has no QUIC")
    before = parts(scene)
    bad = judge(tmp_path, text_of(before, scene.path), software)
    assert bad.failure is None, bad.failure
    (finding, *_) = [one for one in bad.findings if one.id == name]
    after = changed(name, pasted(before, fix_of(finding), software))
    good = judge(tmp_path, text_of(after, scene.path), software)
    assert good.failure is None, good.failure
    now, then = weights(good), weights(bad)
    assert name not in now
    worse = {one for one in now if now[one] > then.get(one, 0)} - NEXT.get(name, set())
    assert not worse, text_of(after, scene.path)


def fix_text(name: str) -> str:
    return RULES[name].words.fix["nginx"]
