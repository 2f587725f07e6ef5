"""Servers that start TLS within a connection in clear: their files, how they start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import re
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from seventh import protocols
from seventh.labkit.serve import Kit, free_port
from tests.peers import need_binary
from tests.peers.ports import listening
from tests.peers.test_fix_lines import directives, said

Fixes = tuple[str, ...]
"""The rules whose fixes stand in the configuration."""
HARDENED: Fixes = ("TLS-LEGACY", "TLS-WEAK-CIPHER")
IS_ROOT = os.geteuid() == 0


class Place:
    """A server's folder, which its own user can read, and the certificate in it."""

    def __init__(self, folder: Path, kit: Kit, fixes: Fixes | None, more: str) -> None:
        self.folder = folder
        self.tls = fixes is not None
        self._fixes = fixes or ()
        self.more = more
        """Further lines of the configuration."""
        issued = kit.authority.issue()
        self.cert = self.write("cert.pem", issued.cert_file.read_text())
        self.key = self.write("key.pem", issued.key_file.read_text())
        self.key.chmod(0o600)

    def fixed(self, product: str) -> str:
        """The lines that the rules advise for ``product``, without comments."""
        rules = {rule.id: rule for rule in protocols.rules("tls")}
        texts = [said(rules[name], product) for name in self._fixes]
        return "".join(f"{line}\n" for text in texts for line in directives(text.splitlines()))

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(text)
        return file

    def make(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

    def owned_by(self, user: str) -> dict[str, Any]:
        """Give all files to ``user``, and what makes a process run as it.

        Without root, this user owns them and runs the process.
        """
        if not IS_ROOT:
            return {}
        try:
            account = pwd.getpwnam(user)
        except KeyError:
            pytest.skip(f"there is no user {user}")
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


class Command(NamedTuple):
    """How to start a server: the words, and as whom."""

    words: tuple[str, ...]
    owner: dict[str, Any] = {}  # noqa: RUF012 - a constant
    environment: dict[str, str] = {}  # noqa: RUF012 - a constant


def _need_file(path: Path, package: str) -> Path:
    if not path.exists():
        pytest.skip(f"{package} is not installed")
    return path


def _need_root(name: str) -> None:
    if not IS_ROOT:
        pytest.skip(f"{name} starts as root only")


def postfix(place: Place, port: int) -> Command:
    """Postfix: master and what smtpd asks; nothing can be delivered."""
    _need_root("Postfix")
    need_binary("postconf")
    place.make("data")
    place.make("queue")
    os.chown(place.folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
    place.write(
        "main.cf",
        f"compatibility_level = 3.6\nqueue_directory = {place.folder}/queue\n"
        f"data_directory = {place.folder}/data\nmyhostname = lab.test\nmydestination =\n"
        "inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.1\n"
        "alias_maps =\nalias_database =\ndefault_transport = error:none\n"
        "smtpd_relay_restrictions = reject\nmaillog_file = /dev/stdout\n"
        + (
            f"smtpd_tls_chain_files = {place.key}, {place.cert}\nsmtpd_tls_security_level = may\n"
            f"{place.fixed('postfix')}"
            if place.tls
            else ""
        ),
    )
    place.write(
        "master.cf",
        f"127.0.0.1:{port} inet n - n - - smtpd\n"
        + "".join(
            f"{line}\n"
            for line in (
                "postlog unix-dgram n - n - 1 postlogd", "tlsmgr unix - - n 1000? 1 tlsmgr",
                "rewrite unix - - n - - trivial-rewrite", "anvil unix - - n - 1 anvil",
                "cleanup unix n - n - 0 cleanup", "proxymap unix - - n - - proxymap",
                "error unix - - n - - error",
            )
        ),
    )  # fmt: skip
    subprocess.run(["postfix", "-c", place.folder, "check"], check=True, capture_output=True)
    return Command(("/usr/lib/postfix/sbin/master", "-c", str(place.folder), "-d"))


def _dovecot(protocol: str, package: str, service: str) -> Callable[[Place, int], Command]:
    def build(place: Place, port: int) -> Command:
        _need_root("Dovecot")
        program = need_binary("dovecot")
        _need_file(Path("/usr/lib/dovecot") / service, package)
        closed = "" if protocol == "sieve" else f" inet_listener {protocol}s {{\n port = 0\n }}\n"
        login = (
            f"service {service}-login {{\n inet_listener {protocol} {{\n port = {port}\n }}\n"
            f"{closed}{place.more}}}\n"
        )
        tls = (
            f"ssl = yes\nssl_cert = <{place.cert}\nssl_key = <{place.key}\n{place.fixed('dovecot')}"
            if place.tls
            else "ssl = no\n"
        )
        conf = place.write(
            "dovecot.conf",
            f"protocols = {protocol}\nlisten = 127.0.0.1\nbase_dir = {place.folder}/run\n"
            f"state_dir = {place.folder}/run\nlog_path = /dev/stderr\n"
            "passdb {\n driver = static\n args = nopassword=y\n}\n"
            f"userdb {{\n driver = static\n args = uid=65534 gid=65534 home={place.folder}\n}}\n"
            f"{tls}{login}",
        )
        return Command((program, "-F", "-c", str(conf)))

    return build


def postgres(place: Place, port: int) -> Command:
    program = Path(need_binary("postgres")).resolve()
    initdb = _need_file(program.with_name("initdb"), "initdb")
    data = place.folder / "data"
    owner = place.owned_by("postgres")
    subprocess.run(
        [initdb, "-D", data, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"],
        check=True, capture_output=True, cwd=place.folder, **owner,
    )  # fmt: skip
    with (data / "postgresql.conf").open("a") as conf:
        conf.write(
            f"listen_addresses = '127.0.0.1'\nunix_socket_directories = '{place.folder}'\n"
            f"port = {port}\nfsync = off\n"
        )
        if place.tls:
            conf.write(f"ssl = on\nssl_cert_file = '{place.cert}'\nssl_key_file = '{place.key}'\n")
            conf.write(place.fixed("postgresql"))
    return Command((str(program), "-D", str(data)), owner)


def mariadb(place: Place, port: int) -> Command:
    program = need_binary("mariadbd")
    data = place.make("data")
    tls = f"ssl_cert = {place.cert}\nssl_key = {place.key}\n{place.fixed('mysql')}"
    conf = place.write(
        "my.cnf",
        f"[mysqld]\ndatadir = {data}\nbind_address = 127.0.0.1\nport = {port}\n"
        f"socket = {data}/socket\npid_file = {data}/pid\nskip_grant_tables\nskip_innodb\n"
        f"default_storage_engine = MyISAM\n{tls if place.tls else 'skip_ssl'}\n",
    )
    return Command((program, f"--defaults-file={conf}"), place.owned_by("nobody"))


def slapd(place: Place, port: int) -> Command:
    """OpenLDAP without a database; Debian's is built with GnuTLS."""
    tls = (
        f"TLSCertificateFile {place.cert}\nTLSCertificateKeyFile {place.key}\n"
        "TLSCipherSuite SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-AES-256-CBC:"
        "-AES-128-CBC\n"
    )
    conf = place.write("slapd.conf", f"pidfile {place.folder}/pid\n{tls if place.tls else ''}")
    urls = f"ldap://127.0.0.1:{port}"
    words = (need_binary("slapd"), "-d", "0", "-h", urls, "-f", str(conf))
    return Command(words, place.owned_by("nobody"))


def prosody(place: Place, port: int) -> Command:
    program = need_binary("prosody")
    data = place.make("data")
    settings = "".join(f", {lua}" for lua in re.findall(r"\{ (.*) \}", place.fixed("prosody")))
    tls, no_tls = ('"tls",', "") if place.tls else ("", ', "tls"')
    conf = place.write(
        "prosody.cfg.lua",
        f'data_path = "{data}"\npidfile = "{place.folder}/pid"\nlog = {{ warn = "*console" }}\n'
        f'modules_enabled = {{ {tls} "saslauth" }}\n'
        f'modules_disabled = {{ "s2s", "offline" {no_tls} }}\n'
        'interfaces = { "127.0.0.1" }\n'
        f"c2s_ports = {{ {port} }}\nc2s_require_encryption = {'true' if place.tls else 'false'}\n"
        f'ssl = {{ certificate = "{place.cert}", key = "{place.key}"{settings} }}\n'
        'VirtualHost "lab.test"\n',
    )
    return Command((program, "-F", "--config", str(conf)), place.owned_by("prosody"))


def proftpd(place: Place, port: int) -> Command:
    program = need_binary("proftpd")
    _need_file(Path("/usr/lib/proftpd/mod_tls.so"), "proftpd's mod_tls")
    tls = (
        f"LoadModule mod_tls.c\nTLSEngine on\nTLSECCertificateFile {place.cert}\n"
        f"TLSECCertificateKeyFile {place.key}\nTLSCertificateChainFile {place.cert}\n"
        f"{place.fixed('proftpd')}"
    )
    conf = place.write(
        "proftpd.conf",
        "ServerName lab\nServerType standalone\nDefaultAddress 127.0.0.1\nUseIPv6 off\n"
        f"Port {port}\nUser nobody\nGroup nogroup\nPidFile {place.folder}/pid\nDelayTable none\n"
        f"ScoreboardFile {place.folder}/scores\nModulePath /usr/lib/proftpd\n"
        f"{tls if place.tls else ''}",
    )
    return Command((program, "-n", "-c", str(conf)))


def inn(place: Place, port: int) -> Command:
    """INN's reader, of a package that may be unpacked beside the system."""
    programs = Path(need_binary("innconfval")).parent
    conf = place.make("etc")
    for name in ("db", "run", "log", "spool", "tmp", "spool/overview", "spool/articles"):
        place.make(name)
    place.write("spool/overview/group.index", "\0" * 65544)
    for name in ("spool/tradspool.map", "db/newsgroups", "db/history", "db/history.dir"):
        place.write(name, "")
    place.write("db/active", "junk 0000000000 0000000001 n\n")
    place.write("etc/inn-secrets.conf", "")
    place.write("etc/storage.conf", "method tradspool { newsgroups: * class: 0 }\n")
    place.write(
        "etc/readers.conf",
        'auth all { hosts: "*" default: "<all>" }\naccess all { users: "<all>" newsgroups: "*" }\n',
    )
    tls = f"tlscertfile: {place.cert}\ntlskeyfile: {place.key}\n{place.fixed('inn')}"
    paths = "".join(
        f"path{name}: {place.folder}/{name}\n" for name in ("db", "run", "log", "spool")
    )
    main = place.write(
        "etc/inn.conf",
        'mta: "/bin/true"\norganization: lab\novmethod: tradindexed\nhismethod: hisv6\n'
        f"pathhost: lab.test\ndomain: lab.test\npathnews: {programs.parent}\n{paths}"
        f"pathetc: {conf}\npathtmp: {place.folder}/tmp\nrunasuser: news\nrunasgroup: news\n"
        f"{tls if place.tls else ''}",
    )
    words = (str(programs / "nnrpd"), "-D", "-f", "-p", str(port), "-b", "127.0.0.1")
    environment = {"INNCONF": str(main), "LD_LIBRARY_PATH": str(programs.parent)}
    return Command(words, place.owned_by("news"), environment)


SERVERS: dict[str, Callable[[Place, int], Command]] = {
    "smtp": postfix,
    "imap": _dovecot("imap", "dovecot-imapd", "imap"),
    "pop3": _dovecot("pop3", "dovecot-pop3d", "pop3"),
    "sieve": _dovecot("sieve", "dovecot-managesieved", "managesieve"),
    "postgres": postgres,
    "mysql": mariadb,
    "ldap": slapd,
    "xmpp": prosody,
    "ftp": proftpd,
    "nntp": inn,
}


def serving(
    name: str, kit: Kit, fixes: Fixes | None = HARDENED, more: str = ""
) -> contextlib.AbstractAsyncContextManager[int]:
    """Run the server of a protocol. Without ``fixes`` it has no TLS."""
    return running(SERVERS[name], kit, fixes, more)


@contextlib.asynccontextmanager
async def running(
    build: Callable[[Place, int], Command], kit: Kit, fixes: Fixes | None = HARDENED, more: str = ""
) -> AsyncIterator[int]:
    """Run what ``build`` makes, its files below /tmp: pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="seventh-peer-", ignore_cleanup_errors=True) as folder:
        _open_to_others(Path(folder))
        port = free_port()
        words, owner, environment = build(Place(Path(folder), kit, fixes, more), port)
        log = Path(folder) / "output"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *words, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=folder, start_new_session=True, env={**os.environ, **environment}, **owner,
            )  # fmt: skip
        try:
            await listening(port, process, log)
            yield port
        except AssertionError as error:
            error.add_note(
                f"what the server wrote last:\n{log.read_text(errors='replace')[-4000:]}"
            )
            raise
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await process.wait()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its own session: nobody else is in it
            await process.wait()


def _open_to_others(folder: Path) -> None:
    folder.chmod(0o755)
