"""Host keys: read, measured and fingerprinted as OpenSSH does; signatures judged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.wire.hostkeys import (
    KEY_TYPES,
    SSHFP_ALGORITHMS,
    PublicKey,
    Signer,
    algorithms_of,
    key_type,
    read_key,
    verify,
)
from seventh.protocols.ssh.wire.values import Deviations, mpint
from seventh.wire.reader import vector

asyncssh = pytest.importorskip("asyncssh")

KINDS = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
         "ssh-rsa"]  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest) -> Any:
    return asyncssh.generate_private_key(request.param)


def test_fingerprints_are_asyncsshs(made: Any) -> None:
    key = read_key(made.public_data)
    facts = key.facts("", None)
    assert facts.sha256 == made.get_fingerprint("sha256")
    assert "SHA1:" + facts.sha1_hex != made.get_fingerprint("sha1")  # theirs is base64, ours hex
    assert facts.type == made.get_algorithm()
    assert not facts.certificate


@pytest.mark.parametrize("bits", [1024, 2048])
def test_rsa_is_measured(bits: int) -> None:
    made = asyncssh.generate_private_key("ssh-rsa", key_size=bits)
    assert read_key(made.public_data).bits == bits


def test_signatures_of_another_implementation_are_judged(made: Any) -> None:
    key = read_key(made.public_data)
    for algorithm in algorithms_of(key.type):
        if "-cert-" in algorithm:
            continue
        signature = made.sign(b"data", algorithm.encode())
        assert verify(key, algorithm, signature, b"data") is True
        assert verify(key, algorithm, signature, b"else") is False


def test_our_signatures_convince_another_implementation(made: Any) -> None:
    signer = Signer(made.pyca_key)
    for algorithm in algorithms_of(signer.type):
        if "-cert-" not in algorithm:
            signature = signer.sign(algorithm, b"data")
            assert made.convert_to_public().verify(b"data", signature)


def test_ed448_is_judged() -> None:
    from cryptography.hazmat.primitives.asymmetric import ed448

    private = ed448.Ed448PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    key = read_key(vector(4, b"ssh-ed448") + vector(4, public))
    assert key.bits == 456
    signature = vector(4, b"ssh-ed448") + vector(4, private.sign(b"data"))
    assert verify(key, "ssh-ed448", signature, b"data") is True
    assert verify(key, "ssh-ed448", signature, b"else") is False


def test_a_certificate_is_read_down_to_its_key() -> None:
    authority = asyncssh.generate_private_key("ssh-ed25519")
    made = asyncssh.generate_private_key("ssh-ed25519")
    certificate = authority.generate_host_certificate(made, "host", principals=["a"])
    key = read_key(certificate.public_data)
    assert key.certificate
    assert key.facts("", None).sha256 == made.get_fingerprint("sha256")
    name = "ssh-ed25519-cert-v01@openssh.com"
    assert verify(key, name, made.sign(b"data", b"ssh-ed25519"), b"data") is True


def test_a_signature_by_another_algorithm_is_a_violation() -> None:
    made = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    signature = made.sign(b"data", b"ssh-rsa")
    with pytest.raises(ProtocolViolation, match="rsa-sha2-512 was negotiated"):
        verify(read_key(made.public_data), "rsa-sha2-512", signature, b"data")


def test_a_key_that_the_library_refuses_is_not_judged() -> None:
    blob = vector(4, b"ssh-rsa") + mpint(65537) + mpint((1 << 511) | 1)
    key = read_key(blob)
    assert key.bits == 512
    signature = vector(4, b"rsa-sha2-256") + vector(4, bytes(64))
    assert verify(key, "rsa-sha2-256", signature, b"data") is not True


@pytest.mark.parametrize(
    "blob",
    [
        b"", vector(4, b"ssh-unheard"), vector(4, b"ssh-ed25519") + vector(4, bytes(31)),
        vector(4, b"ssh-rsa") + mpint(3), vector(4, b"ssh-rsa") + mpint(3) + mpint(2**17000),
        vector(4, b"ecdsa-sha2-nistp256") + vector(4, b"nistp384") + vector(4, bytes(65)),
        vector(4, b"ssh-ed25519") + vector(4, bytes(32)) + b"more",
    ],
)  # fmt: skip
def test_a_malformed_key_is_a_violation(blob: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        read_key(blob)


@given(st.binary(max_size=200), st.sampled_from(["", *KINDS, "ssh-dss"]))
def test_any_bytes_are_a_key_or_a_violation(tail: bytes, kind: str) -> None:
    blob = (vector(4, kind.encode()) if kind else b"") + tail
    try:
        key = read_key(blob)
        verify(key, kind or "ssh-ed25519", vector(4, kind.encode()) + vector(4, tail), b"data")
    except ProtocolViolation:
        return


def test_algorithms_and_types() -> None:
    assert key_type("rsa-sha2-512-cert-v01@openssh.com") == "ssh-rsa"
    assert key_type("ssh-ed25519") == "ssh-ed25519"
    assert algorithms_of("ssh-rsa")[:3] == ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")


@pytest.mark.parametrize(
    "algorithm", ["rsa-sha2-256", "ecdsa-sha2-nistp256", "ssh-dss", "ssh-ed448"]
)
def test_a_key_of_another_type_than_was_agreed_is_a_violation(algorithm: str) -> None:
    made = asyncssh.generate_private_key("ssh-ed25519")
    named = vector(4, algorithm.encode()) + vector(4, b"\1" * 64)
    with pytest.raises(ProtocolViolation, match=f"{algorithm} was negotiated, received a key"):
        verify(read_key(made.public_data), algorithm, named, b"data")


@pytest.mark.field
@pytest.mark.parametrize("shows_certificate", [True, False])
def test_a_certificate_and_a_key_do_not_stand_for_each_other(shows_certificate: bool) -> None:
    authority = asyncssh.generate_private_key("ssh-ed25519")
    made = asyncssh.generate_private_key("ssh-ed25519")
    certificate = authority.generate_host_certificate(made, "host", principals=["a"])
    agreed = "ssh-ed25519" if shows_certificate else "ssh-ed25519-cert-v01@openssh.com"
    key = read_key(certificate.public_data if shows_certificate else made.public_data)
    with pytest.raises(ProtocolViolation, match=f"{agreed} was negotiated"):
        verify(key, agreed, made.sign(b"data", b"ssh-ed25519"), b"data")


@pytest.fixture(scope="module")
def short_signature() -> tuple[Any, bytes, bytes]:
    """An RSA key, data and their signature, which begins with a zero."""
    made = asyncssh.generate_private_key("ssh-rsa", key_size=1024)
    for number in range(5000):
        data = str(number).encode()
        raw = made.sign(data, b"rsa-sha2-256")[4 + 12 + 4 :]
        if raw[0] == 0:
            return made, data, raw
    raise AssertionError("no signature begins with a zero")


@pytest.mark.field
@pytest.mark.parametrize("form", ["as it is", "without its zeros", "with one more"])
def test_an_rsa_signature_is_taken_with_and_without_its_zeros(
    short_signature: tuple[Any, bytes, bytes], form: str
) -> None:
    made, data, raw = short_signature
    shown = {"as it is": raw, "without its zeros": raw.lstrip(b"\0"), "with one more": b"\0" + raw}
    key, seen = read_key(made.public_data), Deviations()
    signature = vector(4, b"rsa-sha2-256") + vector(4, shown[form])
    assert verify(key, "rsa-sha2-256", signature, data, seen) is True
    assert bool(seen.seen) == (form != "as it is")
    assert verify(key, "rsa-sha2-256", signature, data + b"x") is False


@pytest.mark.field
@pytest.mark.parametrize("kind", ["sk-ssh-ed25519", "sk-ecdsa-sha2-nistp256"])
def test_a_token_key_is_read_and_never_taken_for_proven(kind: str) -> None:
    name = f"{kind}@openssh.com"
    middle = vector(4, b"nistp256") if "ecdsa" in kind else b""
    blob = vector(4, name.encode()) + middle + vector(4, bytes(32)) + vector(4, b"ssh:")
    key = read_key(blob)
    assert (key.type, key.bits, key.plain) == (name, 256, blob)
    signature = vector(4, name.encode()) + vector(4, bytes(64))
    assert verify(key, name, signature, b"data") is None
    assert key_type(f"{kind}-cert-v01@openssh.com") == name


def test_each_type_of_key_has_its_number_in_dns_and_its_size() -> None:
    """RFC 4255 §3.1.1, RFC 6594 §5.1, RFC 7479, RFC 8709 §7."""
    ecdsa = tuple(f"ecdsa-sha2-nistp{bits}" for bits in (256, 384, 521))
    assert {
        "ssh-rsa": 1, "ssh-dss": 2, **dict.fromkeys(ecdsa, 3), "ssh-ed25519": 4, "ssh-ed448": 6,
    } == SSHFP_ALGORITHMS  # fmt: skip
    assert ("ssh-ed25519", *ecdsa, "ssh-ed448", "ssh-rsa", "ssh-dss") == KEY_TYPES
    for kind, bits in (
        ("ssh-ed25519", 256), ("ssh-ed448", 456), (ecdsa[0], 256), (ecdsa[1], 384), (ecdsa[2], 521),
        ("sk-ssh-ed25519@openssh.com", 256), ("sk-ecdsa-sha2-nistp256@openssh.com", 256),
    ):  # fmt: skip
        assert PublicKey(type=kind, certificate=False, plain=b"").bits == bits
    for kind, numbers in (("ssh-rsa", (3, 1 << 2047)), ("ssh-dss", (1 << 1023, 3, 3, 3))):
        key = PublicKey(type=kind, certificate=False, plain=b"", numbers=numbers)
        assert key.bits == (2048 if kind == "ssh-rsa" else 1024)


def test_algorithms_of_a_type_are_in_order() -> None:
    end = "-cert-v01@openssh.com"
    rsa = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
    assert algorithms_of("ssh-rsa") == (*rsa, *(name + end for name in rsa))
    assert algorithms_of("ssh-ed25519") == ("ssh-ed25519", f"ssh-ed25519{end}")
    assert {key_type(name + part) for name in rsa for part in ("", end)} == {"ssh-rsa"}
