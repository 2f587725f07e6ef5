"""SSH's reference servers: asyncssh where it can be configured so, else servers on our own codec.

Each has two loopback addresses behind a name, and SSHFP records from a validating resolver, so that
the rules about names and addresses are tested, too.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from seventh.labkit.names import name_server
from seventh.labkit.serve import Fault, Kit, Served, tcp_server
from seventh.protocols.ssh.lab import login, session
from seventh.protocols.ssh.lab.keys import certify, ecdsa_key, ed25519_key, make_login_keys, rsa_key
from seventh.protocols.ssh.lab.server import (
    GOOD_KEX,
    RawServer,
    Setup,
    WrongSigner,
    case,
    good_offer,
)
from seventh.protocols.ssh.wire import groups
from seventh.protocols.ssh.wire.hostkeys import SSHFP_ALGORITHMS, Signer, read_key
from seventh.protocols.ssh.wire.kex import GroupSizes
from seventh.protocols.ssh.wire.transport import STRICT

NAME = "ssh.lab.test"
FIRST, SECOND = "127.0.0.1", "127.0.0.2"
_VIOLATION = "protocol-violation"


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """How the host behind the name is configured; by default without fault."""

    asyncssh: dict[str, Any] = {}
    """asyncssh's options that differ from a server without fault."""
    raw: Setup | None = None
    """The setup of a server on our own codec, instead of asyncssh."""
    signer: type[Signer] = Signer
    keys: tuple[Callable[[], Any], ...] = (ed25519_key, ecdsa_key, rsa_key)
    certificate_days: float | None = None
    """How long the first key's certificate is valid; None for no certificate."""
    keys_differ: bool = False
    """Whether the second address has other keys."""
    sshfp_type: int = 2
    """The fingerprint type of the SSHFP records: 1 is SHA-1, 2 SHA-256."""
    sshfp_wrong: bool = False
    authenticated: bool = True
    """Whether the resolver has validated the records."""


def _small_on_request(sizes: GroupSizes) -> int:
    """Return a modulus of 1024 bits for a client that allows no larger one, else of 2048."""
    return groups.prime(1 if sizes.maximum < 2048 else 14)


_GOOD = Setup()
_GEX = _GOOD.with_kex(*GOOD_KEX, "diffie-hellman-group-exchange-sha256", STRICT["server"])
_CASES = (
    case("weak-kex", "offers diffie-hellman-group14-sha1 and group1-sha1", "SSH-KEX-WEAK",
         setup=Host(asyncssh={"kex_algs": [*GOOD_KEX, "diffie-hellman-group14-sha1",
                                           "diffie-hellman-group1-sha1"]})),
    case("no-pq", "offers no post-quantum hybrid", "SSH-KEX-NOPQ",
         setup=Host(asyncssh={"kex_algs": ["curve25519-sha256"]})),
    case("terrapin", "ChaCha20-Poly1305 without strict key exchange", "SSH-TERRAPIN",
         setup=Host(raw=_GOOD.with_kex(*GOOD_KEX))),
    case("gex-small", "gives a 1024-bit group", "SSH-GEX-SMALL",
         setup=Host(raw=replace(_GEX, modulus=groups.prime(1)))),
    case("gex-exact", "gives 2048 bits, and 1024 to a client that allows no more", "SSH-GEX-SMALL",
         setup=Host(raw=replace(_GEX, modulus_for=_small_on_request))),
    case("weak-cipher", "offers 3des-cbc and aes128-cbc", "SSH-CIPHER-WEAK", setup=Host(
         asyncssh={"encryption_algs": ["aes256-gcm@openssh.com", "3des-cbc", "aes128-cbc"]})),
    case("weak-mac", "offers hmac-sha1 and MACs over the plaintext", "SSH-MAC-WEAK", setup=Host(
         asyncssh={"mac_algs": ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-256", "hmac-sha1"]})),
    case("weak-hostkey", "has an RSA host key of 1024 bits", "SSH-HOSTKEY-WEAK",
         setup=Host(keys=(ed25519_key, functools.partial(rsa_key, 1024)))),
    case("no-ed25519", "has only ECDSA and RSA host keys", "SSH-HOSTKEY-NOED25519",
         setup=Host(keys=(ecdsa_key, rsa_key))),
    case("hostsig-sha1", "signs only with RSA and SHA-1", "SSH-HOSTSIG-SHA1",
         setup=Host(keys=(ed25519_key, rsa_key), raw=replace(_GOOD, offer=replace(
             good_offer(), server_host_key_algorithms=("ssh-ed25519", "ssh-rsa"))))),
    case("hostcert-expired", "has a host certificate that expired three days ago", "SSH-HOSTCERT",
         setup=Host(certificate_days=-3.0)),
    case("usersig-sha1", "accepts ssh-rsa signatures from users", "SSH-USERSIG-SHA1",
         setup=Host(asyncssh={"signature_algs": [
             "ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]})),
    case("hostkey-split", "has different host keys at two addresses", "SSH-HOSTKEY-SPLIT",
         setup=Host(keys_differ=True)),
    case("sshfp", "publishes another key's fingerprint", "SSH-SSHFP",
         setup=Host(sshfp_wrong=True)),
    case("sshfp-sha1", "publishes only SHA-1 fingerprints", "SSH-SSHFP",
         setup=Host(sshfp_type=1)),
    case("sshfp-unsigned", "publishes SSHFP without DNSSEC", "SSH-SSHFP",
         setup=Host(authenticated=False)),
    case("compression", "offers zlib before login", "SSH-COMP-PREAUTH",
         setup=Host(asyncssh={"compression_algs": ["none", "zlib"]})),
    case("banner-leak", "exposes Debian's patch level", "SSH-BANNER-LEAK",
         setup=Host(asyncssh={"server_version": "OpenSSH_9.2p1 Debian-2+deb12u3"})),
    case("banner-slow", "sends its identification string after 1.2 s", "SSH-BANNER-SLOW",
         setup=Host(raw=replace(_GOOD, banner_delay_seconds=1.2))),
    case("kex-slow", "delays the key exchange by 0.7 s", "SSH-KEX-SLOW",
         setup=Host(raw=replace(_GOOD, kex_delay_seconds=0.7))),
    case("proto1", "announces protocol 1.99", "SSH-PROTO1",
         setup=Host(raw=replace(_GOOD, ident="SSH-1.99-SeventhLab"))),
    case("wrong-signature", "does not have the private key of its host key", reason=_VIOLATION,
         setup=Host(raw=_GOOD, signer=WrongSigner)),
    case("giant-modulus", "gives a group of 16384 bits", reason=_VIOLATION,
         setup=Host(raw=replace(_GEX, modulus=(1 << 16383) | 1))),
    case("chatter", "sends IGNORE in a strict key exchange", reason=_VIOLATION,
         setup=Host(raw=replace(_GOOD, chatter=2))),
    case("nothing-in-common", "offers only key transport with RSA (RFC 4432)",
         "SSH-CLIENTS-CUT", "SSH-KEX-NOPQ", reason="negotiation-failed",
         setup=Host(raw=_GOOD.with_kex("rsa2048-sha256", STRICT["server"]))),
)  # fmt: skip
_BY_NAME = {each.fault.name: each for each in _CASES}
TOUR = ("weak-kex",)
"""The faults in `seventh tour`."""
FAULTS: tuple[Fault, ...] = tuple(
    each.fault for each in (*_CASES, *session.CASES.values(), *login.CASES.values())
)


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Run the server, without fault or with this one, for as long as the block lasts."""
    if fault is not None and fault.name not in _BY_NAME:
        module = session if fault.name in session.CASES else login
        async with module.serve(fault, kit) as served:
            yield served
        return
    host = _BY_NAME[fault.name].setup if fault is not None else Host()
    keys = tuple(make() for make in host.keys)
    login_keys = None
    if fault is None:  # only the server without fault needs a user
        login_keys = make_login_keys(kit.folder / "ssh-clean", NAME, keys[0])
        host = replace(host, asyncssh=session.user_options(login_keys, kit.folder))
    if host.certificate_days is not None:
        line = certify(keys[0], NAME, host=True, days_left=host.certificate_days)
        host = replace(host, asyncssh={"server_host_certs": [line]})
    others = tuple(make() for make in host.keys) if host.keys_differ else ()
    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(_listening(host, keys, FIRST, 0))
        addresses = [FIRST]
        # Only Linux has all of 127/8 by default; elsewhere the name has one address.
        with contextlib.suppress(OSError):
            await stack.enter_async_context(_listening(host, others or keys, SECOND, port))
            addresses.append(SECOND)
        zone = {NAME: {"A": tuple(addresses), "SSHFP": _sshfp(host, keys + others)}}
        resolver = await stack.enter_async_context(
            name_server(zone, authenticated=host.authenticated)
        )
        options = login_keys.options(port) if login_keys is not None else {}
        yield Served(target=f"ssh://{NAME}:{port}", options={"resolver": resolver, **options})


def _listening(
    host: Host, keys: tuple[Any, ...], address: str, port: int
) -> contextlib.AbstractAsyncContextManager[int]:
    """Run the server at one address; yield its port."""
    if host.raw is None:
        return session.asyncssh_server(address, port, keys, **host.asyncssh)
    setup = replace(host.raw, signers=tuple(map(host.signer, keys)))
    return tcp_server(RawServer(setup).handle, address, port)


def _sshfp(host: Host, keys: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the SSHFP records for these keys, the first wrong where the host says so."""
    found = [read_key(Signer(key).blob).facts("", None) for key in keys]
    records = [
        f"{SSHFP_ALGORITHMS[key.type]} {host.sshfp_type} "
        f"{key.sha1_hex if host.sshfp_type == 1 else key.sha256_hex}"
        for key in found
    ]
    if host.sshfp_wrong:
        records[0] = f"4 2 {'00' * 32}"
    return tuple(records)
