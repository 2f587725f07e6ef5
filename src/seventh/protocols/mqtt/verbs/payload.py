"""A message's payload as a value: JSON, text, MessagePack, or bytes."""

from __future__ import annotations

import base64
from typing import Any, Literal, NamedTuple

import msgspec

Encoding = Literal["json", "text", "msgpack", "base64"]


class Decoded(NamedTuple):
    """A payload, and what it was decoded as."""

    encoding: Encoding
    value: Any


def decode(payload: bytes, asked: str = "auto", content_type: str = "") -> Decoded:
    """Return a payload decoded as ``asked``; as bytes in base64 where that is not possible.

    ``auto`` tries JSON, then text, then MessagePack; the content type of MQTT 5 decides first.
    """
    if asked != "auto":
        tried: tuple[str, ...] = (asked,)
    elif "msgpack" in content_type:
        tried = ("msgpack", "json", "text")
    else:
        tried = ("json", "text", "msgpack")
    for each in tried:
        found = _READERS[each](payload, asked == each)
        if found is not None:
            return found
    return Decoded("base64", base64.b64encode(payload).decode())


def _json(payload: bytes, _: bool) -> Decoded | None:
    try:
        return Decoded("json", msgspec.json.decode(payload))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _text(payload: bytes, asked: bool) -> Decoded | None:
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return None
    printable = all(c.isprintable() or c in "\r\n\t" for c in text)
    return Decoded("text", text) if asked or printable else None


def _msgpack(payload: bytes, asked: bool) -> Decoded | None:
    try:
        value = msgspec.msgpack.decode(payload)
        msgspec.json.encode(value)  # what JSON cannot hold is shown as bytes
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, OverflowError):
        return None
    return Decoded("msgpack", value) if asked or isinstance(value, dict | list) else None


def _none(_: bytes, __: bool) -> None:
    return None


_READERS = {"json": _json, "text": _text, "msgpack": _msgpack, "base64": _none}
