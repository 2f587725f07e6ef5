"""SSH servers other than a plain OpenSSH: small groups on demand, no room, hosts' certificates."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import free_port
from seventh.model.options import Options
from seventh.model.severity import Severity
from seventh.model.target import Target
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.keys import make_key, public
from tests.peers.ports import listening
from tests.peers.test_ssh import sshd
from tests.reports import ssh_facts as facts_of

pytestmark = [pytest.mark.peer, pytest.mark.field]

OPTIONS = Options(timeout_seconds=10)
_HAS_MODULE = Path("/usr/lib/proftpd/mod_sftp.so").is_file()
GEX = "diffie-hellman-group-exchange-sha256"


@contextlib.asynccontextmanager
async def proftpd(folder: Path) -> AsyncIterator[Target]:
    """ProFTPD's mod_sftp with the parameters that its package has."""
    program = need_binary("proftpd")
    if not _HAS_MODULE:
        pytest.skip("proftpd's mod_sftp is not installed")
    port = free_port()
    key = make_key(folder / "host", "rsa-3072", pem=True)
    conf = folder / "proftpd.conf"
    conf.write_text(
        "ServerName lab\nServerType standalone\nDefaultAddress 127.0.0.1\nUseIPv6 off\n"
        f"Port {port}\nUser nobody\nGroup nogroup\nPidFile {folder}/pid\nDelayTable none\n"
        f"ScoreboardFile {folder}/scores\nModulePath /usr/lib/proftpd\nLoadModule mod_sftp.c\n"
        f"SFTPEngine on\nSFTPHostKey {key}\n"
    )
    process = await asyncio.create_subprocess_exec(
        program, "-n", "-c", str(conf), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await listening(port, process)
        yield Target(scheme="ssh", host="127.0.0.1", port=port)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def test_proftpd_gives_1024_bits_to_clients_that_accept_no_other(tmp_path: Path) -> None:
    async with proftpd(tmp_path) as target:
        report = await check_one(target, OPTIONS)
    assert report.failure is None
    (finding,) = [finding for finding in report.findings if finding.id == "SSH-GEX-SMALL"]
    assert finding.severity is Severity.HIGH
    facts = facts_of(report)
    assert facts.gex_bits == 1024
    assert [(a.maximum, a.bits) for a in facts.gex_answers][:2] == [(8192, 2048), (1024, 1024)]


async def test_sshd_with_room_for_one_connection_is_learnt_whole(tmp_path: Path) -> None:
    config = f"\nPerSourceMaxStartups 1\nKexAlgorithms {GEX},curve25519-sha256\n"
    async with sshd(tmp_path, config, "ed25519", "rsa-3072", "ecdsa") as server:
        report = await check_one(server.target, OPTIONS)
    assert report.failure is None
    facts = facts_of(report)
    assert facts.unknown == {}
    assert {key.type for key in facts.host_keys} == {
        "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256",
    }  # fmt: skip
    assert facts.gex_bits is not None


def _sign(authority: Path, key: Path, how: tuple[str, ...]) -> None:
    """A certificate for the host's key, as ssh-keygen makes it."""
    keygen = need_binary("ssh-keygen")
    command = [keygen, "-q", "-s", str(authority), "-I", "lab", "-h", *how, f"{key}.pub"]
    signed = subprocess.run(command, check=False, capture_output=True, text=True)
    if signed.returncode:
        pytest.skip(f"ssh-keygen does not support this signature: {signed.stderr.strip()}")


@pytest.mark.parametrize(
    ("kind", "how", "status", "says"),
    [
        ("ed25519", ("-n", "127.0.0.1"), "known", "authority"),
        ("rsa-3072", ("-n", "127.0.0.1", "-t", "rsa-sha2-512"), "known", "authority"),
        ("rsa-3072", ("-n", "127.0.0.1", "-t", "ssh-rsa"), "unknown", "SHA-1"),
        ("ed25519", ("-n", "other.test"), "unknown", "is for other.test"),
        ("ed25519", ("-n", "127.0.0.1", "-V", "20200101:20210101"), "unknown", "expired"),
        ("ed25519", ("-n", "127.0.0.1", "-O", "critical:x@y=z"), "unknown", "critical option"),
    ],
    ids=["good", "rsa-sha2", "rsa-sha1", "name", "expired", "critical"],
)
async def test_a_certificate_of_a_host_is_judged_as_ssh_does(
    tmp_path: Path, kind: str, how: tuple[str, ...], status: str, says: str
) -> None:
    authority = make_key(tmp_path / "ca", kind)
    key = make_key(tmp_path / "host_ed25519")
    _sign(authority, key, how)
    known = tmp_path / "known_hosts"
    config = f"\nHostKey {key}\nHostCertificate {key}-cert.pub\n"
    async with sshd(tmp_path, config) as server:
        known.write_text(f"@cert-authority [127.0.0.1]:{server.port} {public(authority)}")
        options = options_with(timeout_seconds=10, known_hosts=str(known))
        report = await check_one(server.target, options)
        ssh = need_binary("ssh")
        asked = await asyncio.create_subprocess_exec(
            ssh, "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o",
            f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=none", "-p",
            str(server.port), "x@127.0.0.1", "true",
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, words = await asked.communicate()
    accepted = b"Host key verification failed" not in words
    assert accepted == (status == "known"), words
    trusts = facts_of(report).trust
    assert any((trust.status, says in trust.detail) == (status, True) for trust in trusts), trusts
    assert status == "known" or all(trust.status != "known" for trust in trusts)
