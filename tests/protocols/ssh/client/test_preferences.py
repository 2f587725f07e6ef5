"""The clients of ``--as``: their names, and what an ssh_config makes of their lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client import preferences
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.preferences import Preferences, check_client, read_preferences
from seventh.protocols.ssh.rules.clients import clients

TARGET = Target(scheme="ssh", host="127.0.0.1", port=2222)


async def read(text: str, **own: str) -> Preferences:
    return await read_preferences(text, TARGET, Options().having(SshOptions(**own)))  # type: ignore[arg-type]


async def test_a_version_of_openssh_has_its_defaults() -> None:
    old, new = await read("openssh=7.4"), await read("OpenSSH")
    assert (old.name, old.openssh, old.lists_from) == ("OpenSSH 7.4", (7, 4), "table")
    assert old.offer.kex_algorithms[0] == "curve25519-sha256"
    assert "aes256-cbc" in old.offer.ciphers
    assert old.offer.compressions == ("none", "zlib@openssh.com")
    assert new.openssh == directives.newest().version
    assert new.offer.kex_algorithms[0] == "mlkem768x25519-sha256"
    assert "aes256-cbc" not in new.offer.ciphers


async def test_every_row_of_the_table_can_be_named() -> None:
    for row in clients():
        if row.id:
            found = await read(row.id)
            assert (found.name, found.openssh) == (row.name, None)
            assert found.offer.kex_algorithms == row.kex
            assert found.offer.server_host_key_algorithms == row.host_keys
            assert (found.offer.ciphers, found.offer.macs) == (row.ciphers, row.macs)
            assert found.offer.compressions == ()
    assert (await read("putty")).name == (await read("PuTTY=0.78")).name == "PuTTY 0.78"
    newest = {"jsch": "JSch 2.28", "paramiko": "paramiko 5.1", "libssh": "libssh 0.10"}
    for text, name in newest.items():
        assert (await read(text)).name == name
    assert (await read("jsch=0.1.54")).offer.macs[0] == "hmac-md5"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("opensh=7.4", "--as: unknown client 'opensh=7.4': did you mean openssh=9.9?"),
        ("openssh=6.9", "--as openssh=6.9: write a version from openssh=7.0 to openssh={newest}"),
        ("openssh=99.0", "--as openssh=99.0: write a version from openssh=7.0 to openssh={newest}"),
        ("openssh=new", "--as openssh=new: write a version from openssh=7.0 to openssh={newest}"),
        ("putty=0.1", "--as: unknown client 'putty=0.1': did you mean putty=0.78?"),
        ("/does/not/exist", "--as /does/not/exist: cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_client_is_one_line(text: str, error: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_client(text)
    newest = ".".join(map(str, directives.newest().version))
    assert str(caught.value) == error.format(newest=newest)


@pytest.mark.parametrize("text", ["openssh=7.0", "openssh=10.5", "openssh=9.2.1", "ssh_config"])
def test_what_is_a_client_is_accepted(text: str) -> None:
    check_client(text)


CONFIG = """
Host alias
  HostName 127.0.0.1
  KexAlgorithms -sntrup*,mlkem*
  Ciphers aes256-ctr,aes128-ctr
  MACs +hmac-md5
  HostKeyAlgorithms ^ssh-rsa
  Compression yes
"""


async def test_our_own_reading_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preferences.shutil, "which", lambda _: None)
    file = tmp_path / "config"
    file.write_text(CONFIG)
    found = await read(str(file), alias="alias")
    newest = directives.newest().version
    default = directives.defaults("client", newest)
    assert (found.name, found.lists_from, found.openssh) == (str(file), "ssh_config", newest)
    kex = default["kexalgorithms"].split(",")
    assert found.offer.kex_algorithms == tuple(
        name for name in kex if not name.startswith(("sntrup", "mlkem"))
    )
    assert found.offer.ciphers == ("aes256-ctr", "aes128-ctr")
    assert found.offer.macs == (*default["macs"].split(","), "hmac-md5")
    assert found.offer.server_host_key_algorithms == (
        "ssh-rsa", *default["hostkeyalgorithms"].split(","),
    )  # fmt: skip
    assert found.offer.compressions == ("zlib@openssh.com", "none")
    plain = await read(str(file))
    assert ",".join(plain.offer.ciphers) == default["ciphers"]
    assert plain.offer.compressions == ("none", "zlib@openssh.com")
    named = await read("ssh_config", ssh_config=str(file), alias="alias")
    assert (named.name, named.offer) == ("ssh_config", found.offer)
    none = await read("ssh_config", ssh_config="none")
    assert none.offer == plain.offer


async def test_a_list_that_ssh_would_refuse_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preferences.shutil, "which", lambda _: None)
    file = tmp_path / "config"
    file.write_text("KexAlgorithms nothing*\n")
    with pytest.raises(UsageError, match=rf"^{file}:1: "):
        await read(str(file))


def test_what_a_version_supports() -> None:
    """A name of a default list from its first version on; what was dropped, until then."""
    assert "sntrup761x25519-sha512@openssh.com" not in directives.supported("kex", (8, 8))
    assert "sntrup761x25519-sha512@openssh.com" in directives.supported("kex", (8, 9))
    assert "diffie-hellman-group1-sha1" in directives.supported("kex", (7, 0))
    assert "mlkem768nistp256-sha256" not in directives.supported("kex", (10, 5))
    assert "arcfour" in directives.supported("cipher", (7, 5))
    assert "arcfour" not in directives.supported("cipher", (7, 6))
    assert "rsa-sha2-512" not in directives.supported("key", (7, 1))
    assert "rsa-sha2-512" in directives.supported("key", (7, 2))
    assert directives.supported("mac", (6, 0)) == directives.supported("mac", (7, 0))
