"""Descriptors as a pool of protobuf's runtime, within bounds; the runtime checks what they say.

It is imported when a pool is made: health and the list of services need none of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from seventh.protocols.grpc.wire.services import MAX_FILES
from seventh.wire.text import printable

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool


class Wrong(StrEnum):
    """Why descriptors are no schema."""

    TOO_LARGE = "too-large"
    TOO_MANY = "too-many"
    DAMAGED = "damaged"
    INCOMPLETE = "incomplete"
    CIRCULAR = "circular"


class SchemaError(Exception):
    """Descriptors that are not used, with the reason and what is known of it."""

    def __init__(self, wrong: Wrong, detail: str) -> None:
        super().__init__(printable(detail, 300))
        self.wrong = wrong


def pool_of(
    files: Iterable[FileDescriptorProto], also: Iterable[str] = ()
) -> tuple[DescriptorPool, list[FileDescriptorProto]]:
    """Return a pool with the files and the list of them, each after its imports.

    Raises SchemaError. Google's well-known files need not be there; those of ``also`` are added.
    """
    from google.protobuf.descriptor_pool import DescriptorPool

    by_name: dict[str, FileDescriptorProto] = {}
    for file in files:
        by_name.setdefault(file.name, file)
        if len(by_name) > MAX_FILES:
            raise SchemaError(Wrong.TOO_MANY, f"more than {MAX_FILES} files")
    given = set(by_name)
    for name in also:
        by_name.setdefault(name, _well_known(name, "the runtime"))
    waiting = list(by_name.values())
    while waiting:
        file = waiting.pop()
        for name in file.dependency:
            if name not in by_name:
                by_name[name] = _well_known(name, file.name)
                waiting.append(by_name[name])
    pool = DescriptorPool()
    ordered = [by_name[name] for name in _order(by_name)]
    for file in ordered:
        try:
            pool.AddSerializedFile(file.SerializeToString())
        except (TypeError, ValueError, RecursionError) as error:
            raise SchemaError(Wrong.DAMAGED, f"{file.name}: {error}") from None
    return pool, [file for file in ordered if file.name in given]


def _well_known(name: str, importer: str) -> FileDescriptorProto:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    try:
        if name.startswith("google/protobuf/") and name.count("/") == 2:
            module = name.removesuffix(".proto").replace("/", ".") + "_pb2"
            made = FileDescriptorProto()
            importlib.import_module(module).DESCRIPTOR.CopyToProto(made)
            return made
    except (ImportError, ValueError):
        pass
    raise SchemaError(Wrong.INCOMPLETE, f"{importer} imports {name}, which is not there")


def _order(files: dict[str, FileDescriptorProto]) -> list[str]:
    """Return the names of the files, each after those that it imports."""
    try:
        imports = {name: list(file.dependency) for name, file in files.items()}
        return list(TopologicalSorter(imports).static_order())
    except CycleError as error:
        raise SchemaError(
            Wrong.CIRCULAR, f"imports in a circle: {' → '.join(error.args[1])}"
        ) from None
