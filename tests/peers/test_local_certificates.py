"""``seventh local certificates`` beside real servers that have renewed files on disk."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import os
import pwd
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from seventh.engine.local import Wanted, look
from seventh.labkit.serve import Kit, free_port
from seventh.localkit.machine import Machine
from seventh.model.report import Finding, Report
from seventh.model.severity import Severity
from seventh.model.tlsfacts import CertificateFile, TlsFacts
from seventh.model.tlslocal import Service
from tests.peers import need_binary
from tests.peers.apache import MODULES
from tests.peers.local_tree import machine_tree, with_sockets
from tests.peers.ports import listening
from tests.peers.starttls import IS_ROOT, SERVERS, Command, Place, running

pytestmark = pytest.mark.peer
READY_SECONDS = 15.0
LATER = dt.timedelta(days=120)


def nginx(place: Place, port: int) -> Command:
    paths = " ".join(
        f"{kind}_temp_path {place.folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root; " if IS_ROOT else ""
    conf = place.write(
        "nginx.conf",
        f"{user}daemon off; pid {place.folder}/pid; error_log {place.folder}/log; events {{}}\n"
        f"http {{ access_log off; {paths}\nserver {{ server_name lab.test;\n"
        f"listen 127.0.0.1:{port} ssl; ssl_certificate {place.cert};\n"
        f"ssl_certificate_key {place.key}; }} }}\n",
    )
    return Command((need_binary("nginx"), "-c", str(conf), "-e", f"{place.folder}/log"))


def caddy(place: Place, port: int) -> Command:
    conf = place.write(
        "Caddyfile",
        f"{{\n admin localhost:{free_port()}\n auto_https disable_redirects\n}}\n"
        f"https://lab.test:{port} {{\n bind 127.0.0.1\n tls {place.cert} {place.key}\n}}\n",
    )
    words = (need_binary("caddy"), "run", "--config", str(conf), "--adapter", "caddyfile")
    home = {name: str(place.folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    return Command(words, environment=home)


def apache(place: Place, port: int) -> Command:
    modules = "".join(f"LoadModule {m}_module {MODULES}/mod_{m}.so\n" for m in ("mpm_event", "ssl",
                      "authz_core"))  # fmt: skip
    conf = place.write(
        "apache2.conf",
        f"{modules}ServerName lab.test\nListen 127.0.0.1:{port}\nPidFile {place.folder}/pid\n"
        f"ErrorLog {place.folder}/log\nMutex file:{place.folder}\n"
        f"<VirtualHost *:{port}>\nSSLEngine on\nSSLCertificateFile {place.cert}\n"
        f'SSLCertificateKeyFile "{place.key}"\n</VirtualHost>\n',
    )
    return Command((need_binary("apache2"), "-D", "FOREGROUND", "-f", str(conf)))


def mosquitto(place: Place, port: int) -> Command:
    user = "user root\n" if IS_ROOT else ""
    conf = place.write(
        "mosquitto.conf",
        f"{user}allow_anonymous true\nlistener {port} 127.0.0.1\ncertfile {place.cert}\n"
        f"keyfile {place.key}\n",
    )
    return Command((need_binary("mosquitto"), "-c", str(conf)))


def chrony(place: Place, port: int) -> Command:
    conf = place.write(
        "chrony.conf",
        f"port 0\nbindaddress 127.0.0.1\ncmdport 0\nbindcmdaddress /\npidfile {place.folder}/pid\n"
        f"local stratum 5\nallow 127.0.0.1\nntsport {port}\nntsdumpdir {place.folder}\n"
        f"ntsservercert {place.cert}\nntsserverkey {place.key}\n",
    )
    user = pwd.getpwuid(os.getuid()).pw_name
    words = need_binary("chronyd"), "-d", "-x", "-U", "-u", user, "-f", str(conf)
    return Command(words)


class Case(NamedTuple):
    """A server, and where its configuration is read."""

    service: Service
    build: Callable[[Place, int], Command]
    file: str = ""
    """The server's own file and, where it is read as a file, its place on a machine."""
    at: str = ""
    client: str = ""
    conf: str = ""
    """What the client that prints the configuration takes after -c, below the server's folder."""


CHRONY = Case(Service.CHRONY, chrony, "chrony.conf", at="etc/chrony/chrony.conf")
CASES = (
    Case(Service.NGINX, nginx, "nginx.conf", at="etc/nginx/nginx.conf"),
    Case(Service.CADDY, caddy, "Caddyfile", at="etc/caddy/Caddyfile"),
    Case(Service.POSTFIX, SERVERS["smtp"], client="postconf"),
    Case(
        Service.POSTGRESQL,
        SERVERS["postgres"],
        "data/postgresql.conf",
        at="etc/postgresql/15/main/postgresql.conf",
    ),
    Case(Service.APACHE, apache, "apache2.conf", at="etc/apache2/apache2.conf"),
    Case(Service.MOSQUITTO, mosquitto, "mosquitto.conf", at="etc/mosquitto/mosquitto.conf"),
    Case(Service.DOVECOT, SERVERS["imap"], client="doveconf", conf="dovecot.conf"),
)


class Looked:
    """A server in a folder that stands for the machine."""

    def __init__(self, case: Case, place: Place, port: int) -> None:
        self.case, self.place, self.port = case, place, port
        self.pid = next(
            pid
            for pid in sorted(int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit())
            if str(place.folder).encode() in _command_line(pid)
        )
        self._number = itertools.count()

    async def look(self) -> tuple[Report, CertificateFile]:
        """Look at a machine on which only this server runs."""
        root = self.place.folder / f"tree-{next(self._number)}"
        machine_tree(root, {self.pid: {}})
        with_sockets(root, [self.pid])
        if self.case.at:
            (root / self.case.at).parent.mkdir(parents=True)
            shutil.copy(self.place.folder / self.case.file, root / self.case.at)
        itself = root / str(self.place.folder).lstrip("/")
        itself.mkdir(parents=True)
        for path in (self.place.cert, self.place.key):
            shutil.copy2(path, itself)
        words = {self.case.client: ("-c", str(self.place.folder / self.case.conf))}
        machine = Machine(root=root, arguments=words if self.case.client else {})
        report = await look(Wanted(areas=("certificates",)), machine, host="here")
        facts = report.facts["tls"]
        assert isinstance(facts, TlsFacts)
        assert facts.local is not None
        (file,) = facts.local.files
        return report, file

    def renew(self, kit: Kit) -> None:
        """Replace the certificate and its key on disk, as an ACME client does."""
        issued = kit.authority.issue(lifetime=LATER)
        self.place.cert.write_bytes(issued.cert_file.read_bytes())
        self.place.key.write_bytes(issued.key_file.read_bytes())


def _command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@contextlib.asynccontextmanager
async def server(case: Case, kit: Kit) -> AsyncIterator[Looked]:
    places: list[Place] = []

    def build(place: Place, port: int) -> Command:
        places.append(place)
        return case.build(place, port)

    async with running(build, kit) as port:
        yield Looked(case, places[0], port)


def found(report: Report, rule: str) -> Finding:
    (finding,) = (each for each in report.findings if each.id == rule)
    return finding


async def shell(line: str, folder: Path) -> None:
    """Run a line of a fix as a person does."""
    process = await asyncio.create_subprocess_shell(line, cwd=folder)
    assert await process.wait() == 0, line


@pytest.mark.parametrize("case", CASES, ids=[case.service.value for case in CASES])
async def test_a_program_that_serves_the_certificate_from_before(case: Case, kit: Kit) -> None:
    async with server(case, kit) as one:
        report, file = await one.look()
        assert {"TLS-CERT-STALE", "TLS-KEY-MISMATCH", "TLS-KEY-MODE", "TLS-CERT-EXPIRED"} <= {
            *report.passed
        }
        assert (file.path, file.services) == (str(one.place.cert), (case.service,))
        assert file.key is not None
        assert (file.key.path, file.key.mode, file.key.matches) == (
            str(one.place.key), "0600", True,
        )  # fmt: skip
        address = f"127.0.0.1:{one.port}"
        assert address in {each.address for each in file.served}
        assert {(each.service, each.sha256, each.stale) for each in file.served} == {
            (case.service, file.chain[0].sha256, False)
        }

        one.renew(kit)
        report, new = await one.look()
        stale = found(report, "TLS-CERT-STALE")
        assert stale.severity is Severity.HIGH
        assert (
            f"{address} ({file.chain[0].not_after}; {file.path}: {new.chain[0].not_after})"
            in stale.params["served"]
        )
        line, _ = stale.fixes["any"]
        if case.service is Service.CADDY:
            line = line.replace("caddy", need_binary("caddy"), 1)
        await shell(line, one.place.folder)
        deadline = time.monotonic() + READY_SECONDS
        while "TLS-CERT-STALE" not in (await one.look())[0].passed:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)  # until the program has read its files again


async def test_chrony_reads_its_certificate_only_when_it_starts(kit: Kit) -> None:
    async with server(CHRONY, kit) as one:
        report, file = await one.look()
        assert (file.path, file.services) == (str(one.place.cert), (Service.CHRONY,))
        assert {(each.address, each.stale) for each in file.served} == {
            (f"127.0.0.1:{one.port}", False)
        }
        assert "TLS-CERT-STALE" in report.passed
        one.renew(kit)
        report, _ = await one.look()
        line, _ = found(report, "TLS-CERT-STALE").fixes["any"]
        assert line == f"kill {one.pid}   # then start it again"
        await shell(line, one.place.folder)
        await gone(one.pid)
        words, owner, environment = chrony(one.place, one.port)
        process = await asyncio.create_subprocess_exec(*words, **owner, env=environment or None)
        try:
            await listening(one.port, process)
            one.pid = process.pid
            assert "TLS-CERT-STALE" in (await one.look())[0].passed
        finally:
            process.terminate()
            await process.wait()


async def gone(pid: int) -> None:
    """Wait until a process has ended that another one of ours has started."""
    deadline = time.monotonic() + READY_SECONDS
    while _command_line(pid):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)  # it is no child of this task; nothing can be waited on


async def test_what_is_wrong_with_the_files(kit: Kit) -> None:
    async with server(CASES[0], kit) as one:
        one.place.key.chmod(0o644)
        report, file = await one.look()
        mode = found(report, "TLS-KEY-MODE")
        assert mode.params["keys"] == (f"{one.place.key} (mode 0644)",)
        line, _ = mode.fixes["any"]
        await shell(line, one.place.folder)
        report, file = await one.look()
        assert "TLS-KEY-MODE" in report.passed
        assert file.key is not None
        assert file.key.mode == "0640"

        other = kit.authority.issue(
            not_before=dt.timedelta(days=-91), lifetime=dt.timedelta(days=90), chain=False
        )
        one.place.cert.write_bytes(other.cert_file.read_bytes())
        report, file = await one.look()
        assert found(report, "TLS-KEY-MISMATCH").params["pairs"] == (
            f"{one.place.cert} with {one.place.key}",
        )
        expired = found(report, "TLS-CERT-EXPIRED")
        assert expired.severity is Severity.CRITICAL
        assert expired.params["certificates"] == (
            f"CN=localhost ({file.chain[0].not_after}) ({one.place.cert})",
        )
        assert found(report, "TLS-CHAIN").params["problems"] == ("issuer-not-trusted",)
        one.place.key.write_bytes(other.key_file.read_bytes())
        report, _ = await one.look()
        assert "TLS-KEY-MISMATCH" in report.passed


@pytest.mark.parametrize("systemd", [True, False])
async def test_the_line_that_renews(systemd: bool, kit: Kit, tmp_path: Path) -> None:
    root = machine_tree(tmp_path / "machine")
    live = root / "etc/letsencrypt/live/lab.test"
    live.mkdir(parents=True)
    for folder in (
        "etc/cron.d",
        "etc/cron.daily",
        "etc/cron.weekly",
        "var/spool/cron/crontabs",
        "etc/systemd/system/timers.target.wants",
        "usr/lib/systemd/system",
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)  # fmt: skip
    issued = kit.authority.issue()
    shutil.copy(issued.cert_file, live / "fullchain.pem")
    shutil.copy(issued.key_file, live / "privkey.pem")
    # Debian's own job, which leaves the work to a timer that is not enabled here.
    (root / "etc/cron.d/certbot").write_text(
        "0 */12 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && "
        "certbot -q renew\n"
        if systemd
        else "# certbot\n"
    )
    (root / "usr/lib/systemd/system/certbot.timer").write_text(
        "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n"
    )
    if systemd:
        (root / "run/systemd/system").mkdir(parents=True)

    async def judged() -> Report:
        return await look(Wanted(areas=("certificates",)), Machine(root=root), host="here")

    finding = found(await judged(), "TLS-NO-RENEWAL")
    assert (finding.params["clients"], finding.params["files"]) == (
        ("certbot",), ("/etc/letsencrypt/live/lab.test/fullchain.pem",),
    )  # fmt: skip
    (line,) = finding.fixes["any"]
    if systemd:
        assert line == "systemctl enable --now certbot.timer"
        line = line.replace("systemctl", f"{need_binary('systemctl')} --root {root}")
        line = line.replace(" --now", "")  # there is no manager to start it
    else:
        line = line.replace("/etc/cron.d", f"{root}/etc/cron.d")
    await shell(line, tmp_path)
    assert "TLS-NO-RENEWAL" in (await judged()).passed
