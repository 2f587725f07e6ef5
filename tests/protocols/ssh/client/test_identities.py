"""Identities: files and their passphrases, certificates beside them, agents, and passwords."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
)
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import Failed, ProtocolViolation, Reason, UsageError
from seventh.model.options import Options
from seventh.net.secrets import Secret
from seventh.protocols.ssh.client import agent as agents
from seventh.protocols.ssh.client.agent import Agent, read_identities, read_signature
from seventh.protocols.ssh.client.credentials import read_credentials
from seventh.protocols.ssh.client.identities import UnusableKeyError, load_identities
from seventh.protocols.ssh.facts.login import Trust
from seventh.protocols.ssh.wire.hostkeys import Signer, read_key, verify
from seventh.protocols.ssh.wire.values import string
from seventh.wire.reader import Reader
from tests.options import options_with

PASSPHRASE = Secret("open sesame", "a test")
ED25519 = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)


def write(file: Path, key: Any, *, pem: bool = False, passphrase: str = "") -> str:
    form = PrivateFormat.TraditionalOpenSSL if pem else PrivateFormat.OpenSSH
    how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    file.write_bytes(key.private_bytes(Encoding.PEM, form, how))
    return str(file)


@pytest.fixture(autouse=True)
def _no_agent_of_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv("SEVENTH_PASSWORD", raising=False)


# -- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pem", [True, False])
@pytest.mark.parametrize("key", [RSA, ec.generate_private_key(ec.SECP384R1())])
async def test_keys_are_read_and_sign(tmp_path: Path, key: Any, pem: bool) -> None:
    (identity,), opened = load_identities(write(tmp_path / "id", key, pem=pem), PASSPHRASE)
    assert not opened, "a secret that no key needed is nobody's passphrase"
    algorithm = identity.algorithm(("rsa-sha2-256",))
    assert algorithm is not None
    signature = await identity.sign(algorithm, b"data")
    assert verify(read_key(identity.blob), algorithm, signature, b"data")


@pytest.mark.parametrize("pem", [True, False])
def test_an_encrypted_key_takes_its_passphrase(tmp_path: Path, pem: bool) -> None:
    file = write(tmp_path / "id", RSA, pem=pem, passphrase="open sesame")
    (identity,), opened = load_identities(file, PASSPHRASE)
    assert opened
    assert identity.blob == Signer(RSA).blob
    with pytest.raises(UsageError, match=r"encrypted, and a test is not its passphrase"):
        load_identities(file, Secret("wrong", "a test"))
    with pytest.raises(UnusableKeyError) as missing:
        load_identities(file, None)
    assert missing.value.public == (None if pem else Signer(RSA).blob)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a readable"), (b"\x00" * 100, "not a readable"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
         "not a readable"),
        (b"ssh-ed25519 AAAA me", "a public key; give the file"),
        (b"PuTTY-User-Key-File-3: ssh-ed25519", "convert it with puttygen"),
        (b"x" * 100_000, "larger than 65536 bytes"),
    ],
)  # fmt: skip
def test_what_is_no_key_says_so(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "id"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=says):
        load_identities(str(file), PASSPHRASE)


def test_a_missing_file_and_a_dsa_key_are_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        load_identities(str(tmp_path / "none"), None)
    key = dsa.generate_private_key(2048)
    with pytest.raises(UsageError, match="DSA keys"):
        load_identities(write(tmp_path / "id", key, pem=True), None)


def test_rsa_signs_with_sha2_or_not_at_all(tmp_path: Path) -> None:
    (identity,), _ = load_identities(write(tmp_path / "id", RSA), None)
    assert identity.algorithm(None) == "rsa-sha2-512"
    assert identity.algorithm(("ssh-rsa", "rsa-sha2-256")) == "rsa-sha2-256"
    assert identity.algorithm(("ssh-rsa",)) is None


def certify(file: Path, key: Any) -> None:
    made = (
        SSHCertificateBuilder().public_key(key.public_key()).type(SSHCertificateType.USER)
        .valid_principals([b"ops"]).valid_after(0).valid_before(2**63).key_id(b"k").sign(ED25519)
    )  # fmt: skip
    Path(f"{file}-cert.pub").write_bytes(made.public_bytes())


def test_the_certificate_beside_a_key_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "id"
    write(file, RSA)
    certify(file, RSA)
    (certified, plain), _ = load_identities(str(file), None)
    assert certified.kind == "ssh-rsa-cert-v01@openssh.com"
    assert certified.certificate is not None
    assert certified.certificate.principals == ("ops",)
    assert certified.algorithm(("rsa-sha2-512",)) == "rsa-sha2-512-cert-v01@openssh.com"
    assert plain.kind == "ssh-rsa"


def test_a_strange_certificate_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "id"
    write(file, RSA)
    certify(file, ED25519)
    with pytest.raises(UsageError, match="certificate of another key"):
        load_identities(str(file), None)
    Path(f"{file}-cert.pub").write_text("nonsense")
    with pytest.raises(UsageError, match="not a readable certificate"):
        load_identities(str(file), None)


# -- credentials -----------------------------------------------------------------------------------


async def test_a_passphrase_is_never_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEVENTH_PASSWORD", "open sesame")
    file = write(tmp_path / "id", ED25519, passphrase="open sesame")
    opened = await read_credentials(options_with(user="ops", identities=(file,)), "ops")
    assert opened.password is None
    assert "passphrase" in opened.withheld
    file = write(tmp_path / "plain", ED25519)
    plain = await read_credentials(options_with(identities=(file,)), "ops")
    assert plain.password is not None


async def test_an_encrypted_key_without_passphrase_says_what_to_give(tmp_path: Path) -> None:
    file = write(tmp_path / "id", ED25519, passphrase="open sesame")
    with pytest.raises(UsageError, match="--password-file or SEVENTH_PASSWORD, or add it"):
        await read_credentials(options_with(identities=(file,)), "ops")


@pytest.mark.parametrize("status", ["changed", "revoked"])
async def test_an_untrusted_host_is_shown_nothing(status: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("SEVENTH_PASSWORD", "hush")
    credentials = await read_credentials(Options(), "ops")
    trust = Trust(status=status, key="ssh-ed25519 SHA256:x", file="f", line=3)
    with pytest.raises(Failed) as refused:
        credentials.for_host(trust)
    assert refused.value.reason is Reason.HOST_KEY_UNTRUSTED
    assert "f:3" in refused.value.detail


async def test_an_unknown_host_gets_signatures_and_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEVENTH_PASSWORD", "hush")
    file = write(tmp_path / "id", ED25519)
    credentials = await read_credentials(options_with(identities=(file,)), "ops")
    shown = credentials.for_host(Trust(status="unknown", key="k"))
    assert shown.password is None
    assert "not in known_hosts" in shown.withheld
    assert shown.identities == credentials.identities
    assert credentials.for_host(Trust(status="known", key="k")) is credentials
    assert "hush" not in repr(credentials)


# -- agents ----------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def agent_saying(folder: Path, *answers: bytes) -> AsyncIterator[Path]:
    """An agent that gives these answers, one for each request."""
    left = list(answers)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            size = int.from_bytes(await reader.readexactly(4), "big")
            await reader.readexactly(size)
            writer.write(left.pop(0) if left else b"")
            await writer.drain()
        writer.close()

    path = folder / "agent"
    server = await asyncio.start_unix_server(handle, str(path))
    try:
        yield path
    finally:
        server.close()
        await server.wait_closed()


def listing(*keys: tuple[bytes, bytes]) -> bytes:
    fields = b"".join(string(blob) + string(comment) for blob, comment in keys)
    return string(b"\x0c" + len(keys).to_bytes(4, "big") + fields)


async def test_an_agents_keys_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = Signer(ED25519).blob
    signature = Signer(ED25519).sign("ssh-ed25519", b"data")
    answers = (listing((blob, b"me\x1b[2J"), (string(b"x-cert-v01@openssh.com"), b"odd")),
               string(b"\x0e" + string(signature)))  # fmt: skip
    async with agent_saying(tmp_path, *answers) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        credentials = await read_credentials(Options(user="ops"), "ops")
        (identity,) = credentials.identities
        assert identity.blob == blob
        assert "\x1b" not in identity.label
        assert await identity.sign("ssh-ed25519", b"data") == signature
    assert any("odd" in note for note in credentials.notes)
    assert (await read_credentials(options_with(user="ops", agent=False), "ops")).empty


async def test_named_keys_come_before_the_agents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = ((Signer(RSA).blob, b"held"), (Signer(ED25519).blob, b"also a file"))
    async with agent_saying(tmp_path, listing(*held)) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        file = write(tmp_path / "id", ED25519)
        first, second = (await read_credentials(options_with(identities=(file,)), "ops")).identities
    assert (first.source, second.source) == (file, "agent: held")


async def test_an_agent_opens_an_encrypted_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "id", ED25519, passphrase="open sesame")
    async with agent_saying(tmp_path, listing((Signer(ED25519).blob, b"me"))) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        (identity,) = (await read_credentials(options_with(identities=(file,)), "ops")).identities
    assert "by the agent" in identity.label


@pytest.mark.parametrize(
    "answer",
    [b"", string(b""), string(b"\x05"), string(b"\x0c\xff\xff\xff\xff"), b"\xff\xff\xff\xff\x0c",
     string(b"\x0c\x00\x00\x00\x01"), string(b"\x0e"), listing(), string(b"\x0c" + b"\0" * 9)],
)  # fmt: skip
async def test_an_agent_that_talks_nonsense_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    async with agent_saying(tmp_path, answer) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        credentials = await read_credentials(Options(user="ops"), "ops")
    assert credentials.empty
    assert answer == listing() or "agent not usable" in credentials.notes[0]


async def test_an_agent_that_is_gone_or_silent_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "none"))
    assert "No such file" in (await read_credentials(Options(user="ops"), "ops")).notes[0]
    monkeypatch.setattr(agents, "LIST_SECONDS", 0.05)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(silent, str(tmp_path / "agent"))
    with pytest.raises(Failed, match="no answer") as silence:
        await Agent(str(tmp_path / "agent")).keys()
    assert silence.value.reason is Reason.LOCAL_RESOURCE
    server.close()
    await server.wait_closed()


@given(st.binary(max_size=200))
def test_any_packet_of_an_agent_is_read_or_a_violation(packet: bytes) -> None:
    for read in (read_identities, read_signature):
        with contextlib.suppress(ProtocolViolation):
            read(packet)


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (b"", "received message 0 instead of the agent's signature"),
        (b"\x0c\0\0\0\0", "received message 12 instead of the agent's signature"),
        (b"\x05", "the agent refused the request"),
    ],
)
def test_another_message_is_no_signature(packet: bytes, words: str) -> None:
    with pytest.raises(ProtocolViolation) as raised:
        read_signature(packet)
    assert raised.value.detail == words


def test_the_hash_for_rsa_is_asked_for_by_a_flag() -> None:
    for algorithm, flag in (("rsa-sha2-256", 2), ("rsa-sha2-512-cert-v01@openssh.com", 4),
                            ("ssh-ed25519", 0)):  # fmt: skip
        reader = Reader(agents.sign_request(b"blob", algorithm, b"data")[5:], "a request")
        assert (reader.vector(4), reader.vector(4), reader.u32()) == (b"blob", b"data", flag)


def test_an_identity_is_labelled_as_openssh_shows_it(tmp_path: Path) -> None:
    (identity,), _ = load_identities(write(tmp_path / "id", ED25519), None)
    assert identity.label.startswith("ssh-ed25519 SHA256:")
    assert base64.b64encode(identity.blob).decode() not in identity.label


@pytest.mark.field
@pytest.mark.parametrize("in_agent", [True, False])
async def test_a_token_key_is_used_through_the_agent_or_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_agent: bool
) -> None:
    """cryptography reads no sk- key: its words are not ours."""
    kind = b"sk-ssh-ed25519@openssh.com"
    blob = string(kind) + string(bytes(32)) + string(b"ssh:")
    private = string(kind) + string(bytes(32)) + string(b"ssh:") + b"\1" + string(b"") * 3
    check = b"\1\2\3\4"
    inner = check + check + private
    inner += bytes(range(1, 1 + -len(inner) % 8))
    body = b"openssh-key-v1\0" + string(b"none") * 2 + string(b"") + b"\0\0\0\1"
    text = base64.encodebytes(body + string(blob) + string(inner)).decode()
    file = tmp_path / "id_sk"
    file.write_text(
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}-----END OPENSSH PRIVATE KEY-----\n"
    )
    options = options_with(user="u", identities=(str(file),), agent=True)
    answers = [listing((blob, b"token"))] if in_agent else [listing()]
    async with agent_saying(tmp_path, *answers) as path:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        if in_agent:
            (identity,) = (await read_credentials(options, "u")).identities
            assert identity.blob == blob
            assert "sk-ssh-ed25519@openssh.com SHA256:" in identity.label
            return
        with pytest.raises(UsageError) as caught:
            await read_credentials(options, "u")
    assert "sk-ssh-ed25519@openssh.com" in str(caught.value)
    assert "ssh-add" in str(caught.value)
    assert "b'" not in str(caught.value)


@pytest.mark.field
@pytest.mark.parametrize("name", ["with\0nul", "~nobody-of-that-name-here/id"])
def test_a_name_that_is_none_is_said_in_our_words(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_identities(name, None)
    assert not any(word in str(caught.value) for word in ("embedded", "determine", "Errno"))
