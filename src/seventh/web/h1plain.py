"""The ordinary answers of HTTP/1.1, read at once: those with a length, in one piece, and the 101.

Most answers to a monitor are like that, and h11's machinery costs more than all the rest of such an
exchange. What is the least bit out of the ordinary is None here and h11's business; whatever is
read here is read as h11 would, which a property test holds it to.
"""

from __future__ import annotations

import re

from seventh.model.phase import Mark
from seventh.web import limits
from seventh.web.message import Fields, Response, is_endless

MAX_PLAIN_HEAD = 8192
"""As much of a head as is kept as evidence; a longer one is not ordinary."""
_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9][0-9]) ([\x21-\x7e][\x20-\x7e]*)?\r\n"
    rb"((?:[!#-'*+\-.0-9A-Z^-z|~]+:[\x20-\x7e\t]*\r\n)*)\r\n"
)
_SWITCH = re.compile(
    rb"HTTP/1\.1 101 ([\x21-\x7e][\x20-\x7e]*)?\r\n"
    rb"((?:[!#-'*+\-.0-9A-Z^-z|~]+:[\x20-\x7e\t]*\r\n)*)\r\n"
)
_FIELD = re.compile(r"([^:]+):[ \t]*([^\r]*)\r\n")
_BODILESS = frozenset([b"204", b"304"])


def plain_answer(data: bytes, sent: Mark, at: Mark, body_cap: int) -> Response | None:
    """``data`` as the whole answer to a GET sent at ``sent``; None where it is not plainly that.

    Plain is: HTTP/1.1, ASCII, no folded lines, no informational response, one Content-Length that
    the rest of ``data`` has exactly, no Transfer-Encoding.
    """
    found = _HEAD.match(data, 0, MAX_PLAIN_HEAD)
    if found is None or found[1] in _BODILESS:
        return None
    fields = _fields(found[3])
    named = [name for name, _ in fields]
    if named.count("content-length") != 1 or "transfer-encoding" in named:
        return None
    length = fields[named.index("content-length")][1]
    reason = found[2] or b""
    head_bytes = found.end()
    body_bytes = len(data) - head_bytes
    if not (length.isdigit() and len(length) < 10 and int(length) == body_bytes <= body_cap):
        return None
    if len(fields) > limits.MAX_FIELDS or len(reason) > limits.MAX_REASON or is_endless(fields):
        return None
    return Response(
        status=int(found[1]),
        version="1.1",
        headers=fields,
        body=data[head_bytes:],
        body_bytes=body_bytes,
        reason=reason.decode("ascii"),
        sent=sent,
        first=at,
        last=at,
        head_bytes=head_bytes,
        raw_head=data[:head_bytes],
    )


def plain_switch(data: bytes, sent: Mark, at: Mark) -> tuple[Response, bytes] | None:
    """``data`` as a 101 to a request sent at ``sent``, and what follows it; None where it is not.

    Plain is a whole head at once, in ASCII, no field of which frames a body.
    """
    found = _SWITCH.match(data, 0, MAX_PLAIN_HEAD)
    if found is None:
        return None
    fields = _fields(found[2])
    reason = found[1] or b""
    if len(fields) > limits.MAX_FIELDS or len(reason) > limits.MAX_REASON:
        return None
    if any(name in _FRAMING for name, _ in fields):
        return None
    end = found.end()
    response = Response(
        status=101,
        version="1.1",
        headers=fields,
        reason=reason.decode("ascii"),
        sent=sent,
        first=at,
        last=at,
        head_bytes=end,
        raw_head=data[:end],
    )
    return response, data[end:]


_FRAMING = frozenset({"content-length", "transfer-encoding"})


def _fields(block: bytes) -> Fields:
    """Field lines that are known to be well formed."""
    found = _FIELD.findall(block.decode("ascii"))
    return tuple([(name.lower(), value.rstrip(" \t")) for name, value in found])
