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
    "authorized_keys": (
        "/root/.ssh/authorized_keys", "authorized_keys2", "authorized_keys.new",
        "/etc/ssh/authorized_keys.d/root", "/etc/ssh/authorized_keys/root",
    ),
    "chrony.conf": (
        "/etc/chrony.conf", "/etc/chrony/conf.d/site.conf", "/etc/chrony.d/site.conf",
        "/etc/chrony.conf.d/site.conf",
    ),
    "chrony.sources": ("/etc/chrony/sources.d/a.sources", "/run/chrony-dhcp/eth0.sources"),
    "ntp.conf": ("/etc/ntp.conf", "/var/lib/ntp/ntp.conf.dhcp", "/etc/ntp.d/site.conf"),
    "ntpsec.conf": (
        "/etc/ntpsec/ntp.conf", "/run/ntpsec/ntp.conf.dhcp", "/etc/ntpsec/ntp.d/site.conf",
        "ntpsec.conf",
    ),
    "ssh_config": (
        "ssh_config", "/etc/ssh/ssh_config", "/etc/ssh/ssh_config.d/a.conf", "/root/.ssh/config",
        "/root/.ssh/config.d/work", "laptop.ssh_config", "ssh_config.work",
    ),
    "sshd-T": ("sshd-T", "sshd-T.txt"),
    "sshd_config": (
        "sshd_config", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/50-a.conf",
        "bastion.sshd_config", "sshd_config.bastion",
    ),
    "nginx.conf": (
        "/etc/nginx/nginx.conf", "prod.nginx.conf", "site.nginx", "/etc/nginx/conf.d/a.conf",
        "/etc/nginx/sites-enabled/default", "/etc/nginx/sites-available/a.example",
        "/etc/nginx/snippets/tls.conf", "/etc/nginx/http.d/a.conf",
    ),
}  # fmt: skip
OTHERS = (
    "Caddyfile2", "caddy.json", "Caddy", "/etc/nginx/mime.types", "/etc/conf.d/a.conf",
    "nginx.conf.j2", "/etc/apt/sources.list.d/debian.sources", "/etc/squid/conf.d/a.conf",
    "/etc/app/config", "ntpsec", "sshd-Tx", "xauthorized_keys",
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
