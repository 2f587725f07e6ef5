"""The services of the reference server: descriptors, made in code."""

from __future__ import annotations

import functools
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "seventh.lab"
ECHO = f"{PACKAGE}.Echo"
FILE = "seventh/lab.proto"
_FIELD = descriptor_pb2.FieldDescriptorProto
_METHODS = {
    "Say": (False, False), "Repeat": (False, True), "Collect": (True, False), "Chat": (True, True),
}  # fmt: skip
"""By name: whether the client streams, and whether the server does."""


def streams(method: str) -> tuple[bool, bool] | None:
    """Return whether the client and the server of a method stream; None if there is none."""
    return _METHODS.get(method)


@functools.cache
def echo_file() -> bytes:
    """Return the encoded FileDescriptorProto of the echo service."""
    file = descriptor_pb2.FileDescriptorProto(name=FILE, package=PACKAGE, syntax="proto3")
    request = file.message_type.add(name="EchoRequest")
    for number, (name, kind) in enumerate(
        (("text", _FIELD.TYPE_STRING), ("count", _FIELD.TYPE_INT32), ("size", _FIELD.TYPE_INT32),
         ("wait_ms", _FIELD.TYPE_INT32), ("code", _FIELD.TYPE_INT32)), 1,
    ):  # fmt: skip
        _add(request, name, number, kind)
    reply = file.message_type.add(name="EchoReply")
    _add(reply, "text", 1, _FIELD.TYPE_STRING)
    _add(reply, "index", 2, _FIELD.TYPE_INT32)
    _add(reply, "padding", 3, _FIELD.TYPE_BYTES)
    service = file.service.add(name="Echo")
    for method, (client, server) in _METHODS.items():
        service.method.add(
            name=method, input_type=f".{PACKAGE}.EchoRequest", output_type=f".{PACKAGE}.EchoReply",
            client_streaming=client, server_streaming=server,
        )  # fmt: skip
    made: bytes = file.SerializeToString()
    return made


def _add(message: Any, name: str, number: int, kind: Any) -> None:
    message.field.add(name=name, number=number, type=kind, label=_FIELD.LABEL_OPTIONAL)


@functools.cache
def messages() -> tuple[Any, Any]:
    """Return the classes of EchoRequest and EchoReply."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(echo_file())
    found = (pool.FindMessageTypeByName(f"{PACKAGE}.{n}") for n in ("EchoRequest", "EchoReply"))
    request, reply = map(message_factory.GetMessageClass, found)
    return request, reply


def damaged_files(kind: str) -> tuple[bytes, ...]:
    """Return descriptors that no client can use."""
    if kind == "huge":
        return (echo_file(),) * 600
    if kind == "recursive":
        file = descriptor_pb2.FileDescriptorProto.FromString(echo_file())
        file.dependency.append(FILE)
        return (file.SerializeToString(),)
    return (b"\xff" * 40,)
