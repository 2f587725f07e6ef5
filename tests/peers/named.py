"""BIND with a test's zones, signed or not, and unbound as the resolver that validates.

Both are what `--resolver` is told: ``named`` has a signed root and the zones, and nothing else;
``unbound`` asks it, and sets AD for what the trust anchors cover. A fixture shares them by module.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import dns.exception
import dns.message
import dns.query
import pytest

from seventh.labkit.serve import free_port
from tests.peers import need_binary

_SECONDS = 20.0
_HEAD = "$TTL 300\n@ SOA ns root 1 3600 600 86400 300\n@ NS ns\nns A 127.0.0.1\n"


class Zone(NamedTuple):
    """A zone's records in the form of RFC 1035, without SOA and NS."""

    records: str
    signed: bool = False
    tampered: tuple[str, str] = ("", "")
    """What stands in place of what after signing: the signature is then bogus."""


class Named(NamedTuple):
    """A running BIND."""

    address: str
    """``HOST:PORT``, for ``--resolver``."""
    anchors: tuple[str, ...]
    """The keys of the root and of the signed zones, as DNSKEY records."""
    insecure: tuple[str, ...] = ()
    """The other zones; the root has no proof of that."""


@contextlib.contextmanager
def named(zones: Mapping[str, Zone]) -> Iterator[Named]:
    """Serve ``zones`` by name until the block ends."""
    program = need_binary("named")
    with _folder() as folder:
        every = {".": Zone("", signed=True), **zones}
        with ThreadPoolExecutor(4) as threads:  # signing takes longer than all the rest
            keys = threads.map(lambda item: _write(folder, *item), every.items())
        anchors = [key for each in keys for key in each]
        clauses = "".join(
            f'zone "{name}" {{ type primary; file "{_file(name)}"; }};\n' for name in every
        )
        port = free_port()
        (folder / "named.conf").write_text(
            f'options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }};\n'
            "listen-on-v6 { none; }; pid-file none; lock-file none; recursion yes;\n"
            "empty-zones-enable no; dnssec-validation no; minimal-responses no-auth;\n"
            f"max-records-per-type 0; }};\ncontrols {{ }};\n{clauses}"
        )
        words = [program, "-g", "-n", "1", "-c", str(folder / "named.conf")]
        with _running(words, folder, port):
            insecure = tuple(name for name, zone in zones.items() if not zone.signed)
            yield Named(f"127.0.0.1:{port}", tuple(anchors), insecure)


@contextlib.contextmanager
def validating_named(server: Named) -> Iterator[str]:
    """Ask ``server`` by another BIND, which validates; gives ``HOST:PORT``."""
    program = need_binary("named")
    with _folder() as folder:
        port = free_port()
        host, _, asked = server.address.partition(":")
        anchors = "".join(f"{_static(key)};\n" for key in server.anchors)
        excepted = "".join(f'"{name}"; ' for name in server.insecure)
        (folder / "named.conf").write_text(
            f'options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }};\n'
            "listen-on-v6 { none; }; pid-file none; lock-file none; recursion yes;\n"
            "empty-zones-enable no; dnssec-validation yes; synth-from-dnssec no;\n"
            f"forward only; forwarders {{ {host} port {asked}; }};\n"
            f"validate-except {{ {excepted}}}; }};\n"
            f"controls {{ }};\ntrust-anchors {{\n{anchors}}};\n"
        )
        words = [program, "-g", "-n", "1", "-c", str(folder / "named.conf")]
        with _running(words, folder, port):
            yield f"127.0.0.1:{port}"


def _static(key: str) -> str:
    """Return a DNSKEY record as a trust anchor in BIND's form."""
    name, _, _, flags, protocol, algorithm, *data = key.split()
    return f'"{name}" static-key {flags} {protocol} {algorithm} "{"".join(data)}"'


@contextlib.contextmanager
def unbound(server: Named) -> Iterator[str]:
    """Ask ``server`` and validate what its anchors cover; gives ``HOST:PORT``."""
    program = need_binary("unbound")
    with _folder() as folder:
        port = free_port()
        anchors = "".join(f' trust-anchor: "{key}"\n' for key in server.anchors)
        anchors += "".join(f' domain-insecure: "{name}"\n' for name in server.insecure)
        local = "".join(
            f' local-zone: "{name}" nodefault\n'
            for name in ("test.", "invalid.", "127.in-addr.arpa.", "localhost.")
        )
        (folder / "unbound.conf").write_text(
            f'server:\n interface: 127.0.0.1@{port}\n do-daemonize: no\n chroot: ""\n'
            f' username: ""\n directory: "{folder}"\n pidfile: ""\n use-syslog: no\n'
            ' logfile: ""\n num-threads: 1\n do-not-query-localhost: no\n do-ip6: no\n'
            # The root's proof that it has nothing is no proof for the zones below.
            " aggressive-nsec: no\n harden-below-nxdomain: no\n"
            f' unblock-lan-zones: yes\n module-config: "validator iterator"\n{local}{anchors}'
            "remote-control:\n control-enable: no\n"
            f'forward-zone:\n name: "."\n forward-addr: {server.address.replace(":", "@")}\n'
        )
        with _running([program, "-d", "-c", str(folder / "unbound.conf")], folder, port):
            yield f"127.0.0.1:{port}"


def _write(folder: Path, name: str, zone: Zone) -> tuple[str, ...]:
    """Write a zone's file, and return the keys that a resolver trusts for it."""
    file = folder / _file(name)
    file.write_text(_HEAD + zone.records + "\n")
    if not zone.signed:
        return ()
    need_binary("dnssec-signzone")

    def run(*words: str) -> str:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    key = run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", name)
    run("dnssec-signzone", "-q", "-z", "-S", "-o", name, "-f", f"{file.name}.signed", file.name)
    signed = (folder / f"{file.name}.signed").read_text()
    old, new = zone.tampered
    assert old in signed
    file.write_text(signed.replace(old, new) if old else signed)
    lines = (folder / f"{key}.key").read_text().splitlines()
    return tuple(line for line in lines if not line.startswith(";"))


def _file(zone: str) -> str:
    return zone if zone != "." else "root"


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder below /tmp: pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="seventh-peer-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextlib.contextmanager
def _running(words: list[str], folder: Path, port: int) -> Iterator[None]:
    """Run a server without privileges until the block ends; it answers when the block begins."""
    owner: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, account.pw_uid, account.pw_gid)
        owner = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    log = folder / "output"
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, **owner
        )
    try:
        _await_answer(process, port, log)
        yield
    finally:
        process.kill()  # its files are temporary: nothing is lost
        process.wait()


def _await_answer(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    query = dns.message.make_query(".", "SOA")
    until = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            dns.query.udp(query, "127.0.0.1", timeout=0.5, port=port)
        except (OSError, dns.exception.Timeout):
            time.sleep(0.01)  # its port is not open yet; nothing can be waited on
        else:
            return
    pytest.fail(f"{process.args!r} does not answer: {log.read_text(errors='replace')}")
