"""The receiver against net-snmp's senders, and our own session as a sender of informs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from seventh.protocols.snmp.lab.setup import AUTH_PASSWORD, COMMUNITY, PRIV_PASSWORD
from tests.cli.listening import Listening, listening
from tests.peers import need_binary

pytestmark = [pytest.mark.peer, pytest.mark.asyncio(loop_scope="module")]
LINK_DOWN = "1.3.6.1.6.3.1.1.5.3"
USERS = [
    ("old", "MD5", "DES"), ("sha1", "SHA", "AES"), ("reeder", "SHA", "AES-256-C"),
    ("long", "SHA", "AES-256"), ("wide", "SHA-512", "AES-256"), ("mid", "SHA-224", "AES-192"),
]  # fmt: skip
_NAMES = {"MD5": "md5", "SHA": "sha1", "SHA-512": "sha512", "SHA-224": "sha224", "DES": "des",
          "AES": "aes", "AES-192": "aes192", "AES-256": "aes256",
          "AES-256-C": "aes256"}  # fmt: skip


def tables(folder: Path) -> str:
    def table(name: str, auth: str, priv: str) -> str:
        return (
            f'[[user]]\nname = "{name}"\nauth = "{_NAMES[auth]}"\n'
            f'auth-password = "file:{folder}/a"\npriv = "{_NAMES[priv]}"\n'
            f'priv-password = "file:{folder}/p"\n'
        )

    signed = f'[[user]]\nname = "signed"\nauth = "sha256"\nauth-password = "file:{folder}/a"\n'
    return signed + '[[user]]\nname = "open"\n' + "".join(table(*each) for each in USERS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def receiver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Listening]:
    folder = tmp_path_factory.mktemp("traps")
    async with listening(folder, more=tables(folder)) as it:
        yield it


async def send(it: Listening, program: str, folder: Path, *words: str) -> tuple[int, str]:
    """Run a sender of net-snmp with a linkDown; its exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        need_binary(program), *words, f"127.0.0.1:{it.port}", "", LINK_DOWN,
        "1.3.6.1.2.1.2.2.1.1.2", "i", "2",
        env={**os.environ, "SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode is not None
    said = [line for line in out.decode().splitlines() if not line.startswith("Created ")]
    return process.returncode, "\n".join(said)


def v3(user: str, auth: str = "SHA-256", priv: str = "AES", **more: str) -> list[str]:
    given = {"A": AUTH_PASSWORD, "X": PRIV_PASSWORD, "l": "authPriv", **more}
    words = ["-v", "3", "-r", "0", "-u", user, "-a", auth, "-x", priv]
    return [*words, *(word for key, value in given.items() for word in (f"-{key}", value))]


def said(record: dict[str, Any]) -> tuple[str, str, str, str]:
    """What a record has: the verdict, the user, the kind and the name."""
    found = record.get("notification", {})
    return (
        record["verdict"], record.get("user", ""), found.get("kind", ""), found.get("name", ""),
    )  # fmt: skip


@pytest.mark.parametrize("program", ["snmptrap", "snmpinform"])
async def test_version_2c(receiver: Listening, tmp_path: Path, program: str) -> None:
    words = ["-v", "2c", "-r", "0", "-c", COMMUNITY]
    assert await send(receiver, program, tmp_path, *words) == (0, "")
    kind = program.removeprefix("snmp")
    found = await receiver.until("notification")
    assert said(found) == ("unauthenticated", "", kind, "linkDown")
    assert found["notification"]["bindings"] == [
        {"oid": "1.3.6.1.2.1.2.2.1.1.2", "name": "ifIndex.2", "type": "Integer32", "value": 2,
         "text": "2"},
    ]  # fmt: skip


async def test_version_1(receiver: Listening, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        need_binary("snmptrap"), "-v", "1", "-c", COMMUNITY, f"127.0.0.1:{receiver.port}",
        "1.3.6.1.4.1.8072", "192.0.2.9", "6", "7", "123",
        env={**os.environ, "SNMP_PERSISTENT_DIR": str(tmp_path), "MIBS": ""},
    )  # fmt: skip
    assert await process.wait() == 0
    found = await receiver.until("notification")
    assert (found["version"], found["notification"]) == (
        "1",
        {"kind": "trap", "oid": "1.3.6.1.4.1.8072.0.7", "name": "1.3.6.1.4.1.8072.0.7",
         "uptime_seconds": 1.23, "agent": "192.0.2.9"},
    )  # fmt: skip


@pytest.mark.parametrize("program", ["snmptrap", "snmpinform"])
@pytest.mark.parametrize(("user", "auth", "priv"), USERS, ids=[each[0] for each in USERS])
async def test_every_cipher(
    receiver: Listening, tmp_path: Path, program: str, user: str, auth: str, priv: str
) -> None:
    assert await send(receiver, program, tmp_path, *v3(user, auth, priv)) == (0, "")
    kind = program.removeprefix("snmp")
    found = await receiver.until("notification")
    assert (*said(found), found["level"]) == ("authentic", user, kind, "linkDown", "authPriv")


@pytest.mark.parametrize(
    ("user", "level", "verdict"),
    [("signed", "authNoPriv", "authentic"), ("open", "noAuthNoPriv", "unauthenticated")],
)
async def test_lower_levels(
    receiver: Listening, tmp_path: Path, user: str, level: str, verdict: str
) -> None:
    words = ["-v", "3", "-r", "0", "-u", user, "-l", level, "-a", "SHA-256", "-A", AUTH_PASSWORD]
    assert await send(receiver, "snmpinform", tmp_path, *words) == (0, "")
    assert said(await receiver.until("notification")) == (verdict, user, "inform", "linkDown")


@pytest.mark.parametrize(
    ("words", "says", "verdict"),
    [
        (v3("absent"), "snmpinform: Unknown user name", "unknown-user"),
        (v3("monitor", A="another-password"),
         "snmpinform: Authentication failure (incorrect password, community or key)",
         "wrong-auth-key"),
        (v3("monitor", X="another-password"), "snmpinform: Decryption error", "wrong-priv-key"),
        (v3("signed"), "snmpinform: Unsupported security level", "wrong-level"),
    ],
    ids=["user", "auth-key", "priv-key", "level"],
)  # fmt: skip
async def test_both_sides_name_the_same_cause(
    receiver: Listening, tmp_path: Path, words: list[str], says: str, verdict: str
) -> None:
    assert await send(receiver, "snmpinform", tmp_path, *words) == (1, says)
    assert (await receiver.until("rejected"))["verdict"] == verdict
