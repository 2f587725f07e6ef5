"""Which servers and locations become views, what they are called, and the lines they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.nginx import views
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Linted, View, parse_software
from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.protocols.websocket.facts import WebSocketFacts
from tests.lint.nginx.texts import server, whole

SERVER = "server a.example (443 ssl)"
PASS = "proxy_pass http://127.0.0.1;"


def lint(text: str, software: str = "nginx=1.30", name: str = "nginx.conf") -> Linted:
    files = Files()
    said = parse_software(software) if software else None
    return views.lint(files.take(name, text.encode()), files, said)


def config(view: View) -> HttpConfigFacts:
    facts = view.facts["http"]
    assert isinstance(facts, HttpFacts)
    assert facts.config is not None
    return facts.config


def place(inside: str, software: str = "nginx=1.30") -> HttpConfigFacts:
    """What the first server decides where / leads."""
    return config(lint(server(inside), software).views[0])


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (server(""), [SERVER]), (server("location / { gzip on; }"), [SERVER]),
        (server("location /a { }"), [SERVER]),
        (server("location /a { gzip on; }"), [SERVER, f"{SERVER}, location /a"]),
        (server("location ~* ^/a { gzip on; }"), [SERVER, f"{SERVER}, location ~* ^/a"]),
        (server("location /a { gzip on; internal; }"), [SERVER]),
        (server("location /a { gzip on; } location /b { gzip on; }"),
         [SERVER, f"{SERVER}, location /a"]),
        (server("location = / { return 404; } location /a { gzip on; }"),
         [SERVER, f"{SERVER}, every other path", f"{SERVER}, location /a"]),
        (server("location = / { return 404; } location / { gzip on; }"),
         [SERVER, f"{SERVER}, location /"]),
        (server("location /a { location /a/b { gzip on; } }"),
         [SERVER, f"{SERVER}, location /a/b"]),
        ("gzip on;", [""]), ("location / { }", [""]), ("", [""]),
        ("server { listen 80; }", ["server _ (80)"]), ("listen 80; gzip on;", ["server _ (80)"]),
        (whole(""), [""]), (whole("server { } server { listen 81; }"),
                            ["server _ (80)", "server _ (81)"]),
    ],
)  # fmt: skip
def test_the_views_of_a_file(text: str, labels: list[str]) -> None:
    found = lint(text).views
    assert [view.label for view in found] == labels
    for view in found:
        assert view.within == view.label.partition(",")[0]
        assert view.place == ""


def test_a_long_label_is_cut() -> None:
    *_, last = lint(server(f"location /{'a' * 400} {{ gzip on; }}")).views
    assert last.label == f"{SERVER}, location /{'a' * (300 - len(SERVER) - 12)}…"


@pytest.mark.parametrize(
    ("software", "said", "assumed", "protocols"),
    [
        ("nginx=1.22.1", "nginx 1.22.1", False, ("TLSv1.0", "TLSv1.1", "TLSv1.2")),
        ("nginx=1.28", "nginx 1.28", False, ("TLSv1.2", "TLSv1.3")),
        ("", "nginx 1.30", True, ("TLSv1.2", "TLSv1.3")),
    ],
)
def test_the_version_is_the_stated_one_or_the_newest(
    software: str, said: str, assumed: bool, protocols: tuple[str, ...]
) -> None:
    linted = lint(server(""), software)
    assert (linted.software, linted.software_assumed) == (said, assumed)
    assert getattr(linted.views[0].facts["tls"], "versions", None) == protocols


@pytest.mark.parametrize(
    ("software", "refused"),
    [("nginx=1.25", True), ("nginx=1.25.0", True), ("nginx=1.25.1", False), ("nginx=1.26", False),
     ("nginx=1.25.1.9", False), ("nginx=1", True), ("", False)],
)  # fmt: skip
def test_a_version_of_two_numbers_is_its_first_release(software: str, refused: bool) -> None:
    said = 'unknown directive "http2": nginx has it from 1.25.1 on'
    problems = lint(whole("http2 on;"), software).problems
    assert [line.text for line in problems] == [said] * refused


def test_the_same_complaint_of_the_same_line_is_one() -> None:
    assert len(lint(whole("gzip maybe; gzip maybe;")).problems) == 1
    text = whole("gzip maybe;\ngzip maybe;")
    assert [line.line for line in lint(text).problems] == [3, 4]


def test_a_line_is_shown_for_each_directive_that_findings_stand_on() -> None:
    (view,) = lint(server("add_header A b;")).views
    defaults = {
        "ssl_protocols": "TLSv1.2 TLSv1.3", "ssl_ciphers": "HIGH:!aNULL:!MD5",
        "ssl_ecdh_curve": "auto", "ssl_session_cache": "none", "ssl_session_tickets": "on",
        "ssl_session_timeout": "5m", "server_tokens": "on",
        "ssl_early_data": "off", "ssl_verify_client": "off", "gzip": "off",
        "gzip_types": "text/html", "gzip_vary": "off", "gzip_proxied": "off", "brotli": "off",
        "brotli_types": "text/html", "etag": "on", "expires": "off", "keepalive_timeout": "75s",
        "keepalive_requests": "1000", "http2": "off", "http3": "on",
        "http2_max_concurrent_streams": "128", "quic_retry": "off", "proxy_http_version": "1.1",
        "proxy_read_timeout": "60s", "proxy_buffering": "on", "proxy_cache": "off",
        "proxy_ignore_headers": "", "limit_req_status": "503", "client_max_body_size": "1m",
        "real_ip_header": "X-Real-IP",
    }  # fmt: skip
    absent = {
        "return": "no return to https", "proxy_set_header": "no proxy_set_header line",
        "proxy_hide_header": "no proxy_hide_header line",
        **{name: f"no {name} line" for name in
           ("ssl_dhparam", "proxy_pass", "proxy_cache_valid", "limit_req", "limit_conn",
            "set_real_ip_from")},
    }  # fmt: skip
    shown = {
        name: [(setting.value, setting.at.line, setting.at.text) for setting in settings]
        for name, settings in view.settings.items()
    }
    assert shown == {
        "listen": [("443 ssl", 4, "listen 443 ssl;")],
        "add_header": [("A b", 5, "add_header A b;")],
        **{name: [(value, None, f"{name} {value}".rstrip() + " (default of nginx 1.30)")]
           for name, value in defaults.items()},
        **{name: [("", 3, f"server {{ … }}: {what}")] for name, what in absent.items()},
    }  # fmt: skip


def test_header_lines_that_are_lost_are_shown_beside_those_in_force() -> None:
    hsts = "add_header Strict-Transport-Security max-age=9;"
    first, second = lint(
        server(f"{hsts}\nadd_header A b;\nlocation /a {{ add_header C d; }}")
    ).views
    assert [one.value for one in first.settings["add_header"]] == [
        "Strict-Transport-Security max-age=9", "A b",
    ]  # fmt: skip
    assert [(one.value, one.at.line) for one in second.settings["add_header"]] == [
        ("C d", 7), ("Strict-Transport-Security max-age=9", 5),
    ]  # fmt: skip
    (plain,) = lint(server("")).views
    (one,) = plain.settings["add_header"]
    assert (one.value, one.at.line) == ("", 3)
    assert one.at.text == f"{SERVER}: no add_header line in force"


def test_a_part_alone_decides_its_lines() -> None:
    (view,) = lint("gzip on;").views
    assert config(view) == HttpConfigFacts(product="nginx", version="1.30", part=True)
    assert view.settings["gzip"][0].at.text == "gzip on;"
    assert view.settings["etag"][0].at.file == "nginx.conf"
    (inside,) = lint(whole("gzip on;")).views
    assert inside.settings["gzip"][0].at.line == 3
    assert inside.settings["return"][0].at.text == "http { … }: no return to https"


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MAX_SERVERS", 3)
    monkeypatch.setattr(views, "MAX_SPOTS", 2)
    monkeypatch.setattr(views, "MAX_VIEWS", 4)
    three = "server { } server { listen 81; } server { listen 82; }"

    def said(text: str) -> tuple[int, list[tuple[int | None, str]]]:
        files = Files()
        linted = views.lint(files.take("nginx.conf", text.encode()), files, None)
        return len(linted.views), [(line.line, line.text) for line in files.problems]

    assert said(whole(three.replace("server { }", ""))) == (2, [])
    assert said(whole(three)) == (3, [(None, "only the first 3 servers were judged")])
    spots = [f"location /{n} {{ keepalive_requests {n}; }}" for n in range(1, 4)]
    assert said(server(" ".join(spots[:2]))) == (3, [])
    assert said(server(" ".join(spots))) == (
        3, [(3, "only the first 2 locations of this server were judged")],
    )  # fmt: skip
    two = f"server {{ {' '.join(spots[:2])} }}"
    full = whole(f"{two} {two.replace('server {', 'server { listen 81;')}")
    assert said(full) == (4, [(None, "only 4 servers and locations were judged")])
    assert said(whole(f"{two} server {{ listen 81; }}")) == (4, [])


def upgrade(inside: str, more: str = "", path: str = "/") -> ProxiedUpgrade | None:
    found = lint(server(f"{more} location {path} {{ {inside} }}")).views
    facts = [view.facts["websocket"] for view in found if "websocket" in view.facts]
    assert all(isinstance(one, WebSocketFacts) and one.secure for one in facts)
    return facts[0].proxied if facts and isinstance(facts[0], WebSocketFacts) else None


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/ws", True), ("/wss", True), ("/websocket", True), ("/web-socket", True),
        ("/websockets/", True), ("/web-sockets", True), ("/socket.io/", True), ("/sockjs", True),
        ("/cable", True), ("/signalr", True), ("/hub", True), ("/hubs/", True), ("/live", True),
        ("/WS", True), ("/api/ws/v1", True), ("/api_ws", True), ("/api-ws", True),
        ("/api.ws", True), ("~ ^/ws$", True), ("~ ^/ws(/.*)?$", True), ("~ /(ws)$", True),
        ("~ /(ws|wss)/", True), ("~ /(wsx|xws)/", False),
        ("/news", False), ("/wsx", False), ("/socket", False), ("/alive", False),
        ("/livestream", False), ("/", False), ("/socketxio", False),
    ],
)  # fmt: skip
def test_which_paths_are_meant_for_websocket(path: str, meant: bool) -> None:
    assert (upgrade(PASS, path=path) is not None) is meant
    assert upgrade("fastcgi_pass a:1;", path=path) is None


@pytest.mark.parametrize(
    ("lines", "sent", "connection"),
    [
        ("proxy_set_header Upgrade $http_upgrade;", True, False),
        ("proxy_set_header upgrade websocket; proxy_set_header connection UPGRADE;", True, True),
        ('proxy_set_header Upgrade a; proxy_set_header Connection "";', True, False),
        ("proxy_set_header Upgrade a; proxy_set_header Connection Close;", True, False),
        ("proxy_set_header Upgrade a; proxy_set_header Connection keep-alive;", True, False),
        ("proxy_set_header Upgrade a; proxy_set_header Connection $connection;", True, True),
        ("proxy_set_header Connection upgrade;", False, True), ("", False, False),
        ('proxy_set_header Upgrade "";', False, False),
        ('proxy_set_header Upgrade a; proxy_set_header Upgrade "";', False, False),
        (("proxy_set_header Upgrade a; proxy_set_header Connection close; "
          "proxy_set_header Connection upgrade;"), True, True),
    ],
)  # fmt: skip
def test_what_of_a_handshake_reaches_the_backend(lines: str, sent: bool, connection: bool) -> None:
    assert upgrade(f"{PASS} {lines} proxy_read_timeout 5m;", path="/ws") == ProxiedUpgrade(
        product="nginx", place="/ws", version="1.1", upgrade=sent, connection=connection,
        idle_seconds=300.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        ("/sse", True), ("/event", True), ("/events", True), ("/event-stream", True),
        ("/eventstream", True), ("/event-source", True), ("/eventsource", True), ("/EVENTS", True),
        ("/api/events/1", True), ("/my-events", True), ("/my_sse", True), ("/a.sse", True),
        ("~ ^/events$", True), ("~ ^/events(/.*)?", True), ("~ /(sse|x)", True),
        ("~ /(x|events)$", True), ("/prevents", False), ("/eventsx", False),
        ("/eventx-stream", False), ("/", False),
    ],
)  # fmt: skip
def test_which_paths_are_meant_for_streams_of_events(path: str, stream: bool) -> None:
    *_, view = lint(server(f"location {path} {{ {PASS} }}")).views
    assert config(view).event_stream is stream


@pytest.mark.parametrize(
    ("path", "upload"),
    [
        ("/upload", True), ("/uploads/", True), ("/api/upload", True), ("/uploader", True),
        ("/attachments", True), ("/Attachment/1", True), ("/webdav", True), ("/dav/", True),
        ("/imports", True), ("~ ^/(upload|x)$", True), ("~ /my-import", True),
        ("/uploaded", False), ("/important", False), ("/davos", False), ("/", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("more", "default"), [("", True), ("client_max_body_size 9m;", False)])
def test_which_paths_are_meant_for_uploads(
    path: str, upload: bool, more: str, default: bool
) -> None:
    *_, view = lint(server(f"{more} location {path} {{ {PASS} }}")).views
    assert (config(view).upload, config(view).default_body_limit) == (upload, default)


@pytest.mark.parametrize(
    ("names", "named"),
    [
        ("a", True), ("_", False), ("10.0.0.1", False), ("[::1]", False), ("$host", False),
        ('""', False), ("_ a", True), ("10a", True), ("*.a.example", True), ("~^a", True),
        ("__", True), ("_a", True),
    ],
)  # fmt: skip
def test_what_is_a_host_name(names: str, named: bool) -> None:
    text = whole(f"server {{ listen 80; server_name {names}; }}")
    assert config(lint(text).views[0]).named is named


def test_what_limits_answer_with() -> None:
    zones = "limit_req_zone $args zone=r:1m rate=9r/s; limit_conn_zone $args zone=c:1m;"

    def limits(inside: str) -> tuple[bool | None, tuple[int, ...], bool | None]:
        text = server(inside).replace("http {", f"http {{ {zones}")
        found = config(lint(text).views[0])
        return found.limited, found.limit_status, found.retry_after

    assert limits("") == (False, (), False)
    assert limits("limit_req zone=r;") == (True, (503,), False)
    assert limits("limit_conn c 5;") == (True, (503,), False)
    assert limits("limit_req zone=r; limit_req_status 429;") == (True, (429,), False)
    assert limits("limit_conn c 5; limit_conn_status 430;") == (True, (430,), False)
    assert limits("limit_conn c 5; limit_req zone=r; limit_req_status 429;") == (
        True, (429, 503), False,
    )  # fmt: skip
    assert limits("limit_req zone=r; add_header Retry-After 5;") == (True, (503,), True)
    assert limits("limit_req_status 429;") == (False, (), False)


def test_what_is_compressed_and_validated() -> None:
    found = place("zstd on; etag off; brotli on; gzip_types A/B a/b; brotli_types C/D;")
    assert (found.zstd, found.etag, found.brotli, found.last_modified) == (True, False, True, True)
    assert found.gzip_types == ("text/html", "a/b")
    assert found.brotli_types == ("text/html", "c/d")
    many = " ".join(f"a/{number}" for number in range(200))
    assert len(place(f"gzip_types {many};").gzip_types) == 100
    cleared = place('add_header ETag ""; add_header Last-Modified "" always; add_header A b;')
    assert (cleared.etag, cleared.last_modified) == (False, False)
    kept = place("add_header ETag a; add_header Last-Modified;")
    assert (kept.etag, kept.last_modified) == (True, True)
    assert place("expires modified +1h;").expires == "modified +1h"


def test_http_3_is_known_from_1_25_on() -> None:
    old, new = (place("", f"nginx={version}") for version in ("1.24.9", "1.25.0"))
    assert (old.h3_known, new.h3_known) == (False, True)
    assert place("http2 on;", "nginx=1.25.0").h2 is False
    assert place("http2 on;", "nginx=1.25.1").h2 is True


def test_the_folder_that_relative_names_start_from(tmp_path: Path) -> None:
    """nginx.conf's own, up to three folders above its part."""
    (tmp_path / "nginx.conf").write_text("")
    (tmp_path / "more").write_text("gzip maybe;")
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    for folder, found in ((tmp_path, 1), (deep.parent.parent, 1), (deep.parent, 1), (deep, 1)):
        linted = lint("http { include more; } events { }", name=str(folder / "part.conf"))
        assert len(linted.problems) == found, folder
    (deep / "d").mkdir()
    assert not lint("http { include more; } events { }", name=str(deep / "d" / "p.conf")).problems
    (deep / "more").write_text("")
    assert not lint("events { } include more;", name=str(deep / "nginx.conf")).problems
