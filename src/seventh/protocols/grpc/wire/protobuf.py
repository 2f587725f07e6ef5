"""The wire format of Protocol Buffers, as far as the messages of gRPC's standard services need it.

A check of health, reflection and channelz reads a few fields of fixed messages. protobuf's runtime,
which takes longer to load than such a check takes, is for the messages of ``--call``.
"""

from __future__ import annotations

from collections.abc import Iterator

from seventh.model.failure import ProtocolViolation

Value = int | bytes
"""A varint or a fixed-width number; or the bytes of a string or message."""
MAX_FIELDS = 100_000
"""The most fields of one message."""
_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
_MAX_VARINT = 10


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Yield the number and value of each field. Raises ProtocolViolation.

    Groups, which proto3 does not have, are a violation.
    """
    at = count = 0
    while at < len(data):
        count += 1
        if count > MAX_FIELDS:
            raise ProtocolViolation(f"a message of more than {MAX_FIELDS} fields")
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not 1 <= number < 1 << 29:
            raise ProtocolViolation("not a message of Protocol Buffers: an invalid field number")
        if kind == _VARINT:
            number_value, at = _varint(data, at)
            yield number, number_value
            continue
        if kind == _LEN:
            length, at = _varint(data, at)
        elif kind in {_I64, _I32}:
            length = 8 if kind == _I64 else 4
        else:
            raise ProtocolViolation(f"not a message of proto3: wire type {kind}")
        if length > len(data) - at:
            raise ProtocolViolation("a message of Protocol Buffers that ends inside a field")
        raw, at = data[at : at + length], at + length
        yield number, raw if kind == _LEN else int.from_bytes(raw, "little")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(_MAX_VARINT):
        if at + index >= len(data):
            raise ProtocolViolation("a message of Protocol Buffers that ends inside a number")
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at + index + 1
    raise ProtocolViolation("a number of more than ten bytes in a message of Protocol Buffers")


def number_field(number: int, value: int) -> bytes:
    """Return a field of an unsigned number or enum."""
    return _put(number << 3 | _VARINT) + _put(value)


def bytes_field(number: int, value: bytes | str) -> bytes:
    """Return a field of bytes, a string, or an encoded message."""
    raw = value.encode() if isinstance(value, str) else value
    return _put(number << 3 | _LEN) + _put(len(raw)) + raw


def _put(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value: Value) -> str:
    """Return a string field's text. Raises ProtocolViolation unless it is UTF-8."""
    if isinstance(value, int):
        raise ProtocolViolation("a number where the message has a string")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ProtocolViolation("a string that is not UTF-8") from None


def message(value: Value) -> bytes:
    """Return the bytes of a field. Raises ProtocolViolation for a number."""
    if isinstance(value, int):
        raise ProtocolViolation("a number where the message has a message")
    return value


def number(value: Value) -> int:
    """Return a field's number. Raises ProtocolViolation for bytes."""
    if isinstance(value, bytes):
        raise ProtocolViolation("bytes where the message has a number")
    return value
