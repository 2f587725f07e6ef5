"""Descriptor sets from files: what is refused, with the reason, and that no bytes raise else."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import UsageError
from seventh.protocols.grpc.client.pool import SchemaError, Wrong
from seventh.protocols.grpc.schema import source
from seventh.protocols.grpc.schema.descriptors import read_set
from seventh.protocols.grpc.schema.source import load
from seventh.protocols.grpc.wire.services import MAX_DESCRIPTOR_BYTES, MAX_FILES
from tests.protocols.grpc.schema.schemas import compiled

GOOD = compiled("package a; message M { string s = 1; M m = 2; }")


def set_of(*files: tuple[str, tuple[str, ...]]) -> bytes:
    made = [FileDescriptorProto(name=name, dependency=imports) for name, imports in files]
    return FileDescriptorSet(file=made).SerializeToString()


def twice() -> bytes:
    made = FileDescriptorSet.FromString(GOOD)
    made.file[0].message_type.append(made.file[0].message_type[0])
    return made.SerializeToString()


def nested() -> bytes:
    """A message within a message, deeper than protobuf's runtime reads."""
    inner = b""
    for _ in range(300):
        inner = b"\x1a" + _length(inner) + inner
    file = b"\x0a\x01a" + b"\x22" + _length(inner) + inner
    return b"\x0a" + _length(file) + file


def _length(data: bytes) -> bytes:
    number, made = len(data), b""
    while number > 127:
        made, number = made + bytes((number & 127 | 128,)), number >> 7
    return made + bytes((number,))


WRONG = {
    "empty": (b"", Wrong.DAMAGED), "text": (b"syntax = 'proto3';", Wrong.DAMAGED),
    "cut": (GOOD[:-3], Wrong.DAMAGED),
    "large": (b"\0" * (MAX_DESCRIPTOR_BYTES + 1), Wrong.TOO_LARGE),
    "many": (set_of(*((f"{n}.proto", ()) for n in range(MAX_FILES + 1))), Wrong.TOO_MANY),
    "circle": (set_of(("a", ("b",)), ("b", ("a",))), Wrong.CIRCULAR),
    "itself": (set_of(("a", ("a",))), Wrong.CIRCULAR),
    "missing": (set_of(("a", ("b",))), Wrong.INCOMPLETE),
    "not Google's": (set_of(("a", ("google/protobuf/nothing.proto",))), Wrong.INCOMPLETE),
    "another module": (set_of(("a", ("google/protobuf/internal/../x.proto",))), Wrong.INCOMPLETE),
    "one name twice": (twice(), Wrong.DAMAGED), "deep": (nested(), Wrong.DAMAGED),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_schema_is_refused_with_its_reason(name: str) -> None:
    data, wrong = WRONG[name]
    with pytest.raises(SchemaError) as caught:
        read_set(data)
    assert caught.value.wrong is wrong


def test_a_type_that_contains_itself_is_read() -> None:
    assert read_set(GOOD).messages["a.M"].fields[2].type_name == "a.M"


def test_googles_own_files_need_not_be_there() -> None:
    text = (
        'import "google/protobuf/timestamp.proto"; message M { google.protobuf.Timestamp t = 1; }'
    )
    made = FileDescriptorSet.FromString(compiled(text))
    (mine,) = (file for file in made.file if file.name == "a.proto")
    found = read_set(FileDescriptorSet(file=[mine]).SerializeToString())
    assert set(found.messages) == {"M"}
    assert found.messages["M"].fields[1].type_name == "google.protobuf.Timestamp"


@given(data=st.binary(max_size=200) | st.integers(0, len(GOOD) - 1).flatmap(
    lambda at: st.binary(min_size=1, max_size=3).map(lambda b: GOOD[:at] + b + GOOD[at + 1 :])
))  # fmt: skip
def test_any_bytes_are_a_schema_or_refused(data: bytes) -> None:
    with contextlib.suppress(SchemaError):
        read_set(data)


def test_files_and_folders_of_protos(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a.proto").write_text(
        'syntax = "proto3"; import "b/b.proto"; message A { B b = 1; }'
    )
    (tmp_path / "b" / "b.proto").write_text('syntax = "proto3"; message B { }')
    (tmp_path / "set").write_bytes(GOOD)
    found = [set(load(str(tmp_path / name)).messages) for name in ("", "a.proto", "set")]
    assert found == [{"A", "B"}, {"A", "B"}, {"a.M"}]
    with pytest.raises(UsageError, match=r"protoc refused it: b/b\.proto: File not found"):
        (tmp_path / "c").mkdir()
        (tmp_path / "c" / "a.proto").write_text((tmp_path / "a.proto").read_text())
        load(str(tmp_path / "c" / "a.proto"))
    found = [set(load(str(tmp_path / "c" / "a.proto"), [str(tmp_path)]).messages)]
    assert found == [{"A", "B"}]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "nothing: No such file or directory"),
        ("empty", "empty: no .proto files"),
        ("grpc://a.example", "grpc://a.example: schemas are compared as files: a descriptor set"),
        ("text", "text: not a FileDescriptorSet: "),
    ],
)  # fmt: skip
def test_what_is_said_of_a_wrong_source(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("text").write_text("hello")
    with pytest.raises(UsageError) as caught:
        load(name)
    assert str(caught.value).startswith(said)


def test_without_the_compiler_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source.importlib.util, "find_spec", lambda name: None)
    (tmp_path / "a.proto").write_text('syntax = "proto3";')
    with pytest.raises(UsageError, match=r"needs grpcio-tools: `pip install 'seventh\[proto\]'`"):
        load(str(tmp_path / "a.proto"))
