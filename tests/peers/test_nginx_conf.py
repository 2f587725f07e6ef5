"""Our reading of nginx.conf against nginx itself: what it takes, which files it reads."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seventh.engine.lint import Wanted, lint_file
from seventh.lint.nginx import directives as nginx_directives
from seventh.lintkit.linted import parse_software
from seventh.model.failure import Reason
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from tests.peers import need_binary, need_version

pytestmark = pytest.mark.peer

LEXICAL = ("unexpected", "too long", "terminated", "opening")


@pytest.fixture(scope="module")
def version() -> str:
    return need_version("nginx")


def nginx(path: Path, *arguments: str) -> tuple[str, str]:
    """Why nginx would not start with this file, empty where it would; and what it prints."""
    said = subprocess.run(
        [need_binary("nginx"), *(arguments or ("-t",)), "-p", str(path.parent), "-c", str(path),
         "-g", f"pid {path.parent}/pid;"],
        capture_output=True, text=True, check=False, errors="replace",
    )  # fmt: skip
    emerg = re.search(r"\[emerg\] [^:]*: (.*)", said.stderr)
    if said.returncode == 0:
        return "", said.stdout
    return emerg[1] if emerg is not None else said.stderr or "?", said.stdout


def ours(path: Path, version: str) -> Report:
    wanted = Wanted(kind="nginx.conf", software=(parse_software(f"nginx={version}"),))
    return lint_file(path, wanted)


def refused(report: Report) -> str:
    return report.failure.detail if report.failure is not None else ""


def http(inside: str) -> str:
    return f"events {{ }}\nhttp {{\n{inside}\n}}\n"


CORPUS = [
    "", "events { }", "events{}", "events {};", "events { } }", "events {", "events", "http { }",
    "events { } events { }", "events { worker_connections 64; }", "events { worker_connections; }",
    "events { worker_connections 64 65; }", "worker_processes 1; events { }",
    "worker_processes 1; worker_processes 2; events { }", "events { } # end", "#\nevents { }\n#",
    "daemon maybe; events { }", "daemon ON; events { }", "events { accept_mutex on; }",
    "events { gzip on; }", "env A; env B; events { }", 'env "A B"; events { }',
    "env 'A'; events { }", "env 'A'B; events { }", 'env "A" B; events { }', "env A\"B; events { }",
    "env A\\;B; events { }", "env 'A; events { }", "env A}; events { }", "env ${A}; events { }",
    "env $A{B}; events { }", "env A#B; events { }", "env # A\nB; events { }", "env A\\", "{ }", "}",
    ";", "events { ; }", f"env {'x' * 4095}; events {{ }}", f"env {'x' * 4096}; events {{ }}",
    f"env '{'x' * 4094}'; events {{ }}", f"env '{'x' * 4095}'; events {{ }}",
    f"#{'x' * 4000}\nevents {{ }}", f"#{'x' * 6000}\nevents {{ }}", "env (\"A\"); events { }",
    "\ufeffevents { }", "events\u00a0{ }", "events\t{\r\n}\r\n",
    http(""), http("gzip on;"), http("gzip maybe;"), http("gzip on; gzip off;"), http("gzip;"),
    http("gzip on { }"), http("server { }"), http("server x { }"), http("server;"),
    http("server { listen 127.0.0.1:8080; }"), http("listen 80;"),
    http("server { listen 127.0.0.1:8080 bogus; }"), http("server { listen 127.0.0.1:70000; }"),
    http("server { listen 127.0.0.1:8080; listen 127.0.0.1:8080; }"),
    http("server { listen 127.0.0.1:8080 default_server http2 backlog=10; }"),
    http("server { listen 127.0.0.1:8443 ssl; }"), http("server { listen 127.0.0.1:8443 quic; }"),
    http("server { listen 127.0.0.1:8443 ssl; ssl_reject_handshake on; }"),
    http("server { listen unix:/tmp/x; }"), http("server { listen [::1]:8080; }"),
    http("server { location / { } }"), http("server { location { } }"),
    http("server { location / { } location / { } }"), http("server { location a b c { } }"),
    http("server { location / { } location = / { } location ^~ /a { } location ~ /a { } }"),
    http("server { location ~ /a { } location ~ /a { } }"),
    http("server { location /a { location /a/b { } } }"),
    http("server { location @a { } location @a { } }"), http("location / { }"),
    http("server { if ($args) { return 404; } }"), http("server { if ($args) { gzip on; } }"),
    http("server { location / { if ($args) { gzip on; } } }"),
    http("server { location / { limit_except GET { deny all; } } }"),
    http("server { location / { limit_except GET { gzip on; } } }"),
    http("server { limit_except GET { deny all; } }"), http("upstream u { server 127.0.0.1; }"),
    http("upstream u { server 127.0.0.1; keepalive 4; }"), http("upstream { }"),
    http("upstream u { server 127.0.0.1; gzip on; }"), http("upstream u v { }"),
    http("map $args $a { default 1; b 2; }"), http("map $args { }"), http("map $args $a b { }"),
    http("types { text/html html; }"), http("types x { }"), http("geo $a { default 1; }"),
    http("split_clients $args $a { * 1; }"), http("add_header a b; add_header a b always;"),
    http("add_header a;"), http("add_header a b c d;"), http("proxy_set_header a b;"),
    http("proxy_pass http://127.0.0.1;"),
    http("server { location / { proxy_pass http://127.0.0.1; } }"),
    http("server { location / { root /a; root /b; } }"), http("http2 on;"), http("quic_retry on;"),
    http("server { server_name a b; server_name c; }"),
    http("server { return 301 https://a$uri; }"),
    http("server { return; }"), http("log_format a b; log_format c d;"),
    http("keepalive_timeout 1 2;"),
    http("keepalive_timeout 1 2 3;"), http("error_page 404 /a; error_page 500 502 /b;"),
    http("server { rewrite ^ /b; rewrite ^ /c last; }"), http("server { rewrite ^; }"),
    http("gzip_types a b; gzip_types c;"), http("server { try_files $uri =404; }"),
    http("server { try_files $uri; }"), http("include none*.conf;"), http("include none.conf;"),
    http("include;"), http("etag off; expires 1h; gzip_vary on;"), http("expires 1h; expires 2h;"),
    http("ssl_protocols TLSv1.2; ssl_protocols TLSv1.3;"), http("ssl_early_data on;"),
    http("server { location / { internal; internal; } }"), http("add_headerr a b;"),
    http("server { location / { default_type text/plain; return 200 'a{b}c;'; } }"),
]  # fmt: skip


@pytest.mark.parametrize("text", CORPUS, ids=[str(n) for n in range(len(CORPUS))])
def test_what_nginx_takes_and_refuses(tmp_path: Path, version: str, text: str) -> None:
    path = tmp_path / "nginx.conf"
    path.write_text(text, encoding="utf-8")
    theirs, _ = nginx(path)
    report = ours(path, version)
    if not theirs:
        assert not refused(report), "nginx takes it"
    elif 'no "events" section' in theirs and "events" not in text and "http" not in text:
        assert not refused(report), "a part of a configuration is judged as such"
    else:
        assert refused(report), theirs


PIECES = st.sampled_from(
    ["env A;", "env ", "a", "AB", '"', "'", "\\", ";", "{", "}", "#", "# c\n", "\n", " ", "\t", "$",
     "${", ")", "(", "events {", "worker_connections 9;"]
)  # fmt: skip


@given(pieces=st.lists(PIECES, max_size=12))
@settings(max_examples=400)
def test_any_grammar(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
    """Where nginx stops for the grammar, so do we; where it takes the file, we do, too."""
    path = tmp_path_factory.getbasetemp() / "fuzzed.conf"
    path.write_text("events { }\n" + "".join(pieces))
    theirs, _ = nginx(path)
    assume(not theirs or theirs.startswith(LEXICAL))
    assert bool(refused(ours(path, "1.22.1"))) == bool(theirs), theirs


def test_the_same_files_are_read_in_the_same_order(tmp_path: Path, version: str) -> None:
    for name in ("conf.d", "sites", "snippets"):
        (tmp_path / name).mkdir()
    (tmp_path / "conf.d" / "b.conf").write_text("server_tokens off;")
    (tmp_path / "conf.d" / "a.conf").write_text("include snippets/[xy].conf;\n")
    (tmp_path / "conf.d" / ".hidden.conf").write_text("nonsense")
    (tmp_path / "snippets" / "x.conf").write_text("gzip on;\n# include snippets/z.conf;\n")
    (tmp_path / "snippets" / "y.conf").write_text("map $args $m { include snippets/z.map; }")
    (tmp_path / "snippets" / "z.map").write_text("default 1; 'incl' 2;")
    (tmp_path / "sites" / "one").write_text(
        'server { listen 127.0.0.1:8099; location / { include "snippets/in place"; } }'
    )
    (tmp_path / "snippets" / "in place").write_text("etag off;")
    path = tmp_path / "nginx.conf"
    path.write_text(
        "events { }\nhttp { include conf.d/*.conf; include none/*; include sites/*;\n"
        f"include {tmp_path}/mime; }}\n"
    )
    (tmp_path / "mime").write_text("types { text/html html; }")
    refusal, printed = nginx(path, "-T")
    assert not refusal
    theirs = re.findall(r"^# configuration file (.*):$", printed, re.MULTILINE)
    facts = ours(path, version).facts["lint"]
    assert isinstance(facts, LintFacts)
    assert list(facts.files) == theirs
    assert len(theirs) == 9


def test_the_distribution_s_own_configuration(version: str) -> None:
    path = Path("/etc/nginx/nginx.conf")
    if not path.is_file():
        pytest.skip("there is no /etc/nginx/nginx.conf")
    report = ours(path, version)
    assert report.failure is None or report.failure.reason is Reason.FILE_UNREADABLE
    assert report.protocol == "http"


def _names(text: str) -> Iterator[str]:
    for name, known in nginx_directives.directives().items():
        if text in known.places:
            yield name


def test_the_table_s_places_and_word_counts(tmp_path: Path, version: str) -> None:
    """A word too many, or a place that is wrong: nginx says the same of every directive."""
    path = tmp_path / "nginx.conf"
    now = nginx_directives.version_of(version)
    wrong: list[str] = []
    for name, known in nginx_directives.directives().items():
        last = nginx_directives.until(name)
        foreign = name.startswith("brotli") or name in {"stream", "mail", "max_headers", "sticky"}
        if nginx_directives.since(name) > now or (last and now >= last) or foreign:
            continue
        if known.most is None or "H" not in known.places or known.block:
            continue
        many = " ".join(["a"] * (known.most + 1))
        path.write_text(http(f"{name} {many};"))
        if "number of arguments" not in nginx(path)[0]:
            wrong.append(name)
    assert not wrong
