"""Servers behind a proxy, with real ones: loops, trust, and that each fix ends them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit, free_port
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.http.facts.versions import Loop
from tests.peers.caddy import running
from tests.peers.test_nginx_lint import ask, fired, linted, nginx
from tests.reports import http_facts as facts_of

pytestmark = pytest.mark.peer

LOOP = "HTTP-REDIRECT-LOOP"
TRUST = "HTTP-PROXY-TRUST"


async def look(port: int, kit: Kit) -> Report:
    options = Options(ca_file=str(kit.authority.ca_file), timeout_seconds=20.0)
    return await check_one(Target(scheme="https", host="localhost", port=port, path="/"), options)


@pytest.mark.parametrize("told", [False, True])
async def test_a_backend_that_does_not_learn_of_tls(kit: Kit, tmp_path: Path, told: bool) -> None:
    issued = kit.authority.issue("localhost")
    front, back = free_port(), free_port()
    fix = "proxy_set_header X-Forwarded-Proto $scheme;" if told else ""
    text = (
        f"server {{ listen 127.0.0.1:{front} ssl; ssl_certificate {issued.cert_file};\n"
        f"ssl_certificate_key {issued.key_file}; location / {{\n"
        f"proxy_pass http://127.0.0.1:{back}; proxy_set_header Host $http_host; {fix} }} }}\n"
        f"server {{ listen 127.0.0.1:{back}; root www;\n"
        "if ($http_x_forwarded_proto != https) { return 301 https://$http_host$request_uri; } }"
    )
    async with nginx(tmp_path, text):
        report = await look(front, kit)
    chain = facts_of(report).redirects
    assert chain is not None
    url = f"https://localhost:{front}/"
    assert chain.loop == (None if told else Loop(urls=(url,), forwarded_proto=True))
    assert (LOOP in fired(report)) is not told


async def test_a_return_to_its_own_url(kit: Kit, tmp_path: Path) -> None:
    """Lint and wire agree; the fix's server block, in place of the line, ends the loop."""
    issued = kit.authority.issue("localhost")
    plain, secure = free_port(), free_port()
    line = "return 301 https://$http_host$request_uri;"
    text = (
        f"server {{ listen 127.0.0.1:{plain}; listen 127.0.0.1:{secure} ssl; root www;\n"
        f"ssl_certificate {issued.cert_file}; ssl_certificate_key {issued.key_file};\n{line} }}\n"
    )
    async with nginx(tmp_path, text) as path:
        wire, file = await look(secure, kit), linted(path)
    assert LOOP in fired(wire) & fired(file)
    (finding,) = (one for one in file.findings if one.id == LOOP)
    block = "\n".join(finding.fixes["nginx"]).replace("listen 80;", f"listen 127.0.0.1:{plain};")
    mended = text.replace(line, "").replace(f"listen 127.0.0.1:{plain};", "") + block
    async with nginx(tmp_path, mended) as path:
        wire, file = await look(secure, kit), linted(path)
    assert LOOP in {*wire.passed} & {*file.passed}


@pytest.mark.parametrize(
    ("trusted", "believed"),
    [("0.0.0.0/0", True), ("::/0", False), ("0.0.0.0/1", True), ("10.0.0.0/8", False)],
)
async def test_an_address_that_any_client_may_set(
    tmp_path: Path, trusted: str, believed: bool
) -> None:
    """A client of another network than the proxies' is believed where lint says so."""
    port = free_port()
    text = (
        f"set_real_ip_from {trusted}; real_ip_header X-Forwarded-For;\n"
        f"server {{ listen {port}; return 200 $remote_addr; }}"
    )
    async with nginx(tmp_path, text) as path:
        response, said = await asyncio.to_thread(ask, port, "/", **{"X-Forwarded-For": "8.8.8.8"})
        report = linted(path)
    assert response.status == 200
    assert (said == "8.8.8.8") is believed
    assert (TRUST in fired(report)) is (believed or trusted == "::/0")


@pytest.mark.parametrize(
    ("trusted", "believed"),
    [("static 0.0.0.0/0", True), ("static 0.0.0.0/1", True), ("static ::/0", False),
     ("static 10.0.0.0/8", False), ("static 10.0.0.0/8\ntrusted_proxies_strict", False)],
)  # fmt: skip
async def test_an_address_that_any_client_of_caddy_may_set(
    tmp_path: Path, trusted: str, believed: bool
) -> None:
    port = free_port()
    text = (
        f"{{\nadmin off\npersist_config off\nservers {{\ntrusted_proxies {trusted}\n}}\n}}\n"
        f":{port} {{\nrespond {{client_ip}}\n}}\n"
    )
    async with running(tmp_path, text, port) as path:
        _, said = await asyncio.to_thread(ask, port, "/", **{"X-Forwarded-For": "8.8.8.8"})
        report = linted(path)
    assert (said == "8.8.8.8") is believed
    assert (TRUST in fired(report)) is (believed or "::/0" in trusted)


@pytest.mark.parametrize(
    ("own", "believed"), [("0.0.0.0/0", True), ("10.0.0.0/8", False), ("", False)]
)
async def test_an_address_that_any_client_may_have_passed_on(
    tmp_path: Path, own: str, believed: bool
) -> None:
    """What a backend of Caddy gets in X-Forwarded-For."""
    front, back = free_port(), free_port()
    trusted = f"trusted_proxies {own}" if own else ""
    text = (
        f"{{\nadmin off\npersist_config off\n}}\n:{front} {{\n"
        f"reverse_proxy 127.0.0.1:{back} {{\n{trusted}\n}}\n}}\n"
        f"http://127.0.0.1:{back} {{\nbind 127.0.0.1\nrespond {{header.X-Forwarded-For}}\n}}\n"
    )
    async with running(tmp_path, text, front, back) as path:
        _, said = await asyncio.to_thread(ask, front, "/", **{"X-Forwarded-For": "8.8.8.8"})
        report = linted(path)
    assert (said == "8.8.8.8, 127.0.0.1") is believed
    assert (TRUST in fired(report)) is believed
