"""Facts of TLS, for every room whose protocol runs over it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Literal

import msgspec

from seventh.model.facts import Facts
from seventh.model.failure import Reason
from seventh.model.localfacts import Unread
from seventh.model.product import product_of
from seventh.model.revocation import OcspResponse, Revocation
from seventh.model.starttls import StarttlsName
from seventh.model.tlsclients import TlsFit
from seventh.model.tlslocal import KeyFile, Renewal, Renewer, Served, Service

ChainState = Literal[
    "trusted", "missing-intermediate", "unknown-root", "self-signed", "invalid", "unverified"
]
"""Whether the chain leads to a trusted root; validity dates are judged separately.
``unverified``: a key or signature algorithm is not supported here."""

ClientCertificate = Literal["not-requested", "optional", "required", "refused-later", "given"]
"""``refused-later``: the handshake succeeds without one, and the application returns an error.
``given``: one was sent, so it is unknown whether it is required."""

CERTIFICATE_REFUSALS = frozenset({400, 401, 403, 495, 496})
"""HTTP statuses for a client without a certificate; 495 and 496 are nginx's."""


class Topic(StrEnum):
    """What a check of TLS may fail to learn."""

    SSL3 = "SSLv3"
    TLS10 = "TLSv1.0"
    TLS11 = "TLSv1.1"
    TLS12 = "TLS 1.2"
    """The response to a TLS 1.2 ClientHello that offers everything."""
    HELLOS = "hellos"
    """All that bare ClientHellos show: the server answers none."""
    BROKEN_SUITES = "broken cipher suites"
    OBSOLETE_SUITES = "obsolete cipher suites"
    MORE_SUITES = "more cipher suites"
    ALL_SUITES = "all cipher suites"
    FINITE_FIELD = "Diffie-Hellman"
    HYBRID_GROUP = "post-quantum groups"
    CHAIN = "certificate chain"
    OTHER_CERTIFICATES = "certificates of other key types"
    TICKET = "session ticket"
    RESUMPTION = "resumption"
    EARLY_DATA = "early data"
    CAA = "CAA records"


class Mismatch(StrEnum):
    """Why none of a certificate's names matches the host."""

    OTHER = "other"
    """It has the names of other hosts."""
    NONE = "none"
    """It has no subject alternative names; clients ignore the common name."""
    NO_HOST = "no-host"
    """Its subject alternative names are URIs, mail addresses and the like."""
    ADDRESS_AS_DNS = "address-as-dns-name"
    """It has the address as a DNS name, which clients do not compare with addresses."""
    UNREADABLE = "unreadable"


MIN_RSA_BITS = 2048
MIN_EC_BITS = 224
FORGEABLE_HASHES = frozenset({"md2", "md4", "md5", "sha1"})


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate of the chain that the server sent."""

    subject: str
    issuer: str
    names: tuple[str, ...] = ()
    """The first of its subject alternative names: DNS names and IP addresses."""
    names_count: int = 0
    """The number of such names."""
    serial: str = ""
    not_before: str = ""
    not_after: str = ""
    days_left: float = 0.0
    """Until not_after; negative when that is past."""
    days_to_start: float = 0.0
    """Until not_before; negative when that is past."""
    lifetime_days: float = 0.0
    key_type: str = ""
    """``RSA``, ``EC``, ``Ed25519`` …"""
    key_bits: int | None = None
    signature_hash: str | None = None
    """``sha256`` …; None where the signature scheme has no separate hash (Ed25519)."""
    version: int = 3
    self_issued: bool = False
    """Subject and issuer are the same: a root, or a self-signed certificate."""
    must_staple: bool | None = False
    """Whether it requires an OCSP staple (RFC 7633); None where that cannot be read."""
    size_bytes: int = 0
    sha256: str = ""
    """The fingerprint, in hexadecimal."""
    sha512: str = ""
    key_sha256: str = ""
    """Of its public key (SubjectPublicKeyInfo), as pins and TLSA have it; empty if unreadable."""
    key_sha512: str = ""
    problem: str = ""
    """Why it could not be read; empty when it was."""
    unjudged: str = ""
    """The key or signature algorithm that is not supported here, so that it cannot be judged."""

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """Why its signatures could be forged; empty for a key and hash that clients accept.

        The signature of a self-issued certificate proves nothing, so its hash is not judged.
        """
        found: list[str] = []
        bits = self.key_bits
        least = {"RSA": MIN_RSA_BITS, "DSA": MIN_RSA_BITS, "EC": MIN_EC_BITS}.get(self.key_type, 0)
        if bits is not None and bits < least:
            found.append(f"{self.key_type} {bits} bits")
        if self.signature_hash in FORGEABLE_HASHES and not self.self_issued:
            found.append(self.signature_hash.upper())
        if self.version < 3:
            found.append(f"X.509 v{self.version}")
        return tuple(found)


ChainProblemKind = Literal[
    "order", "root-sent", "duplicate", "too-long", "stranger", "expired-leftover",
    "expiring-leftover", "unreadable",
]  # fmt: skip


class ChainProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A fault of the chain as sent, which some clients tolerate and others do not."""

    kind: ChainProblemKind
    value: str = ""
    """What it concerns: the certificates by subject, a number, a date."""
    text: str = ""
    """Kind and value, as one line."""


def path_up(chain: tuple[Certificate, ...], path: tuple[str, ...] = ()) -> tuple[Certificate, ...]:
    """Return the sent certificates of the path from the server's own to a root.

    ``path`` has the fingerprints of the verified path, if known. Otherwise issuers are found by
    name; of several with one name, one whose dates are valid.
    """
    if path:
        sent = {certificate.sha256: certificate for certificate in chain}
        return tuple(sent[fingerprint] for fingerprint in path if fingerprint in sent)
    way = [chain[0]]
    while not way[-1].self_issued:
        above = [c for c in chain if c.subject == way[-1].issuer and c not in way]
        if not above:
            break
        way.append(next((c for c in above if c.days_left >= 0 >= c.days_to_start), above[0]))
    return tuple(way)


class CertificateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate of a server with its chain, and the verdict on it."""

    chain: tuple[Certificate, ...] = ()
    """As sent; the server's own first."""
    verified_path: tuple[str, ...] = ()
    """SHA-256 fingerprints of the verified path, the server's own first."""
    chain_bytes: int | None = None
    chain_state: ChainState | None = None
    chain_problems: tuple[ChainProblem, ...] = ()
    verify_errors: tuple[str, ...] = ()
    """Every error of the verification, in OpenSSL's words, with the depth."""
    expired_errors: tuple[str, ...] = ()
    """Those errors that concern an expired certificate, sent or not."""
    trust: Literal["system", "given"] | None = None
    """The store of the root: the system's, or the one given with --ca."""
    host_matches: bool | None = None
    mismatch: Mismatch | None = None
    """Why none of the certificate's names matches the server's name."""
    certificate_reason: Reason | None = None
    """Why a client would refuse the certificate; None when it would not, or none was sent."""
    certificate_detail: str = ""
    staple: bool | None = None
    """Whether an OCSP response was stapled when one was requested."""
    ocsp: OcspResponse | None = None
    """That response."""
    revocation: tuple[Revocation, ...] = ()
    """The status of each certificate below the root by --crl, and of the server's own by the
    staple; empty without either."""

    def certificate(self) -> dict[str, Any]:
        """Return these fields alone, to learn them of the main certificate."""
        return {name: getattr(self, name) for name in CertificateFacts.__struct_fields__}


CertificateFor = Literal["key-type", "no-name", "name"]
"""Which clients get a further certificate: those that support only its key type, those that send
no server name (SNI), or those that ask for another name of the site."""


class OtherCertificate(CertificateFacts, frozen=True, kw_only=True):
    """A further certificate of the server, which other clients get."""

    key_type: str
    sent_to: CertificateFor = "key-type"
    server_name: str = ""
    """The name that was asked for, where that is another."""

    @property
    def is_placeholder(self) -> bool:
        """Whether it is a self-signed certificate that stands where no name was sent.

        Servers serve such a one on purpose; it is meant for no client.
        """
        return (
            self.sent_to == "no-name"
            and self.chain_state == "self-signed"
            and self.host_matches is not True
        )


class CertificateFile(CertificateFacts, frozen=True, kw_only=True):
    """A file of a certificate and its chain on this machine."""

    SHOWN: ClassVar[tuple[str, ...]] = ("path", "services", "server_name", "key", "served")

    path: str
    services: tuple[Service, ...] = ()
    """Those whose configuration names it; empty where only an ACME client keeps it."""
    server_name: str = ""
    """The first name that the configuration, or else the certificate, has for it."""
    client: Renewal | None = None
    """The ACME client that keeps it."""
    key: KeyFile | None = None
    served: tuple[Served, ...] = ()
    expires: float | None = None
    """The earliest end of validity in it, as Unix time."""
    unread: Unread | None = None


class TlsLocalFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The certificates of this machine's services, in their files."""

    SHOWN: ClassVar[tuple[str, ...]] = ("files", "renewers")

    files: tuple[CertificateFile, ...] = ()
    renewers: tuple[Renewer, ...] | None = None
    """None where the timers or the jobs of cron could not be listed."""
    systemd: bool = False
    """Whether systemd runs this machine."""
    unread: tuple[Unread, ...] = ()

    @property
    def cert_expiry_timestamp_seconds(self) -> float | None:
        """The earliest expiry among the certificates of services, as Unix time."""
        found = [file.expires for file in self.files if file.services and file.expires]
        return min(found, default=None)


class Starttls(msgspec.Struct, frozen=True, kw_only=True):
    """The dialogue in clear before TLS."""

    protocol: StarttlsName
    greeting: str = ""
    """The server's greeting, or the software that it names there."""
    injected_bytes: int | None = None
    """How much came in clear after the go-ahead; discarded. None where there was no go-ahead."""
    injected: str = ""
    """The beginning of it."""


class Caa(msgspec.Struct, frozen=True, kw_only=True):
    """The CAA records that apply to the server's name (RFC 8659)."""

    name: str = ""
    """The nearest name that has some, the server's own or one above it; empty for none."""
    records: tuple[str, ...] = ()
    """In presentation form: flags, tag, value."""

    @property
    def tags(self) -> frozenset[str]:
        """The properties that the records set, such as ``issue``."""
        words = (record.split() for record in self.records)
        return frozenset(word[1].lower() for word in words if len(word) > 1)


class EarlyDataReplay(msgspec.Struct, frozen=True, kw_only=True):
    """A safe request in early data, sent twice: the same bytes on two connections."""

    version: str
    """Of HTTP."""
    first_resumed: bool = False
    """Whether the first connection's ServerHello selected the session ticket."""
    resumed: bool = False
    """Whether the replay's did."""
    accepted: bool = False
    """Whether the replay's EncryptedExtensions accept the early data."""
    same_size: bool = False
    """Whether the first connection's EncryptedExtensions are as long, which they are only if they
    accept it too: their keys are not known, but the extension takes four bytes."""
    status: int | None = None
    """Of the response to the replay; None if none came before the handshake was complete."""
    failed: str = ""
    """Why the replay could not be sent, or how it failed."""


class TlsFacts(CertificateFacts, Facts, frozen=True, kw_only=True):
    """The facts of the handshakes and the bare ClientHellos."""

    ROOM: ClassVar[str] = "tls"
    LINES: ClassVar[tuple[str, ...]] = ("unlearnt",)

    server_name: str = ""
    """The name that was sent (SNI) and compared with the certificate."""

    local: TlsLocalFacts | None = None
    """What `seventh local certificates` has learnt; None in a report that is not of it."""
    starttls: Starttls | None = None
    """None where TLS starts with the connection."""
    configured: bool = False
    """Whether the facts are from a configuration file and not from a handshake."""
    security_level: int | None = None
    """OpenSSL's security level that the file sets; None for the library's default."""

    # The main handshake: everything offered, newest first.
    version: str | None = None
    cipher: str | None = None
    group: str | None = None
    alpn: str | None = None
    handshake_seconds: float | None = None
    handshake_bytes: int | None = None
    """The bytes that the server sent until the handshake was complete."""

    as_clients: tuple[TlsFit, ...] = ()
    """What the clients of ``--as`` negotiate."""

    large_hello_bytes: int | None = None
    """The size of a ClientHello with a post-quantum share that failed where a smaller one
    succeeded; the facts of the handshake are then from the smaller one."""
    small_hello_bytes: int | None = None

    cert_expiry_timestamp_seconds: float | None = None
    """The earliest end of validity among the certificates that clients need, as Unix time."""
    caa: Caa | None = None
    client_certificate: ClientCertificate | None = None
    other_certificates: tuple[OtherCertificate, ...] = ()
    """The certificates for clients that support only another key type (RSA, EC, EdDSA), that send
    no server name, or that ask for the site's other name (www)."""

    # Resumption and early data.
    tickets: int | None = None
    """The number of session tickets after the handshake."""
    ticket_lifetime_seconds: int | None = None
    ticket_key_name: str | None = None
    """The first 16 bytes of the ticket: with most servers the name of the key that encrypts it."""
    max_early_data_bytes: int | None = None
    early_data_accepted: bool | None = None
    early_data_replay: EarlyDataReplay | None = None
    resumed: bool | None = None
    resumed_seconds: float | None = None
    resumption_gain_seconds: float | None = None
    not_resumed_at: tuple[str, ...] = ()
    """The name's other addresses that do not resume a session of the first."""

    # Bare hellos.
    versions: tuple[str, ...] = ()
    """Accepted, oldest first."""
    versions_refused: tuple[str, ...] = ()
    broken_suites: tuple[str, ...] | None = None
    """Accepted suites with NULL, EXPORT, RC2, RC4, DES, 3DES or no authentication."""
    obsolete_suites: tuple[str, ...] | None = None
    """Accepted suites with CBC or without forward secrecy that are not broken."""
    all_suites: bool | None = None
    """Whether these two lists are complete."""
    unasked_suites: int | None = None
    """The number of suites of these kinds that were not tested."""
    suites: tuple[str, ...] | None = None
    """All suites of TLS 1.2 that a server without TLS 1.3 accepts; None if not known of all."""
    dh_bits: int | None = None
    """The size of the shortest Diffie-Hellman prime; 0 when finite-field groups are refused."""
    hybrid_group: str | None = None
    """The post-quantum hybrid group that it selects; empty when it selects none."""
    extended_master_secret: bool | None = None
    secure_renegotiation: bool | None = None
    compression: bool | None = None
    """Whether DEFLATE is negotiated in TLS 1.2."""
    unknown: Mapping[Topic, str] = msgspec.field(default={}, name="unlearnt")
    """What could not be learnt, and why."""

    @property
    def product(self) -> str:
        """The software that the greeting names, else the protocol of ``--starttls``."""
        if self.starttls is None:
            return ""
        return product_of(self.starttls.greeting) or self.starttls.protocol
