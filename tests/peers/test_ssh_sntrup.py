"""sntrup761x25519 against OpenSSH: Seventh as the client of sshd, and as the server of ssh."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from seventh.engine.check import check_one
from seventh.labkit.serve import tcp_server
from seventh.protocols.ssh.lab.server import RawServer, Setup
from seventh.protocols.ssh.wire.hostkeys import Signer
from seventh.protocols.ssh.wire.transport import STRICT
from tests.peers import need_binary
from tests.peers.test_ssh import OPTIONS, sshd
from tests.reports import ssh_facts as facts_of

pytestmark = pytest.mark.peer
NAMES = ("sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com")


async def has(name: str) -> bool:
    """Whether the installed OpenSSH has the method."""
    process = await asyncio.create_subprocess_exec(
        need_binary("ssh"), "-Q", "kex", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return name in out.decode().split()


@pytest.mark.parametrize("name", NAMES)
async def test_the_exchange_with_sshd(tmp_path: Path, name: str) -> None:
    if not await has(name):
        pytest.skip(f"this OpenSSH has no {name}")
    async with sshd(tmp_path, f"\nKexAlgorithms {name}\n", "ed25519") as server:
        report = await check_one(server.target, OPTIONS)
    assert report.failure is None
    facts = facts_of(report)
    assert facts.negotiated is not None
    assert facts.negotiated.kex == name
    assert [key.signature_valid for key in facts.host_keys] == [True]
    assert facts.server_sig_algs  # the keys of both sides open packets
    assert "SSH-KEX-NOPQ" in report.passed


@pytest.mark.parametrize("name", NAMES)
async def test_the_exchange_with_ssh(tmp_path: Path, name: str) -> None:
    if not await has(name):
        pytest.skip(f"this OpenSSH has no {name}")
    key = Signer(ed25519.Ed25519PrivateKey.generate())
    setup = Setup(signers=(key,)).with_kex(name, STRICT["server"])
    async with tcp_server(RawServer(setup).handle, "127.0.0.1", 0) as port:
        process = await asyncio.create_subprocess_exec(
            need_binary("ssh"), "-v", "-F", "none", "-p", str(port), "-o", "BatchMode=yes",
            "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={tmp_path}/known_hosts",
            "nobody@127.0.0.1", "true", stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        log = await _up_to_newkeys(process)
    assert f"debug1: kex: algorithm: {name}" in log
    # ssh has verified the signature over the exchange hash, which has the secret in it.
    assert "debug1: SSH2_MSG_NEWKEYS received" in log


async def _up_to_newkeys(process: asyncio.subprocess.Process) -> list[str]:
    """Give ssh's log up to NEWKEYS; that server has no login to wait for."""
    assert process.stderr is not None
    log: list[str] = []
    async with asyncio.timeout(10):
        while line := await process.stderr.readline():
            log.append(line.decode().strip())
            if "NEWKEYS received" in log[-1]:
                break
        process.kill()
        await process.wait()
    return log
