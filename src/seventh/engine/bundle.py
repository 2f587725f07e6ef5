"""Seventh as compressed archives, to be run on another machine with the same Python.

There are two: the libraries, which rarely change, and the code that checks. Both are zip files of
sources and of this platform's extension modules, without compression, in an xz stream. xz and its
filter for machine code make the difference to five megabytes. protobuf is not among the libraries:
gRPC needs it for ``--call`` only, and says so there.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import lzma
import os
import platform
import sys
import zipfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from seventh import protocols
from seventh.model.failure import UsageError, system_error

MAX_BYTES = 5_100_000
"""The most that is sent: the libraries are 4.2 MB of it, the checks of all protocols 0.8 MB."""
LIBRARIES = (
    "msgspec", "cryptography", "OpenSSL", "_cffi_backend", "typing_extensions", "dns", "h11", "h2",
    "hpack", "hyperframe", "aioquic", "pylsqpack", "certifi", "service_identity", "attr", "attrs",
    "idna", "jmespath", "websockets",
)  # fmt: skip
"""What checks import. brotli and zstandard would double the size: :mod:`seventh.web.content` says
what is not known without them. The others (rich, uvloop) are of use on this side only."""
_OF_CONNECTIONS = ("msgspec", "typing_extensions", "dns")
"""What the room that only connects (tcp://) needs of these: a tenth."""
_CONNECTIONS = (
    "aioquic/asyncio/", "aioquic/h0/", "websockets/asyncio/", "websockets/legacy/",
    "websockets/sync/", "websockets/trio/",
)  # fmt: skip
"""What libraries bring for connections of their own: we use their protocols alone."""
_NOT_THERE = frozenset(
    {"cli", "importers", "lab", "labkit", "link", "notify", "render", "serve", "watch"}
)
_OF_VERBS = frozenset({"receive", "schema", "verbs", "work.py"})
"""What only verbs need of a protocol: they run here."""
_HERE = frozenset({"checklist.py", "lab", "lab.py", "watched.py"})
"""Parts of rooms that are used on this side only: reports are shown here."""
_ENGINE = frozenset(
    f"{name}.py"
    for name in ("bootstrap", "bundle", "deliver", "elsewhere", "fix", "lint_folder", "places",
                 "validate", "work")
)  # fmt: skip
"""Modules of the engine that only commands on this side use."""
_ALWAYS = frozenset({"net", "tls"})
"""Rooms whose facts the reports of others have."""
_KEPT = 8
"""Archives in the cache."""

Files = list[tuple[str, Path]]
"""Names in an archive, and the files."""


def bundle(
    rooms: Collection[str], say: Callable[[str], None], linters: Collection[str] = ()
) -> tuple[bytes, bytes]:
    """Return the libraries and the code that checks by ``rooms``, with ``linters`` for a look.

    What has not changed is in the user's cache. ``say`` gets a line before what takes seconds.
    Raises UsageError where a library is missing, or where the two are too large.
    """
    try:
        parts = (
            _archive(sorted(_libraries(rooms)), say),
            _archive(sorted(_ours(rooms, linters)), lambda _: None),
        )
    except OSError as error:
        raise UsageError(f"--from: {error.filename}: {system_error(error)}") from None
    if (size := sum(map(len, parts))) > MAX_BYTES:
        raise UsageError(
            f"--from: Seventh and its libraries are {size} bytes (maximum: {MAX_BYTES}): install "
            "Seventh on the other machine"
        )
    return parts


def _ours(rooms: Collection[str], linters: Collection[str]) -> Iterator[tuple[str, Path]]:
    root = Path(__file__).parents[1]
    layers = {layer for room in rooms for layer in protocols.rooms()[room].layers}
    for path in root.rglob("*"):
        first, *rest = path.relative_to(root).parts
        if path.suffix not in {".py", ".toml"} or first in _NOT_THERE:
            continue
        if first == "protocols" and len(rest) > 1 and rest[0] not in {*rooms, *layers, *_ALWAYS}:
            continue
        if first == "protocols" and _OF_VERBS.intersection(rest[1:2]):
            continue
        if first == "protocols" and rest[-1] == "series.py":  # only watch has series
            continue
        if first == "lint" and len(rest) > 1 and rest[0] not in linters:
            continue
        if not _HERE.intersection(rest[1:]):
            yield f"seventh/{path.relative_to(root)}", path


def _libraries(rooms: Collection[str]) -> Iterator[tuple[str, Path]]:
    for name in _OF_CONNECTIONS if set(rooms) == {"net"} else LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise UsageError(f"--from: the library {name} is not installed here")
        origin = Path(spec.origin)
        if not spec.submodule_search_locations:
            yield origin.name, origin
            continue
        for path in origin.parent.rglob("*"):
            at = str(path.relative_to(origin.parents[1]))
            if path.suffix in {".py", ".so"} and not at.startswith(_CONNECTIONS):
                yield at, path


def _archive(files: Files, say: Callable[[str], None]) -> bytes:
    kept = _cache() / f"{_stamp(files)}.zip.xz"
    with contextlib.suppress(OSError):
        return kept.read_bytes()
    say("compressing the libraries for --from; this is done once and takes about ten seconds")
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files:
            archive.writestr(zipfile.ZipInfo(name), path.read_bytes())  # without a date
    small = {"preset": 6 | lzma.PRESET_EXTREME, "dict_size": 1 << 24}
    filters: list[dict[str, int]] = [{"id": lzma.FILTER_LZMA2, **small}]
    if platform.machine() in {"x86_64", "AMD64"}:
        filters.insert(0, {"id": lzma.FILTER_X86})
    made = lzma.compress(whole.getvalue(), filters=filters)
    _keep(kept, made)
    return made


def _stamp(files: Files) -> str:
    """Return a name that changes with every file and with this Python."""
    digest = hashlib.sha256(sys.version.encode())
    for name, path in files:
        status = path.stat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:32]


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path("~/.cache").expanduser()) / "seventh"


def _keep(path: Path, data: bytes) -> None:
    """Add an archive to the cache, and remove the oldest; errors only mean to make it again."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError, RuntimeError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
        kept = sorted(path.parent.glob("*.zip.xz"), key=lambda each: each.stat().st_mtime)
        for old in kept[:-_KEPT]:
            old.unlink(missing_ok=True)
