"""The receiver's file: what is read, and each mistake in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.model.failure import UsageError
from seventh.protocols.snmp.wire.keys import Auth, Priv, passwords
from seventh.watch.traps.config import load, read

GOOD = """
[listen]
port = 1162
source-limit = 50

[[community]]
community = "env:COMMUNITY"

[[user]]
name = "mon"
auth = "sha256"
auth-password = "env:AUTH"
priv = "aes"
priv-password = "env:PRIV"
engine = "0x8000000001020304"

[[user]]
name = "open"

[[forward]]
name = "siem"
to = "https://siem.example.org/traps"
token = "env:AUTH"
"""


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COMMUNITY", "AUTH", "PRIV"):
        monkeypatch.setenv(name, f"{name.lower()}-secret")


def test_a_whole_file() -> None:
    config = read("t.toml", GOOD)
    assert (config.listen.port, config.listen.source_limit, config.listen.host) == (1162, 50, "")
    assert config.communities == (b"community-secret",)
    mon, anyone = config.users
    secret = passwords(Auth.SHA256, b"auth-secret", Priv.AES, b"priv-secret")
    assert (mon.name, mon.passwords) == (b"mon", secret)
    assert mon.engine_id == bytes.fromhex("8000000001020304")
    assert (anyone.name, anyone.passwords, anyone.engine_id) == (b"open", None, b"")
    assert [each.name for each in config.forward] == ["siem"]
    assert "secret" not in repr(config)


def test_without_receivers_records_go_to_standard_output() -> None:
    assert [each.to for each in read("t.toml", "").forward] == ["-"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[user]]\n", "t.toml:1: needs name = …"),
        ('[[user]]\nname = "a"\nauth = "sha256"\n',
         "t.toml:1: auth and auth-password are needed together"),
        ('[[user]]\nname = "a"\nauth-password = "env:AUTH"\n',
         "t.toml:1: auth and auth-password are needed together"),
        ('[[user]]\nname = "a"\npriv = "aes"\npriv-password = "env:PRIV"\n',
         "t.toml:1: priv needs auth: SNMPv3 encrypts only what it signs"),
        ('[[user]]\nname = "a"\nengine = "xyz"\n', "t.toml:1: engine: write hexadecimal digits"),
        ('[[user]]\nname = "a"\nengine = "80"\n', "t.toml:1: engine: an ID has 5 to 32 octets"),
        ('[[community]]\ncommunity = "public"\n',
         "t.toml:1: community: write file:/path or env:NAME; secrets are not in this file"),
        ('[[community]]\ncommunity = "env:ABSENT"\n',
         "t.toml:1: community: env:ABSENT: the environment has no such variable"),
        ('[[forward]]\nname = "a"\nto = "http://h/"\ntoken = "env:AUTH"\n',
         "t.toml:1: token: sent over https:// only"),
        ('[[forward]]\nname = "a"\nto = "-"\n[[forward]]\nname = "a"\nto = "-"\n',
         "t.toml:1: two [[forward]] have the name 'a'"),
        ("[listen]\nprot = 1\n", "t.toml:1: unknown key 'prot': did you mean port?"),
        ("[listn]\n", "t.toml:1: unknown table 'listn': did you mean [listen]?"),
    ],
    ids=range(12),
)  # fmt: skip
def test_each_mistake_is_one_line(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read("t.toml", text)
    assert str(caught.value) == says


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(str(tmp_path / "absent"))
    assert str(caught.value) == f"{tmp_path / 'absent'}: cannot be read: No such file or directory"
