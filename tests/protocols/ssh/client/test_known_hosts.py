"""known_hosts: every form of line, and what is made of a key that a host shows."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    SSHCertificateBuilder,
    SSHCertificateType,
)
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation, UsageError
from seventh.protocols.ssh.client.known_hosts import KnownHosts, parse, read_known_hosts
from seventh.protocols.ssh.wire.certificates import Certificate, Signed, read_certificate
from seventh.protocols.ssh.wire.hostkeys import PublicKey, Signer, algorithms_of, read_key
from seventh.protocols.ssh.wire.values import mpint
from seventh.wire.reader import vector

NOW = 1_800_000_000.0


def made(curve: bool = False) -> tuple[Any, PublicKey]:
    private = (
        ec.generate_private_key(ec.SECP256R1()) if curve else ed25519.Ed25519PrivateKey.generate()
    )
    return private, read_key(Signer(private).blob)


PRIVATE, KEY = made()
_, OTHER = made()
_, ECDSA = made(curve=True)


def text(key: PublicKey) -> str:
    return f"{key.type} {base64.b64encode(key.plain).decode()}"


def known(*lines: str) -> KnownHosts:
    return KnownHosts(parse("\n".join(lines).encode(), "known_hosts"))


def status(hosts: KnownHosts, host: str = "host.test", port: int = 22, **more: Any) -> str:
    return hosts.judge(host, port, KEY, now=NOW, **more).status


def hashed(name: str) -> str:
    salt = b"0123456789abcdefghij"
    digest = hmac.digest(salt, name.encode(), hashlib.sha1)
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("names", "host", "port", "expected"),
    [
        ("host.test", "host.test", 22, "known"),
        ("host.test", "HOST.Test", 22, "known"),
        ("host.test", "other.test", 22, "unknown"),
        ("a,host.test,192.0.2.1", "192.0.2.1", 22, "known"),
        ("*.test", "host.test", 22, "known"),
        ("*.test,!host.test", "host.test", 22, "unknown"),
        ("!host.test,*.test", "host.test", 22, "unknown"),
        ("hos?.test", "host.test", 22, "known"),
        ("[host.test]:2222", "host.test", 2222, "known"),
        ("[host.test]:2222", "host.test", 2223, "unknown"),
        ("[host.test]:2222", "host.test", 22, "unknown"),
        ("host.test", "host.test", 2222, "known"),  # the same machine's other sshd
        ("2001:db8::1", "2001:db8::1", 22, "known"),
        ("[2001:db8::1]:2222", "2001:db8::1", 2222, "known"),
        (hashed("host.test"), "host.test", 22, "known"),
        (hashed("[host.test]:2222"), "host.test", 2222, "known"),
        (hashed("host.test"), "other.test", 22, "unknown"),
        ("|1|not base64|x", "host.test", 22, "unknown"),
        ("|2|x|y", "host.test", 22, "unknown"),
    ],
)
def test_names_are_found(names: str, host: str, port: int, expected: str) -> None:
    assert status(known(f"{names} {text(KEY)}"), host, port) == expected


def test_another_key_of_the_same_type_is_a_change_and_says_where() -> None:
    hosts = known("# a comment", "", f"host.test {text(OTHER)} the old machine")
    trust = hosts.judge("host.test", 22, KEY, now=NOW)
    assert (trust.status, trust.file, trust.line) == ("changed", "known_hosts", 3)
    assert trust.pinned.startswith("ssh-ed25519 SHA256:")
    assert trust.pinned != trust.key


def test_one_matching_line_outweighs_others() -> None:
    assert status(known(f"host.test {text(OTHER)}", f"host.test {text(KEY)}")) == "known"


def test_a_key_of_another_type_is_unknown_not_changed() -> None:
    trust = known(f"host.test {text(ECDSA)}").judge("host.test", 22, KEY, now=NOW)
    assert trust.status == "unknown"
    assert "ecdsa-sha2-nistp256" in trust.detail


def test_another_server_at_another_port_is_not_a_change() -> None:
    assert status(known(f"host.test {text(OTHER)}"), port=2222) == "unknown"


def test_a_revoked_key_is_revoked_even_if_it_is_known() -> None:
    hosts = known(f"host.test {text(KEY)}", f"@revoked * {text(KEY)}")
    assert status(hosts) == "revoked"
    assert hosts.judge("host.test", 22, KEY, now=NOW).line == 2


@pytest.mark.parametrize(
    "line",
    ["host.test", "host.test ssh-ed25519", "host.test ssh-ed25519 %%%", "@else host.test x y",
     f"host.test ssh-rsa {text(KEY).split()[1]}", "host.test ssh-ed25519 AAAA"],
    ids=["no key", "no blob", "no base64", "unknown marker", "another type", "cut blob"],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_passed_over(line: str) -> None:
    assert known(line).lines == ()
    assert status(known(line, f"host.test {text(KEY)}")) == "known"


@given(st.binary(max_size=400))
def test_any_file_is_read(data: bytes) -> None:
    hosts = KnownHosts(parse(data, "f"))
    hosts.judge("host.test", 22, KEY, now=NOW)


def test_what_is_known_is_asked_for_first() -> None:
    offered = tuple(name for kind in ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")
                    for name in algorithms_of(kind))  # fmt: skip
    hosts = known(f"host.test {text(ECDSA)}")
    ordered = hosts.algorithms("host.test", 22, offered)
    assert ordered[0] == "ecdsa-sha2-nistp256"
    assert sorted(ordered) == sorted(offered)
    assert known().algorithms("host.test", 22, offered) == offered
    authority = known(f"@cert-authority *.test {text(OTHER)}")
    assert "-cert-" in authority.algorithms("host.test", 22, offered)[0]


# -- certificates ----------------------------------------------------------------------------------

CA, CA_KEY = made()


def certificate(
    *principals: str, kind: str = "host", before: int = 2_000_000_000, signer: Any = CA,
    critical: bool = False,
) -> Certificate:  # fmt: skip
    builder = (
        SSHCertificateBuilder()
        .public_key(PRIVATE.public_key())
        .serial(7)
        .type(SSHCertificateType.HOST if kind == "host" else SSHCertificateType.USER)
        .valid_principals([name.encode() for name in principals])
        .valid_after(1_700_000_000)
        .valid_before(before)
        .key_id(b"the machine")
    )
    if critical:
        builder = builder.add_critical_option(b"unheard-of", b"")
    line = builder.sign(signer).public_bytes()
    return read_certificate(base64.b64decode(line.split()[1]))


def vouched(made: Certificate, line: str = f"@cert-authority *.test {text(CA_KEY)}") -> Any:
    return known(line).judge("host.test", 22, KEY, certificate=made, now=NOW)


def test_a_certificate_says_what_it_is() -> None:
    read = certificate("host.test", "www.test")
    assert (read.kind, read.serial, read.key_id) == ("host", 7, "the machine")
    assert read.principals == ("host.test", "www.test")
    assert read.key.plain == KEY.plain
    assert read.signature_valid


def test_an_authority_vouches_for_its_hosts() -> None:
    trust = vouched(certificate("host.test"))
    assert (trust.status, trust.line) == ("known", 1)
    assert "authority" in trust.detail
    assert vouched(certificate("*.test")).status == "known"


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (certificate("other.test"), "is for other.test"),
        (certificate("host.test", kind="user"), "is a user certificate"),
        (certificate("host.test", before=1_750_000_000), "expired"),
        (certificate("host.test", critical=True), "critical option"),
    ],
)
def test_a_certificate_that_does_not_hold_is_no_trust(made: Certificate, says: str) -> None:
    trust = vouched(made)
    assert trust.status == "unknown"
    assert says in trust.detail


def test_another_authoritys_certificate_means_nothing() -> None:
    assert vouched(certificate("host.test", signer=made()[0])).status == "unknown"


def test_a_revoked_authority_vouches_for_nobody() -> None:
    line = f"@revoked *.test {text(CA_KEY)}"
    assert vouched(certificate("host.test"), line).status == "revoked"


def test_a_changed_certificate_has_no_valid_signature() -> None:
    line = base64.b64decode(
        SSHCertificateBuilder().public_key(PRIVATE.public_key()).type(SSHCertificateType.HOST)
        .valid_principals([b"host.test"]).valid_after(0).valid_before(2**63).key_id(b"k")
        .sign(CA).public_bytes().split()[1]
    )  # fmt: skip
    forged = line.replace(b"host.test", b"evil.test")
    assert read_certificate(line).signature_valid
    assert not read_certificate(forged).signature_valid


def signed_otherwise(authority: bytes, signature: bytes) -> Certificate:
    """A host certificate that names this authority and has this signature."""
    line = (
        SSHCertificateBuilder().public_key(PRIVATE.public_key()).type(SSHCertificateType.HOST)
        .valid_principals([b"host.test"]).valid_after(0).valid_before(2**63).key_id(b"k").sign(CA)
    ).public_bytes()  # fmt: skip
    blob = base64.b64decode(line.split()[1])
    tail = vector(4, CA_KEY.plain)
    body = blob[: blob.rindex(tail)]
    return read_certificate(body + vector(4, authority) + vector(4, signature))


_TOKEN = vector(4, b"sk-ssh-ed25519@openssh.com") + vector(4, bytes(32)) + vector(4, b"ssh:")
_FUTURE = vector(4, b"ssh-mldsa-65") + vector(4, bytes(64))
_DSA = vector(4, b"ssh-dss") + b"".join(mpint(n) for n in ((1 << 1151) + 1, (1 << 159) + 1, 2, 3))
_RSA = rsa.generate_private_key(65537, 2048)
_RSA_BLOB = Signer(_RSA).blob
_INNER = base64.b64decode(
    SSHCertificateBuilder().public_key(CA.public_key()).type(SSHCertificateType.HOST)
    .valid_for_all_principals().valid_after(0).valid_before(2**63).key_id(b"k").sign(CA)
    .public_bytes().split()[1]
)  # fmt: skip


@pytest.mark.field
@pytest.mark.parametrize(
    ("authority", "signature", "signed", "says"),
    [
        (_TOKEN, vector(4, b"sk-ssh-ed25519@openssh.com") + vector(4, b"s" * 64) + bytes(5),
         Signed.UNVERIFIED, "sk-ssh-ed25519@openssh.com key, which cannot be verified here"),
        (_FUTURE, vector(4, b"ssh-mldsa-65") + vector(4, b"s"), Signed.UNVERIFIED,
         "ssh-mldsa-65 key, which cannot be verified here"),
        (_RSA_BLOB, vector(4, b"ssh-rsa") + vector(4, bytes(256)), Signed.SHA1, "SHA-1"),
        (_DSA, vector(4, b"ssh-dss") + vector(4, bytes(40)), Signed.SHA1, "SHA-1"),
        (_RSA_BLOB, vector(4, b"rsa-sha2-256") + vector(4, bytes(256)), Signed.WRONG, "wrong"),
        (_RSA_BLOB, vector(4, b"ssh-ed25519") + vector(4, bytes(64)), Signed.WRONG, "wrong"),
        (_INNER, vector(4, b"ssh-ed25519") + vector(4, bytes(64)), Signed.BY_CERTIFICATE,
         "another certificate"),
    ],
    ids=["token", "future", "rsa-sha1", "dsa", "rsa", "mismatch", "chain"],
)  # fmt: skip
def test_a_signature_that_proves_nothing_is_said_to_be_what_it_is(
    authority: bytes, signature: bytes, signed: Signed, says: str
) -> None:
    made = signed_otherwise(authority, signature)
    assert made.signed is signed
    assert not made.signature_valid
    kind = authority[4 : 4 + authority[3]].decode()
    line = f"@cert-authority *.test {kind} {base64.b64encode(authority).decode()}"
    trust = known(line).judge("host.test", 22, KEY, certificate=made, now=NOW)
    assert trust.status == "unknown"
    assert says in trust.detail


@given(st.binary(max_size=200))
def test_any_bytes_are_a_certificate_or_a_violation(data: bytes) -> None:
    head = b"\x00\x00\x00\x20ssh-ed25519-cert-v01@openssh.com"
    for blob in (data, head + data):
        try:
            read_certificate(blob)
        except ProtocolViolation:
            continue


# -- files -----------------------------------------------------------------------------------------


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--known-hosts .*none: No such file"):
        read_known_hosts(str(tmp_path / "none"))
    with pytest.raises(UsageError, match="not a regular file"):
        read_known_hosts(str(tmp_path))


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"host.test {text(KEY)}\n")
    assert status(read_known_hosts(str(file))) == "known"
    file.write_text(f"# a line\nhost.test {text(OTHER)}\n")
    assert status(read_known_hosts(str(file))) == "changed"


def test_the_usual_files_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    before = len(read_known_hosts(None).lines)
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(f"host.test {text(KEY)}\n")
    assert len(read_known_hosts(None).lines) == before + 1
