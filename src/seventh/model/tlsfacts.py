"""What TLS learns of a peer; any room whose protocol stands on TLS carries these facts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Literal

import msgspec

from seventh.model.facts import Facts
from seventh.model.failure import Reason

ChainState = Literal[
    "trusted", "missing-intermediate", "unknown-root", "self-signed", "invalid", "unverified"
]
"""Where the way from the server's certificate to a trusted root ends; dates are judged apart.
``unverified``: a key or a signature is of a kind that cannot be checked here."""

ClientCertificate = Literal["not-requested", "optional", "required", "refused-later", "given"]
"""``refused-later``: the handshake succeeds without one, then the application answers with an
error. ``given``: one was sent, so it is unknown what happens without."""

CERTIFICATE_REFUSALS = frozenset({400, 401, 403, 495, 496})
"""Statuses with which HTTP servers turn away a client without a certificate; 495 and 496 are
nginx's own."""


class Topic(StrEnum):
    """What a look at TLS may fail to learn."""

    SSL3 = "SSLv3"
    TLS10 = "TLSv1.0"
    TLS11 = "TLSv1.1"
    TLS12 = "TLS 1.2"
    """What a server of TLS 1.2 says to a hello that offers everything."""
    HELLOS = "hellos"
    """All that only bare hellos tell: the server answers none."""
    BROKEN_SUITES = "broken cipher suites"
    OBSOLETE_SUITES = "obsolete cipher suites"
    MORE_SUITES = "more cipher suites"
    FINITE_FIELD = "Diffie-Hellman"
    HYBRID_GROUP = "post-quantum groups"
    CHAIN = "certificate chain"
    OTHER_CERTIFICATES = "certificates of other key types"
    TICKET = "session ticket"
    RESUMPTION = "resumption"
    EARLY_DATA = "early data"


class Mismatch(StrEnum):
    """Why none of a certificate's names stands for a host."""

    OTHER = "other"
    """It names other hosts."""
    NONE = "none"
    """It has no subject alternative names; the common name does not count."""
    NO_HOST = "no-host"
    """Its subject alternative names are URIs, mail addresses and the like."""
    ADDRESS_AS_DNS = "address-as-dns-name"
    """The address is there, as a DNS name, which clients do not compare with addresses."""
    UNREADABLE = "unreadable"


MIN_RSA_BITS = 2048
MIN_EC_BITS = 224
FORGEABLE_HASHES = frozenset({"md2", "md4", "md5", "sha1"})


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate of the chain that the server sent."""

    subject: str
    issuer: str
    names: tuple[str, ...] = ()
    """Its subject alternative names: DNS names and IP addresses; the first of them."""
    names_count: int = 0
    """How many such names it has."""
    serial: str = ""
    not_before: str = ""
    not_after: str = ""
    days_left: float = 0.0
    """Until not_after; negative when that is past."""
    days_to_start: float = 0.0
    """Until not_before; negative when it has begun."""
    lifetime_days: float = 0.0
    key_type: str = ""
    """``RSA``, ``EC``, ``Ed25519`` …"""
    key_bits: int | None = None
    signature_hash: str | None = None
    """``sha256`` …; None where the signature scheme has no hash of its own (Ed25519)."""
    version: int = 3
    self_issued: bool = False
    """Subject and issuer are the same: a root, or a self-signed certificate."""
    must_staple: bool | None = False
    """Whether clients must get an OCSP staple (RFC 7633); None where that cannot be read."""
    size_bytes: int = 0
    sha256: str = ""
    """The fingerprint, in hexadecimal."""
    problem: str = ""
    """Why it could not be read, where it could not."""
    unjudged: str = ""
    """What of its key or signature is not known here, so that it cannot be judged."""

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """Why its signatures could be forged; none for a key and hash that clients accept.

        A self-issued certificate's own signature proves nothing, so its hash is not judged.
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
    """Something wrong with the chain as sent that careful clients get over and others do not."""

    kind: ChainProblemKind
    value: str = ""
    """What it concerns: the certificates by subject, a number, a date."""
    text: str = ""
    """Kind and value, as one line."""


def way_up(chain: tuple[Certificate, ...], path: tuple[str, ...] = ()) -> tuple[Certificate, ...]:
    """Pick the sent certificates that lead up from the server's own; others do no harm.

    ``path`` has the fingerprints of the verified path, where that is known. Without it the names
    lead, and of several issuers of one name one whose dates are right.
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


class OtherCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A further certificate of the server, for clients that take another kind of key.

    Its fields are those of :class:`TlsFacts`.
    """

    key_type: str
    chain: tuple[Certificate, ...]
    verified_path: tuple[str, ...] = ()
    chain_bytes: int | None = None
    chain_state: ChainState | None = None
    chain_problems: tuple[ChainProblem, ...] = ()
    verify_errors: tuple[str, ...] = ()
    expired_errors: tuple[str, ...] = ()
    trust: Literal["system", "given"] | None = None
    host_matches: bool | None = None
    mismatch: Mismatch | None = None
    certificate_reason: Reason | None = None
    certificate_detail: str = ""
    staple: bool | None = None

    def as_main(self) -> dict[str, object]:
        """Give the fields by the names that :class:`TlsFacts` has for the main certificate."""
        return {name: getattr(self, name) for name in self.__struct_fields__ if name != "key_type"}


class TlsFacts(Facts, frozen=True, kw_only=True):
    """What the handshakes and the bare hellos told."""

    ROOM: ClassVar[str] = "tls"
    LINES: ClassVar[tuple[str, ...]] = ("unlearnt",)

    server_name: str = ""
    """The name that was asked for and that the certificate is held against."""

    configured: bool = False
    """Whether a server's configuration file says all this, and no handshake showed it."""
    security_level: int | None = None
    """OpenSSL's security level that the file sets; None where it leaves it to the library."""

    # The main handshake: everything offered, newest first.
    version: str | None = None
    cipher: str | None = None
    group: str | None = None
    alpn: str | None = None
    handshake_seconds: float | None = None
    handshake_bytes: int | None = None
    """What the server sent until the handshake was complete."""

    large_hello_bytes: int | None = None
    """The size of a ClientHello with a post-quantum share that failed, where a smaller one did not;
    then all that a handshake shows is from the smaller one."""
    small_hello_bytes: int | None = None

    # Its certificate.
    chain: tuple[Certificate, ...] = ()
    """As sent; the server's own first."""
    verified_path: tuple[str, ...] = ()
    """SHA-256 fingerprints of the path that the verification built, the server's own first."""
    chain_bytes: int | None = None
    chain_state: ChainState | None = None
    chain_problems: tuple[ChainProblem, ...] = ()
    verify_errors: tuple[str, ...] = ()
    """Every error of the verification, as OpenSSL words it, with the depth."""
    expired_errors: tuple[str, ...] = ()
    """Those of them that are of a certificate past its end, sent or not."""
    trust: Literal["system", "given"] | None = None
    """Whose root it leads to: the system's store, or the one given with --ca."""
    host_matches: bool | None = None
    mismatch: Mismatch | None = None
    """Why none of the certificate's names stands for ``server_name``."""
    certificate_reason: Reason | None = None
    """Why a client would refuse the certificate; None when it would not, or none was seen."""
    certificate_detail: str = ""
    cert_expiry_timestamp_seconds: float | None = None
    """The earliest end of validity among the certificates that clients need, as Unix time."""
    staple: bool | None = None
    """Whether an OCSP response came with the handshake that asked for one."""
    client_certificate: ClientCertificate | None = None
    other_certificates: tuple[OtherCertificate, ...] = ()
    """What clients get that take keys of another kind (RSA or EC) only."""

    # Resumption and early data.
    tickets: int | None = None
    """How many session tickets came after the handshake."""
    ticket_lifetime_seconds: int | None = None
    ticket_key_name: str | None = None
    """The first 16 bytes of the ticket: with most servers the name of the key that seals it."""
    max_early_data_bytes: int | None = None
    early_data_accepted: bool | None = None
    resumed: bool | None = None
    resumed_seconds: float | None = None
    resumption_gain_seconds: float | None = None
    not_resumed_at: tuple[str, ...] = ()
    """The name's other addresses that do not take up a session of the first."""

    # Bare hellos.
    versions: tuple[str, ...] = ()
    """Accepted, oldest first."""
    versions_refused: tuple[str, ...] = ()
    broken_suites: tuple[str, ...] | None = None
    """Accepted suites without encryption, authentication or 112 bits; perhaps not all of them."""
    obsolete_suites: tuple[str, ...] | None = None
    """Accepted suites with CBC or without forward secrecy; perhaps not all of them."""
    all_suites: bool | None = None
    """Whether these two lists are complete."""
    dh_bits: int | None = None
    """The size of the shortest Diffie-Hellman prime that was seen; 0 when the server
    refuses finite-field groups."""
    hybrid_group: str | None = None
    """The post-quantum hybrid group that it selects; an empty text when it selects none."""
    extended_master_secret: bool | None = None
    secure_renegotiation: bool | None = None
    compression: bool | None = None
    """Whether a TLS 1.2 hello that offers DEFLATE gets it."""
    unknown: Mapping[Topic, str] = msgspec.field(default={}, name="unlearnt")
    """What could not be asked or was not answered, and why."""
