"""What nginx.conf decides of proxies: redirects to the own URL, and whose word is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.nginx.texts import found, judge, server, site

OWN = "$request_uri"


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        (server(f"return 301 https://$host{OWN};"), True),
        (server(f"return https://$http_host{OWN};"), True),
        (server(f"return 301 https://$host:443{OWN};"), True),
        (server(f"return 301 https://$server_name{OWN};"), True),
        (server(f"return 301 https://a.example{OWN};"), True),
        (server(f"location / {{ return 301 https://$host{OWN}; }}"), True),
        (server(f"location /b {{ return 301 https://$host{OWN}; }}"), True),
        (server(f"server_name b.example; return 301 https://$server_name{OWN};"), False),
        (server(f"server_name b.example; return 301 https://a.example{OWN};"), False),
        (server(f"return 301 https://b.example{OWN};"), False),
        (server(f"return 301 https://$host:8443{OWN};"), False),
        (server("return 301 https://$host/;"), False),
        (server(f"return 301 http://$host{OWN};"), False),
        (server(f"if ($scheme = http) {{ return 301 https://$host{OWN}; }}"), False),
        (server(f"return 404; location /b {{ return 301 https://$host{OWN}; }}"), False),
        (site(f"return 301 https://$host{OWN};"), False),
        (server("root /srv;"), False),
    ],
)
def test_a_redirect_to_the_own_url(tmp_path: Path, text: str, loops: bool) -> None:
    report = judge(tmp_path, text)
    assert bool(found(report, "HTTP-REDIRECT-LOOP")) is loops


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        (server("set_real_ip_from 0.0.0.0/0;"), ("0.0.0.0/0",)),
        (server("set_real_ip_from 10.0.0.0/8; set_real_ip_from ::/0;"), ("::/0",)),
        (server("set_real_ip_from 0.0.0.0/1; set_real_ip_from 128.0.0.0/1;"),
         ("0.0.0.0/1", "128.0.0.0/1")),
        (server("set_real_ip_from 0.0.0.0/2;"), None),
        (server("set_real_ip_from 10.0.0.0/10;"), None),
        (server("set_real_ip_from 10.0.0.1;"), None),
        (server("set_real_ip_from unix:;"), None),
        (site("set_real_ip_from 0.0.0.0/0;"), None),
        (server(""), None),
    ],
)  # fmt: skip
def test_whose_word_is_taken(tmp_path: Path, text: str, networks: tuple[str, ...] | None) -> None:
    findings = found(judge(tmp_path, text), "HTTP-PROXY-TRUST")
    assert [one.params["networks"] for one in findings] == ([networks] if networks else [])
    assert all(one.params["field"] == "X-Real-IP" for one in findings)
