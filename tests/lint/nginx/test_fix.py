"""Where the lines of a fix go in nginx.conf."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine.fix import Fixed, fix_file
from seventh.engine.lint import Wanted
from seventh.lint.nginx.spans import spans
from seventh.lintkit.linted import parse_software
from seventh.lintkit.patch import Why
from seventh.rules.run import Selection
from tests.lint.nginx.texts import TLS

HSTS = 'add_header Strict-Transport-Security "max-age=31536000" always;'


def fixed(folder: Path, rule: str, text: str, software: str = "nginx=1.99") -> Fixed:
    """No installed nginx has that version, so that none is asked."""
    main = folder / "nginx.conf"
    main.write_text(text)
    selection = Selection(only=frozenset({rule}))
    return fix_file(main, Wanted(software=(parse_software(software),), selection=selection), ())


def whole(http: str) -> str:
    return f"events {{}}\nhttp {{\n{http}}}\n"


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        # the line in force is replaced, in its block; what is behind it stays
        ("TLS-LEGACY",
         f"    ssl_protocols TLSv1 TLSv1.2 TLSv1.3; # old\n    server {{ {TLS} root /s; }}\n",
         f"    ssl_protocols TLSv1.2 TLSv1.3; # old\n    server {{ {TLS} root /s; }}\n"),
        ("TLS-LEGACY",
         f"    server {{ {TLS} ssl_protocols\n  TLSv1\n TLSv1.2 TLSv1.3; root /s; }}\n",
         f"    server {{ {TLS} ssl_protocols TLSv1.2 TLSv1.3; root /s; }}\n"),
        # without one it is added behind the last plain directive, before inner blocks
        ("HTTP-HSTS",
         f"  server {{\n    {TLS}\n    root /s; # files\n\n    location /a {{ }}\n  }}\n",
         (f"  server {{\n    {TLS}\n    root /s; # files\n    {HSTS}\n\n    location /a {{ }}\n"
         "  }\n")),
        ("HTTP-HSTS", f"  server {{ {TLS} root /s; }}\n",
         f"  server {{ {TLS} root /s;\n  {HSTS} }}\n"),
        # a first add_header line would take the outer ones away: they are repeated
        ("HTTP-HSTS",
         f"  add_header X-A 'b;' always;\n  server {{\n    {TLS}\n    root /s;\n  }}\n",
         (f"  add_header X-A 'b;' always;\n  server {{\n    {TLS}\n    root /s;\n"
         f"    add_header X-A 'b;' always;\n    {HSTS}\n  }}\n")),
        # a location with its own add_header lines needs it, too
        ("HTTP-HSTS",
         (f"  server {{\n    {TLS}\n    {HSTS}\n    root /s;\n    location /a {{\n"
         "      add_header X-A b;\n    }\n  }\n"),
         (f"  server {{\n    {TLS}\n    {HSTS}\n    root /s;\n    location /a {{\n"
         f"      add_header X-A b;\n      {HSTS}\n    }}\n  }}\n")),
        # the line of that field is replaced, another field's stays
        ("HTTP-HSTS",
         (f"  server {{\n    {TLS}\n    add_header strict-transport-security max-age=1;\n"
         "    add_header X-A b;\n    root /s;\n  }\n"),
         f"  server {{\n    {TLS}\n    {HSTS}\n    add_header X-A b;\n    root /s;\n  }}\n"),
        # a location's fix changes no outer line
        ("SSE-HEARTBEAT",
         ("  gzip on;\n  server {\n    listen 80;\n    location /events {\n"
         "      proxy_pass http://a;\n    }\n  }\n"),
         ("  gzip on;\n  server {\n    listen 80;\n    location /events {\n"
         "      proxy_pass http://a;\n      proxy_buffering off;\n      proxy_read_timeout 1h;\n"
         "      gzip off;\n    }\n  }\n")),
        # maps are not added twice
        ("WS-STRIPPED",
         ("  map $http_upgrade $connection_upgrade {\n    default upgrade;\n    '' close;\n  }\n"
         "  server {\n    listen 80;\n    location /ws {\n      proxy_pass http://a;\n    }\n"
          "  }\n"),
         ("  map $http_upgrade $connection_upgrade {\n    default upgrade;\n    '' close;\n  }\n"
         "  server {\n    listen 80;\n    location /ws {\n      proxy_pass http://a;\n"
         "      proxy_http_version 1.1;\n      proxy_set_header Upgrade $http_upgrade;\n"
         "      proxy_set_header Connection $connection_upgrade;\n    }\n  }\n")),
        # the second of two alternatives is not taken
        ("TLS-0RTT-ON",
         f"  server {{\n    {TLS}\n    ssl_early_data on;\n    root /s;\n  }}\n",
         f"  server {{\n    {TLS}\n    ssl_early_data off;\n    root /s;\n  }}\n"),
        ("HTTP-NO-H2", f"  server {{\n    {TLS}\n    root /s;\n  }}\n",
         f"  server {{\n    {TLS}\n    root /s;\n    http2 on;\n  }}\n"),
    ],
)  # fmt: skip
def test_places(rule: str, before: str, after: str, tmp_path: Path) -> None:
    made = fixed(tmp_path, rule, whole(before))
    assert made.unfixed == ()
    assert [change.after.decode() for change in made.changes] == [whole(after)]


MAP = "map $http_upgrade $connection_upgrade {\n    default upgrade;\n    '' close;\n}\n"
SITE = "server {\n    listen 80;\n    location /ws {\n        proxy_pass http://a;\n%s    }\n}\n"
UPGRADE = (
    "        proxy_http_version 1.1;\n        proxy_set_header Upgrade $http_upgrade;\n"
    "        proxy_set_header Connection $connection_upgrade;\n"
)


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        # a file that an http block includes: what belongs there is put before its first block,
        ("WS-STRIPPED", SITE % "", MAP + SITE % UPGRADE),
        # or behind what it has there
        ("WS-STRIPPED", f"# site\nserver_tokens off; # all\n{SITE % ''}",
         f"# site\nserver_tokens off; # all\n{MAP}{SITE % UPGRADE}"),
        ("HTTP-HSTS", f"server {{\n}}\nserver {{\n  {TLS}\n  root /s;\n}}\n",
         f"server {{\n}}\nserver {{\n  {TLS}\n  root /s;\n  {HSTS}\n}}\n"),
        # a block without plain directives
        ("HTTP-HSTS", f"server {{ {TLS} location / {{ root /s; }} }}\n",
         f"server {{ {TLS}\n{HSTS} location / {{ root /s; }} }}\n"),
        # what a rule has for http goes there, the rest into the server
        ("HTTP-RETRY-INFO",
         whole("  limit_req_zone $binary_remote_addr zone=a:1m rate=1r/s;\n  server {\n"
               "    listen 80;\n    limit_req zone=a;\n    root /s;\n  }\n"),
         whole("  limit_req_zone $binary_remote_addr zone=a:1m rate=1r/s;\n"
               "  map $status $retry_after {\n      429 10;\n      503 10;\n  }\n  server {\n"
               "    listen 80;\n    limit_req zone=a;\n    root /s;\n    limit_req_status 429;\n"
               "    add_header Retry-After $retry_after always;\n  }\n")),
        # of http the lines in force are replaced where they are
        ("TLS-NO-RESUME",
         whole(f"  server {{ {TLS} ssl_session_cache off; ssl_session_tickets off; root /s; }}\n"),
         whole(f"  server {{ {TLS} ssl_session_cache shared:TLS:10m; ssl_session_tickets on; "
               "root /s; }\n")),
        ("QUIC-IDLE",
         whole(f"  keepalive_timeout 0;\n  server {{\n    {TLS}\n    listen 443 quic reuseport;\n"
               "    root /s;\n  }\n"),
         whole(f"  keepalive_timeout 65;\n  server {{\n    {TLS}\n    listen 443 quic reuseport;\n"
               "    root /s;\n  }\n")),
        # a server's own line for all of its locations
        ("HTTP-VARY",
         whole("  server {\n    listen 80;\n    location / {\n      gzip on;\n      root /s;\n"
               "    }\n  }\n"),
         whole("  server {\n    listen 80;\n    gzip_vary on;\n    location / {\n      gzip on;\n"
               "      root /s;\n    }\n  }\n")),
        # one line of a location is replaced, the other added behind its last one
        ("WS-IDLE-CUT", MAP + SITE % f"{UPGRADE}        proxy_read_timeout 9s;\n",
         MAP + SITE % (f"{UPGRADE}        proxy_read_timeout 3600s;\n"
                       "        proxy_send_timeout 3600s;\n")),
    ],
)  # fmt: skip
def test_places_in_a_part_and_in_the_whole(
    rule: str, before: str, after: str, tmp_path: Path
) -> None:
    made = fixed(tmp_path, rule, before)
    assert made.unfixed == ()
    assert [change.after.decode() for change in made.changes] == [after]


def test_before_nginx_1_25_http2_is_a_parameter_of_every_tls_socket(tmp_path: Path) -> None:
    before = whole(
        "  server {\n    listen 443 ssl default_server;\n    listen [::]:443 ssl;\n    listen 80;\n"
        "    server_name a.example; ssl_certificate c; ssl_certificate_key k; root /s;\n  }\n"
    )
    made = fixed(tmp_path, "HTTP-NO-H2", before, "nginx=1.22.99")
    assert made.changes[0].after.decode() == before.replace(
        "443 ssl default_server;", "443 ssl default_server http2;"
    ).replace("[::]:443 ssl;", "[::]:443 ssl http2;")


def test_servers_with_one_finding_are_all_changed(tmp_path: Path) -> None:
    """They stand on the same default, so that the report has one finding for all of them."""
    servers = "".join(
        f"  server {{\n    listen 80;\n    server_name {n}.example;\n    root /s;\n  }}\n"
        for n in "abcdef"
    )
    made = fixed(tmp_path, "HTTP-VARY", whole(f"  gzip on;\n{servers}"))
    assert [one.id for one in made.fixed] == ["HTTP-VARY"]
    assert made.unfixed == ()
    assert made.changes[0].after.decode() == whole(
        f"  gzip on;\n{servers}".replace("root /s;\n", "root /s;\n    gzip_vary on;\n")
    )


def test_of_servers_with_one_name_the_one_of_the_finding_is_changed(tmp_path: Path) -> None:
    good = f"  server {{\n    {TLS}\n    {HSTS}\n    root /s;\n  }}\n"
    bad = f"  server {{\n    {TLS}\n    root /s;\n  }}\n"
    made = fixed(tmp_path, "HTTP-HSTS", whole(good + bad))
    assert [change.after.decode() for change in made.changes] == [
        whole(good + bad.replace("root /s;", f"root /s;\n    {HSTS}"))
    ]


def test_a_server_of_an_included_file(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "a").write_text(f"server {{\n    {TLS}\n    root /s;\n}}\n")
    made = fixed(tmp_path, "HTTP-HSTS", whole("    include sites/*;\n"))
    (change,) = made.changes
    assert change.path == (tmp_path / "sites" / "a").resolve()
    assert change.after.decode() == f"server {{\n    {TLS}\n    root /s;\n    {HSTS}\n}}\n"


def test_a_part_of_a_configuration(tmp_path: Path) -> None:
    made = fixed(tmp_path, "TLS-LEGACY", "# TLS\nssl_protocols TLSv1 TLSv1.2;\n")
    assert made.changes[0].after == b"# TLS\nssl_protocols TLSv1.2 TLSv1.3;\n"


def test_certificates_are_left_to_a_person(tmp_path: Path) -> None:
    made = fixed(tmp_path, "HTTP-NO-HTTPS", whole("  server { listen 80; root /s; }\n"))
    assert [(one.finding.id, one.why) for one in made.unfixed] == [("HTTP-NO-HTTPS", Why.CHOICE)]
    assert made.changes == ()


def test_spans() -> None:
    text = "a 1; b {\n c '}' ;\n d {}\n}\ncontent_by_lua_block { x = '}' }\ne"
    found = spans(text.split("\n"))
    assert [(one.name, text[one.start : one.end]) for one in found] == [
        ("a", "a 1;"),
        ("b", "b {\n c '}' ;\n d {}\n}"),
        ("content_by_lua_block", "content_by_lua_block { x = '}' }"),
    ]
    inner = found[1].children
    assert inner is not None
    assert [(one.name, one.line, text[one.start : one.end]) for one in inner] == [
        ("c", 2, "c '}' ;"), ("d", 3, "d {}"),
    ]  # fmt: skip
    assert inner[1].around("b") is found[1]
    assert inner[1].around("http") is None
