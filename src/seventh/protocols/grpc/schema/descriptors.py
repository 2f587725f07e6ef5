"""Descriptor sets as schemas, within bounds: protobuf's runtime checks what they say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from seventh.protocols.grpc.schema.model import Enum, Field, Message, Method, Schema
from seventh.wire.text import printable

if TYPE_CHECKING:
    from google.protobuf.descriptor import (
        Descriptor,
        EnumDescriptor,
        FieldDescriptor,
        FileDescriptor,
    )
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool

MAX_FILES = 512
MAX_BYTES = 8 * 1024 * 1024
_KINDS = (
    "", "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string",
    "group", "message", "bytes", "uint32", "enum", "sfixed32", "sfixed64", "sint32", "sint64",
)  # fmt: skip
"""The types by their numbers in FieldDescriptorProto."""


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


def read_set(data: bytes) -> Schema:
    """Return the schema of a serialized FileDescriptorSet. Raises SchemaError."""
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from google.protobuf.message import DecodeError

    if len(data) > MAX_BYTES:
        raise SchemaError(Wrong.TOO_LARGE, f"more than {MAX_BYTES} bytes")
    try:
        found = FileDescriptorSet.FromString(data)
    except DecodeError as error:
        raise SchemaError(Wrong.DAMAGED, f"not a FileDescriptorSet: {error}") from None
    if not found.file:
        raise SchemaError(Wrong.DAMAGED, "not a FileDescriptorSet: it has no file")
    return schema_of(found.file)


def schema_of(files: Iterable[FileDescriptorProto]) -> Schema:
    """Return the schema of file descriptors, such as those of reflection. Raises SchemaError."""
    return _schema(pool_of(files))


def pool_of(
    files: Iterable[FileDescriptorProto],
) -> tuple[DescriptorPool, list[FileDescriptorProto]]:
    """Return a pool with the files and the list of them, each after its imports.

    Raises SchemaError. Google's well-known files need not be there.
    """
    from google.protobuf.descriptor_pool import DescriptorPool

    by_name: dict[str, FileDescriptorProto] = {}
    for file in files:
        by_name.setdefault(file.name, file)
        if len(by_name) > MAX_FILES:
            raise SchemaError(Wrong.TOO_MANY, f"more than {MAX_FILES} files")
    given = set(by_name)
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
    import importlib

    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    try:
        if name.startswith("google/protobuf/") and name.count("/") == 2:
            module = name.removesuffix(".proto").replace("/", ".") + "_pb2"
            made = FileDescriptorProto()
            importlib.import_module(module).DESCRIPTOR.CopyToProto(made)
            return made
    except (ImportError, ValueError):
        pass
    raise SchemaError(
        Wrong.INCOMPLETE,
        f"{importer} imports {name}, which is not there: protoc adds it with --include_imports",
    )


def _order(files: dict[str, FileDescriptorProto]) -> list[str]:
    """Return the names of the files, each after those that it imports."""
    try:
        imports = {name: list(file.dependency) for name, file in files.items()}
        return list(TopologicalSorter(imports).static_order())
    except CycleError as error:
        raise SchemaError(
            Wrong.CIRCULAR, f"imports in a circle: {' → '.join(error.args[1])}"
        ) from None


def _schema(made: tuple[DescriptorPool, list[FileDescriptorProto]]) -> Schema:
    pool, protos = made
    messages: dict[str, Message] = {}
    enums: dict[str, Enum] = {}
    services: dict[str, dict[str, Method]] = {}
    for proto in protos:
        file = pool.FindFileByName(proto.name)
        for message in _messages(file):
            messages[message.full_name] = _message(message)
            enums |= {each.full_name: _enum(each) for each in message.enum_types}
        enums |= {each.full_name: _enum(each) for each in file.enum_types_by_name.values()}
        for service in file.services_by_name.values():
            services[service.full_name] = {
                method.name: Method(
                    input=method.input_type.full_name, output=method.output_type.full_name,
                    client_streaming=method.client_streaming,
                    server_streaming=method.server_streaming,
                )
                for method in service.methods
            }  # fmt: skip
    packages = frozenset(proto.package for proto in protos)
    return Schema(messages=messages, enums=enums, services=services, packages=packages)


def _messages(file: FileDescriptor) -> Iterator[Descriptor]:
    waiting = list(file.message_types_by_name.values())
    while waiting:
        message = waiting.pop()
        yield message
        waiting += message.nested_types


def _message(message: Descriptor) -> Message:
    from google.protobuf.descriptor_pb2 import DescriptorProto

    proto = DescriptorProto()
    message.CopyToProto(proto)
    return Message(
        fields={field.number: _field(field) for field in message.fields},
        reserved_numbers=tuple((one.start, one.end) for one in proto.reserved_range),
        reserved_names=tuple(proto.reserved_name),
        map_entry=proto.options.map_entry,
    )


def _field(field: FieldDescriptor) -> Field:
    kind = _KINDS[field.type] if 0 < field.type < len(_KINDS) else "unknown"
    named = field.message_type or field.enum_type
    oneof = field.containing_oneof
    is_synthetic = oneof is not None and len(oneof.fields) == 1 and oneof.name == f"_{field.name}"
    return Field(
        name=field.name, number=field.number, json_name=field.json_name, kind=kind,
        type_name=named.full_name if named is not None else "", repeated=field.is_repeated,
        packed=field.is_packed, required=field.is_required, presence=field.has_presence,
        oneof="" if oneof is None or is_synthetic else oneof.name,
    )  # fmt: skip


def _enum(enum: EnumDescriptor) -> Enum:
    from google.protobuf.descriptor_pb2 import EnumDescriptorProto

    proto = EnumDescriptorProto()
    enum.CopyToProto(proto)
    return Enum(
        values={value.name: value.number for value in enum.values},
        closed=enum.is_closed,
        # Of an enum the ends are included.
        reserved_numbers=tuple((one.start, one.end + 1) for one in proto.reserved_range),
        reserved_names=tuple(proto.reserved_name),
    )
