"""Parts of a configuration, copies of one, and servers that share a socket."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.engine.recognise import by_content
from seventh.lint.nginx import check as nginx_check
from seventh.lintkit.linted import parse_software
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from seventh.model.severity import Severity
from tests.lint.nginx.texts import TLS, found, judge, read, server, whole

pytestmark = pytest.mark.field

OTHER = TLS.replace("a.example", "b.example")
OLD = (parse_software("nginx=1.22.1"),)


def pair(first: str, other: str, *, port: str = "443") -> str:
    """Two servers with TLS, of one socket unless another port is said."""
    return whole(f"server {{ {TLS} {first} }}\nserver {{ {OTHER.replace('443', port)} {other} }}")


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def lint(path: Path) -> tuple[Report, LintFacts]:
    report = lint_file(path, Wanted(kind="nginx.conf", software=OLD))
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    return report, facts


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("server { listen 53 udp; proxy_pass dns; proxy_timeout 3s; }", "stream"),
        ("upstream db { server a:5432; } server { listen 5432; proxy_pass db; }", "stream"),
        ("server { listen 993 ssl; ssl_preread on; proxy_pass $ssl_preread_server_name:993; }",
         "stream"),
        ("server { listen 25; protocol smtp; smtp_auth login plain; }", "mail"),
        ("server { listen 80; location / { proxy_pass http://a; } }", "http"),
        ("server { listen 80; return 301 https://$host$request_uri; }", "http"),
        ("map $args $a { default 1; } server { server_name a; root /srv; }", "http"),
        ("proxy_pass 127.0.0.1:53; proxy_timeout 3s;", "stream server"),
        ("smtp_auth login; protocol smtp;", "mail server"),
        ("location / { root /srv; }", "server"),
        ("fastcgi_param A b; fastcgi_param C d;", "http"),
        ("fastcgi_pass unix:/run/php.sock; fastcgi_param A b;", "location"),
        ("server 10.0.0.1:80 weight=2; server 10.0.0.2:80;", "upstream"),
        ("load_module modules/ngx_stream_module.so;", "main"),
        ("worker_connections 64;", "events"),
        ("default 1; 10.0.0.0/8 0;", ""),
        ("", ""), ("no_such_name a;", ""), ("no_such_name a; gzip on;", "http"),
        ("events { }", "main"), ("http { }", "main"), ("stream { }", "main"), ("mail { }", "main"),
        ("server { } events { }", "main"), ("types { a b; }", "http"), ("break;", "server"),
        ("location / { } log_format a b;", "server"), ("location /; internal;", "location"),
        ("server a;", "upstream"), ("upstream u;", "http"), ("internal;", "location"),
        ("auth_http a:1;", "mail"), ("proxy_upload_rate 1;", "stream"), ("least_conn;", "upstream"),
        ("protocol imap;", "mail server"), ("ssl_preread on;", "stream"), ("random; sticky a;",
                                                                            "upstream"),
        ("pass a:1;", "stream server"), ("gzip on; protocol imap;", ""),
    ],
)  # fmt: skip
def test_the_place_of_a_part_is_told_by_what_it_holds(text: str, place: str) -> None:
    assert nginx_check.root_place(read(text, name="part.conf")) == place


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("/etc/nginx/conf.d/a.conf", "http"), ("/etc/nginx/stream.d/a.conf", "stream"),
        ("/etc/nginx/streams-enabled/a", "stream"), ("stream/a", "stream"),
        ("my_stream.conf", "stream"), ("my-stream.conf", "stream"), ("a.stream", "stream"),
        ("/etc/nginx/mail.d/a.conf", "mail"), ("mails/a", "mail"), ("mystream.conf", "http"),
        ("stream/http/a.conf", "http"),
    ],
)  # fmt: skip
def test_a_part_that_may_be_of_several_places_is_of_the_one_that_its_name_tells(
    name: str, place: str
) -> None:
    assert nginx_check.root_place(read("server { listen 53; }", name=name)) == place


def test_what_a_part_holds_weighs_more_than_its_name() -> None:
    text = "server { listen 80; root /srv; location / { etag on; } }"
    assert nginx_check.root_place(read(text, name="stream.d/a.conf")) == "http"
    text = "server { root /srv; } server { " + "unknown_name x;\n" * 2500 + "}"
    assert nginx_check.root_place(read(text, name="stream.d/a.conf")) == "stream"
    text = "server { listen 80; }" + "unknown_name x;\n" * 2500 + "root /srv;" * 9
    assert nginx_check.root_place(read(text, name="stream.d/a.conf")) == "stream"


@pytest.mark.parametrize(
    "text",
    [
        "server { listen 5432; proxy_pass db.example:5432; proxy_connect_timeout 1s; }",
        "upstream db { server a.example:5432; } server { listen 5432; proxy_pass db; }",
        "server { listen 143; protocol imap; imap_auth plain; }",
        "server 10.0.0.1:80; server 10.0.0.2:80 backup;",
        "try_files $fastcgi_script_name =404;\nset $x $fastcgi_path_info;\nfastcgi_index i;",
        "location ~ /\\.git { deny all; }",
        "~^/old/(.*)$ /new/$1;\ndefault '';\n/a b;",
    ],
)
def test_a_part_of_another_block_is_no_web_server(text: str) -> None:
    report = lint_text("part.conf", text.encode(), Wanted(kind="nginx.conf", software=OLD))
    assert report.failure is None, report.failure
    assert not report.findings


def test_the_inside_of_a_server_is_one_where_it_listens() -> None:
    inside = "listen 80; root /srv; location /a { }"
    for text, fires in ((inside, True), (inside.replace("listen 80;", ""), False)):
        report = lint_text("part.conf", text.encode(), Wanted(kind="nginx.conf", software=OLD))
        assert report.failure is None
        assert bool(found(report, "HTTP-NO-HTTPS")) is fires


def test_the_default_server_of_the_socket_decides_the_versions(tmp_path: Path) -> None:
    text = pair("ssl_protocols TLSv1.2 TLSv1.3;", "ssl_protocols TLSv1;")
    assert not found(judge(tmp_path, text), "TLS-LEGACY")
    text = pair("ssl_protocols TLSv1.2;", "ssl_protocols TLSv1.3;")
    (finding,) = found(judge(tmp_path, text), "TLS-NO13")
    assert finding.view == "server a.example (443 ssl)"
    assert finding.also == ("server b.example (443 ssl)",)
    (finding,) = found(judge(tmp_path, text, "nginx=1.29.2"), "TLS-NO13")
    assert finding.also == (), "each server has its own from there on"


def test_default_server_is_said_by_any_line(tmp_path: Path) -> None:
    text = pair("ssl_protocols TLSv1.2;", "ssl_protocols TLSv1.2 TLSv1.3;")
    last = text[::-1].replace("443 ssl"[::-1], "443 ssl default_server"[::-1], 1)[::-1]
    assert found(judge(tmp_path, text), "TLS-NO13")
    assert not found(judge(tmp_path, last), "TLS-NO13")


def test_sockets_with_unlike_default_servers_are_judged_apart(tmp_path: Path) -> None:
    text = whole(
        f"server {{ {TLS} ssl_protocols TLSv1.2 TLSv1.3; }}\n"
        f"server {{ {TLS.replace('443', '8443')} ssl_protocols TLSv1.2; server_name c.example; }}\n"
        f"server {{ {OTHER} listen 8443 ssl; ssl_protocols TLSv1.3; }}"
    )
    (finding,) = found(judge(tmp_path, text), "TLS-NO13")
    assert finding.also == ("server b.example (443 ssl, 8443 ssl)",)
    assert "TLSv1.2;" in finding.source[0].text


@pytest.mark.parametrize(
    ("first", "other", "rule", "view"),
    [
        ("ssl_ecdh_curve X25519;", "", "TLS-NO-PQ", "ab"),
        ("", "ssl_ecdh_curve X25519;", "TLS-NO-PQ", ""),
        ("ssl_early_data on;", "", "TLS-0RTT-ON", "ab"),
        ("", "ssl_early_data on;", "TLS-0RTT-ON", ""),
        ("ssl_session_tickets off;", "", "TLS-NO-RESUME", "ab"),
        ("", "ssl_session_tickets off;", "TLS-NO-RESUME", "b"),
        ("", "ssl_session_tickets off; ssl_session_cache shared:a:1m;", "TLS-NO-RESUME", "b"),
        ("ssl_verify_client optional; ssl_client_certificate c;", "", "TLS-MTLS-OPTIONAL", "a"),
        ("ssl_ciphers ECDHE+AESGCM;", "", "TLS-WEAK-CIPHER", "b"),
    ],
)  # fmt: skip
def test_who_decides_what(tmp_path: Path, first: str, other: str, rule: str, view: str) -> None:
    findings = found(judge(tmp_path, pair(first, other), "nginx=1.28"), rule)
    names = [name for f in findings for name in (f.view, *f.also)]
    assert sorted(name.removeprefix("server ")[0] for name in names) == sorted(view)


def test_all_servers_with_a_fault_are_named_and_many_are_counted(tmp_path: Path) -> None:
    servers = "\n".join(
        f"server {{ {TLS.replace('443', str(9000 + n)).replace('a.example', f'{n}.example')} }}"
        for n in range(7)
    )
    (finding,) = found(judge(tmp_path, whole(servers)), "TLS-NO13")
    assert finding.view == "server 0.example (9000 ssl)"
    assert len(finding.also) == 3
    assert finding.more == 3


@pytest.mark.parametrize(
    ("lines", "severity", "what"),
    [
        ("ssl_protocols TLSv1 TLSv1.2;", Severity.MEDIUM, "allowed"),
        ("ssl_protocols TLSv1.1 TLSv1.2; ssl_ciphers DEFAULT:@SECLEVEL=1;", Severity.MEDIUM,
         "allowed"),
        ("ssl_protocols TLSv1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;", Severity.HIGH,
         "allowed-seclevel-0"),
        ("ssl_protocols SSLv3 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;", Severity.MEDIUM,
         "allowed-sslv3"),
    ],
)  # fmt: skip
def test_what_the_library_decides_is_what_the_file_asks_for(
    tmp_path: Path, lines: str, severity: Severity, what: str
) -> None:
    (finding,) = found(judge(tmp_path, server(lines)), "TLS-LEGACY")
    assert finding.severity is severity
    assert finding.params["what"] == what


def test_suites_that_openssl_may_not_have(tmp_path: Path) -> None:
    (finding,) = found(judge(tmp_path, server("ssl_ciphers RC4-SHA:DES-CBC3-SHA;")),
                       "TLS-WEAK-CIPHER")  # fmt: skip
    assert finding.severity is Severity.MEDIUM
    (finding,) = found(judge(tmp_path, server("ssl_ciphers eNULL:@SECLEVEL=0;")),
                       "TLS-WEAK-CIPHER")  # fmt: skip
    assert finding.severity is Severity.HIGH


TREE = {
    "etc/nginx/nginx.conf": "events {}\nhttp {\ninclude /etc/nginx/conf.d/*.conf;\n"
    "include /etc/nginx/sites-enabled/*;\ninclude nothing-here/*;\n}\n",
    "etc/nginx/conf.d/one.conf": "include /etc/nginx/snippets/tls.conf;\n",
    "etc/nginx/snippets/tls.conf": "ssl_protocols TLSv1.2;\n",
    "etc/nginx/sites-available/two": "server { listen 80; server_name two.example; root /srv; }\n",
}


def test_a_copied_tree_means_itself(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    (tmp_path / "etc/nginx/sites-enabled").mkdir()
    (tmp_path / "etc/nginx/sites-enabled/two").symlink_to("/etc/nginx/sites-available/two")
    report, facts = lint(tmp_path / "etc/nginx/nginx.conf")
    names = [str(Path(name).relative_to(tmp_path)) for name in facts.files]
    assert names == ["etc/nginx/nginx.conf", "etc/nginx/conf.d/one.conf",
                     "etc/nginx/snippets/tls.conf", "etc/nginx/sites-available/two"]  # fmt: skip
    assert found(report, "HTTP-NO-HTTPS")
    assert [note.text for note in facts.notes] == ["include nothing-here/*: no file matches"]


def test_a_relative_name_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, TREE)
    monkeypatch.chdir(tmp_path)
    _, facts = lint(Path("etc/nginx/nginx.conf"))
    names = [Path(name).absolute().relative_to(tmp_path).name for name in facts.files]
    assert names == ["nginx.conf", "one.conf", "tls.conf"]


def test_what_is_read_from_this_machine_is_noted(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "mime"
    main = f"events {{}}\nhttp {{ include {elsewhere}; }}\n"
    write(tmp_path, {"elsewhere/mime": "types { text/html html; }", "mine/nginx.conf": main})
    _, facts = lint(tmp_path / "mine" / "nginx.conf")
    assert [note.text for note in facts.notes] == [f"include {elsewhere}: read from this machine"]


@pytest.mark.parametrize(
    "text",
    [
        "[supervisord]\nlogfile=/x\nuser=root\n[program:a]\ncommand=/bin/a\nroot = /x\n",
        "source s { system(); internal(); };\nlog { source(s); };\noptions { user(a); };\n",
        "@audio - rtprio 95\n@audio - memlock unlimited\n@users hard nproc 9\n",
        "listen on *\nservers pool.example\nsensor *\nserver a.example\n",
        "options {\n\tdirectory \"/x\";\n\tallow { any; };\n};\nzone \"a\" {\n\ttype master;\n};\n",
        "log {\n  level = \"info\"\n}\nserver {\n  enabled = true\n}\nroot = \"/srv\"\n",
        "defaults {\n\troot x\n\tbind y\n\tlog z\n}\n",
    ],
    ids=["ini", "syslog-ng", "limits", "openntpd", "bind", "hcl", "multipath"],
)  # fmt: skip
def test_other_programs_files_are_not_taken(text: str) -> None:
    kind = by_content(tuple(text.splitlines()))
    assert kind is None or kind.product not in {"nginx", "caddy"}
