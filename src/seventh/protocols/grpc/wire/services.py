"""The messages of health checking (grpc.health.v1) and reflection (grpc.reflection)."""

from __future__ import annotations

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.grpc.wire import protobuf as pb

CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
LIST = "/grpc.health.v1.Health/List"
REFLECTION = {
    "v1": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "v1alpha": "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
}
CHANNELZ = "/grpc.channelz.v1.Channelz/GetServers"
CSDS = "/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus"
"""The admin services (gRFC A14, A38)."""
MAX_SERVICES = 1000
"""The most services of a list that are kept."""
MAX_FILES = 512
MAX_DESCRIPTOR_BYTES = 8 * 1024 * 1024
"""The most descriptors that are accepted from one server."""
_SERVING = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


def health_request(service: str = "") -> bytes:
    """Return a HealthCheckRequest; no service means the server as a whole."""
    return pb.bytes_field(1, service) if service else b""


def health_response(status: int) -> bytes:
    """Return a HealthCheckResponse."""
    return pb.number_field(1, status) if status else b""


def serving(data: bytes) -> str:
    """Return the status of a HealthCheckResponse by name. Raises ProtocolViolation."""
    status = 0
    for field, value in pb.fields(data):
        if field == 1:
            status = pb.number(value)
    return _SERVING.get(status, str(status))


def health_list(data: bytes) -> dict[str, str]:
    """Return the statuses of a HealthListResponse by service, the first MAX_SERVICES."""
    found: dict[str, str] = {}
    for field, value in pb.fields(data):
        if field == 1 and len(found) < MAX_SERVICES:
            entry = dict(pb.fields(pb.message(value)))
            found[pb.text(entry.get(1, b""))] = serving(pb.message(entry.get(2, b"")))
    return found


def health_list_response(statuses: dict[str, int]) -> bytes:
    """Return a HealthListResponse."""
    entries = (
        pb.bytes_field(1, name) + pb.bytes_field(2, health_response(status))
        for name, status in statuses.items()
    )
    return b"".join(pb.bytes_field(1, entry) for entry in entries)


class Reflected(msgspec.Struct, frozen=True, kw_only=True):
    """One ServerReflectionResponse: one of the three."""

    services: tuple[str, ...] | None = None
    files: tuple[bytes, ...] | None = None
    """Encoded FileDescriptorProtos."""
    error: tuple[int, str] | None = None
    """A code of gRPC and a message, as the server sent it."""


def list_services() -> bytes:
    """Return the reflection request for the names of all services."""
    return pb.bytes_field(7, "")


def file_containing(symbol: str) -> bytes:
    """Return the reflection request for the file that declares ``symbol``, a full name."""
    return pb.bytes_field(4, symbol)


def file_named(name: str) -> bytes:
    """Return the reflection request for a file by its name."""
    return pb.bytes_field(3, name)


def reflected(data: bytes) -> Reflected:
    """Return a ServerReflectionResponse. Raises ProtocolViolation, also beyond the limits."""
    for field, value in pb.fields(data):
        if field == 4:
            files = tuple(pb.message(v) for f, v in pb.fields(pb.message(value)) if f == 1)
            if len(files) > MAX_FILES or sum(map(len, files)) > MAX_DESCRIPTOR_BYTES:
                raise ProtocolViolation(
                    f"{len(files)} descriptors of {sum(map(len, files))} bytes; the limits are "
                    f"{MAX_FILES} and {MAX_DESCRIPTOR_BYTES}"
                )
            return Reflected(files=files)
        if field == 6:
            listed = (pb.message(v) for f, v in pb.fields(pb.message(value)) if f == 1)
            names = [pb.text(dict(pb.fields(each)).get(1, b"")) for each in listed]
            return Reflected(services=tuple(names[:MAX_SERVICES]))
        if field == 7:
            error = dict(pb.fields(pb.message(value)))
            return Reflected(error=(pb.number(error.get(1, 0)), pb.text(error.get(2, b""))))
    raise ProtocolViolation("a reflection response without services, files or an error")


def services_response(names: tuple[str, ...]) -> bytes:
    """Return the reflection response with the names of all services."""
    entries = (pb.bytes_field(1, pb.bytes_field(1, name)) for name in names)
    return pb.bytes_field(6, b"".join(entries))


def files_response(files: tuple[bytes, ...]) -> bytes:
    """Return the reflection response with encoded FileDescriptorProtos."""
    return pb.bytes_field(4, b"".join(pb.bytes_field(1, file) for file in files))


def error_response(code: int, text: str) -> bytes:
    """Return the reflection response with an error."""
    return pb.bytes_field(7, pb.number_field(1, code) + pb.bytes_field(2, text))
