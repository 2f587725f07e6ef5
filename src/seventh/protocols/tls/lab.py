"""The reference TLS server, right or wrong in one way."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import AsyncIterator, Callable

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from seventh.labkit.ca import Issued
from seventh.labkit.serve import Fault, Kit, Served
from seventh.labkit.tlsserve import (
    GOOD_CIPHERS,
    GOOD_GROUPS,
    DoorKeeper,
    server_context,
    tls_server,
)
from seventh.model.alert import Alert
from seventh.model.failure import Reason
from seventh.wire import tlshello
from seventh.wire import tlsnames as n

_DAY = dt.timedelta(days=1)
_ONE_PACKET_BYTES = 1000
_UNTRUSTED = Reason.TLS_CERTIFICATE_UNTRUSTED.value
_WEAK = Reason.TLS_CERTIFICATE_WEAK.value


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is to be: its certificate, its context, and who answers bare hellos."""

    issue: Callable[[Kit], Issued] = lambda kit: kit.authority.issue()
    ciphers: str = GOOD_CIPHERS
    groups: str = GOOD_GROUPS
    best: int = SSL.TLS1_3_VERSION
    resume: bool = True
    early_data: int = 0
    ask_client: bool = False
    need_client: bool = False
    keeper: DoorKeeper | None = None
    public: bool = False
    """Whether the check takes the lab's root for a public one."""


def _rsa_1024() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505


def _wrong_order(kit: Kit) -> Issued:
    ca = kit.authority
    return ca.issue(chain=False, extra_chain=(ca.root, ca.intermediate))


# -- door-keepers: what OpenSSL cannot be talked into ------------------------------------------


def _hello(
    suite: int,
    *,
    version: int = n.TLS12,
    compression: int = 0,
    extended: bool = True,
    secure: bool = True,
) -> bytes:
    extensions: list[tuple[int, bytes]] = []
    if secure:
        extensions.append((n.RENEGOTIATION_INFO, b"\x00"))
    if extended:
        extensions.append((n.EXTENDED_MASTER_SECRET, b""))
    return tlshello.encode_server_hello(
        tlshello.ServerHello(
            version=version,
            random=os.urandom(32),
            suite=suite,
            compression=compression,
            extensions=tuple(extensions),
        )
    )


def _says(*messages: bytes, version: int = n.TLS12) -> bytes:
    return tlshello.record(n.HANDSHAKE, b"".join(messages), version)


def _bare(hello: tlshello.ClientHello) -> bool:
    """Return whether a hello is one of TLS 1.2 or older, which a modern client no longer sends."""
    return hello.best_version <= n.TLS12


def _old_versions(hello: tlshello.ClientHello) -> bytes | None:
    version = hello.best_version
    if version >= n.TLS12:
        return None
    return _says(_hello(0x002F, version=version, extended=False), version=version)


def _takes(suites: tuple[int, ...]) -> DoorKeeper:
    """Accept the first of ``suites`` that a bare hello with nothing better offers."""

    def keeper(hello: tlshello.ClientHello) -> bytes | None:
        if not _bare(hello) or set(hello.suites) & set(n.GOOD_SUITES):
            return None
        wanted = [code for code in hello.suites if code in suites]
        return _says(_hello(wanted[0])) if wanted and hello.best_version == n.TLS12 else None

    return keeper


def _small_prime(hello: tlshello.ClientHello) -> bytes | None:
    """Answer a hello of nothing but DHE with a prime of 1024 bits (its value proves nothing)."""
    offered = [code for code in hello.suites if code != n.RENEGOTIATION_SCSV]
    if not _bare(hello) or not set(offered) <= set(n.DHE_SUITES):
        return None
    prime = (1 << 1023 | 1).to_bytes(128, "big")
    key = b"".join(len(v).to_bytes(2, "big") + v for v in (prime, b"\x02", prime))
    return _says(
        _hello(0x009E),
        tlshello.message(n.CERTIFICATE, (0).to_bytes(3, "big")),
        tlshello.message(n.SERVER_KEY_EXCHANGE, key + bytes([4, 3, 0, 0])),
        tlshello.message(n.SERVER_HELLO_DONE, b""),
    )


def _no_large_hello(hello: tlshello.ClientHello) -> bytes | None:
    """Refuse a hello whose key shares do not fit into one packet."""
    shares = hello.extension(n.KEY_SHARE) or b""
    if len(shares) <= _ONE_PACKET_BYTES:
        return None
    return tlshello.alert(Alert.HANDSHAKE_FAILURE)


def _answers_tls12(**wrong: int | bool) -> DoorKeeper:
    """Answer a TLS 1.2 hello that has good suites with a ServerHello that is wrong in one way."""

    def keeper(hello: tlshello.ClientHello) -> bytes | None:
        good = [code for code in hello.suites if code in n.GOOD_SUITES]
        if not _bare(hello) or n.DEFLATE not in hello.compressions or not good:
            return None
        return _says(_hello(0xC02B, **wrong))  # type: ignore[arg-type]  # the names are _hello's

    return keeper


# -- the faults --------------------------------------------------------------------------------


def _fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: str | None = None
) -> tuple[Fault, Setup]:
    return Fault(name=name, meaning=meaning, triggers=triggers, reason=reason), setup


_TABLE = (
    _fault(
        "expired", "the certificate ended two days ago", "TLS-CERT-EXPIRED",
        reason=Reason.TLS_CERTIFICATE_EXPIRED.value,
        setup=Setup(issue=lambda kit: kit.authority.issue(not_before=-92 * _DAY)),
    ),
    _fault(
        "not-yet", "the certificate begins in two days", "TLS-CERT-NOTYET",
        reason=Reason.TLS_CERTIFICATE_NOT_YET_VALID.value,
        setup=Setup(issue=lambda kit: kit.authority.issue(not_before=2 * _DAY)),
    ),
    _fault(
        "expiring", "the certificate ends in five days of ninety", "TLS-CERT-EXPIRING",
        setup=Setup(issue=lambda kit: kit.authority.issue(not_before=-85 * _DAY)),
    ),
    _fault(
        "wrong-host", "the certificate is for another name", "TLS-CERT-HOST",
        reason=Reason.TLS_CERTIFICATE_HOST_MISMATCH.value,
        setup=Setup(issue=lambda kit: kit.authority.issue("other.test", "*.other.test")),
    ),
    _fault(
        "missing-intermediate", "only the server's own certificate is sent", "TLS-CHAIN",
        reason=_UNTRUSTED, setup=Setup(issue=lambda kit: kit.authority.issue(chain=False)),
    ),
    _fault(
        "wrong-order", "the root is sent before the intermediate", "TLS-CHAIN",
        setup=Setup(issue=_wrong_order),
    ),
    _fault(
        "self-signed", "the certificate is signed by itself", "TLS-CHAIN",
        reason=Reason.TLS_CERTIFICATE_SELF_SIGNED.value,
        setup=Setup(issue=lambda kit: kit.authority.issue(self_signed=True)),
    ),
    _fault(
        "weak-key", "the certificate's key is RSA of 1024 bits", "TLS-CERT-WEAK",
        reason=_WEAK, setup=Setup(issue=lambda kit: kit.authority.issue(key=_rsa_1024())),
    ),
    _fault(
        "sha1", "the certificate is signed with SHA-1", "TLS-CERT-WEAK", reason=_WEAK,
        setup=Setup(issue=lambda kit: kit.authority.issue(hash_name=hashes.SHA1())),  # noqa: S303
    ),
    _fault(
        "x509-v1", "the certificate is of version 1 and so names no host",
        "TLS-CERT-WEAK", "TLS-CERT-HOST", reason=Reason.TLS_CERTIFICATE_HOST_MISMATCH.value,
        setup=Setup(issue=lambda kit: kit.authority.issue(version_1=True)),
    ),
    _fault(
        "long-lived", "a certificate of a public root lives 365 days", "TLS-CERT-LONG",
        setup=Setup(issue=lambda kit: kit.authority.issue(lifetime=365 * _DAY), public=True),
    ),
    _fault(
        "must-staple", "the certificate demands a staple and none is sent", "TLS-STAPLE",
        setup=Setup(issue=lambda kit: kit.authority.issue(must_staple=True)),
    ),
    _fault(
        "legacy", "SSLv3, TLS 1.0 and TLS 1.1 are accepted", "TLS-LEGACY",
        setup=Setup(keeper=_old_versions),
    ),
    _fault(
        "no-tls13", "TLS 1.2 is the best version", "TLS-NO13", "TLS-NO-PQ",
        setup=Setup(best=SSL.TLS1_2_VERSION),
    ),
    _fault(
        "weak-cipher", "RC4, 3DES and anonymous suites are accepted", "TLS-WEAK-CIPHER",
        setup=Setup(keeper=_takes((0x0005, 0x000A, 0x0018))),
    ),
    _fault(
        "cbc", "suites with CBC are accepted", "TLS-WEAK-CIPHER",
        setup=Setup(ciphers=f"{GOOD_CIPHERS}:ECDHE-ECDSA-AES128-SHA"),
    ),
    _fault(
        "small-dh", "the Diffie-Hellman prime has 1024 bits", "TLS-DH-SMALL",
        setup=Setup(keeper=_small_prime),
    ),
    _fault(
        "no-pq", "no post-quantum group", "TLS-NO-PQ", setup=Setup(groups="X25519:P-256"),
    ),
    _fault(
        "big-hello", "a ClientHello of more than one packet is refused", "TLS-BIG-HELLO",
        reason=Reason.TLS_HANDSHAKE.value, setup=Setup(keeper=_no_large_hello),
    ),
    _fault(
        "no-resume", "sessions are forgotten at once", "TLS-NO-RESUME",
        setup=Setup(resume=False),
    ),
    _fault(
        "early-data", "early data is accepted", "TLS-0RTT-ON", setup=Setup(early_data=16384),
    ),
    _fault(
        "no-ems", "TLS 1.2 without the extended master secret", "TLS-EMS",
        setup=Setup(keeper=_answers_tls12(extended=False)),
    ),
    _fault(
        "insecure-reneg", "TLS 1.2 without secure renegotiation", "TLS-RENEG",
        setup=Setup(keeper=_answers_tls12(secure=False)),
    ),
    _fault(
        "compression", "TLS 1.2 with DEFLATE", "TLS-COMPRESS",
        setup=Setup(keeper=_answers_tls12(compression=n.DEFLATE)),
    ),
    _fault(
        "mtls-optional", "a client certificate is asked for and not needed", "TLS-MTLS-OPTIONAL",
        setup=Setup(ask_client=True),
    ),
    _fault(
        "mtls-required", "no service without a client certificate",
        reason=Reason.TLS_CLIENT_CERTIFICATE_REQUIRED.value, setup=Setup(need_client=True),
    ),
)  # fmt: skip

TOUR = ("missing-intermediate",)
"""The faults that `seventh tour` shows."""
FAULTS = tuple(fault for fault, _ in _TABLE)
_SETUPS = {fault.name: setup for fault, setup in _TABLE}


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Run a TLS server that is in perfect order but for ``fault``."""
    setup = Setup() if fault is None else _SETUPS[fault.name]
    context = server_context(
        setup.issue(kit),
        ciphers=setup.ciphers,
        groups=setup.groups,
        best=setup.best,
        resume=setup.resume,
        early_data=setup.early_data,
        ask_client=setup.ask_client,
        need_client=setup.need_client,
        client_ca=str(kit.authority.ca_file),
    )
    trust = "ca_store" if setup.public else "ca_file"
    async with tls_server(context, keeper=setup.keeper, early_data=setup.early_data > 0) as port:
        yield Served(
            target=f"tls://127.0.0.1:{port}",
            options={trust: str(kit.authority.ca_file), "server_name": "lab.test"},
        )
