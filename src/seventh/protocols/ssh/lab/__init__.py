"""SSH's reference servers: asyncssh for what it can be told, our own codec for what it cannot.

Each answers at two loopback addresses behind a name, with SSHFP records and the word of a
validating resolver, so that the rules about names and addresses are shown to be silent, too.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from seventh.labkit.names import name_server
from seventh.labkit.serve import Fault, Kit, NotInstalledError, Served, tcp_server
from seventh.protocols.ssh.lab import login, session
from seventh.protocols.ssh.lab.server import (
    GOOD_KEX,
    RawServer,
    Setup,
    WrongSigner,
    good_offer,
)
from seventh.protocols.ssh.wire import groups
from seventh.protocols.ssh.wire.hostkeys import SSHFP_ALGORITHMS, Signer, read_key
from seventh.protocols.ssh.wire.kex import GroupSizes
from seventh.protocols.ssh.wire.transport import STRICT

NAME = "ssh.lab.test"
FIRST, SECOND = "127.0.0.1", "127.0.0.2"
_GEX = "diffie-hellman-group-exchange-sha256"


def _fault(name: str, meaning: str, *triggers: str, reason: str | None = None) -> Fault:
    return Fault(name=name, meaning=meaning, triggers=triggers, reason=reason)


TOUR = ("weak-kex",)
"""The faults that `seventh tour` shows."""
FAULTS: tuple[Fault, ...] = (
    _fault("weak-kex", "offers diffie-hellman-group14-sha1 and group1-sha1", "SSH-KEX-WEAK"),
    _fault("no-pq", "offers no post-quantum hybrid", "SSH-KEX-NOPQ"),
    _fault("terrapin", "ChaCha20-Poly1305 without strict key exchange", "SSH-TERRAPIN"),
    _fault("gex-small", "gives a 1024-bit group", "SSH-GEX-SMALL"),
    _fault(
        "gex-exact", "gives 2048 bits, and 1024 to a client that takes no other", "SSH-GEX-SMALL"
    ),
    _fault("weak-cipher", "offers 3des-cbc and aes128-cbc", "SSH-CIPHER-WEAK"),
    _fault("weak-mac", "offers hmac-sha1 and MACs over the plaintext", "SSH-MAC-WEAK"),
    _fault("weak-hostkey", "shows an RSA host key of 1024 bits", "SSH-HOSTKEY-WEAK"),
    _fault("no-ed25519", "has ECDSA and RSA host keys only", "SSH-HOSTKEY-NOED25519"),
    _fault("hostsig-sha1", "signs with RSA and SHA-1 only", "SSH-HOSTSIG-SHA1"),
    _fault("usersig-sha1", "accepts ssh-rsa signatures from users", "SSH-USERSIG-SHA1"),
    _fault("hostkey-split", "two addresses, two host keys", "SSH-HOSTKEY-SPLIT"),
    _fault("sshfp", "publishes another key's fingerprint", "SSH-SSHFP"),
    _fault("sshfp-sha1", "publishes SHA-1 fingerprints only", "SSH-SSHFP"),
    _fault("sshfp-unsigned", "publishes SSHFP without DNSSEC", "SSH-SSHFP"),
    _fault("compression", "offers zlib before login", "SSH-COMP-PREAUTH"),
    _fault("banner-leak", "tells Debian's patch level", "SSH-BANNER-LEAK"),
    _fault("banner-slow", "greets after 1.2 s", "SSH-BANNER-SLOW"),
    _fault("kex-slow", "computes for 0.7 s", "SSH-KEX-SLOW"),
    _fault("proto1", "announces protocol 1.99", "SSH-PROTO1"),
    _fault("wrong-signature", "does not hold its host key", reason="protocol-violation"),
    _fault("giant-modulus", "gives a group of 16384 bits", reason="protocol-violation"),
    _fault("chatter", "speaks out of turn in a strict exchange", reason="protocol-violation"),
    _fault("nothing-in-common", "speaks only sntrup761", reason="negotiation-failed"),
    *session.FAULTS,
    *login.FAULTS,
)

_ASYNCSSH: dict[str, dict[str, Any]] = {
    "clean": {},
    "weak-kex": {"kex_algs": [*GOOD_KEX, "diffie-hellman-group14-sha1",
                              "diffie-hellman-group1-sha1"]},
    "no-pq": {"kex_algs": ["curve25519-sha256"]},
    "weak-cipher": {"encryption_algs": ["aes256-gcm@openssh.com", "3des-cbc", "aes128-cbc"]},
    "weak-mac": {"mac_algs": ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-256", "hmac-sha1"]},
    "usersig-sha1": {"signature_algs": ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]},
    "compression": {"compression_algs": ["none", "zlib"]},
    "banner-leak": {"server_version": "OpenSSH_9.2p1 Debian-2+deb12u3"},
}  # fmt: skip
"""Faults that asyncssh can be told, each as what differs from a good configuration."""

_GOOD_ASYNCSSH: dict[str, Any] = {
    "kex_algs": list(GOOD_KEX),
    "encryption_algs": ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr"],
    "mac_algs": ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
    "compression_algs": ["none", "zlib@openssh.com"],
    "signature_algs": ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"],
}


# -- keys ------------------------------------------------------------------------------------------


@functools.cache
def _rsa(bits: int) -> Any:
    """Return one throw-away RSA key of each size in a process: making one takes a while."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, bits)


def _ed25519() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    return ed25519.Ed25519PrivateKey.generate()


def _ecdsa() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _keys_for(name: str) -> tuple[Any, ...]:
    if name == "weak-hostkey":
        return (_ed25519(), _rsa(1024))
    if name == "no-ed25519":
        return (_ecdsa(), _rsa(3072))
    if name == "hostsig-sha1":
        return (_ed25519(), _rsa(3072))
    return (_ed25519(), _ecdsa(), _rsa(3072))


# -- servers ---------------------------------------------------------------------------------------

Listening = Callable[[str, int], contextlib.AbstractAsyncContextManager[int]]
"""(address, port or 0) → a running server and its port."""


def _asyncssh(name: str, keys: tuple[Any, ...], **guests: Any) -> Listening:
    try:
        import asyncssh
    except ImportError:
        raise NotInstalledError("asyncssh") from None

    options = {**_GOOD_ASYNCSSH, **_ASYNCSSH.get(name, {}), **guests}
    host_keys = [asyncssh.import_private_key(_openssh(key)) for key in keys]

    @contextlib.asynccontextmanager
    async def listening(host: str, port: int) -> AsyncIterator[int]:
        acceptor = await asyncssh.listen(host, port, server_host_keys=host_keys, **options)
        try:
            yield acceptor.get_port()
        finally:
            acceptor.close()
            await acceptor.wait_closed()

    return listening


def _openssh(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))


def _raw(name: str, keys: tuple[Any, ...]) -> Listening:
    setup = _manner(name, keys)

    @contextlib.asynccontextmanager
    async def listening(host: str, port: int) -> AsyncIterator[int]:
        async with tcp_server(RawServer(setup).handle, host, port) as bound:
            yield bound

    return listening


def _manner(name: str, keys: tuple[Any, ...]) -> Setup:
    """Return the fault as a manner of our own server."""
    signers = tuple(Signer(key) for key in keys)
    offer = good_offer()
    setup = Setup(offer=offer, signers=signers)
    match name:
        case "terrapin":
            return setup.with_kex(*GOOD_KEX)
        case "gex-small":
            gex = setup.with_kex(*GOOD_KEX, _GEX, STRICT["server"])
            return replace(gex, modulus=groups.prime(1))
        case "gex-exact":
            gex = setup.with_kex(*GOOD_KEX, _GEX, STRICT["server"])
            return replace(gex, modulus_for=_small_on_demand)
        case "giant-modulus":
            gex = setup.with_kex(*GOOD_KEX, _GEX, STRICT["server"])
            return replace(gex, modulus=(1 << 16383) | 1)
        case "hostsig-sha1":
            named = replace(offer, server_host_key_algorithms=("ssh-ed25519", "ssh-rsa"))
            return replace(setup, offer=named)
        case "banner-slow":
            return replace(setup, banner_delay_seconds=1.2)
        case "kex-slow":
            return replace(setup, kex_delay_seconds=0.7)
        case "proto1":
            return replace(setup, ident="SSH-1.99-SeventhLab")
        case "wrong-signature":
            return replace(setup, signers=tuple(WrongSigner(key) for key in keys))
        case "chatter":
            return replace(setup, chatter=2)
        case "nothing-in-common":
            return setup.with_kex("sntrup761x25519-sha512", STRICT["server"])
    return setup


def _small_on_demand(asked: GroupSizes) -> int:
    """Return a modulus of 1024 bits, where no larger one will do."""
    return groups.prime(1 if asked.maximum < 2048 else 14)


# -- names -----------------------------------------------------------------------------------------


class _Publication(msgspec.Struct, frozen=True):
    """What the name's zone says."""

    records: tuple[str, ...]
    authenticated: bool


def _published(name: str, keys: tuple[Any, ...]) -> _Publication:
    seen = [read_key(Signer(key).blob).facts("", None) for key in keys]
    sha256 = tuple(f"{SSHFP_ALGORITHMS[key.type]} 2 {key.sha256_hex}" for key in seen)
    sha1 = tuple(f"{SSHFP_ALGORITHMS[key.type]} 1 {key.sha1_hex}" for key in seen)
    if name == "sshfp":
        return _Publication((f"4 2 {'00' * 32}", *sha256[1:]), authenticated=True)
    if name == "sshfp-sha1":
        return _Publication(sha1, authenticated=True)
    return _Publication(sha256, authenticated=name != "sshfp-unsigned")


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield the server, at two addresses behind one name, for as long as the block lasts."""
    name = fault.name if fault is not None else "clean"
    if fault is not None and name in session.NAMES:
        async with session.serve(fault, kit) as served:
            yield served
        return
    if fault is not None and name in login.NAMES:
        async with login.serve(fault, kit) as served:
            yield served
        return
    keys = _keys_for(name)
    on_asyncssh = name in _ASYNCSSH or name in {
        "weak-hostkey", "no-ed25519", "hostkey-split", "sshfp", "sshfp-sha1", "sshfp-unsigned",
    }  # fmt: skip
    make = _asyncssh if on_asyncssh else _raw
    # Who may log in where nothing is wrong: the faults here show themselves before that.
    login_keys = None
    if fault is None:
        login_keys = session.make_door(kit.folder / "ssh-clean", NAME, keys[0])
    guests = session.guests(login_keys, kit.folder) if login_keys is not None else {}
    first = _asyncssh(name, keys, **guests) if on_asyncssh else _raw(name, keys)
    second, published = first, _published(name, keys)
    if name == "hostkey-split":
        others = _keys_for(name)
        second, published = make(name, others), _published(name, keys + others)
    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(first(FIRST, 0))
        addresses = [FIRST]
        # Only Linux answers at all of 127/8 unasked; elsewhere the name has one address.
        with contextlib.suppress(OSError):
            await stack.enter_async_context(second(SECOND, port))
            addresses.append(SECOND)
        zone = {NAME: {"A": tuple(addresses), "SSHFP": published.records}}
        resolver = await stack.enter_async_context(
            name_server(zone, authenticated=published.authenticated)
        )
        options = {
            "resolver": resolver,
            **(login_keys.options(port) if login_keys is not None else {}),
        }
        yield Served(target=f"ssh://{NAME}:{port}", options=options)
