"""SSH against OpenSSH, with ssh-audit and OpenSSH's own tools as oracles."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import free_port, tcp_server
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.target import Target
from seventh.protocols.ssh.facts import Startups
from seventh.protocols.ssh.lab.server import RawServer, Setup, good_offer
from seventh.protocols.ssh.rules import names as algorithms
from seventh.protocols.ssh.rules.clients import clients
from seventh.protocols.ssh.wire import groups
from seventh.protocols.ssh.wire.hostkeys import Signer, read_key
from seventh.protocols.ssh.wire.transport import STRICT
from tests.peers import need_binary, need_version
from tests.peers.keys import make_key
from tests.reports import ssh_facts as facts_of

pytestmark = pytest.mark.peer

OPTIONS = Options(timeout_seconds=10)

GOOD = """
KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org
Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes256-ctr
MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com
HostKeyAlgorithms ssh-ed25519,rsa-sha2-512,rsa-sha2-256
DebianBanner no
"""
_SHA1_KEX = "diffie-hellman-group1-sha1,diffie-hellman-group14-sha1"
BAD = f"""
KexAlgorithms +{_SHA1_KEX},diffie-hellman-group-exchange-sha1
Ciphers +3des-cbc,aes128-cbc,aes256-cbc
MACs +hmac-md5,hmac-md5-etm@openssh.com,hmac-sha1-96,hmac-md5-96
HostKeyAlgorithms +ssh-rsa,ssh-dss
PubkeyAcceptedAlgorithms +ssh-rsa
"""
NO_PQ = """
KexAlgorithms curve25519-sha256
HostKeyAlgorithms rsa-sha2-256
"""


class Sshd:
    """A running sshd: where it listens, and its key files."""

    def __init__(self, port: int, keys: Sequence[Path]) -> None:
        self.port = port
        self.keys = keys
        self.target = Target(scheme="ssh", host="127.0.0.1", port=port)


@contextlib.asynccontextmanager
async def sshd(folder: Path, config: str, *keys: str, startups: str = "200") -> AsyncIterator[Sshd]:
    """OpenSSH's server with these lines and host keys of its own, of these kinds."""
    program = need_binary("sshd")
    make_privilege_separation_folder()
    files = [make_key(folder / f"host_{kind}", kind) for kind in keys]
    port = free_port()
    lines = [f"Port {port}", "ListenAddress 127.0.0.1", "PidFile none", "UsePAM no",
             *([f"MaxStartups {startups}"] if startups else []),
             *(f"HostKey {file}" for file in files)]  # fmt: skip
    conf = folder / "sshd_config"
    conf.write_text("\n".join(lines) + config)
    process = await asyncio.create_subprocess_exec(
        program, "-D", "-e", "-f", str(conf), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(10):
            while not any("Server listening" in line for line in said):
                line = await process.stderr.readline()
                assert line, f"sshd did not start: {said}"
                said.append(line.decode(errors="replace"))
        # Its log is drained all along, or a full pipe would stop it.
        draining = asyncio.create_task(process.stderr.read())
        yield Sshd(port, files)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
    await draining


def make_privilege_separation_folder() -> None:
    """What sshd wants when root starts it, and the service manager makes elsewhere."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)


async def audit(port: int) -> dict[str, Any]:
    """ssh-audit's verdict on the same server."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ssh_audit", "-j", "--skip-rate-test", "-p", str(port), "127.0.0.1",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    verdict: dict[str, Any] = json.loads(out)
    return verdict


def found(report: Report) -> dict[str, Severity]:
    return {finding.id: finding.severity for finding in report.findings}


async def test_a_good_openssh_is_clean(tmp_path: Path) -> None:
    async with sshd(tmp_path, GOOD, "ed25519", "rsa-3072") as server:
        report = await check_one(server.target, OPTIONS)
        pulse = await pulse_one(server.target, OPTIONS)
    assert report.failure is None
    assert [f for f in report.findings if f.severity.reaches(Severity.LOW)] == []
    facts = facts_of(report)
    assert facts.negotiated is not None
    assert facts.negotiated.kex == "curve25519-sha256"
    assert [(key.type, key.bits, key.signature_valid) for key in facts.host_keys] == [
        ("ssh-ed25519", 256, True), ("ssh-rsa", 3072, True),
    ]  # fmt: skip
    assert facts.server_sig_algs is not None
    assert "rsa-sha2-512" in facts.server_sig_algs
    assert facts.unknown == {}
    assert pulse.failure is None
    assert facts_of(pulse).ident == facts.ident


async def test_a_patched_old_version_is_not_called_vulnerable(tmp_path: Path) -> None:
    # Debian's 9.2p1 is older than 9.6, and has strict key exchange all the same.
    async with sshd(tmp_path, "", "ed25519") as server:
        report = await check_one(server.target, OPTIONS)
    facts = facts_of(report)
    if facts.strict_kex:
        assert "SSH-TERRAPIN" in report.passed
    assert not any("CVE" in str(finding.params) for finding in report.findings)


async def test_every_misconfiguration_is_named(tmp_path: Path) -> None:
    keys = ("ed25519", "rsa-1024", "dsa", "ecdsa")
    async with sshd(tmp_path, BAD, *keys) as server:
        report = await check_one(server.target, OPTIONS)
    assert report.failure is None
    severities = found(report)
    for rule in ("SSH-KEX-WEAK", "SSH-CIPHER-WEAK", "SSH-HOSTKEY-WEAK"):
        assert severities[rule] is Severity.HIGH
    assert severities["SSH-MAC-WEAK"] is Severity.MEDIUM
    facts = facts_of(report)
    assert {(key.type, key.bits) for key in facts.host_keys} == {
        ("ssh-ed25519", 256), ("ssh-rsa", 1024), ("ssh-dss", 1024), ("ecdsa-sha2-nistp256", 256),
    }  # fmt: skip
    assert all(key.signature_valid for key in facts.host_keys)
    # Debian's /etc/ssh/moduli has 2048-bit groups.
    assert facts.gex_bits == 2048
    assert severities["SSH-GEX-SMALL"] is Severity.LOW


async def test_what_old_openssh_lists_is_not_taken_for_what_it_accepts(tmp_path: Path) -> None:
    # 9.2 lists ssh-rsa although it accepts Ed25519 alone; from 9.6 on the list tells the truth.
    async with sshd(tmp_path, "\nPubkeyAcceptedAlgorithms ssh-ed25519\n", "ed25519") as server:
        report = await check_one(server.target, OPTIONS)
    facts = facts_of(report)
    assert facts.server_sig_algs is not None
    assert facts.software is not None
    if algorithms.lists_its_build(facts.software):
        assert "ssh-rsa" in facts.server_sig_algs
        assert "SSH-USERSIG-SHA1" in {skip.id for skip in report.skipped}
    else:
        assert facts.server_sig_algs == ("ssh-ed25519",)
        assert found(report)["SSH-USERSIG-SHA1"] is Severity.INFO


async def test_what_is_missing_is_named(tmp_path: Path) -> None:
    async with sshd(tmp_path, NO_PQ, "rsa-2048") as server:
        report = await check_one(server.target, OPTIONS)
    severities = found(report)
    assert severities["SSH-KEX-NOPQ"] is Severity.LOW
    assert severities["SSH-HOSTKEY-NOED25519"] is Severity.LOW
    assert severities["SSH-HOSTKEY-WEAK"] is Severity.MEDIUM


async def test_rsa_with_sha1_only(tmp_path: Path) -> None:
    config = "\nHostKeyAlgorithms ssh-rsa\nDebianBanner no\n"
    async with sshd(tmp_path, config, "rsa-3072") as server:
        report = await check_one(server.target, OPTIONS)
    assert found(report)["SSH-HOSTSIG-SHA1"] is Severity.HIGH
    (key,) = facts_of(report).host_keys
    assert (key.signature_algorithm, key.signature_valid) == ("ssh-rsa", True)


# Every pair is a way that OpenSSH can be held to.
@pytest.mark.parametrize(
    ("cipher", "mac"),
    [
        ("chacha20-poly1305@openssh.com", "hmac-sha2-256"), ("aes128-gcm@openssh.com", "hmac-md5"),
        ("aes256-gcm@openssh.com", "hmac-sha2-256"), ("aes128-ctr", "hmac-sha2-256"),
        ("aes192-ctr", "hmac-sha2-512"), ("aes256-ctr", "hmac-sha2-512-etm@openssh.com"),
        ("aes128-cbc", "hmac-sha1"), ("aes256-cbc", "hmac-sha2-256-etm@openssh.com"),
        ("3des-cbc", "hmac-md5-96"), ("aes128-ctr", "hmac-sha1-96-etm@openssh.com"),
    ],
)  # fmt: skip
async def test_extensions_are_read_under_every_cipher(
    tmp_path: Path, cipher: str, mac: str
) -> None:
    async with sshd(tmp_path, f"\nCiphers {cipher}\nMACs {mac}\n", "ed25519") as server:
        facts = facts_of(await check_one(server.target, OPTIONS))
    assert facts.server_sig_algs is not None


async def test_a_mac_not_built_here_costs_the_extensions_only(tmp_path: Path) -> None:
    config = "\nCiphers aes128-ctr\nMACs umac-128-etm@openssh.com\n"
    async with sshd(tmp_path, config, "ed25519") as server:
        report = await check_one(server.target, OPTIONS)
    assert report.failure is None
    facts = facts_of(report)
    assert facts.host_keys[0].signature_valid
    assert "not supported" in facts.unknown["extensions"]
    assert "SSH-USERSIG-SHA1" in {skip.id for skip in report.skipped}


@pytest.mark.parametrize(
    "method",
    [
        "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521", "diffie-hellman-group14-sha256", "diffie-hellman-group16-sha512",
        "diffie-hellman-group18-sha512", "diffie-hellman-group14-sha1",
        "diffie-hellman-group1-sha1", "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group-exchange-sha1",
    ],
)  # fmt: skip
async def test_every_key_exchange_method_of_openssh_works(tmp_path: Path, method: str) -> None:
    async with sshd(tmp_path, f"\nKexAlgorithms {method}\n", "ed25519") as server:
        report = await check_one(server.target, OPTIONS)
    assert report.failure is None
    facts = facts_of(report)
    assert facts.negotiated is not None
    assert facts.negotiated.kex == method
    assert facts.host_keys[0].signature_valid


async def test_fingerprints_and_sshfp_are_those_of_ssh_keygen(tmp_path: Path) -> None:
    async with sshd(tmp_path, "", "ed25519", "ecdsa-384", "rsa-2048") as server:
        facts = facts_of(await check_one(server.target, OPTIONS))
    keygen = need_binary("ssh-keygen")
    printed = {
        line.split()[-1]
        for file in server.keys
        for line in run(keygen, "-r", "host", "-f", f"{file}.pub").splitlines()
    }
    assert {h for key in facts.host_keys for h in (key.sha1_hex, key.sha256_hex)} == printed
    listed = {run(keygen, "-lf", f"{file}.pub").split()[1] for file in server.keys}
    assert {key.sha256 for key in facts.host_keys} == listed


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# -- ssh-audit as oracle ---------------------------------------------------------------------------

# Where we and ssh-audit's "fail" level part, and why.
STRICTER = {
    # CBC leaks plaintext by its length field (CVE-2008-5161) and is half of Terrapin; ssh-audit
    # only warns.
    "aes128-cbc", "aes256-cbc",
    # A 64-bit tag: ssh-audit warns.
    "umac-64-etm@openssh.com", "umac-64@openssh.com",
}  # fmt: skip
MILDER = {
    # ssh-audit fails the NIST curves because their constants might be a trap. RFC 9142 §4 says
    # SHOULD of P-256, P-384 and P-521, and no weakness is known.
    "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "ecdsa-sha2-nistp256",
    # SHA-1 in host signatures: a server that also offers rsa-sha2-* is asked for those by every
    # client of the last ten years. SSH-HOSTSIG-SHA1 fires when ssh-rsa stands alone.
    "ssh-rsa",
}  # fmt: skip


def failed_by_audit(verdict: dict[str, Any], kind: str) -> set[str]:
    return {row["algorithm"] for row in verdict[kind] if row["notes"].get("fail")}


@pytest.mark.parametrize(("config", "keys"), [
    pytest.param(GOOD, ("ed25519", "rsa-3072"), id="good"),
    pytest.param(BAD, ("ed25519", "rsa-3072", "dsa", "ecdsa"), id="bad"),
    pytest.param("", ("ed25519", "rsa-3072", "ecdsa"), id="default"),
])  # fmt: skip
async def test_algorithm_verdicts_agree_with_ssh_audit(
    tmp_path: Path, config: str, keys: tuple[str, ...]
) -> None:
    async with sshd(tmp_path, config, *keys) as server:
        report = await check_one(server.target, OPTIONS)
        verdict = await audit(server.port)
    offer = facts_of(report).kexinit
    assert offer is not None
    names = {
        "kex": offer.kex_algorithms, "enc": offer.ciphers, "mac": offer.macs,
        "key": offer.server_host_key_algorithms,
    }  # fmt: skip
    tables = {"kex": "kex", "enc": "cipher", "mac": "mac", "key": "host_key"}
    for kind, table in tables.items():
        assert {row["algorithm"] for row in verdict[kind]} == set(names[kind])
        ours = set(algorithms.having(table, "weak", names[kind]))
        theirs = failed_by_audit(verdict, kind)
        assert ours - theirs <= STRICTER, kind
        assert theirs - ours <= MILDER, kind
    # Encrypt-and-MAC, which our rule names, too, is ssh-audit's warning.
    warned = {
        row["algorithm"]
        for row in verdict["mac"]
        if any("encrypt-and-MAC" in text for text in row["notes"].get("warn", ()))
    }
    assert set(algorithms.encrypt_and_macs(offer.macs)) <= warned


async def test_key_sizes_and_fingerprints_agree_with_ssh_audit(tmp_path: Path) -> None:
    async with sshd(tmp_path, BAD, "ed25519", "rsa-1024", "ecdsa") as server:
        facts = facts_of(await check_one(server.target, OPTIONS))
        verdict = await audit(server.port)
    theirs = {
        row["hostkey"]: row["hash"]
        for row in verdict["fingerprints"]
        if row["hash_alg"] == "SHA256"
    }
    assert {key.type: key.sha256.removeprefix("SHA256:") for key in facts.host_keys} == theirs
    (size,) = {row["keysize"] for row in verdict["key"] if row["algorithm"] == "rsa-sha2-512"}
    assert {key.bits for key in facts.host_keys if key.type == "ssh-rsa"} == {size}


# -- our codec as the server -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "method", ["curve25519-sha256", "ecdh-sha2-nistp384", "diffie-hellman-group14-sha256",
               "diffie-hellman-group-exchange-sha256"],
)  # fmt: skip
async def test_openssh_takes_our_server_for_one(tmp_path: Path, method: str) -> None:
    client = need_binary("ssh")
    key = ed25519.Ed25519PrivateKey.generate()
    signer = Signer(key)
    setup = Setup(offer=good_offer(), signers=(signer,), modulus=groups.prime(15))
    setup = setup.with_kex(method, STRICT["server"])
    async with tcp_server(RawServer(setup).handle) as port:
        process = await asyncio.create_subprocess_exec(
            client, "-F", "none", "-v", "-p", str(port), "-o", "StrictHostKeyChecking=yes",
            "-o", f"UserKnownHostsFile={known_host(tmp_path, signer, port)}", "-o", "BatchMode=yes",
            "-o", "ConnectTimeout=5", "127.0.0.1", "true", stderr=asyncio.subprocess.PIPE,
            stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stderr is not None
        said = ""
        # The client proves the signature and our cipher by reading EXT_INFO; then it would log in.
        async with asyncio.timeout(10):
            while "kex_input_ext_info" not in said and (line := await process.stderr.readline()):
                said += line.decode(errors="replace")
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()
    assert f"kex: algorithm: {method}" in said
    assert "is known and matches" in said
    assert "kex_input_ext_info: server-sig-algs" in said
    assert read_key(signer.blob).facts("", None).sha256 in said


def known_host(folder: Path, signer: Signer, port: int) -> Path:
    file = folder / "known_hosts"
    blob = base64.b64encode(signer.blob).decode()
    file.write_text(f"[127.0.0.1]:{port} {signer.type} {blob}\n")
    return file


def test_the_table_of_clients_has_openssh_s_defaults() -> None:
    """With its own file left out: distributions set lists there."""
    if not need_version("ssh").startswith("9.2"):
        pytest.skip("OpenSSH is not 9.2")
    said = subprocess.run(
        [need_binary("ssh"), "-F", "/dev/null", "-G", "host"],
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
    ).stdout  # fmt: skip
    lists = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
    (row,) = (client for client in clients() if client.name == "OpenSSH 9.2")
    assert (row.kex, row.host_keys, row.ciphers, row.macs) == tuple(
        tuple(lists[name].split(","))
        for name in ("kexalgorithms", "hostkeyalgorithms", "ciphers", "macs")
    )


@pytest.mark.parametrize(
    ("lines", "held", "refusal"),
    [
        ("", 40, None),
        ("\nMaxStartups 5", 5, "Exceeded MaxStartups"),
        ("\nPerSourceMaxStartups 3", 3, "Exceeded MaxStartups"),
    ],
    ids=["200", "5", "3 per source"],
)
async def test_connections_without_a_login(
    tmp_path: Path, lines: str, held: int, refusal: str | None
) -> None:
    """sshd takes the first of two MaxStartups lines, so that the fixture's is replaced."""
    async with sshd(
        tmp_path, lines, "ed25519", startups="" if "\nMax" in lines else "200"
    ) as server:
        report = await check_one(server.target, OPTIONS.replace(intrusive=True))
    assert report.failure is None
    assert facts_of(report).startups == Startups(held=held, refusal=refusal)
    assert ("SSH-THROTTLE" in found(report), "SSH-THROTTLE" in report.passed) == (
        refusal is None, refusal is not None
    )  # fmt: skip
