"""nginx.conf in small pieces, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.lint.nginx import check as nginx_check
from seventh.lint.nginx import conf as nginx_conf
from seventh.lint.nginx.conf import Conf
from seventh.lint.nginx.directives import version_of
from seventh.lintkit.files import Files
from seventh.lintkit.linted import parse_software
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Finding, Report

TLS = "listen 443 ssl; ssl_certificate c.pem; ssl_certificate_key k.pem; server_name a.example;"


def whole(http: str) -> str:
    """A whole configuration around what stands in its http block."""
    return f"events {{ }}\nhttp {{\n{http}\n}}\n"


def site(inside: str) -> str:
    """The same around one server in the clear."""
    return whole(f"server {{\nlisten 127.0.0.1:8080;\n{inside}\n}}")


def server(inside: str) -> str:
    """The same around one server with TLS."""
    return whole(f"server {{\n{TLS}\n{inside}\n}}")


def zoned(inside: str) -> str:
    """The same with a zone of requests ``r`` and a cache ``a``."""
    zones = "limit_req_zone $binary_remote_addr zone=r:1m rate=9r/s; "
    return server(inside).replace("http {", f"http {{ {zones}proxy_cache_path /c keys_zone=a:1m;")


def read(text: str | bytes, name: str = "nginx.conf", prefix: Path | None = None) -> Conf:
    """The text as directives."""
    files = Files(base=prefix)
    data = text.encode() if isinstance(text, str) else text
    return nginx_conf.read(files.take(name, data), files, prefix or Path())


def refusals(text: str, version: str = "1.22.1") -> list[str]:
    """Why nginx of this version would not start."""
    conf = read(text)
    nginx_check.check(conf, nginx_check.root_place(conf), version_of(version), stated=True)
    return [line.text for line in conf.refused]


def refusals_with_sockets(text: str) -> tuple[str, ...]:
    """What the whole linter refuses, ``listen`` lines too, as of 1.22.1."""
    wanted = Wanted(kind="nginx.conf", software=(parse_software("nginx=1.22.1"),))
    facts = lint_text("nginx.conf", text.encode(), wanted).facts["lint"]
    assert isinstance(facts, LintFacts)
    return tuple(line.text for line in facts.problems)


def cases(
    inside_server: Mapping[str, str | tuple[str, ...]],
    inside_http: Mapping[str, str | tuple[str, ...]],
) -> dict[str, tuple[str, ...]]:
    """Whole configurations, each with every complaint; one complaint may stand by itself."""
    texts = {
        **{site(text): why for text, why in inside_server.items()},
        **{whole(text): why for text, why in inside_http.items()},
    }
    return {
        text: why if isinstance(why, tuple) else (why,) if why else ()
        for text, why in texts.items()
    }


def judge(folder: Path, text: str, software: str = "nginx=1.22.1") -> Report:
    """The report on a file of this text."""
    path = folder / "nginx.conf"
    path.write_text(text)
    return lint_file(path, Wanted(software=(parse_software(software),)))


def found(report: Report, rule: str) -> list[Finding]:
    """The findings of one rule."""
    return [finding for finding in report.findings if finding.id == rule]
