"""The names in a certificate, and which hosts they match (RFC 5280 §4.2.1.6, RFC 9525 §6).

Read from the bytes, not with a library: a certificate whose other parts a library refuses still
names its hosts, and a name with a NUL or a letter outside ASCII stays what it is.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterator

import msgspec

from seventh.model.tlsfacts import Mismatch
from seventh.wire.text import printable

_SEQUENCE, _OCTET_STRING, _OID, _EXTENSIONS = 0x30, 0x04, 0x06, 0xA3
_SUBJECT_ALT_NAME = b"\x55\x1d\x11"
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_IP_BYTES = frozenset({4, 16})
_MAX_SHOWN_NAME = 255


class HostNames(msgspec.Struct, frozen=True):
    """The subject alternative names that can match a host, in their order."""

    entries: tuple[tuple[int, bytes], ...] = ()
    """(tag, value) of each DNS name and address, as the certificate has them."""
    others: int = 0
    """How many are of another kind."""
    readable: bool = True

    @staticmethod
    def of(*names: str) -> HostNames:
        """Return the names of a certificate with these entries."""
        return HostNames(tuple(_entry(name) for name in names))

    def shown(self, most: int) -> tuple[str, ...]:
        """Return the first ``most`` of them as printable text."""
        return tuple(_text(tag, value) for tag, value in self.entries[:most])

    def mismatch(self, host: str) -> Mismatch | None:
        """Return why no name matches ``host``; None where one does.

        An address matches an address alone. A wildcard is a whole leftmost label, stands for
        exactly one label and has two more behind it, as OpenSSL and curl require.
        """
        if not self.readable:
            return Mismatch.UNREADABLE
        exact, wildcards, addresses = _sets(self)
        address = packed_address(host)
        wanted = host.encode("ascii", "replace").lower().removesuffix(b".")
        if address is not None:
            if address in addresses:
                return None
            if wanted in exact:
                return Mismatch.ADDRESS_AS_DNS
        else:
            _, _, parent = wanted.partition(b".")
            if wanted and (wanted in exact or parent in wildcards):
                return None
        if self.entries:
            return Mismatch.OTHER
        return Mismatch.NO_HOST if self.others else Mismatch.NONE

    def fit(self, host: str) -> bool:
        """Return whether one of them matches ``host``."""
        return self.mismatch(host) is None


def packed_address(host: str) -> bytes | None:
    """Return the bytes of an IP address, its zone left out; None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).packed
    except ValueError:
        return None


@functools.lru_cache(maxsize=512)
def _sets(names: HostNames) -> tuple[frozenset[bytes], frozenset[bytes], frozenset[bytes]]:
    """Return the exact names, the parents of wildcards, and the addresses."""
    found = [v.lower().removesuffix(b".") for tag, v in names.entries if tag == _DNS_NAME]
    exact = frozenset(name for name in found if b"*" not in name)
    parents = (name[2:] for name in found if name.startswith(b"*."))
    wildcards = frozenset(p for p in parents if b"." in p.strip(b".") and b"*" not in p)
    return exact, wildcards, frozenset(v for tag, v in names.entries if tag == _IP_ADDRESS)


def _entry(name: str) -> tuple[int, bytes]:
    address = packed_address(name)
    return (_IP_ADDRESS, address) if address is not None else (_DNS_NAME, name.encode())


def _text(tag: int, value: bytes) -> str:
    if tag == _IP_ADDRESS:
        return str(ipaddress.ip_address(value))
    return printable(value, _MAX_SHOWN_NAME)


# -- reading DER -----------------------------------------------------------------------------------


def read_names(der: bytes) -> HostNames:
    """Read the names of a certificate; never raises."""
    try:
        found = list(_alternative_names(der))
    except ValueError:
        return HostNames(readable=False)
    if len(found) > 1:
        return HostNames(readable=False)  # which of the two counts is anybody's guess
    entries: list[tuple[int, bytes]] = []
    others = 0
    for tag, value in found[0] if found else ():
        if tag == _DNS_NAME or (tag == _IP_ADDRESS and len(value) in _IP_BYTES):
            entries.append((tag, value))
        else:
            others += 1
    return HostNames(tuple(entries), others)


def _alternative_names(der: bytes) -> Iterator[list[tuple[int, bytes]]]:
    """Yield each subjectAltName extension's entries; ValueError for an invalid structure."""
    certificate = _only(der, _SEQUENCE)
    body = next(_values(certificate), (0, b""))[1]
    for tag, value in _values(body):
        if tag != _EXTENSIONS:
            continue
        for _, extension in _values(_only(value, _SEQUENCE)):
            parts = list(_values(extension))
            if parts and parts[0] == (_OID, _SUBJECT_ALT_NAME):
                if parts[-1][0] != _OCTET_STRING:
                    raise ValueError("extension without a value")
                yield list(_values(_only(parts[-1][1], _SEQUENCE)))


def _only(data: bytes, wanted: int) -> bytes:
    """Return the content of the first value, which must have the tag."""
    for tag, value in _values(data):
        if tag == wanted:
            return value
        break
    raise ValueError("unexpected structure")


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the (tag, content) of each DER value; ValueError for an invalid length."""
    at, end = 0, len(data)
    while at < end:
        if end - at < 2:
            raise ValueError("cut short")
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4 or end - at < count:
                raise ValueError("a length that DER does not have")
            length = int.from_bytes(data[at : at + count])
            at += count
        if length > end - at:
            raise ValueError("cut short")
        yield tag, data[at : at + length]
        at += length
