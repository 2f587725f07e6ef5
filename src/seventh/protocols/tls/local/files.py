"""The certificates and keys in the files that were named."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import pwd
import re
import stat
import time
from collections.abc import Set
from typing import Annotated, Any

from msgspec.structs import replace

from seventh.localkit.area import File, Further
from seventh.localkit.files import read_file
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Reading, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.model.option import Option, RoomOptions
from seventh.model.options import Options
from seventh.model.tlsfacts import CertificateFile
from seventh.model.tlslocal import KeyFile, Service
from seventh.protocols.tls.local.named import Named, client_of, named, running

NAME = "certificate and key files"
MAX_FILES = 256
"""More are not read, and counted as unread."""
SECONDS = 0.7
"""How long the files may take; the rest is then unread."""
_FILE = File(path="", reads="", max_bytes=256 * 1024)
_CERTIFICATE = re.compile(r"-----BEGIN (?:X509 )?CERTIFICATE-----(.+?)-----END", re.DOTALL)
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*-----", re.DOTALL)
_OTHERS = stat.S_IROTH | stat.S_IWOTH


class Files(Reading, frozen=True, kw_only=True):
    """What the certificate files contain; without what is served."""

    files: tuple[CertificateFile, ...] = ()


class CertificateOptions(RoomOptions, frozen=True, kw_only=True):
    """Which roots are trusted."""

    ca_file: Annotated[
        str | None,
        Option(flag="ca", metavar="FILE", file="readable", help="additional CA to trust (PEM)"),
    ] = None


async def read(machine: Machine, seen: Seen, options: CertificateOptions) -> Files:
    """Read the files that the configurations name, in a thread; raises UsageError for the CA's."""
    if options.ca_file is not None:
        from seventh.net.tls.context import context

        context(Options(ca_file=options.ca_file), "modern")
    return await asyncio.to_thread(_Reader(machine, running(seen), options).read, named(seen))


FILES = Further(
    name=NAME, run=read,
    reads="expiry, order and root of each chain; owner and mode of each key, and whether it "
    "belongs to its certificate; nothing of a key is kept",
)  # fmt: skip


class _Reader:
    """One run over the files."""

    def __init__(
        self, machine: Machine, running: Set[Service] | None, options: CertificateOptions
    ) -> None:
        self._machine = machine
        self._running = running
        self._options = Options(ca_file=options.ca_file)
        self._until = time.monotonic() + SECONDS

    def read(self, every: tuple[Named, ...]) -> Files:
        """Read each file once, whatever the names by which it is known."""
        by_path: dict[str, CertificateFile] = {}
        for one in every:
            path = os.path.realpath(self._machine.at(one.certificate))
            known = by_path.get(path)
            if known is None and (file := self._file(one, len(by_path))) is not None:
                by_path[path] = file
            elif known is not None and one.service not in {None, *known.services}:
                by_path[path] = replace(known, services=(*known.services, *_services(one)))
        files = tuple(by_path.values())
        keys = (file.key.unread for file in files if file.key is not None)
        unread = (*(file.unread for file in files), *keys)
        return Files(files=files, unread=tuple(each for each in unread if each is not None))

    def _file(self, one: Named, count: int) -> CertificateFile | None:
        """Return the facts of a file, after ``count`` others.

        None for one that need not hold a certificate and does not, and for one that is missing
        while the service does not run: it was never set up.
        """
        path = one.certificate
        real = self._machine.shown(os.path.realpath(self._machine.at(path)))
        about: dict[str, Any] = {
            "path": path,
            "client": client_of(path) or client_of(real),
            "services": _services(one),
            "server_name": one.server_name,
        }
        text = self._text(path, count)
        if isinstance(text, Unread):
            if text.cause is Cause.NOT_FOUND and not self._may_run(one.service):
                return None
            return CertificateFile(**about, unread=text)
        try:
            chain = tuple(_der(found) for found in _CERTIFICATE.findall(text))
        except binascii.Error:
            chain = ()
        if chain:
            return self._judged(about, chain, _key(self._machine, one, text, chain[0]))
        if one.optional:
            return None
        unread = Unread(name=path, cause=Cause.UNEXPECTED, detail="no certificate in PEM")
        return CertificateFile(**about, unread=unread)

    def _may_run(self, service: Service | None) -> bool:
        return self._running is None or service in self._running

    def _text(self, path: str, count: int) -> str | Unread:
        if count >= MAX_FILES:
            return Unread(name=path, cause=Cause.TOO_LARGE, detail=f"more than {MAX_FILES} files")
        if time.monotonic() > self._until:
            detail = "other files took all the time"
            return Unread(name=path, cause=Cause.TIMED_OUT, detail=detail)
        return read_file(path, _FILE, self._machine)

    def _judged(
        self, about: dict[str, Any], chain: tuple[bytes, ...], key: KeyFile | None
    ) -> CertificateFile:
        from seventh.net.tls.chain import certificate_facts

        facts = certificate_facts(chain, about["server_name"], self._options)
        expires = facts.pop("cert_expiry_timestamp_seconds")
        first = next((name for name in facts["chain"][0].names), "")
        name = about["server_name"] or first.replace("*.", "www.", 1)
        return CertificateFile(**{**about, **facts, "server_name": name}, expires=expires, key=key)


def _services(one: Named) -> tuple[Service, ...]:
    return (one.service,) if one.service is not None else ()


def _der(encoded: str) -> bytes:
    """Decode the lines of a PEM block; raises binascii.Error."""
    return base64.b64decode("".join(encoded.split()), validate=True)


def _key(machine: Machine, one: Named, text: str, leaf: bytes) -> KeyFile | None:
    """Return the facts of the key's file; None if no file of it is known."""
    if _KEY.search(text) and (one.optional or one.key in {"", one.certificate}):
        return _key_file(machine, one.certificate, text, leaf)
    if not one.key:
        return None
    found = read_file(one.key, _FILE, machine)
    if one.optional and isinstance(found, str) and not _KEY.search(found):
        return None
    return _key_file(machine, one.key, found, leaf)


def _key_file(machine: Machine, path: str, text: str | Unread, leaf: bytes) -> KeyFile:
    unread = text if isinstance(text, Unread) else None
    try:
        state = os.stat(machine.at(path))  # noqa: PTH116 - a str
    except OSError:
        return KeyFile(path=path, unread=unread)
    return KeyFile(
        path=path,
        mode=f"{stat.S_IMODE(state.st_mode):04o}",
        owner=_user(state.st_uid),
        exposed=bool(state.st_mode & _OTHERS) and _reachable(machine, path),
        matches=None if isinstance(text, Unread) else _matches(text, leaf),
        unread=unread,
    )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _reachable(machine: Machine, path: str) -> bool:
    """Return whether other users may pass all folders above a file."""
    folder = os.path.dirname(machine.shown(os.path.realpath(machine.at(path))))  # noqa: PTH120
    while folder != "/":
        if not os.stat(machine.at(folder)).st_mode & stat.S_IXOTH:  # noqa: PTH116
            return False
        folder = os.path.dirname(folder)  # noqa: PTH120
    return True


def _matches(text: str, leaf: bytes) -> bool | None:
    """Return whether a certificate's key is among those of a file; None for what is not readable.

    A key with a passphrase is not tried.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    try:
        wanted = x509.load_der_x509_certificate(leaf).public_key().public_bytes(*form)
        keys = [
            # Only its public half is used: that it is a sound key is not the question.
            load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
            for pem in _KEY.findall(text)
        ]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    found = [key.public_key().public_bytes(*form) for key in keys]
    return wanted in found if found else None
