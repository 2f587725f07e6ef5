"""A fix of a TLS rule, put in place of the lines at fault, makes the same check clean.

The server is the real one; nothing may be found after the fix that was not found before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh import protocols
from seventh.engine.check import check_one
from seventh.labkit.serve import Kit, free_port
from seventh.model.target import Target
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.apache import apache, site
from tests.peers.ports import listening
from tests.peers.test_fix_lines import cut, directives, said, with_files
from tests.peers.test_tls import ENVIRONMENT, nginx, s_server
from tests.reports import found

pytestmark = [pytest.mark.peer, pytest.mark.field]
RULES = {rule.id: rule for rule in protocols.rules("tls")}

NGINX = {
    "TLS-LEGACY": "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;\nssl_ciphers ALL:@SECLEVEL=0;",
    "TLS-NO13": "ssl_protocols TLSv1.2;",
    "TLS-WEAK-CIPHER": "ssl_ciphers ALL;",
    "TLS-NO-RESUME": "ssl_session_tickets off;",
    "TLS-CLIENTS-CUT": "ssl_protocols TLSv1.2;\nssl_ciphers ECDHE-ECDSA-AES128-SHA;",
    "TLS-TICKET-LONG": "ssl_protocols TLSv1.2;\nssl_session_timeout 2d;",
    "TLS-0RTT-ON": "ssl_protocols TLSv1.2 TLSv1.3;\nssl_early_data on;",
    "TLS-MTLS-OPTIONAL": "ssl_client_certificate /etc/ssl/client-ca.pem;\n"
    "ssl_verify_client optional;",
    "TLS-CHAIN": "ssl_certificate leaf.pem;",
}
APACHE = {
    "TLS-LEGACY": "SSLProtocol all +TLSv1\nSSLCipherSuite ALL:@SECLEVEL=0",
    "TLS-NO13": "SSLProtocol TLSv1.2",
    "TLS-WEAK-CIPHER": "SSLCipherSuite ALL",
    "TLS-CLIENTS-CUT": "SSLProtocol TLSv1.2\nSSLCipherSuite ECDHE-ECDSA-AES128-SHA",
    "TLS-TICKET-LONG": "SSLProtocol TLSv1.2\nSSLSessionCacheTimeout 86401",
    "TLS-MTLS-OPTIONAL": "SSLCACertificateFile /etc/ssl/client-ca.pem\nSSLVerifyClient optional",
}
HAPROXY = {
    "TLS-LEGACY": (
        ("ssl-default-bind-options ssl-min-ver TLSv1.0\n"
         "ssl-default-bind-ciphers ALL:@SECLEVEL=0"), "",
    ),
    "TLS-NO13": ("ssl-default-bind-options ssl-max-ver TLSv1.2", ""),
    "TLS-WEAK-CIPHER": ("ssl-default-bind-ciphers ALL", ""),
    "TLS-0RTT-ON": ("", "allow-0rtt"),
    "TLS-CLIENTS-CUT": (
        ("ssl-default-bind-options ssl-max-ver TLSv1.2\n"
         "ssl-default-bind-ciphers ECDHE-ECDSA-AES128-SHA"), "",
    ),
    "TLS-TICKET-LONG": (
        "ssl-default-bind-options ssl-max-ver TLSv1.2\ntune.ssl.lifetime 172800", "",
    ),
    "TLS-MTLS-OPTIONAL": ("", "ca-file /etc/ssl/client-ca.pem verify optional"),
}  # fmt: skip
OPENSSL = {
    "TLS-CLIENTS-CUT": "MaxProtocol = TLSv1.2\nCipherString = ECDHE-ECDSA-AES128-SHA",
    "TLS-LEGACY": "MinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0",
    "TLS-WEAK-CIPHER": "CipherString = ALL",
}


def names(lines: str) -> set[str]:
    """The directives that the lines set."""
    return {line.split()[0] for line in directives(lines.splitlines())}


def without(lines: str, fix: str) -> str:
    """The lines at fault less those that the fix sets anew."""
    return "\n".join(line for line in lines.splitlines() if line.split()[0] not in names(fix))


async def check(kit: Kit, port: int) -> set[str]:
    report = await check_one(
        Target(scheme="tls", host="127.0.0.1", port=port),
        options_with(
            timeout_seconds=10.0, ca_file=str(kit.authority.ca_file), server_name="lab.test"
        ),
    )
    return set(found(report))


def judge(name: str, before: set[str], after: set[str]) -> None:
    assert name in before
    assert name not in after
    # A server that requires a certificate ends a check without one.
    refused = {"NET-FAILED"} if name == "TLS-MTLS-OPTIONAL" else set()
    assert after <= before | refused


@pytest.mark.parametrize("name", NGINX)
async def test_nginx(name: str, kit: Kit, tmp_path: Path) -> None:
    issued, bare = kit.authority.issue(), kit.authority.issue(chain=False)
    fault, fix = NGINX[name], said(RULES[name], "nginx")
    seen = []
    for at, lines in enumerate((fault, f"{without(fault, fix)}\n{fix}")):
        leaf_alone = "leaf.pem" in lines
        folder = tmp_path / str(at)
        folder.mkdir()
        text = with_files(lines.replace("ssl_certificate leaf.pem;", ""), kit, issued)
        kept = [x for x in text.splitlines() if not x.startswith("ssl_certificate")]
        async with nginx(folder, bare if leaf_alone else issued, "\n".join(kept)) as port:
            seen.append(await check(kit, port))
    judge(name, *seen)


@pytest.mark.parametrize("name", APACHE)
async def test_apache(name: str, kit: Kit) -> None:
    issued = kit.authority.issue()
    fault, fix = APACHE[name], said(RULES[name], "apache")
    inside = "\n".join(cut(fix, "site")["site"])  # what is for main has its syntax tried elsewhere
    seen = []
    for lines in (fault, f"{without(fault, inside)}\n{inside}"):
        with site() as folder:
            async with apache(folder, with_files(lines, kit, issued), issued) as port:
                seen.append(await check(kit, port))
    judge(name, *seen)


@contextlib.asynccontextmanager
async def haproxy(folder: Path, settings: str, bind: str) -> AsyncIterator[int]:
    """Run HAProxy with these global settings and a bind line."""
    port = free_port()
    file = folder / "haproxy.cfg"
    inside = "\n".join(f"  {line}" for line in settings.splitlines())
    file.write_text(
        f"global\n{inside}\ndefaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n"
        f"  timeout connect 5s\nfrontend site\n  {bind.replace(':443', f'127.0.0.1:{port}')}\n"
        "  http-request return status 200\n"
    )
    server = await asyncio.create_subprocess_exec(
        need_binary("haproxy"), "-db", "-f", str(file), env=ENVIRONMENT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await listening(port, server, file)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.kill()
        await server.wait()


@pytest.mark.parametrize("name", HAPROXY)
async def test_haproxy(name: str, kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue()
    joined = tmp_path / "site.pem"
    joined.write_bytes(issued.cert_file.read_bytes() + issued.key_file.read_bytes())
    usual = "bind :443 ssl crt /etc/haproxy/site.pem"
    fault, more = HAPROXY[name]
    parts = {
        place: "\n".join(directives(lines))
        for place, lines in cut(said(RULES[name], "haproxy"), "frontend").items()
    }
    fixed = f"{without(fault, parts.get('global', ''))}\n{parts.get('global', '')}"
    seen = []
    for settings, bind in ((fault, f"{usual} {more}"), (fixed, parts.get("frontend") or usual)):
        text = with_files(bind, kit, issued).replace("/etc/haproxy/site.pem", str(joined))
        async with haproxy(tmp_path, settings.strip(), text) as port:
            seen.append(await check(kit, port))
    judge(name, *seen)


@pytest.mark.parametrize("name", OPENSSL)
async def test_openssl(
    name: str, kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = kit.authority.issue()
    fault, fix = OPENSSL[name], said(RULES[name], "openssl")
    file = tmp_path / "openssl.cnf"
    monkeypatch.setitem(ENVIRONMENT, "OPENSSL_CONF", str(file))
    seen = []
    for lines in (fault, f"{without(fault, fix)}\n{fix}"):
        file.write_text(
            "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = defaults\n"
            f"[defaults]\n{lines}\n"
        )
        async with s_server(issued) as port:
            seen.append(await check(kit, port))
    judge(name, *seen)


def test_the_command_for_a_new_key_works(tmp_path: Path) -> None:
    command = shlex.split(said(RULES["TLS-CERT-WEAK"], "openssl"))
    done = subprocess.run(
        [need_binary("openssl"), *command[1:], "-subj", "/CN=site.test"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
