"""The reference TLS server, and its faults."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from seventh.labkit.ca import Issued
from seventh.labkit.names import name_server
from seventh.labkit.revocation import staple
from seventh.labkit.serve import Fault, Kit, Served
from seventh.labkit.tlsserve import (
    GOOD_CIPHERS,
    GOOD_GROUPS,
    HelloHook,
    server_context,
    tls_server,
)
from seventh.model.failure import Reason
from seventh.model.starttls import StarttlsName
from seventh.protocols.tls.lab.hellos import (
    accepts,
    no_large_hello,
    old_versions,
    small_prime,
    tls12_hello,
)
from seventh.protocols.tls.lab.starttls import NAMES, Wrong, front
from seventh.wire import tlsnames as n

_DAY = dt.timedelta(days=1)


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """A server's certificate, its context, and what answers bare hellos."""

    issue: Callable[[Kit], Issued] = lambda kit: kit.authority.issue()
    second: Callable[[Kit], Issued] | None = None
    """The certificate of another key type, beside the first."""
    default: Callable[[Kit], Issued] | None = None
    """The certificate for clients that send no server name."""
    staple: Callable[[Kit, Issued], bytes] | None = None
    """The OCSP response about the first certificate."""
    ciphers: str = GOOD_CIPHERS
    groups: str = GOOD_GROUPS
    best: int = SSL.TLS1_3_VERSION
    resume: bool = True
    ticket_seconds: int | None = None
    """The lifetime of its tickets; None for OpenSSL's default."""
    early_data: int = 0
    ask_client: bool = False
    need_client: bool = False
    on_hello: HelloHook | None = None
    starttls: StarttlsName | None = None
    wrong: Wrong = "none"
    """What is wrong before TLS."""
    host: str = ""
    """The name of the target, from a name server of the lab's own; empty for an address."""
    zone: Mapping[str, tuple[str, ...]] = {}
    """Further records of the name."""
    public: bool = False
    """Whether the check treats the lab's root as a public one."""


def _rsa(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _expired_rsa(kit: Kit) -> Issued:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return kit.authority.issue(key=key, not_before=-92 * _DAY)


def _wrong_order(kit: Kit) -> Issued:
    ca = kit.authority
    return ca.issue(chain=False, extra_chain=(ca.root, ca.intermediate))


# -- replies that OpenSSL no longer gives ------------------------------------------------------


# -- the faults --------------------------------------------------------------------------------


class TlsFault(Fault, frozen=True, kw_only=True):
    """A fault, and the server that has it."""

    setup: Setup


def _fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: Reason | None = None
) -> TlsFault:
    return TlsFault(name=name, meaning=meaning, triggers=triggers, reason=reason, setup=setup)


def _issue(**wrong: Any) -> Setup:
    """Return the setup of a server whose certificate is issued with the options ``wrong``."""
    return Setup(issue=lambda kit: kit.authority.issue(**wrong))


def _named(**zone: tuple[str, ...]) -> Setup:
    """Return the setup of a server with a public name, which has these further records."""
    name = "www.example.org"
    return Setup(issue=lambda kit: kit.authority.issue(name), host=name, zone=zone, public=True)


_WRONG: tuple[tuple[Wrong, str, tuple[str, ...], Reason | None], ...] = (
    ("not-offered", "TLS is not offered (--starttls)", (), Reason.STARTTLS_NOT_OFFERED),
    ("refused", "TLS is offered and refused (--starttls)", (), Reason.STARTTLS_REFUSED),
    ("injected", "data follows the go-ahead in clear", ("TLS-STARTTLS-INJECT",), None),
)
FAULTS = (
    _fault(
        "expired", "the certificate expired two days ago", "TLS-CERT-EXPIRED",
        reason=Reason.TLS_CERTIFICATE_EXPIRED,
        setup=_issue(not_before=-92 * _DAY),
    ),
    _fault(
        "not-yet", "the certificate becomes valid in two days", "TLS-CERT-NOTYET",
        reason=Reason.TLS_CERTIFICATE_NOT_YET_VALID,
        setup=_issue(not_before=2 * _DAY),
    ),
    _fault(
        "expiring", "the certificate expires in 5 of 90 days", "TLS-CERT-EXPIRING",
        setup=_issue(not_before=-85 * _DAY),
    ),
    _fault(
        "wrong-host", "the certificate does not match the host name", "TLS-CERT-HOST",
        reason=Reason.TLS_CERTIFICATE_HOST_MISMATCH,
        setup=Setup(issue=lambda kit: kit.authority.issue("other.test", "*.other.test")),
    ),
    _fault(
        "missing-intermediate", "the intermediate certificate is not sent", "TLS-CHAIN",
        reason=Reason.TLS_CERTIFICATE_UNTRUSTED, setup=_issue(chain=False),
    ),
    _fault(
        "wrong-order", "the root is sent before the intermediate", "TLS-CHAIN",
        setup=Setup(issue=_wrong_order),
    ),
    _fault(
        "self-signed", "the certificate is self-signed", "TLS-CHAIN",
        reason=Reason.TLS_CERTIFICATE_SELF_SIGNED,
        setup=_issue(self_signed=True),
    ),
    _fault(
        "weak-key", "the certificate has a 1024-bit RSA key", "TLS-CERT-WEAK",
        reason=Reason.TLS_CERTIFICATE_WEAK,
        setup=Setup(issue=lambda kit: kit.authority.issue(key=_rsa(1024))),
    ),
    _fault(
        "sha1", "the certificate is signed with SHA-1", "TLS-CERT-WEAK",
        reason=Reason.TLS_CERTIFICATE_WEAK, setup=_issue(hash_name=hashes.SHA1()),  # noqa: S303
    ),
    _fault(
        "x509-v1", "the certificate is X.509 version 1, without names",
        "TLS-CERT-WEAK", "TLS-CERT-HOST", reason=Reason.TLS_CERTIFICATE_HOST_MISMATCH,
        setup=_issue(version_1=True),
    ),
    _fault(
        "long-lived", "a publicly trusted certificate has a lifetime of 365 days", "TLS-CERT-LONG",
        setup=Setup(issue=lambda kit: kit.authority.issue(lifetime=365 * _DAY), public=True),
    ),
    _fault(
        "no-caa", "any public CA may issue certificates for the name", "TLS-CAA", setup=_named(),
    ),
    _fault(
        "must-staple", "the certificate requires an OCSP staple and none is sent", "TLS-STAPLE",
        setup=_issue(must_staple=True),
    ),
    _fault(
        "revoked", "the certificate is revoked, by its OCSP staple", "TLS-REVOKED",
        setup=Setup(staple=lambda kit, issued: staple(kit.authority, issued, revoked=True)),
    ),
    _fault(
        "stale-staple", "the OCSP staple expired a day ago", "TLS-STAPLE-INVALID",
        setup=Setup(staple=lambda kit, issued: staple(kit.authority, issued, begins=-8 * _DAY)),
    ),
    _fault(
        "second-expired", "the RSA certificate beside a valid ECDSA one has expired",
        "TLS-CERT-EXPIRED", setup=Setup(second=_expired_rsa),
    ),
    _fault(
        "default-expired", "the certificate for clients without SNI has expired",
        "TLS-CERT-EXPIRED", setup=Setup(default=_issue(not_before=-92 * _DAY).issue),
    ),
    _fault(
        "legacy", "SSLv3, TLS 1.0 and TLS 1.1 are accepted", "TLS-LEGACY",
        setup=Setup(on_hello=old_versions),
    ),
    _fault(
        "no-tls13", "TLS 1.3 is not supported", "TLS-NO13", "TLS-NO-PQ",
        setup=Setup(best=SSL.TLS1_2_VERSION),
    ),
    _fault(
        "weak-cipher", "RC4, 3DES and anonymous suites are accepted", "TLS-WEAK-CIPHER",
        setup=Setup(on_hello=accepts((0x0005, 0x000A, 0x0018))),
    ),
    _fault(
        "cbc", "CBC suites are accepted", "TLS-WEAK-CIPHER",
        setup=Setup(ciphers=f"{GOOD_CIPHERS}:ECDHE-ECDSA-AES128-SHA"),
    ),
    _fault(
        "rsa-only", "only TLS 1.2 with static RSA is supported, which Go and Python do not offer",
        "TLS-CLIENTS-CUT", "TLS-WEAK-CIPHER", "TLS-NO13", "TLS-NO-PQ",
        setup=Setup(issue=lambda kit: kit.authority.issue(key=_rsa(2048)),
                    ciphers="AES128-GCM-SHA256", best=SSL.TLS1_2_VERSION),
    ),
    _fault(
        "small-dh", "the Diffie-Hellman prime has 1024 bits", "TLS-DH-SMALL",
        setup=Setup(on_hello=small_prime),
    ),
    _fault(
        "no-pq", "no post-quantum group is supported", "TLS-NO-PQ",
        setup=Setup(groups="X25519:P-256"),
    ),
    _fault(
        "big-hello", "a ClientHello of more than one packet is refused", "TLS-BIG-HELLO",
        reason=Reason.TLS_HANDSHAKE, setup=Setup(on_hello=no_large_hello),
    ),
    _fault(
        "no-resume", "sessions cannot be resumed", "TLS-NO-RESUME",
        setup=Setup(resume=False),
    ),
    _fault(  # OpenSSL keeps to the limit of TLS 1.3
        "long-tickets", "session tickets are valid for two days, with TLS 1.2 only",
        "TLS-TICKET-LONG", "TLS-NO13", "TLS-NO-PQ",
        setup=Setup(best=SSL.TLS1_2_VERSION, ticket_seconds=172_800),
    ),
    _fault(
        "early-data", "early data is accepted", "TLS-0RTT-ON", setup=Setup(early_data=16384),
    ),
    _fault(
        "no-ems", "the TLS 1.2 extended master secret is not supported", "TLS-EMS",
        setup=Setup(on_hello=tls12_hello(extended=False)),
    ),
    _fault(
        "insecure-reneg", "secure renegotiation is not supported in TLS 1.2", "TLS-RENEG",
        setup=Setup(on_hello=tls12_hello(secure=False)),
    ),
    _fault(
        "compression", "TLS 1.2 compression (DEFLATE) is accepted", "TLS-COMPRESS",
        setup=Setup(on_hello=tls12_hello(compression=n.DEFLATE)),
    ),
    _fault(
        "mtls-optional", "a client certificate is requested but not required",
        "TLS-MTLS-OPTIONAL",
        setup=Setup(ask_client=True),
    ),
    _fault(
        "mtls-required", "a client certificate is required",
        reason=Reason.TLS_CLIENT_CERTIFICATE_REQUIRED, setup=Setup(need_client=True),
    ),
    *(
        _fault(
            f"{name}-{wrong}", meaning, *triggers, reason=reason,
            setup=Setup(starttls=name, wrong=wrong),
        )
        for name in NAMES
        for wrong, meaning, triggers, reason in _WRONG
    ),
    _fault(
        "smtp-drip", "the greeting comes byte by byte and has no end",
        reason=Reason.BUDGET_EXCEEDED, setup=Setup(starttls="smtp", wrong="drip"),
    ),
    _fault(
        "smtp-endless", "the greeting has no end",
        reason=Reason.PROTOCOL_VIOLATION, setup=Setup(starttls="smtp", wrong="endless"),
    ),
)  # fmt: skip

TOUR = ("missing-intermediate",)
"""The faults that `seventh tour` shows."""


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Run a TLS server whose only fault is ``fault``."""
    setup = fault.setup if isinstance(fault, TlsFault) else Setup()
    issued = setup.issue(kit)
    context = server_context(
        issued,
        staple=setup.staple(kit, issued) if setup.staple is not None else None,
        second=setup.second(kit) if setup.second is not None else None,
        default=setup.default(kit) if setup.default is not None else None,
        ciphers=setup.ciphers,
        groups=setup.groups,
        best=setup.best,
        resume=setup.resume,
        early_data=setup.early_data,
        ask_client=setup.ask_client,
        need_client=setup.need_client,
        client_ca=str(kit.authority.ca_file),
    )
    if setup.ticket_seconds is not None:
        context.set_timeout(setup.ticket_seconds)
    trust = "ca_store" if setup.public else "ca_file"
    before = front(setup.starttls, setup.wrong) if setup.starttls is not None else None
    options = {trust: str(kit.authority.ca_file), "server_name": "lab.test"}
    if setup.starttls is not None:
        options["starttls"] = setup.starttls
    async with contextlib.AsyncExitStack() as stack:
        if setup.host:
            zone = {setup.host: {"A": ("127.0.0.1",), **setup.zone}}
            options["resolver"] = await stack.enter_async_context(name_server(zone))
            options["server_name"] = setup.host
        server = tls_server(
            context, front=before, on_hello=setup.on_hello, early_data=setup.early_data > 0
        )
        port = await stack.enter_async_context(server)
        yield Served(target=f"tls://{setup.host or '127.0.0.1'}:{port}", options=options)
