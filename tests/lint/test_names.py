"""Which files a linter takes by their names: real names, and names that are like them."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

from seventh.engine.recognise import by_name
from seventh.lint import kinds

NAMES = {
    "Caddyfile": (
        "Caddyfile", "/etc/caddy/Caddyfile", "Caddyfile.dev", "a.caddyfile", "a.Caddyfile",
    ),
    "nginx.conf": (
        "/etc/nginx/nginx.conf", "prod.nginx.conf", "site.nginx", "/etc/nginx/conf.d/a.conf",
        "/etc/nginx/sites-enabled/default", "/etc/nginx/sites-available/a.example",
        "/etc/nginx/snippets/tls.conf", "/etc/nginx/http.d/a.conf",
    ),
}  # fmt: skip
OTHERS = (
    "Caddyfile2", "caddy.json", "Caddy", "/etc/nginx/mime.types", "/etc/conf.d/a.conf",
    "nginx.conf.j2",
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names]
)
def test_a_name_decides_the_kind(kind: str, name: str) -> None:
    assert by_name(Path(name)) is kinds()[kind]


@pytest.mark.parametrize("kind", NAMES)
def test_each_pattern_of_names_is_of_a_file_that_there_is(kind: str) -> None:
    for pattern in kinds()[kind].names:
        assert any(fnmatch(name, pattern) or fnmatch(name, f"*/{pattern}") for name in NAMES[kind])


@pytest.mark.parametrize("name", OTHERS)
def test_another_name_decides_nothing(name: str) -> None:
    assert by_name(Path(name)) is None
