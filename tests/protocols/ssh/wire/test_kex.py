"""Key exchange methods against plain mathematics, and the tables that both of our ends share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.wire.exchange import GEX_GROUP, GEX_REQUEST, MARKERS
from seventh.protocols.ssh.wire.groups import prime
from seventh.protocols.ssh.wire.kex import (
    GROUP_EXCHANGES,
    METHODS,
    Group,
    GroupDh,
    GroupSizes,
    Shared,
    hash_of,
    implemented,
)
from seventh.protocols.ssh.wire.values import mpint
from seventh.wire.reader import Reader, vector

HASHES = {
    # RFC 5656 §6.2.1, RFC 8731 §3, RFC 9142, RFC 4253 §8, RFC 8268 §3, RFC 4419 §4
    "curve25519-sha256": "sha256", "curve25519-sha256@libssh.org": "sha256",
    "curve448-sha512": "sha512", "ecdh-sha2-nistp256": "sha256", "ecdh-sha2-nistp384": "sha384",
    "ecdh-sha2-nistp521": "sha512", "diffie-hellman-group1-sha1": "sha1",
    "diffie-hellman-group14-sha1": "sha1", "diffie-hellman-group14-sha256": "sha256",
    "diffie-hellman-group15-sha512": "sha512", "diffie-hellman-group16-sha512": "sha512",
    "diffie-hellman-group17-sha512": "sha512", "diffie-hellman-group18-sha512": "sha512",
    "diffie-hellman-group-exchange-sha1": "sha1",
    "diffie-hellman-group-exchange-sha256": "sha256",
    # RFC 9941
    "sntrup761x25519-sha512": "sha512", "sntrup761x25519-sha512@openssh.com": "sha512",
    # draft-ietf-sshm-mlkem-hybrid-kex
    "mlkem768x25519-sha256": "sha256", "mlkem768nistp256-sha256": "sha256",
    "mlkem1024nistp384-sha384": "sha384",
}  # fmt: skip


def test_each_method_has_its_hash() -> None:
    assert {name: hash_of(name) for name in (*METHODS, *GROUP_EXCHANGES)} == HASHES


def test_what_is_offered_has_the_weak_methods_last_and_each_once() -> None:
    offered = implemented()
    assert offered[-4:] == (
        "diffie-hellman-group-exchange-sha256", "diffie-hellman-group14-sha1",
        "diffie-hellman-group-exchange-sha1", "diffie-hellman-group1-sha1",
    )  # fmt: skip
    assert len(set(offered)) == len(offered)
    assert set(offered) <= set(HASHES)
    assert offered[-5] == "diffie-hellman-group14-sha256"


def nist(curve: ec.EllipticCurve) -> tuple[bytes, Callable[[bytes], bytes]]:
    private = ec.generate_private_key(curve)
    public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return public, lambda theirs: private.exchange(
        ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, theirs)
    )


def montgomery(kind: type, public: type) -> tuple[bytes, Callable[[bytes], bytes]]:
    private = kind.generate()  # type: ignore[attr-defined]
    return private.public_key().public_bytes_raw(), lambda theirs: private.exchange(
        public.from_public_bytes(theirs)  # type: ignore[attr-defined]
    )


CURVES: dict[str, Callable[[], tuple[bytes, Callable[[bytes], bytes]]]] = {
    "curve25519-sha256": lambda: montgomery(x25519.X25519PrivateKey, x25519.X25519PublicKey),
    "curve25519-sha256@libssh.org": lambda: montgomery(
        x25519.X25519PrivateKey, x25519.X25519PublicKey
    ),
    "curve448-sha512": lambda: montgomery(x448.X448PrivateKey, x448.X448PublicKey),
    "ecdh-sha2-nistp256": lambda: nist(ec.SECP256R1()),
    "ecdh-sha2-nistp384": lambda: nist(ec.SECP384R1()),
    "ecdh-sha2-nistp521": lambda: nist(ec.SECP521R1()),
}


@pytest.mark.parametrize("name", CURVES)
def test_a_curve_s_secret_is_the_peer_s(name: str) -> None:
    method = METHODS[name][1]()
    assert (method.init_number, method.reply_number) == (30, 31)
    init = method.start()
    public, agree = CURVES[name]()
    reply = vector(4, public)
    secret = mpint(int.from_bytes(agree(Reader(init, "init").vector(4)), "big"))
    assert method.finish(Reader(reply, "reply")) == Shared(init + reply, secret)


@pytest.mark.parametrize("number", [1, 14, 15, 16, 17, 18])
def test_a_fixed_group_is_its_prime_and_two(number: int) -> None:
    names = [name for name in METHODS if name.startswith(f"diffie-hellman-group{number}-")]
    assert names
    modulus = prime(number)
    for name in names:
        method = METHODS[name][1]()
        init = method.start()
        theirs = int.from_bytes(Reader(init, "init").vector(4), "big")
        reply = mpint(pow(2, 12345, modulus))
        secret = mpint(pow(theirs, 12345, modulus))
        assert method.finish(Reader(reply, "reply")) == Shared(init + reply, secret)


@pytest.mark.parametrize("value", [0, 1, -1])
def test_a_value_out_of_range_is_refused(value: int) -> None:
    method = METHODS["diffie-hellman-group14-sha256"][1]()
    method.start()
    wrong = mpint(value if value >= 0 else prime(14) - 1)
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: the peer's Diffie-Hellman value is out of range$",
    ):
        method.finish(Reader(wrong, "reply"))


def test_a_group_exchange_hashes_the_request_and_the_group() -> None:
    """RFC 4419 §3 and §5."""
    assert (GEX_GROUP, GEX_REQUEST) == (31, 34)
    asked = GroupSizes().encode()
    assert asked == b"\0\0\x08\0" + b"\0\0\x0c\0" + GroupSizes().maximum.to_bytes(4, "big")
    group = Group(modulus=prime(14), generator=5)
    method = GroupDh(asked, group)
    assert (method.init_number, method.reply_number) == (32, 33)
    init = method.start()
    reply = mpint(pow(5, 777, group.modulus))
    theirs = int.from_bytes(Reader(init, "init").vector(4), "big")
    assert method.finish(Reader(reply, "reply")) == Shared(
        asked + mpint(group.modulus) + mpint(5) + init + reply,
        mpint(pow(theirs, 777, group.modulus)),
    )


@pytest.mark.parametrize(
    ("modulus", "generator", "why"),
    [
        ((1 << 255) + 1, 2, ""), ((1 << 254) + 1, 2, "modulus is even or has less than 256 bits"),
        (1 << 255, 2, "modulus is even or has less than 256 bits"),
        ((1 << 255) + 1, 1, "generator is out of range"),
        ((1 << 255) + 1, (1 << 255) - 1, ""),
        ((1 << 255) + 1, 1 << 255, "generator is out of range"),
    ],
)  # fmt: skip
def test_which_groups_are_usable(modulus: int, generator: int, why: str) -> None:
    data = Group(modulus, generator).encode()
    if why:
        with pytest.raises(ProtocolViolation) as raised:
            Group.read(Reader(data, "the group"))
        assert raised.value.detail == f"the group's {why}"
    else:
        assert Group.read(Reader(data, "the group")) == Group(modulus, generator)


def test_the_markers_are_no_methods() -> None:
    """RFC 8308 §2.1 and OpenSSH's strict key exchange."""
    assert {
        "ext-info-c", "ext-info-s", "kex-strict-c-v00@openssh.com", "kex-strict-s-v00@openssh.com",
    } == MARKERS  # fmt: skip
