"""``seventh grpc list`` and ``describe``: what reflection shows."""

from __future__ import annotations

from typing import Any

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.net.work import Work
from seventh.protocols.grpc import GrpcOptions
from seventh.protocols.grpc.client.descriptors import Reflection, load, reflected_pool
from seventh.protocols.grpc.verbs.session import connected, deadline
from seventh.protocols.grpc.wire.services import MAX_DESCRIPTOR_BYTES
from seventh.wire.text import printable

_MOST_BYTES = 2 * MAX_DESCRIPTOR_BYTES
_MAX_NAME = 200


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One service or method."""

    name: str

    def __str__(self) -> str:
        return self.name


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol."""

    name: str
    kind: str
    """service, method, message or enum."""
    definition: str
    """It in the language of .proto files."""

    def __str__(self) -> str:
        return self.definition


async def list_names(work: Work) -> None:
    """List the services, or the methods of the service that is named. Raises Failed."""
    wanted = work.arguments.get("service") or ()
    given = work.ctx.options.of(GrpcOptions).max_time
    async with connected(work, most_bytes=_MOST_BYTES) as (_, channel):
        with work.ctx.watch.phase("grpc.reflection"):
            reflection = await Reflection.open(channel, deadline(work, given))
            if not wanted:
                for name in sorted(await reflection.names()):
                    work.show(Listed(name=name))
                return
            load()
            pool = reflected_pool(await reflection.files(wanted[0]))
            service = _found(pool.FindServiceByName, wanted[0])
            for method in service.methods:
                work.show(Listed(name=f"{service.full_name}/{method.name}"))


async def describe_symbol(work: Work) -> None:
    """Describe the symbol that is named. Raises Failed."""
    load()
    given = work.ctx.options.of(GrpcOptions).max_time
    symbol = work.word("symbol").strip(".").replace("/", ".")
    async with connected(work, most_bytes=_MOST_BYTES) as (_, channel):
        with work.ctx.watch.phase("grpc.describe"):
            reflection = await Reflection.open(channel, deadline(work, given))
            pool = reflected_pool(await reflection.files(symbol))
    for kind, find, text in (
        ("service", pool.FindServiceByName, _service), ("method", pool.FindMethodByName, _method),
        ("message", pool.FindMessageTypeByName, _message), ("enum", pool.FindEnumTypeByName, _enum),
    ):  # fmt: skip
        try:
            found = find(symbol)
        except KeyError:
            continue
        work.show(Described(name=symbol, kind=kind, definition=printable_lines(text(found))))
        return
    raise Failed(
        Reason.UNEXPECTED_ANSWER, f"{printable(symbol, _MAX_NAME)} is no service, method, message "
        "or enum", phase="grpc.describe",
    )  # fmt: skip


def _found(find: Any, name: str) -> Any:
    try:
        return find(name)
    except KeyError:
        raise Failed(
            Reason.UNEXPECTED_ANSWER, f"{printable(name, _MAX_NAME)} is no service"
        ) from None


def printable_lines(text: str) -> str:
    """Return lines of text from a peer, each safe to show."""
    return "\n".join(printable(line, 500) for line in text.split("\n"))


def _service(service: Any) -> str:
    methods = "\n".join(f"  {_method(method)}" for method in service.methods)
    return f"service {service.full_name} {{\n{methods}\n}}"


def _method(method: Any) -> str:
    client = "stream " if method.client_streaming else ""
    server = "stream " if method.server_streaming else ""
    return (
        f"rpc {method.name}({client}{method.input_type.full_name}) "
        f"returns ({server}{method.output_type.full_name});"
    )


def _message(message: Any) -> str:
    lines = [f"  {_field(field)}" for field in message.fields]
    return "\n".join((f"message {message.full_name} {{", *lines, "}"))


def _field(field: Any) -> str:
    kinds = {number: name for name, number in _types().items()}
    named = field.message_type or field.enum_type
    kind = named.full_name if named is not None else kinds[field.type]
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = (_field(each).split()[0] for each in field.message_type.fields)
        return f"map<{key}, {value}> {field.name} = {field.number};"
    label = "repeated " if field.is_repeated else ""
    return f"{label}{kind} {field.name} = {field.number};"


def _types() -> dict[str, int]:
    from google.protobuf import descriptor_pb2

    kinds = descriptor_pb2.FieldDescriptorProto.Type.items()
    return {name.removeprefix("TYPE_").lower(): number for name, number in kinds}


def _enum(enum: Any) -> str:
    lines = [f"  {value.name} = {value.number};" for value in enum.values]
    return "\n".join((f"enum {enum.full_name} {{", *lines, "}"))
