"""known_hosts files (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

Plain and hashed names, patterns, ``[host]:port``, ``@cert-authority`` and ``@revoked``. Malformed
lines are ignored, as in OpenSSH.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from seventh.model.failure import UsageError
from seventh.protocols.ssh.facts import Names
from seventh.protocols.ssh.facts.login import Trust
from seventh.protocols.ssh.wire.certificates import Certificate
from seventh.protocols.ssh.wire.hostkeys import CERTIFICATE, PublicKey, fingerprint, key_type
from seventh.protocols.ssh.wire.patterns import matches_list

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024
USER_FILES = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
SYSTEM_FILES = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
SSH_PORT = 22

Marker = Literal["", "cert-authority", "revoked"]
_MARKERS: dict[str, Marker] = {"@cert-authority": "cert-authority", "@revoked": "revoked"}


class KnownLine(msgspec.Struct, frozen=True):
    """One line of a known_hosts file."""

    marker: Marker
    names: str
    """Comma-separated patterns, or one hashed name."""
    kind: str
    blob: bytes
    file: str
    line: int

    @property
    def fingerprint(self) -> str:
        """The key's type and SHA-256 fingerprint."""
        return fingerprint(self.kind, self.blob)

    def names_host(self, name: str) -> bool:
        """Return whether the line is for ``name``: a lower-case host, or ``[host]:port``."""
        if self.names.startswith("|"):
            return _is_hash_of(self.names, name)
        return matches_list(name, self.names, lower=True) == 1


def _is_hash_of(hashed: str, name: str) -> bool:
    """Return whether ``|1|salt|hash`` has the HMAC-SHA1 of ``name``, keyed with the salt."""
    _, _, rest = hashed.partition("|1|")
    salt, _, digest = rest.partition("|")
    try:
        key, wanted = base64.b64decode(salt, validate=True), base64.b64decode(digest, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.digest(key, name.encode(), "sha1"), wanted)


def parse(text: bytes, file: str) -> Iterator[KnownLine]:
    """Yield the well-formed lines of a known_hosts file."""
    for number, raw in enumerate(text.split(b"\n"), 1):
        if len(raw) > MAX_LINE_BYTES:
            continue
        words = raw.decode("utf-8", "replace").split()
        marker: Marker = ""
        if words and words[0].startswith("@"):
            if words[0] not in _MARKERS:
                continue
            marker = _MARKERS[words.pop(0)]
        if len(words) < 3 or words[0].startswith("#"):
            continue
        try:
            blob = base64.b64decode(words[2], validate=True)
        except (binascii.Error, ValueError):
            continue
        if _is_of(blob, words[1]):
            yield KnownLine(marker, words[0], words[1], blob, file, number)


def _is_of(blob: bytes, kind: str) -> bool:
    """Return whether a key blob has the type that its line has."""
    return blob[4 : 4 + int.from_bytes(blob[:4], "big")] == kind.encode()


class KnownHosts:
    """The lines of one or several files."""

    def __init__(self, lines: Iterable[KnownLine]) -> None:
        self.lines = tuple(lines)

    def _about(self, host: str, port: int) -> list[KnownLine]:
        name = host.lower()
        if port != SSH_PORT:
            name = f"[{name}]:{port}"
        return [line for line in self.lines if line.names_host(name)]

    def has_authority(self, host: str, port: int) -> bool:
        """Return whether a certificate authority is known for this host."""
        return any(line.marker == "cert-authority" for line in self._about(host, port))

    def algorithms(self, host: str, port: int, offered: Names) -> Names:
        """Sort host key algorithms: those of known keys first, as in ssh(1).

        A server with several keys then shows a known one.
        """
        about = self._about(host, port)
        kinds = {line.kind for line in about if not line.marker}
        has_authority = self.has_authority(host, port)

        def rank(name: str) -> int:
            certificate = name.endswith(CERTIFICATE)
            if has_authority and certificate:
                return 0
            return 1 if key_type(name) in kinds and not certificate else 2

        return tuple(sorted(offered, key=rank))

    def judge(
        self,
        host: str,
        port: int,
        key: PublicKey,
        *,
        certificate: Certificate | None = None,
        now: float,
    ) -> Trust:
        """Return what is known of the host's ``key``, sent perhaps in a ``certificate``.

        A line for the host without a port makes a key at another port known or revoked, never
        changed: that may be another server.
        """
        trust = _trust(self._about(host, port), host, key, certificate, now)
        if trust.status == "unknown" and port != SSH_PORT:
            without_port = _trust(self._about(host, SSH_PORT), host, key, certificate, now)
            if without_port.status in {"known", "revoked"}:
                return without_port
        return trust


def _trust(
    about: list[KnownLine], host: str, key: PublicKey, certificate: Certificate | None, now: float
) -> Trust:
    shown = fingerprint(key.type, key.plain)
    authority = certificate.authority if certificate is not None else b""
    detail = ""
    for line in about:
        if line.marker == "revoked" and line.blob in {key.plain, authority}:
            return Trust(status="revoked", key=shown, file=line.file, line=line.line)
    for line in about:
        if line.marker == "cert-authority" and certificate is not None and line.blob == authority:
            refused = certificate.refused("host", host.lower(), now)
            if refused is None:
                return Trust(
                    status="known", key=shown, file=line.file, line=line.line,
                    detail=f"certificate signed by the authority {line.fingerprint}",
                )  # fmt: skip
            detail = f"its certificate {refused}"
        if not line.marker and line.blob == key.plain:
            return Trust(status="known", key=shown, file=line.file, line=line.line)
    for line in about:
        if not line.marker and line.kind == key.type:
            return Trust(
                status="changed", key=shown, file=line.file, line=line.line,
                pinned=line.fingerprint, detail=detail,
            )  # fmt: skip
    others = {line.kind for line in about if not line.marker}
    if others and not detail:
        detail = f"known_hosts has other key types of this host: {', '.join(sorted(others))}"
    return Trust(status="unknown", key=shown, detail=detail)


# -- files -----------------------------------------------------------------------------------------


def read_known_hosts(file: str | None) -> KnownHosts:
    """Read the user's and the system's known_hosts, or only ``file``.

    UsageError when ``file`` cannot be read; the usual files may be missing.
    """
    if file is not None:
        return KnownHosts(_read(file, needed=True))
    return KnownHosts(
        line for name in (*USER_FILES, *SYSTEM_FILES) for line in _read(name, needed=False)
    )


def _read(name: str, *, needed: bool) -> tuple[KnownLine, ...]:
    try:
        path = Path(name).expanduser()
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise OSError("not a regular file")
        if about.st_size > MAX_FILE_BYTES:
            raise OSError(f"larger than {MAX_FILE_BYTES} bytes")
        return _lines_of(path, about.st_mtime_ns, about.st_size)
    except (OSError, ValueError, RuntimeError) as error:
        if not needed:
            return ()
        raise UsageError(f"--known-hosts {name}: {why_unreadable(error)}") from None


def why_unreadable(error: Exception) -> str:
    """Return why a file cannot be read, in the system's words where it is an OSError."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, RuntimeError):
        return "~ cannot be expanded: no home directory"
    return "not a valid file name"


@functools.lru_cache(maxsize=8)
def _lines_of(path: Path, changed_ns: int, size: int) -> tuple[KnownLine, ...]:
    with path.open("rb") as file:
        return tuple(parse(file.read(MAX_FILE_BYTES), str(path)))
