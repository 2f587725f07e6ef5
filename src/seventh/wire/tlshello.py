"""The first messages of TLS, without cryptography. Sans-IO: bytes in, events out.

A hello tells more about a server than a finished handshake: a modern library refuses to *speak*
SSLv3, RC4 or a 768-bit group, but anyone may *ask* for them and read the answer.
"""

from __future__ import annotations

import functools
import ipaddress

import msgspec

from seventh.model.failure import ProtocolViolation, UsageError
from seventh.wire import tlsnames as n
from seventh.wire.reader import Reader, vector
from seventh.wire.text import printable

MAX_CERTIFICATES = 64

Extensions = tuple[tuple[int, bytes], ...]


class ClientHello(msgspec.Struct, frozen=True, kw_only=True):
    """A ClientHello; ``extensions`` is None where even their length is left out, as in SSLv3."""

    version: int
    random: bytes
    session_id: bytes = b""
    suites: tuple[int, ...]
    compressions: bytes = b"\x00"
    extensions: Extensions | None = ()

    def extension(self, kind: int) -> bytes | None:
        """Return the first extension of that kind."""
        return _find(self.extensions or (), kind)

    @property
    def best_version(self) -> int:
        """The highest version that it offers."""
        listed = self.extension(n.SUPPORTED_VERSIONS)
        if listed is None:
            return self.version
        reader = Reader(listed, "supported_versions").nested(1, "the list of versions")
        known = [v for v in (reader.u16() for _ in range(reader.left // 2)) if v in n.VERSIONS]
        return max(known, default=self.version)


class ServerHello(msgspec.Struct, frozen=True, kw_only=True):
    """A ServerHello or a HelloRetryRequest."""

    version: int
    """As in the message; TLS 1.3 says 1.2 here, see :attr:`negotiated`."""
    random: bytes
    session_id: bytes = b""
    suite: int
    compression: int = 0
    extensions: Extensions = ()

    def extension(self, kind: int) -> bytes | None:
        """Return the first extension of that kind."""
        return _find(self.extensions, kind)

    @property
    def negotiated(self) -> int:
        """The selected version."""
        chosen = self.extension(n.SUPPORTED_VERSIONS)
        return int.from_bytes(chosen, "big") if chosen and len(chosen) == 2 else self.version

    @property
    def group(self) -> int | None:
        """The group of its key share; in a HelloRetryRequest, the requested one."""
        share = self.extension(n.KEY_SHARE)
        return int.from_bytes(share[:2], "big") if share and len(share) >= 2 else None


class KeyExchange(msgspec.Struct, frozen=True):
    """The ephemeral key of a TLS 1.2 ServerKeyExchange: a group, or a prime's size."""

    group: int | None = None
    prime_bits: int | None = None


class Alert(msgspec.Struct, frozen=True):
    """An unencrypted alert."""

    level: int
    code: int


class Certificates(msgspec.Struct, frozen=True):
    """A Certificate message, undecoded; see :func:`certificates`."""

    body: bytes


class HelloDone(msgspec.Struct, frozen=True):
    """The end of the server's first flight."""


class Ciphertext(msgspec.Struct, frozen=True):
    """An encrypted record."""

    size: int
    """Of its payload, in bytes."""


Event = ServerHello | Certificates | KeyExchange | HelloDone | Alert | Ciphertext


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A NewSessionTicket of either version."""

    lifetime_seconds: int
    ticket: bytes
    max_early_data: int = 0


# -- what we say -------------------------------------------------------------------------------


def record(kind: int, payload: bytes, version: int = n.TLS10) -> bytes:
    """Return ``payload`` in one record; longer than 2^14 bytes in several."""
    pieces = [payload[i : i + 16384] for i in range(0, len(payload), 16384)] or [b""]
    return b"".join(bytes([kind]) + version.to_bytes(2, "big") + vector(2, p) for p in pieces)


def message(kind: int, body: bytes) -> bytes:
    """Return a handshake message."""
    return bytes([kind]) + vector(3, body)


def alert(code: int, version: int = n.TLS12) -> bytes:
    """Return a fatal alert in its record."""
    return record(n.ALERT, bytes([2, code]), version)


def encode_client_hello(hello: ClientHello) -> bytes:
    """Return the message, without a record."""
    suites = b"".join(s.to_bytes(2, "big") for s in hello.suites)
    body = hello.version.to_bytes(2, "big") + hello.random + vector(1, hello.session_id)
    body += vector(2, suites) + vector(1, hello.compressions)
    if hello.extensions is not None:
        body += _encode_extensions(hello.extensions)
    return message(n.CLIENT_HELLO, body)


def encode_server_hello(hello: ServerHello) -> bytes:
    """Return the message, without a record; for reference servers."""
    body = hello.version.to_bytes(2, "big") + hello.random + vector(1, hello.session_id)
    body += hello.suite.to_bytes(2, "big") + bytes([hello.compression])
    if hello.extensions:
        body += _encode_extensions(hello.extensions)
    return message(n.SERVER_HELLO, body)


@functools.lru_cache(maxsize=2048)
def sni(server_name: str) -> str | None:
    """Return the name for the server_name extension; None for an address, which has none.

    RFC 6066 §3. Raises UsageError for what is no DNS name.
    """
    try:
        ipaddress.ip_address(server_name)
    except ValueError:
        pass
    else:
        return None
    name = server_name.rstrip(".")
    if not name.isascii() or not 0 < len(name) <= 253:
        raise UsageError(
            f"--server-name {server_name!r} is not an ASCII DNS name: write other letters as xn--…"
        )
    return name


def server_name(name: str) -> tuple[int, bytes]:
    """Return the server_name extension for a DNS name (RFC 6066 §3)."""
    return n.SERVER_NAME, vector(2, b"\x00" + vector(2, name.encode("ascii")))


def u16_list(kind: int, values: tuple[int, ...], width: int = 2) -> tuple[int, bytes]:
    """Return an extension that lists two-byte numbers: groups, signature schemes, versions."""
    return kind, vector(width, b"".join(v.to_bytes(2, "big") for v in values))


SIGNATURE_SCHEMES = (
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B,
    0x0401, 0x0501, 0x0601, 0x0203, 0x0201, 0x0402, 0x0202, 0x0101,
)  # fmt: skip
_OCSP = 1
_CURVES = (n.X25519, 0x0017, 0x0018, 0x0019, 0x001E)


def offer(
    version: int,
    suites: tuple[int, ...],
    random: bytes,
    *,
    name: str | None = None,
    curves: bool = True,
    compressions: bytes = b"\x00",
) -> bytes:
    """Return a ClientHello record of SSLv3 to TLS 1.2 that offers ``suites`` and nothing newer.

    Without ``curves`` no group is named, so that a server shows its own Diffie-Hellman prime
    (RFC 7919 would make it pick a named one).
    """
    extensions: list[tuple[int, bytes]] = []
    if name is not None:
        extensions.append(server_name(name))
    if curves:
        extensions += [
            u16_list(n.SUPPORTED_GROUPS, _CURVES),
            (n.EC_POINT_FORMATS, vector(1, b"\x00")),
        ]
    if version >= n.TLS12:
        extensions.append(u16_list(n.SIGNATURE_ALGORITHMS, SIGNATURE_SCHEMES))
    extensions += [(n.EXTENDED_MASTER_SECRET, b""), (n.SESSION_TICKET, b"")]
    hello = ClientHello(
        version=version,
        random=random,
        suites=(*suites, n.RENEGOTIATION_SCSV),
        compressions=compressions,
        extensions=None if version == n.SSL3 else tuple(extensions),
    )
    return record(n.HANDSHAKE, encode_client_hello(hello), min(version, n.TLS10))


def ask_for_group(groups: tuple[int, ...], random: bytes, *, name: str | None = None) -> bytes:
    """Return a TLS 1.3 ClientHello record with ``groups`` and no key share.

    A server that can use one of them must ask for a share of it, and so names it
    (HelloRetryRequest, RFC 9846 §4.2.4): no need to be able to compute the group oneself.
    """
    extensions = [server_name(name)] if name is not None else []
    extensions += [
        u16_list(n.SUPPORTED_GROUPS, groups),
        u16_list(n.SIGNATURE_ALGORITHMS, SIGNATURE_SCHEMES),
        u16_list(n.SUPPORTED_VERSIONS, (n.TLS13,), width=1),
        (n.KEY_SHARE, vector(2, b"")),
    ]
    hello = ClientHello(
        version=n.TLS12,
        random=random,
        session_id=random,  # the middlebox compatibility mode of RFC 9846 appendix E.4
        suites=n.TLS13_SUITES,
        extensions=tuple(extensions),
    )
    return record(n.HANDSHAKE, encode_client_hello(hello))


# -- what we read ------------------------------------------------------------------------------


def parse_client_hello(body: bytes) -> ClientHello:
    """Parse a ClientHello's body; raises ProtocolViolation."""
    reader = Reader(body, "the ClientHello")
    version, random, session_id = reader.u16(), reader.take(32), _session_id(reader)
    listed = reader.nested(2, "the list of cipher suites")
    suites = tuple(listed.u16() for _ in range(listed.left // 2))
    listed.end()
    return ClientHello(
        version=version,
        random=random,
        session_id=session_id,
        suites=suites,
        compressions=reader.vector(1),
        extensions=_extensions(reader) if reader.left else None,
    )


def parse_server_hello(body: bytes) -> ServerHello:
    """Parse a ServerHello's body; raises ProtocolViolation."""
    reader = Reader(body, "the ServerHello")
    return ServerHello(
        version=reader.u16(),
        random=reader.take(32),
        session_id=_session_id(reader),
        suite=reader.u16(),
        compression=reader.u8(),
        extensions=_extensions(reader) if reader.left else (),
    )


def parse_key_exchange(body: bytes, suite: int) -> KeyExchange:
    """Read the key of a ServerKeyExchange (RFC 8422 §5.4, RFC 5246 §7.4.3)."""
    name = n.suite_name(suite)
    reader = Reader(body, "the ServerKeyExchange")
    if "ECDH" in name:
        # Curve type 3 is a named curve, the only one that RFC 8422 leaves.
        return KeyExchange(group=reader.u16() if reader.u8() == 3 else None)
    if name.startswith(("TLS_DHE_", "TLS_DH_anon_")):
        return KeyExchange(prime_bits=int.from_bytes(reader.vector(2), "big").bit_length())
    return KeyExchange()


def certificates(body: bytes, version: int) -> tuple[tuple[bytes, ...], bytes | None]:
    """Parse a Certificate message: the certificates, and the status of the server's own, if any.

    TLS 1.2 sends the status in a message of its own. :func:`ocsp_response` reads it.
    """
    reader = Reader(body, "the Certificate message")
    if version >= n.TLS13:
        reader.vector(1)
    listed = reader.nested(3, "the list of certificates")
    reader.end()
    found: list[bytes] = []
    status: bytes | None = None
    while listed.left:
        if len(found) == MAX_CERTIFICATES:
            raise ProtocolViolation(f"more than {MAX_CERTIFICATES} certificates")
        found.append(listed.vector(3))
        if version >= n.TLS13:
            own = _find(_extensions(listed), n.STATUS_REQUEST)
            status = own if len(found) == 1 else status
    return tuple(found), status


def ocsp_response(status: bytes) -> bytes:
    """Return the OCSP response of a CertificateStatus (RFC 6066 §8)."""
    reader = Reader(status, "the CertificateStatus")
    if reader.u8() != _OCSP:
        raise ProtocolViolation("the CertificateStatus is of another type than OCSP")
    response = reader.vector(3)
    reader.end()
    return response


def parse_ticket(body: bytes, version: int) -> Ticket:
    """Read a NewSessionTicket (RFC 9846 §4.7.1, RFC 5077 §3.3)."""
    reader = Reader(body, "the NewSessionTicket")
    lifetime = reader.u32()
    if version < n.TLS13:
        return Ticket(lifetime_seconds=lifetime, ticket=reader.vector(2))
    reader.u32()  # ticket_age_add
    reader.vector(1)  # ticket_nonce
    ticket = reader.vector(2)
    early = _find(_extensions(reader), n.EARLY_DATA)
    size = int.from_bytes(early, "big") if early and len(early) == 4 else 0
    return Ticket(lifetime_seconds=lifetime, ticket=ticket, max_early_data=size)


def parse_encrypted_extensions(body: bytes) -> Extensions:
    """Read a decrypted EncryptedExtensions."""
    return _extensions(Reader(body, "the EncryptedExtensions"))


def picked_protocol(extensions: Extensions) -> str | None:
    """Return the application protocol that a server selected (ALPN, RFC 7301 §3.1), or None."""
    body = _find(extensions, n.ALPN)
    if body is None:
        return None
    listed = Reader(body, "the selected protocol").nested(2, "the selected protocol")
    return printable(listed.vector(1).decode("latin-1"), 64)


def _session_id(reader: Reader) -> bytes:
    session_id = reader.vector(1)
    if len(session_id) > 32:
        raise ProtocolViolation(f"session id of {len(session_id)} bytes; the limit is 32")
    return session_id


def _extensions(reader: Reader) -> Extensions:
    listed = reader.nested(2, "the extensions")
    found: list[tuple[int, bytes]] = []
    while listed.left:
        found.append((listed.u16(), listed.vector(2)))
    return tuple(found)


def _find(extensions: Extensions, kind: int) -> bytes | None:
    return next((body for found, body in extensions if found == kind), None)


def _encode_extensions(extensions: Extensions) -> bytes:
    return vector(2, b"".join(k.to_bytes(2, "big") + vector(2, b) for k, b in extensions))
