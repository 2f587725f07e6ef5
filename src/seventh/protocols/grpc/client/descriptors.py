"""Descriptors by reflection, and the messages that they describe.

protobuf's runtime is imported here and nowhere else in a check: only ``--call`` and the verbs
``describe`` and ``call`` need it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason, UsageError
from seventh.net.probe_context import vantage
from seventh.protocols.grpc.client.call import Call
from seventh.protocols.grpc.client.channel import Channel
from seventh.protocols.grpc.client.pool import SchemaError, pool_of
from seventh.protocols.grpc.facts.calls import Kind
from seventh.protocols.grpc.wire import services
from seventh.protocols.grpc.wire.status import Status
from seventh.wire.text import printable

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool

_MAX_NAME = 200
_KINDS: dict[tuple[bool, bool], Kind] = {
    (False, False): "unary", (True, False): "client-streaming",
    (False, True): "server-streaming", (True, True): "bidirectional",
}  # fmt: skip
_GOOGLES = frozenset(
    f"google/protobuf/{name}.proto"
    for name in ("any", "api", "descriptor", "duration", "empty", "field_mask", "source_context",
                 "struct", "timestamp", "type", "wrappers")
)  # fmt: skip
"""The files that the runtime has, for servers that do not serve them."""


def load() -> None:
    """Import protobuf's runtime. Raises UsageError where it is not installed."""
    try:
        importlib.import_module("google.protobuf.json_format")
    except ImportError:
        raise UsageError(
            f"methods are called with protobuf, which is not installed on {vantage()}: "
            "python3 -m pip install protobuf"
        ) from None


class Reflection:
    """One stream of reflection, which is asked one question after another."""

    def __init__(self, call: Call, version: str) -> None:
        self._call = call
        self.version = version

    @classmethod
    async def open(cls, channel: Channel, timeout: float) -> Reflection:
        """Return reflection v1, or v1alpha where v1 is absent.

        Raises Failed: unexpected-answer where there is none.
        """
        status: Status | None = None
        for version, path in services.REFLECTION.items():
            call = await channel.call(path, services.list_services(), timeout=timeout)
            if await call.receive() is not None:
                return cls(call, version)
            status = call.status
            assert status is not None  # noqa: S101 - receive() returned None
            if status.name != "UNIMPLEMENTED":
                break
        why = "the server has no reflection" if status and status.name == "UNIMPLEMENTED" else (
            f"reflection ends with {status}"
        )  # fmt: skip
        raise Failed(Reason.UNEXPECTED_ANSWER, why)

    async def ask(self, request: bytes) -> services.Reflected:
        """Send a request and return its response. Raises Failed."""
        await self._call.send(request)
        message = await self._call.receive()
        if message is None:
            raise Failed(Reason.UNEXPECTED_ANSWER, f"reflection ends with {self._call.status}")
        return services.reflected(message)

    async def names(self) -> tuple[str, ...]:
        """Return the names of all services, printable. Raises Failed."""
        found = (await self.ask(services.list_services())).services or ()
        return tuple(printable(name, _MAX_NAME) for name in found)

    async def files(self, symbol: str) -> dict[str, bytes]:
        """Return the file that declares ``symbol`` and all that it imports, by name.

        Raises Failed: unexpected-answer where the server does not know it, ProtocolViolation
        beyond the limits.
        """
        from google.protobuf import descriptor_pb2
        from google.protobuf.message import DecodeError

        files: dict[str, bytes] = {}
        asked: set[str] = set()
        waiting = [services.file_containing(symbol)]
        size = 0
        while waiting:
            answer = await self.ask(waiting.pop())
            if answer.files is None:
                detail = answer.error[1] if answer.error is not None else "no descriptors"
                raise Failed(
                    Reason.UNEXPECTED_ANSWER,
                    f"reflection does not describe {symbol}: {printable(detail, 200)}",
                )
            for raw in answer.files:
                try:
                    file = descriptor_pb2.FileDescriptorProto.FromString(raw)
                except DecodeError:
                    raise ProtocolViolation("a descriptor that is not one") from None
                if file.name in files:
                    continue
                files[file.name] = raw
                size += len(raw)
                if len(files) > services.MAX_FILES or size > services.MAX_DESCRIPTOR_BYTES:
                    raise ProtocolViolation(
                        f"{len(files)} descriptors of {size} bytes; the limits are "
                        f"{services.MAX_FILES} and {services.MAX_DESCRIPTOR_BYTES}"
                    )
                for name in file.dependency:
                    if name not in asked and name not in files and name not in _GOOGLES:
                        asked.add(name)
                        waiting.append(services.file_named(name))
        return files

    def close(self) -> None:
        """End the stream."""
        self._call.cancel()


def reflected_pool(files: dict[str, bytes]) -> DescriptorPool:
    """Return a pool of a server's descriptors. Raises ProtocolViolation for damaged ones."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    parsed = [FileDescriptorProto.FromString(raw) for raw in files.values()]
    try:
        pool, _ = pool_of(parsed, also=_GOOGLES)  # an Any may have one that nothing imports
    except SchemaError as error:
        raise ProtocolViolation(f"descriptors that cannot be used: {error}") from None
    return pool


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """One method, and how its messages become JSON and back."""

    name: str
    """``package.Service/Method``."""
    kind: Kind
    request: Any
    reply: Any
    """The message classes."""
    pool: Any

    @property
    def path(self) -> str:
        """The path of its calls."""
        return f"/{self.name}"

    @property
    def many_requests(self) -> bool:
        """Whether the client streams."""
        return self.kind in {"client-streaming", "bidirectional"}

    @property
    def many_replies(self) -> bool:
        """Whether the server streams."""
        return self.kind in {"server-streaming", "bidirectional"}

    def encode(self, value: object) -> bytes:
        """Return the request that a JSON value describes. Raises UsageError."""
        from google.protobuf import json_format

        try:
            message = json_format.ParseDict(value, self.request(), descriptor_pool=self.pool)
        except (json_format.ParseError, TypeError, AttributeError) as error:
            raise UsageError(
                f"a request of {self.name} is not {self.request.DESCRIPTOR.full_name}: "
                f"{printable(str(error).partition(chr(10))[0], 200)}"
            ) from None
        data: bytes = message.SerializeToString()
        return data

    def decode(self, data: bytes) -> Any:
        """Return a response as a JSON value. Raises ProtocolViolation."""
        from google.protobuf import json_format
        from google.protobuf.message import DecodeError

        try:
            message = self.reply.FromString(data)
            return json_format.MessageToDict(message, descriptor_pool=self.pool)
        except (DecodeError, json_format.Error, TypeError, RecursionError) as error:
            raise ProtocolViolation(
                f"a response is not {self.reply.DESCRIPTOR.full_name}: {printable(str(error), 160)}"
            ) from None


def split_name(name: str) -> tuple[str, str]:
    """Return service and method of ``package.Service/Method``, also with a dot for the slash.

    Raises UsageError.
    """
    bare = name.strip("/")
    service, slash, method = bare.rpartition("/")
    if not slash:
        service, _, method = bare.rpartition(".")
    if not service or not method or "/" in service:
        raise UsageError(f"{name!r} is not a method: write package.Service/Method")
    return service, method


def method_of(pool: DescriptorPool, name: str) -> Method:
    """Return a method by its name. Raises Failed where the service does not have it."""
    from google.protobuf import message_factory

    service, method = split_name(name)
    try:
        found = pool.FindServiceByName(service)
        declared = found.methods_by_name[method]
    except KeyError:
        raise Failed(
            Reason.UNEXPECTED_ANSWER,
            f"the server describes no method {printable(method, 80)} of {printable(service, 120)}",
        ) from None
    kind = _KINDS[declared.client_streaming, declared.server_streaming]
    return Method(
        name=f"{service}/{method}", kind=kind, pool=pool,
        request=message_factory.GetMessageClass(declared.input_type),
        reply=message_factory.GetMessageClass(declared.output_type),
    )  # fmt: skip


async def describe(channel: Channel, name: str, timeout: float) -> Method:
    """Return a method as the server's reflection describes it. Raises Failed, UsageError."""
    load()
    service, _ = split_name(name)
    reflection = await Reflection.open(channel, timeout)
    try:
        return method_of(reflected_pool(await reflection.files(service)), name)
    finally:
        reflection.close()
