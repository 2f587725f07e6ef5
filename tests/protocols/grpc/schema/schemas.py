"""Schemas of a few lines, compiled by protoc, with the classes of protobuf's runtime."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc

from seventh.protocols.grpc.client.pool import pool_of
from seventh.protocols.grpc.schema.descriptors import read_set
from seventh.protocols.grpc.schema.model import Schema


@functools.cache
def compiled(text: str, syntax: str = "proto3") -> bytes:
    """The descriptor set of a .proto file's text."""
    with tempfile.TemporaryDirectory() as folder:
        path, made = Path(folder, "a.proto"), Path(folder, "set")
        path.write_text(f'syntax = "{syntax}";\n{text}\n')
        words = ["protoc", "--include_imports", f"--descriptor_set_out={made}", f"-I{folder}",
                 f"-I{Path(protoc.__file__).parent / '_proto'}", str(path)]  # fmt: skip
        assert protoc.main(words) == 0
        return made.read_bytes()


def schema(text: str, syntax: str = "proto3") -> Schema:
    return read_set(compiled(text, syntax))


def message_class(text: str, name: str, syntax: str = "proto3") -> Any:
    """The runtime's class of a message."""
    pool, _ = pool_of(FileDescriptorSet.FromString(compiled(text, syntax)).file)
    return GetMessageClass(pool.FindMessageTypeByName(name))
