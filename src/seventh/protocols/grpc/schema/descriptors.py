"""Descriptor sets as schemas, within bounds: protobuf's runtime checks what they say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from seventh.protocols.grpc.client.pool import SchemaError, Wrong, pool_of
from seventh.protocols.grpc.schema.model import Enum, Field, Message, Method, Schema
from seventh.protocols.grpc.wire.services import MAX_DESCRIPTOR_BYTES

if TYPE_CHECKING:
    from google.protobuf.descriptor import (
        Descriptor,
        EnumDescriptor,
        FieldDescriptor,
        FileDescriptor,
    )
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool

_KINDS = (
    "", "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string",
    "group", "message", "bytes", "uint32", "enum", "sfixed32", "sfixed64", "sint32", "sint64",
)  # fmt: skip
"""The types by their numbers in FieldDescriptorProto."""


def read_set(data: bytes) -> Schema:
    """Return the schema of a serialized FileDescriptorSet. Raises SchemaError."""
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from google.protobuf.message import DecodeError

    if len(data) > MAX_DESCRIPTOR_BYTES:
        raise SchemaError(Wrong.TOO_LARGE, f"more than {MAX_DESCRIPTOR_BYTES} bytes")
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
