"""The table of directives: how a line of it is read, and what a version has, by nginx's changes."""

from __future__ import annotations

import pytest

from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx.directives import Known


@pytest.mark.parametrize(
    ("table", "name", "known"),
    [
        ("directives", "gzip", Known("HSLl", 1, 1, flag=True, once=True, block=False)),
        ("directives", "break", Known("SLsl", 0, 0, flag=False, once=False, block=False)),
        ("directives", "location", Known("SL", 1, 2, flag=False, once=False, block=True)),
        ("directives", "listen", Known("S", 1, None, flag=False, once=False, block=False)),
        ("directives", "limit_rate",
         Known("HSLl", 1, 1, flag=False, once=True, block=False, vars=True, value="size")),
        ("directives", "gzip_comp_level",
         Known("HSL", 1, 1, flag=False, once=True, block=False, value="number:1-9")),
        ("directives", "autoindex_format",
         Known("HSL", 1, 1, flag=False, once=True, block=False, value="one:html|json|xml|jsonp",
               allowed=("html", "json", "xml", "jsonp"))),
        ("directives", "ssl_protocols",
         Known("HS", 1, None, flag=False, once=False, block=False, value="each:=tls_versions",
               allowed=("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"))),
        ("stream", "proxy_timeout",
         Known("Tt", 1, 1, flag=False, once=True, block=False, value="time")),
        ("mail", "starttls",
         Known("Aa", 1, 1, flag=False, once=True, block=False, value="one:off|on|only",
               allowed=("off", "on", "only"))),
    ],
)  # fmt: skip
def test_a_line_of_the_table(table: str, name: str, known: Known) -> None:
    assert nginx_directives.directives(table)[name] == known


@pytest.mark.parametrize(
    ("place", "table"),
    [
        ("main", "directives"), ("events", "directives"), ("server", "directives"),
        ("if in location", "directives"), ("stream", "stream"), ("stream server", "stream"),
        ("stream upstream", "stream"), ("mail", "mail"), ("mail server", "mail"),
    ],
)  # fmt: skip
def test_the_table_of_a_place(place: str, table: str) -> None:
    assert nginx_directives.table_of(place) == table


@pytest.mark.parametrize(
    ("version", "text"),
    [((1, 22, 1), "1.22.1"), ((1, 30, 0), "1.30"), ((1, 30), "1.30"), ((1, 0), "1.0"), ((1,), "1"),
     ((1, 0, 0), "1.0"), ((1, 0, 5), "1.0.5")],
)  # fmt: skip
def test_how_a_version_is_written(version: tuple[int, ...], text: str) -> None:
    assert nginx_directives.text_of(version) == text


def test_a_version_as_numbers() -> None:
    assert nginx_directives.version_of("1.25.1") == (1, 25, 1)
    assert str(nginx_directives.newest()) == "nginx 1.30"


@pytest.mark.parametrize(
    ("name", "version", "value"),
    [
        ("ssl_protocols", (1, 22, 1), "TLSv1 TLSv1.1 TLSv1.2"),
        ("ssl_protocols", (1, 23, 3), "TLSv1 TLSv1.1 TLSv1.2"),
        ("ssl_protocols", (1, 23, 4), "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3"),
        ("ssl_protocols", (1, 27, 2), "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3"),
        ("ssl_protocols", (1, 27, 3), "TLSv1.2 TLSv1.3"),
        ("keepalive_requests", (1, 19, 9), "100"),
        ("keepalive_requests", (1, 19, 10), "1000"),
        ("proxy_http_version", (1, 29, 6), "1.0"),
        ("proxy_http_version", (1, 29, 7), "1.1"),
        ("keepalive_timeout", (1, 22, 1), "75s"),
        ("no_such_thing", (1, 30, 0), None),
    ],
)
def test_a_default_by_version(name: str, version: tuple[int, int, int], value: str | None) -> None:
    assert nginx_directives.default(name, version) == value


def test_what_a_version_brought_and_dropped() -> None:
    assert nginx_directives.since("http2") == (1, 25, 1)
    assert nginx_directives.since("gzip") == (0,)
    assert nginx_directives.until("ssl") == (1, 25, 1)
    assert nginx_directives.until("gzip") is None


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("gzipp", "gzip"), ("proxy_pas", "proxy_pass"), ("ad_header", "add_header"),
        ("sserver_name", "server_name"), ("gzpi", None), ("gzi", None), ("lua_code_cache", None),
        ("server_names_hash_bucket_sizexx", None), ("server_names_hash_bucket_sizex",
                                                    "server_names_hash_bucket_size"),
        ("rver_names_hash_bucket_size", None), ("erver_names_hash_bucket_size",
                                                "server_names_hash_bucket_size"),
    ],
)  # fmt: skip
def test_what_a_misspelt_name_means(name: str, meant: str | None) -> None:
    assert nginx_directives.meant(name) == meant


def test_variables_that_a_configuration_may_set() -> None:
    assert nginx_directives.settable() <= {*nginx_directives.variables(), "proxy_host"}
    assert {"args", "limit_rate", "memcached_key"} <= nginx_directives.settable()
    assert "uri" not in nginx_directives.settable()
    assert "http_" in nginx_directives.variable_prefixes()
