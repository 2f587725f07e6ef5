"""The host certificates that ``sshd -T`` names: HostCertificate, and the keys that they are for."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Iterator

from msgspec.structs import replace

from seventh.localkit.area import File, Further
from seventh.localkit.files import read_file
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Reading, Seen
from seventh.model.failure import ProtocolViolation
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ssh.facts.certificates import CertificateFault, SshCertificate
from seventh.protocols.ssh.local import daemon
from seventh.protocols.ssh.wire.certificates import Certificate, read_certificate
from seventh.protocols.ssh.wire.hostkeys import read_key

NAME = "host certificates"
_FILE = File(path="", reads="", max_bytes=64 * 1024)


class HostCertificates(Reading, frozen=True, kw_only=True):
    """Those that could be read."""

    found: tuple[SshCertificate, ...] = ()


async def read(machine: Machine, seen: Seen, _: object) -> HostCertificates:
    """Read the certificates, and the public halves of the host keys."""
    return await asyncio.to_thread(_read, machine, seen)


CERTIFICATES = Further(
    name=NAME, run=read,
    reads="the files that `sshd -T` names as hostcertificate: dates, principals, signature; and "
    "the public key beside each hostkey",
)  # fmt: skip


def _read(machine: Machine, seen: Seen) -> HostCertificates:
    keys = list(_keys(machine, seen))
    found: list[SshCertificate] = []
    unread: list[Unread] = []
    for path in files(seen) or ():
        blob = _blob(path, machine)
        try:
            certificate = blob if isinstance(blob, Unread) else read_certificate(blob)
        except ProtocolViolation as error:
            certificate = Unread(name=path, cause=Cause.UNEXPECTED, detail=str(error))
        if isinstance(certificate, Unread):
            unread.append(certificate)
        else:
            found.append(_facts(certificate, path, keys))
    return HostCertificates(found=tuple(found), unread=tuple(unread))


def files(seen: Seen) -> tuple[str, ...] | None:
    """Return the paths of the certificates; None if the settings were not read."""
    if isinstance(seen.output(daemon.SETTINGS), Unread):
        return None
    return daemon.values(seen, "hostcertificate")


def _keys(machine: Machine, seen: Seen) -> Iterator[bytes | None]:
    """Yield each host key; None for one that is not known: its public file is missing."""
    for path in daemon.values(seen, "hostkey"):
        blob = _blob(path if path.endswith(".pub") else f"{path}.pub", machine)
        yield None if isinstance(blob, Unread) else _plain(blob)


def _plain(blob: bytes) -> bytes | None:
    try:
        return read_key(blob).plain
    except ProtocolViolation:
        return None


def _blob(path: str, machine: Machine) -> bytes | Unread:
    """Return what the line of a public file encodes."""
    text = read_file(path, _FILE, machine)
    if isinstance(text, Unread):
        return text
    words = text.split(maxsplit=2)
    try:
        return base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error):
        return Unread(name=path, cause=Cause.UNEXPECTED, detail="no public key")


def _facts(certificate: Certificate, path: str, keys: list[bytes | None]) -> SshCertificate:
    """Return the certificate as the report has it, for whatever name a client uses."""
    made = certificate.facts("host", "", time.time(), path)
    faults: list[CertificateFault] = [fault for fault in made.faults if fault != "principal"]
    if None not in keys and certificate.key.plain not in keys:
        faults.append("other-key")
    return replace(made, faults=tuple(faults))
