"""Real proxies: tinyproxy, Squid, Apache for CONNECT; microsocks, Dante, ssh -D for SOCKS5."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from msgspec.structs import replace

from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit, Served, free_port
from seventh.model.failure import Reason
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from tests.options import changed, options_with
from tests.peers import need_binary
from tests.peers.apache import apache, site
from tests.peers.ports import listening
from tests.peers.sshd_users import login_sshd

pytestmark = pytest.mark.peer
R = Reason
END_SECONDS = 3.0
USER, PASSWORD = "ops", "secret"
Proxy = Callable[[Path], AbstractAsyncContextManager[str]]


@contextlib.asynccontextmanager
async def running(folder: Path, port: int, *command: str) -> AsyncIterator[None]:
    """Run a proxy until the block ends; it is ready when its port is open."""
    log = folder / "proxy.log"
    with log.open("wb") as said:
        server = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdout=said, stderr=said, stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    try:
        await listening(port, server, log)
        yield
    finally:
        await _end(server)


async def _end(server: asyncio.subprocess.Process) -> None:
    """End a process and its children: its session is its own."""
    for way in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, way)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait(), END_SECONDS)


@contextlib.asynccontextmanager
async def tinyproxy(folder: Path) -> AsyncIterator[str]:
    port = free_port()
    config = folder / "tinyproxy.conf"
    config.write_text(
        f"Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nBasicAuth {USER} {PASSWORD}\n"
        'Filter "deny"\nFilterType fnmatch\n'
    )
    (folder / "deny").write_text("denied.lab.test\n")
    async with running(folder, port, need_binary("tinyproxy"), "-d", "-c", str(config)):
        yield f"http://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def squid(folder: Path, issued: Issued | None = None) -> AsyncIterator[str]:
    """Squid, with TLS if a certificate is given. Its own program checks the login."""
    with tempfile.TemporaryDirectory(prefix="seventh-squid-") as name:
        place = Path(name)
        async with running(folder, port := free_port(), *_squid(place, port, issued)):
            yield f"http{'s' if issued else ''}://127.0.0.1:{port}"


def _squid(place: Path, port: int, issued: Issued | None) -> tuple[str, ...]:
    """Write Squid's files; return its command."""
    place.chmod(0o755)  # started by root, it serves as another user
    check = place / "check-login"
    check.write_text(
        "#!/bin/sh\nwhile read -r user word; do\n"
        f'[ "$user $word" = "{USER} {PASSWORD}" ] && echo OK || echo ERR\ndone\n'
    )
    check.chmod(0o755)
    tls = ""
    if issued is not None:
        for kind, file in (("cert", issued.cert_file), ("key", issued.key_file)):
            shutil.copyfile(file, place / kind)
            tls += f" tls-{kind}={place / kind}"
    users = {entry.pw_name for entry in pwd.getpwall()}
    config = place / "squid.conf"
    config.write_text(
        f"{'https' if issued else 'http'}_port 127.0.0.1:{port}{tls}\npid_filename none\n"
        "cache_log /dev/null\naccess_log none\ncache deny all\nshutdown_lifetime 0 seconds\n"
        f"cache_effective_user {'proxy' if 'proxy' in users else 'nobody'}\nvisible_hostname lab\n"
        "pinger_enable off\nnetdb_filename none\nmax_filedescriptors 1024\n"
        f"auth_param basic program {check}\nauth_param basic children 1\n"
        "auth_param basic realm lab\nacl known proxy_auth REQUIRED\n"
        "acl denied dstdomain denied.lab.test\nhttp_access deny denied\nhttp_access allow known\n"
    )
    # Its name is that of its shared memory, which others must not have.
    return need_binary("squid"), "-N", "-n", f"lab{port}", "-d", "1", "-f", str(config)


@contextlib.asynccontextmanager
async def httpd(folder: Path) -> AsyncIterator[str]:
    """Apache as a forward proxy; a login file of htpasswd's plain SHA-1 form."""
    with site() as place:
        (place / "users").write_text(f"{USER}:{{SHA}}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
        lines = (
            "ProxyRequests On\nAllowCONNECT 1024-65535\nProxyTimeout 5\n<Proxy *>\nAuthType Basic\n"
            f'AuthName lab\nAuthBasicProvider file\nAuthUserFile "{place}/users"\n'
            "Require valid-user\n</Proxy>\n"
        )
        modules = ("proxy", "proxy_connect", "authn_core", "authn_file", "auth_basic", "authz_user")
        async with apache(place, lines, modules=modules) as port:
            yield f"http://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def microsocks(folder: Path) -> AsyncIterator[str]:
    port = free_port()
    command = ("-i", "127.0.0.1", "-p", str(port), "-u", USER, "-P", PASSWORD)
    async with running(folder, port, need_binary("microsocks"), *command):
        yield f"socks5h://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def dante(folder: Path) -> AsyncIterator[str]:
    """Dante without a login: it takes users of the system only."""
    port = free_port()
    config = folder / "danted.conf"
    everywhere = "from: 0.0.0.0/0 to: 0.0.0.0/0"
    config.write_text(
        f"logoutput: stderr\ninternal: 127.0.0.1 port = {port}\nexternal: lo\n"
        "socksmethod: none\nclientmethod: none\n"
        f"client pass {{ {everywhere} }}\n"
        "socks block { from: 0.0.0.0/0 to: 127.0.0.3/32 }\n"
        f"socks pass {{ {everywhere} }}\n"
    )
    pid = str(folder / "pid")
    async with running(folder, port, need_binary("danted"), "-f", str(config), "-p", pid):
        yield f"socks5h://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def ssh_d(folder: Path) -> AsyncIterator[str]:
    """OpenSSH's client with a dynamic forwarding, through its server."""
    port = free_port()
    async with login_sshd(folder) as sshd:
        command = [need_binary("ssh"), "-N", "-D", f"127.0.0.1:{port}", "-F", "none"]
        options = {
            "IdentityFile": sshd.key, "IdentitiesOnly": "yes", "BatchMode": "yes",
            "UserKnownHostsFile": sshd.known_hosts, "ExitOnForwardFailure": "yes",
        }  # fmt: skip
        for name, value in options.items():
            command += ["-o", f"{name}={value}"]
        async with running(folder, port, *command, "-p", str(sshd.port), "ops@127.0.0.1"):
            yield f"socks5h://127.0.0.1:{port}"


MAKES: dict[str, Proxy] = {
    "tinyproxy": tinyproxy, "squid": squid, "apache": httpd,
    "microsocks": microsocks, "dante": dante, "ssh-d": ssh_d,
}  # fmt: skip
WITH_LOGIN = ("tinyproxy", "squid", "apache", "microsocks")


def through(
    url: str, folder: Path, base: Options | None = None, password: str = PASSWORD
) -> Options:
    (folder / "login").write_text(f"{USER}:{password}\n")
    base = base if base is not None else options_with(timeout_seconds=10.0)
    return changed(base, proxy=url, proxy_auth_file=str(folder / "login"))


def _by_address(room: str, served: Served) -> tuple[Target, Options]:
    """A lab's target by its address: real proxies do not know the labs' names."""
    target, own = start.job(served, options_with(timeout_seconds=15.0))
    names = {"http": "www.lab.test"}
    own = own.replace(server_name=names.get(room, "lab.test"), resolver=None)
    return replace(target, host="127.0.0.1"), own


def net_of(report: Report) -> NetFacts:
    facts = report.facts["net"]
    assert isinstance(facts, NetFacts)
    return facts


@pytest.mark.parametrize("name", MAKES)
async def test_every_protocol_goes_through(name: str, kit: Kit, tmp_path: Path) -> None:
    async with MAKES[name](tmp_path) as url:
        for room in ("ssh", "tls", "http", "websocket"):
            async with start.serving(room, None, kit) as served:
                target, own = _by_address(room, served)
                options = through(url, tmp_path, own)
                reports = [await pulse_one(target, options)]
                if room != "websocket":  # its idle times take seconds
                    reports.append(await check_one(target, options))
            for report in reports:
                assert report.failure is None, (room, report.failure)
                assert {a.transport for a in net_of(report).attempts} == {"proxy"}
                assert not [f.id for f in report.findings if f.id.startswith("NET-")]


@pytest.mark.parametrize("name", WITH_LOGIN)
async def test_a_login_that_is_missing_or_wrong(name: str, tmp_path: Path) -> None:
    target = Target(scheme="tcp", host="127.0.0.1", port=free_port())
    async with MAKES[name](tmp_path) as url:
        without = await check_one(target, options_with(proxy=url))
        wrong = await check_one(target, through(url, tmp_path, password="else"))
    assert without.failure is not None
    assert without.failure.reason is R.PROXY_AUTH_REQUIRED
    assert "--proxy-auth-file" in without.failure.detail
    assert wrong.failure is not None
    assert wrong.failure.reason is R.PROXY_AUTH_REJECTED
    assert {wrong.failure.phase, without.failure.phase} == {"proxy.auth"}


SHUT = {
    "tinyproxy": R.CONNECT_UNREACHABLE, "squid": R.CONNECT_REFUSED, "apache": R.CONNECT_UNREACHABLE,
    "microsocks": R.CONNECT_REFUSED, "dante": R.CONNECT_REFUSED, "ssh-d": R.PROXY_FAILED,
}  # fmt: skip
"""By make: what it tells of a port on which nothing listens."""
UNKNOWN = {
    **dict.fromkeys(("tinyproxy", "squid", "apache"), R.CONNECT_UNREACHABLE),
    "microsocks": R.PROXY_FAILED, "dante": R.CONNECT_UNREACHABLE, "ssh-d": R.PROXY_FAILED,
}  # fmt: skip
"""By make: what it tells of a name that does not exist."""


@pytest.mark.parametrize("name", MAKES)
async def test_what_it_tells_of_a_target_that_it_does_not_reach(name: str, tmp_path: Path) -> None:
    shut = Target(scheme="ssh", host="127.0.0.1", port=free_port())
    unknown = Target(scheme="ssh", host="target.seventh.invalid", port=2222)
    async with MAKES[name](tmp_path) as url:
        for target, told in ((shut, SHUT), (unknown, UNKNOWN)):
            report = await check_one(target, through(url, tmp_path))
            assert report.failure is not None
            assert report.failure.reason is told[name], report.failure
            assert "the proxy" in report.failure.detail


DENIED = {"tinyproxy": "denied.lab.test", "squid": "denied.lab.test", "apache": "127.0.0.1",
          "dante": "127.0.0.3"}  # fmt: skip
"""By make: a host whose port 22 its configuration does not allow."""


@pytest.mark.parametrize("name", DENIED)
async def test_a_target_that_its_rules_deny(name: str, tmp_path: Path) -> None:
    target = Target(scheme="ssh", host=DENIED[name], port=22)
    async with MAKES[name](tmp_path) as url:
        report = await check_one(target, through(url, tmp_path))
    assert report.failure is not None
    assert report.failure.reason is R.PROXY_REFUSED, report.failure
    assert not report.findings


async def test_squid_inside_tls(kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue("127.0.0.1")
    async with squid(tmp_path, issued) as url, start.serving("http", None, kit) as served:
        target, own = _by_address("http", served)
        # Debian's Squid does not send the chain, so that its own certificate is trusted as well.
        trusted = tmp_path / "trusted.pem"
        trusted.write_text(issued.cert_file.read_text() + kit.authority.ca_file.read_text())
        own = own.replace(ca_file=str(trusted))
        report = await check_one(target, through(url, tmp_path, own))
    assert report.failure is None, report.failure
    assert "proxy.tls" in [phase.name for phase in report.phases]


async def test_a_web_server_is_no_proxy(tmp_path: Path) -> None:
    with site() as place:
        async with apache(place, "") as port:
            target = Target(scheme="tcp", host="127.0.0.1", port=port)
            report = await check_one(target, options_with(proxy=f"http://127.0.0.1:{port}"))
    assert report.failure is not None
    assert report.failure.reason is R.PROXY_MISMATCH, report.failure
