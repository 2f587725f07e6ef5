"""Content codings: what each offer got, and in what size."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.http.facts.content import CodingFault, Variant
from seventh.protocols.http.wire import fields
from seventh.web import content as content_codings
from seventh.web.content import CodingViolation, ContentDecoder, undo, undo_in_turns
from seventh.web.message import Response
from seventh.wire.text import printable

BROWSER = "gzip, deflate, br, zstd"
"""What browsers offer over TLS; over plain HTTP they omit br and zstd."""
BROWSER_IN_CLEAR = "gzip, deflate"
WORTH_BYTES = 1024
"""Text shorter than this fits a packet either way."""
_PACKED_TYPES = ("audio/", "video/", "image/", "font/woff")
_PACKED = frozenset({
    "application/font-woff", "application/gzip", "application/java-archive", "application/pdf",
    "application/vnd.android.package-archive", "application/x-7z-compressed", "application/x-bzip2",
    "application/x-gzip", "application/x-rar-compressed", "application/x-xz", "application/zip",
    "application/zstd",
})  # fmt: skip
_LOOSE = frozenset({
    "application/ecmascript", "application/geo+json", "application/graphql",
    "application/javascript", "application/json", "application/ld+json",
    "application/manifest+json",
    "application/ndjson", "application/rtf", "application/vnd.ms-fontobject", "application/wasm",
    "application/x-javascript", "application/x-ndjson", "application/x-yaml", "application/xml",
    "application/yaml", "font/otf", "font/ttf", "image/bmp", "image/svg+xml",
    "image/vnd.microsoft.icon", "image/x-icon",
})  # fmt: skip
_NAMED = re.compile(
    rb"(?:csrf|xsrf|authenticity[_-]token|requestverificationtoken)[\w.-]{0,32}", re.IGNORECASE
)
_BEFORE = re.compile(rb"[\w.-]{0,32}\Z")
"""How a token's name may begin: looked for backwards, for forwards each place would try it."""
_VALUED = re.compile(
    rb"""["']?[^<>{}]{0,80}?(?:value|content|:)[ =]{0,4}["'][\w+/=.:-]{16,512}["']""", re.IGNORECASE
)
"""Behind a token's name: the value that stands beside it, in a tag or in JSON."""
_MAX_NAMED = 64
_MAX_LOOKED = 512 * 1024


def is_compressible(content_type: str) -> bool | None:
    """Return whether a media type is worth compressing; None where that is unknown."""
    if content_type in _LOOSE or content_type.startswith("text/"):
        # An event stream is coded as it goes; what buffers it does more harm than its size.
        return content_type != "text/event-stream"
    if content_type.endswith(("+json", "+xml", "+yaml")):
        return True
    return False if is_packed(content_type) else None


def is_packed(content_type: str) -> bool:
    """Return whether a media type is already compressed."""
    if content_type in _LOOSE or content_type.endswith(("+json", "+xml")):
        return False
    return content_type in _PACKED or content_type.startswith(_PACKED_TYPES)


def coding_of(response: Response) -> str:
    """Return Content-Encoding in lower case; empty for identity (RFC 9110 §8.4)."""
    named = [n for n in response.listed("content-encoding") if n != "identity"]
    return printable(", ".join(named), 64)


def content_of(response: Response) -> bytes:
    """Return the decoded content. Raises CodingViolation: a bomb, corrupt, cut short."""
    if isinstance(response.undone, ProtocolViolation):
        raise response.undone
    if response.undone is not None:
        return response.undone
    return undo(", ".join(response.every("content-encoding")), response.body)


async def undo_ahead(response: Response) -> Response:
    """Return the response with its content decoded, in turns with other work."""
    codings = ", ".join(response.every("content-encoding"))
    if not codings or response.truncated:
        return response
    content: bytes | CodingViolation
    try:
        content = await undo_in_turns(codings, response.body)
    except CodingViolation as violation:
        # Its traceback would keep what was decoded so far, which may be many megabytes.
        content = violation.with_traceback(None)
    return msgspec.structs.replace(response, undone=content)


def undone(response: Response) -> tuple[bytes | None, CodingFault, str]:
    """Return the decoded content, how Content-Encoding does not match it, and why in words.

    The content is None where it was not seen whole or cannot be undone; of one that was left early
    the beginning is looked at. Text that still begins like compressed data was compressed
    once more than declared.
    """
    named = ", ".join(response.every("content-encoding"))
    content: bytes | None = None
    try:
        if response.truncated:
            beginning = ContentDecoder(named).feed(response.body[:_BEGINNING])
        else:
            beginning = content = content_of(response)
    except CodingViolation as violation:
        return None, _FAULTS[violation.fault], violation.detail
    kind = fields.media_type(response.get("content-type"))
    if is_compressible(kind) and beginning.startswith(_COMPRESSED):
        return content, "still-coded", ""
    return content, "", ""


_BEGINNING = 65536
_FAULTS: dict[content_codings.CodingFault, CodingFault] = {
    content_codings.CodingFault.CORRUPT: "corrupt",
    content_codings.CodingFault.CUT_SHORT: "cut-short",
    content_codings.CodingFault.UNKNOWN: "unknown",
    content_codings.CodingFault.NO_DECODER: "",
    content_codings.CodingFault.BOUNDS: "",
}
_COMPRESSED = (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd")
"""How gzip (RFC 1952 §2.3.1) and zstd (RFC 8878 §3.1.1) begin; no text does."""


def digest_of(content: bytes) -> str:
    """Return what identifies content."""
    return hashlib.sha256(content).hexdigest()[:32]


def variant(offered: str, response: Response) -> Variant:
    """Return the facts of the response to the offer ``offered``."""
    content, fault, broken = undone(response)
    coding, tag = coding_of(response), fields.etag(response.get("etag"))
    size = len(content) if content is not None else None
    if response.truncated and not coding:
        size = _declared(response)
    return Variant(
        offered=offered,
        status=response.status,
        coding=coding,
        wire_bytes=_declared(response),
        content_bytes=size,
        truncated=response.truncated,
        digest=digest_of(content) if content is not None else "",
        etag=None if tag is None else fields.shown_tag(tag),
        vary=tuple(printable(name, 64) for name in response.listed("vary")[:32]),
        broken=broken,
        fault=fault,
    )


def _declared(response: Response) -> int:
    """Return the body's size: received, or Content-Length where it was truncated."""
    length = fields.delta_seconds(response.get("content-length"))
    if response.truncated and length is not None and response.status == 200:
        return max(length, response.body_bytes)
    return response.body_bytes


def secrets_in(content: bytes) -> tuple[str, ...]:
    """Return the names of anti-forgery tokens, never their values."""
    return tuple(dict.fromkeys(name for name, _ in _tokens(content)))[:8]


def lasting_secrets(first: bytes, second: bytes) -> tuple[str, ...]:
    """Return the names of tokens that have the same value in both contents."""
    both = {name for name, _ in set(_tokens(first)) & set(_tokens(second))}
    return tuple(name for name in secrets_in(first) if name in both)


def _tokens(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each token by its name, with its value and the text before it."""
    content = content[:_MAX_LOOKED]
    for named in itertools.islice(_NAMED.finditer(content), _MAX_NAMED):
        valued = _VALUED.match(content, named.end())
        if valued is not None:
            yield printable(_beginning(content, named.start()) + named[0], 64), valued[0]


def _beginning(content: bytes, end: int) -> bytes:
    before = _BEFORE.search(content[max(0, end - 32) : end])
    return before[0] if before is not None else b""


def codings(variants: Iterable[Variant]) -> tuple[str, ...]:
    """Return the codings that the server used."""
    return tuple(dict.fromkeys(v.coding for v in variants if v.coding and v.status == 200))
