"""Where a schema comes from: a descriptor set, or .proto files that protoc compiles."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from seventh.model.failure import UsageError
from seventh.protocols.grpc.client.pool import SchemaError, Wrong
from seventh.protocols.grpc.schema.descriptors import read_set
from seventh.protocols.grpc.schema.model import Schema
from seventh.protocols.grpc.wire.services import MAX_DESCRIPTOR_BYTES, MAX_FILES
from seventh.wire.text import printable

COMPILE_SECONDS = 60.0
_NO_COMPILER = (
    "reading .proto files needs grpcio-tools: `pip install 'seventh[proto]'`, or make a descriptor "
    "set with `protoc --include_imports --descriptor_set_out=FILE`"
)


def load(source: str, imports: Sequence[str] = ()) -> Schema:
    """Return the schema of a descriptor set, a .proto file or a folder of .proto files.

    ``imports`` are folders in which .proto files look for what they import. Raises UsageError.
    """
    if "://" in source:
        raise UsageError(f"{source}: schemas are compared as files: a descriptor set or .proto")
    path = Path(source)
    try:
        if path.is_dir():
            return read_set(_compiled(sorted(path.rglob("*.proto")), [str(path), *imports], source))
        if path.suffix == ".proto":
            return read_set(_compiled([path], [*imports, str(path.parent)], source))
        with path.open("rb") as file:
            return read_set(file.read(MAX_DESCRIPTOR_BYTES + 1))
    except OSError as error:
        raise UsageError(f"{source}: {error.strerror or error}") from None
    except SchemaError as error:
        hint = ": protoc adds it with --include_imports" if error.wrong is Wrong.INCOMPLETE else ""
        raise UsageError(f"{source}: {error}{hint}") from None


def _compiled(files: Sequence[Path], imports: Sequence[str], source: str) -> bytes:
    """Return the descriptor set of .proto files, by the protoc of grpcio-tools."""
    if not files:
        raise UsageError(f"{source}: no .proto files")
    if len(files) > MAX_FILES:
        raise UsageError(f"{source}: more than {MAX_FILES} .proto files")
    spec = importlib.util.find_spec("grpc_tools")
    if spec is None or spec.origin is None:
        raise UsageError(f"{source}: {_NO_COMPILER}")
    known = Path(spec.origin).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "set")
        command = [
            sys.executable, "-m", "grpc_tools.protoc", "--include_imports",
            f"--descriptor_set_out={made}", *(f"-I{name}" for name in (*imports, known)),
            *map(str, files),
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=COMPILE_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise UsageError(f"{source}: protoc took more than {COMPILE_SECONDS:.0f} s") from None
        if done.returncode != 0:
            lines = done.stderr.decode("utf-8", "replace").splitlines()
            said = printable("; ".join(lines), 1000)
            raise UsageError(f"{source}: protoc refused it: {said}")
        return made.read_bytes()
