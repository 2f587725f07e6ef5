"""The messages of the standard services, against protobuf's runtime and grpcio's own classes."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import unknown_fields
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.grpc.wire import protobuf as pb
from seventh.protocols.grpc.wire import services


@given(
    st.lists(
        st.tuples(
            st.integers(1, (1 << 29) - 1), st.integers(0, (1 << 64) - 1) | st.binary(max_size=30)
        ),
        max_size=6,
    )
)
def test_what_is_encoded_is_decoded(entries: list[tuple[int, int | bytes]]) -> None:
    raw = b"".join(
        pb.number_field(n, v) if isinstance(v, int) else pb.bytes_field(n, v) for n, v in entries
    )
    assert list(pb.fields(raw)) == entries


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_as_the_runtime_reads_them(data: bytes) -> None:
    empty = Empty()
    try:
        ours: list[Any] | None = list(pb.fields(data))
    except ProtocolViolation:
        ours = None
    try:
        empty.ParseFromString(data)
        theirs: list[Any] | None = list(unknown_fields.UnknownFieldSet(empty))
    except DecodeError:
        theirs = None
    if ours is None:
        # Groups are no part of proto3; upb accepts the field number 0, which no field has.
        assert theirs is None or any(
            field.wire_type == 3 or field.field_number == 0 for field in theirs
        )
    elif theirs is not None:
        assert ours == [(field.field_number, field.data) for field in theirs]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x08", "ends inside a number"),
        (b"\x0a\x05ab", "ends inside a field"),
        (b"\x00\x00", "an invalid field number"),
        (b"\x0b\x0c", "wire type 3"),
        (b"\x08" + b"\xff" * 11, "more than ten bytes"),
        (b"\x08\x00" * 100_001, "more than 100000 fields"),
    ],
    ids=["number", "field", "zero", "group", "long", "many"],
)
def test_damage_is_a_violation(data: bytes, why: str) -> None:
    with pytest.raises(ProtocolViolation, match=why):
        list(pb.fields(data))


def test_kinds_are_checked() -> None:
    for read, value in ((pb.text, 1), (pb.message, 1), (pb.number, b""), (pb.text, b"\xff")):
        with pytest.raises(ProtocolViolation):
            read(value)


def test_health() -> None:
    request = health_pb2.HealthCheckRequest.FromString(services.health_request("a.B"))
    assert request.service == "a.B"
    assert services.health_request() == b""
    for status, name in enumerate(("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")):
        theirs = health_pb2.HealthCheckResponse(status=status).SerializeToString()
        assert services.health_response(status) == theirs
        assert services.serving(theirs) == name
    assert services.serving(services.health_response(9)) == "9"
    statuses = {"": 1, "a.B": 2}
    assert services.health_list(services.health_list_response(statuses)) == {
        "": "SERVING", "a.B": "NOT_SERVING",
    }  # fmt: skip


def test_reflection_requests() -> None:
    parse = reflection_pb2.ServerReflectionRequest.FromString
    assert parse(services.list_services()).WhichOneof("message_request") == "list_services"
    assert parse(services.file_containing("a.B")).file_containing_symbol == "a.B"
    assert parse(services.file_named("a.proto")).file_by_filename == "a.proto"


def test_reflection_responses() -> None:
    parse = reflection_pb2.ServerReflectionResponse.FromString
    listed = services.services_response(("a.B", "c.D"))
    assert [s.name for s in parse(listed).list_services_response.service] == ["a.B", "c.D"]
    assert services.reflected(listed) == services.Reflected(services=("a.B", "c.D"))
    files = services.files_response((b"one", b"two"))
    assert list(parse(files).file_descriptor_response.file_descriptor_proto) == [b"one", b"two"]
    assert services.reflected(files) == services.Reflected(files=(b"one", b"two"))
    error = services.error_response(5, "not found")
    assert parse(error).error_response.error_message == "not found"
    assert services.reflected(error) == services.Reflected(error=(5, "not found"))


def test_reflection_is_bounded() -> None:
    with pytest.raises(ProtocolViolation, match="the limits are 512 and 8388608"):
        services.reflected(services.files_response((b"",) * 513))
    with pytest.raises(ProtocolViolation, match="the limits are 512 and 8388608"):
        services.reflected(services.files_response((bytes(services.MAX_DESCRIPTOR_BYTES + 1),)))
    with pytest.raises(ProtocolViolation, match="without services, files or an error"):
        services.reflected(b"")
    many = services.services_response(tuple(map(str, range(2000))))
    assert len(services.reflected(many).services or ()) == services.MAX_SERVICES
