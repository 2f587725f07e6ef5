"""``--as`` against OpenSSH: ssh negotiates what is said here, and each line is enough."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.model.report import Report
from seventh.protocols.ssh.facts import Choice
from seventh.protocols.ssh.facts.clients import ClientFit
from seventh.render.wording import Wording
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.test_ssh import Sshd, sshd
from tests.peers.test_ssh_fixes import put
from tests.reports import ssh_facts as facts_of

pytestmark = [pytest.mark.peer, pytest.mark.field]
OLD = """
KexAlgorithms diffie-hellman-group14-sha1,diffie-hellman-group1-sha1
Ciphers aes256-cbc,3des-cbc
MACs hmac-sha1-96
HostKeyAlgorithms ssh-rsa
"""


async def check_as(server: Sshd, *clients: str) -> Report:
    options = options_with(timeout_seconds=10, as_clients=clients)
    return await check_one(server.target, options)


def fits(report: Report) -> tuple[ClientFit, ...]:
    return facts_of(report).as_clients


async def negotiated(server: Sshd, config: Path) -> Choice | str:
    """What ssh negotiates with this file, or its error."""
    process = await asyncio.create_subprocess_exec(
        need_binary("ssh"), "-v", "-F", str(config), "-p", str(server.port), "-o", "BatchMode=yes",
        "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
        "-o", "UpdateHostKeys=no", "-o", "PreferredAuthentications=none", "127.0.0.1", "true",
        stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(15):
        _, err = await process.communicate()
    log = err.decode()
    if refused := re.search(r"no matching .* found", log):
        return refused.group()
    assert "SSH2_MSG_NEWKEYS received" in log
    found = dict(re.findall(r"kex: (algorithm|host key algorithm): (\S+)", log))
    ways = {
        way: (cipher, "" if mac == "<implicit>" else mac, compression)
        for way, cipher, mac, compression in re.findall(
            r"kex: (\w+->\w+) cipher: (\S+) MAC: (\S+) compression: (\S+)", log
        )
    }
    to_server, to_client = ways["client->server"], ways["server->client"]
    return Choice(
        kex=found["algorithm"], host_key=found["host key algorithm"],
        cipher_client_to_server=to_server[0], cipher_server_to_client=to_client[0],
        mac_client_to_server=to_server[1], mac_server_to_client=to_client[1],
        compression_client_to_server=to_server[2], compression_server_to_client=to_client[2],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("client", "config"),
    [
        ("", ""),
        ("KexAlgorithms ecdh-sha2-nistp384\nCiphers ^aes256-gcm@openssh.com\nCompression yes", ""),
        ("MACs hmac-sha2-512\nCiphers aes192-ctr\nHostKeyAlgorithms -ssh-ed25519*", ""),
        (("KexAlgorithms +diffie-hellman-group1-sha1\nCiphers +3des-cbc,aes256-cbc\n"
          "MACs +hmac-sha1-96\nHostKeyAlgorithms +ssh-rsa"), OLD),
    ],
)  # fmt: skip
async def test_the_choice_is_that_of_ssh(client: str, config: str, tmp_path: Path) -> None:
    file = tmp_path / "ssh_config"
    file.write_text(client)
    async with sshd(tmp_path, config, "ed25519", "rsa-3072") as server:
        report = await check_as(server, str(file))
        chosen = await negotiated(server, file)
    (found,) = fits(report)
    assert (found.client, found.lists_from) == (str(file), "ssh -G")
    assert found.choice == chosen


async def test_each_side_can_be_told_to_agree(tmp_path: Path) -> None:
    file = tmp_path / "ssh_config"
    file.write_text("")
    async with sshd(tmp_path, OLD, "rsa-3072") as server:
        before = await check_as(server, str(file))
        assert await negotiated(server, file) == "no matching key exchange method found"
        lines = _fix(before)
        at = lines.index(f"# or, on the client {file}, first in ssh_config:")
        assert [line.partition(" +")[0] for line in lines[at + 1 : at + 5]] == [
            "#   KexAlgorithms", "#   HostKeyAlgorithms", "#   Ciphers", "#   MACs",
        ]  # fmt: skip
        own = [line.removeprefix("#   ") for line in lines[at + 1 : at + 5]]
        file.write_text("\n".join(own))
        after = await check_as(server, str(file))
        chosen = await negotiated(server, file)
    assert fits(before)[0].lacking == "kex"
    assert "SSH-CLIENTS-CUT" in {finding.id for finding in after.findings}, "others are still cut"
    assert fits(after)[0].choice == chosen
    file.write_text("")
    again = tmp_path / "again"
    again.mkdir()
    async with sshd(again, put(OLD, "\n".join(lines[:at])), "rsa-3072") as server:
        after = await check_as(server, str(file))
        chosen = await negotiated(server, file)
    assert "SSH-CLIENTS-CUT" in after.passed
    assert fits(after)[0].choice == chosen


def _fix(report: Report) -> list[str]:
    (found,) = [each for each in report.findings if each.id == "SSH-CLIENTS-CUT"]
    return Wording().words(found).fix["openssh"].split("\n")


async def test_an_old_openssh_and_a_new_server(tmp_path: Path) -> None:
    config = "\nKexAlgorithms sntrup761x25519-sha512@openssh.com\n"
    async with sshd(tmp_path, config, "ed25519") as server:
        report = await check_as(server, "openssh=7.4", "openssh=9.9", "putty")
    old, new, putty = fits(report)
    assert (old.lacking, old.client_adds) == ("kex", {})
    assert old.server_adds == {"KexAlgorithms": ("curve25519-sha256",)}
    assert new.choice is not None
    assert new.choice.kex == "sntrup761x25519-sha512@openssh.com"
    assert putty.choice is not None
    assert "# OpenSSH 7.4 supports nothing that the server offers" in _fix(report)


async def test_a_file_that_ssh_refuses(tmp_path: Path) -> None:
    file = tmp_path / "ssh_config"
    file.write_text("Bad directive\n")
    async with sshd(tmp_path, "", "ed25519") as server:
        report = await check_as(server, str(file))
    assert report.failure is not None
    assert report.failure.detail == (
        f"--as {file}: ssh -G failed: {file}: terminating, 1 bad configuration options"
    )
