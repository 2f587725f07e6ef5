"""What a check of an SSH server learns."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

import msgspec

from seventh.model.facts import Facts
from seventh.model.product import product_of
from seventh.protocols.ssh.facts.certificates import SshCertificate
from seventh.protocols.ssh.facts.choice import Choice as Choice
from seventh.protocols.ssh.facts.choice import Names as Names
from seventh.protocols.ssh.facts.clients import ClientFit
from seventh.protocols.ssh.facts.config import SshConfigFacts
from seventh.protocols.ssh.facts.deviations import Deviation
from seventh.protocols.ssh.facts.local import SshLocalFacts
from seventh.protocols.ssh.facts.login import Login, Trust
from seventh.protocols.ssh.facts.session import SessionFacts


class Topic(StrEnum):
    """What a check of an SSH server may fail to learn."""

    EXTENSIONS = "extensions"
    SMALLEST_GROUP = "smallest group"
    SSHFP = "SSHFP"
    RSA_KEY = "ssh-rsa host key"
    ED25519_KEY = "ssh-ed25519 host key"
    P256_KEY = "ecdsa-sha2-nistp256 host key"
    P384_KEY = "ecdsa-sha2-nistp384 host key"
    P521_KEY = "ecdsa-sha2-nistp521 host key"
    ED448_KEY = "ssh-ed448 host key"
    DSS_KEY = "ssh-dss host key"
    HOST_CERTIFICATES = "host certificates"
    LOGIN = "login"
    ROOT_METHODS = "root's methods"
    KEEPALIVES = "keepalives"
    EXEC = "exec"
    SECOND_CHANNEL = "second channel"
    TERMINAL = "terminal"
    SFTP = "SFTP"
    SFTP_WHERE = "SFTP where"
    SFTP_READ = "SFTP read"
    SFTP_WRITE = "SFTP write"
    THROUGHPUT = "throughput"
    PROGRAMS = "programs"
    FORWARDING = "forwarding"
    STARTUPS = "unauthenticated connections"
    REQUESTED_FORWARDS = "requested forwardings"


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The ten name-lists of a KEXINIT, under the names that RFC 4253 §7.1 gives them."""

    kex_algorithms: Names = ()
    server_host_key_algorithms: Names = ()
    encryption_algorithms_client_to_server: Names = ()
    encryption_algorithms_server_to_client: Names = ()
    mac_algorithms_client_to_server: Names = ()
    mac_algorithms_server_to_client: Names = ()
    compression_algorithms_client_to_server: Names = ()
    compression_algorithms_server_to_client: Names = ()
    languages_client_to_server: Names = ()
    languages_server_to_client: Names = ()

    @property
    def ciphers(self) -> Names:
        """The ciphers of both directions, each once, in order."""
        return _union(
            self.encryption_algorithms_client_to_server,
            self.encryption_algorithms_server_to_client,
        )

    @property
    def macs(self) -> Names:
        """The MACs of both directions, each once, in order."""
        return _union(self.mac_algorithms_client_to_server, self.mac_algorithms_server_to_client)

    @property
    def compressions(self) -> Names:
        """The compression methods of both directions, each once, in order."""
        return _union(
            self.compression_algorithms_client_to_server,
            self.compression_algorithms_server_to_client,
        )


def _union(*lists: Names) -> Names:
    return tuple(dict.fromkeys(name for names in lists for name in names))


class Startups(msgspec.Struct, frozen=True, kw_only=True):
    """Connections without a login, opened one after another and kept open."""

    held: int
    """How many got the identification string."""
    refusal: str | None = None
    """How the next one was refused: the server's text, or a failure's reason; None for not."""


class HostKey(msgspec.Struct, frozen=True, kw_only=True):
    """One host key; for a certificate, fingerprints and ``bits`` are those of the key inside."""

    type: str
    bits: int
    sha256: str
    """As OpenSSH writes it: ``SHA256:`` and base64 without padding."""
    sha256_hex: str
    """As an SSHFP record of fingerprint type 2 has it (RFC 6594)."""
    sha1_hex: str
    """As an SSHFP record of fingerprint type 1 has it (RFC 4255)."""
    certificate: bool = False
    signature_algorithm: str = ""
    signature_valid: bool | None = None
    """Whether its signature over the exchange hash verified, which proves that it is the host's;
    None where it could not be verified."""


class Sshfp(msgspec.Struct, frozen=True, kw_only=True):
    """One SSHFP record (RFC 4255 §3.1)."""

    algorithm: int
    fingerprint_type: int
    fingerprint: str
    """In lower-case hex."""


class GroupAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one request of group exchange (RFC 4419 §3); sizes in bits."""

    minimum: int
    preferred: int
    maximum: int
    bits: int | None = None
    """The modulus; None where the server refused the request."""
    group: int | None = None
    """Its number, if it is one of RFC 3526's groups."""
    detail: str = ""
    """How it was refused."""

    @property
    def is_fallback(self) -> bool:
        """Whether it may be OpenSSH's built-in group 14.

        The server uses it if the moduli file has no group for a client that allows less than 3072
        bits.
        """
        return self.group == 14 and self.maximum < 3072


class SshFacts(Facts, frozen=True, kw_only=True):
    """What a check of an SSH server, or its configuration file, shows."""

    ROOM: ClassVar[str] = "ssh"

    ident: str | None = None
    """The server's identification string, printable."""
    protocol_version: str | None = None
    software: str | None = None
    comments: str | None = None
    pre_ident_lines: Names = ()
    """Lines sent before the identification string (RFC 4253 §4.2); the first 50 of them."""
    pre_ident_line_count: int = 0
    """How many there were."""
    banner_seconds: float | None = None
    """From the connection's establishment to the identification string."""
    further_banner_seconds: tuple[float, ...] = ()
    """The same on the connections after the first."""
    rtt_seconds: float | None = None
    """The round trip measured while connecting."""
    kexinit_seconds: float | None = None
    """From the identification string to KEXINIT."""
    kex_seconds: float | None = None
    """From our ECDH, hybrid or DH init to the server's NEWKEYS."""
    kexinit: Proposal | None = None
    strict_kex: bool | None = None
    """Whether the server offers strict key exchange, the fix for Terrapin."""
    negotiated: Choice | None = None
    as_clients: tuple[ClientFit, ...] = ()
    """What the clients of ``--as`` negotiate."""
    host_keys: tuple[HostKey, ...] = ()
    host_certificates: tuple[SshCertificate, ...] = ()
    """The certificates that the server presented for its host keys."""
    host_keys_by_address: Mapping[str, Names] = {}
    """``TYPE SHA256:…`` by address of the name, each with the same request."""
    gex_bits: int | None = None
    """The smallest modulus that the server gave, in bits."""
    gex_answers: tuple[GroupAnswer, ...] = ()
    """Its answer to each request."""
    extensions: Names | None = None
    """Names of the extensions in EXT_INFO; None if none was received or it could not be read."""
    server_sig_algs: Names | None = None
    """Signature algorithms accepted from users (RFC 8308 §3.1)."""
    sshfp: tuple[Sshfp, ...] | None = None
    """The name's SSHFP records; None if not requested, or if the query failed."""
    sshfp_authenticated: bool | None = None
    """Whether the resolver set the AD bit in the answer; Seventh does not validate by itself."""
    trust: tuple[Trust, ...] = ()
    """The status in known_hosts of each host key seen."""
    startups: Startups | None = None
    """How many connections without a login are kept open; None if that was not tested."""
    login: Login | None = None
    """The login; None if none was requested."""
    session: SessionFacts | None = None
    """The channels of the login."""
    config: SshConfigFacts | None = None
    """What a configuration file sets and the wire does not show."""
    local: SshLocalFacts | None = None
    """What the machine itself shows (``seventh local ssh``); None in a check."""
    deviations: tuple[Deviation, ...] = ()
    """Violations of the standard that clients tolerate."""
    unknown: Mapping[Topic, str] = msgspec.field(default={}, name="unlearnt")
    """What could not be learnt, and why."""

    @property
    def product(self) -> str:
        """The software that the identification string names."""
        return product_of(self.software or "")
