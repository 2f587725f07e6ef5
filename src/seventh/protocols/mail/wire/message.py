"""A message, read in pieces: its header is kept, its body never."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from email.utils import getaddresses

from seventh.protocols.mail.wire.header import MAX_HEADER_BYTES, named, read_header
from seventh.protocols.mail.wire.malformed import MalformedError

_END = re.compile(rb"\r?\n\r?\n")
_FIRST = re.compile(rb"(?:From [^\r\n]*\r?\n)?[A-Za-z][!-9;-~]{0,75}[ \t]*:[^\r\n]*\r?\n")
_USUAL = re.compile(
    rb"^(from|to|date|subject|received|message-id|mime-version|return-path|dkim-signature)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)


def is_message(head: bytes) -> bool:
    """Return whether content that begins like this is a message."""
    return _FIRST.match(head) is not None and _USUAL.search(head) is not None


class Message:
    """A message whose pieces can be read again. Raises MalformedError for an endless header."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]]) -> None:
        self._pieces = pieces
        head, self._body_at = self._read_head()
        self._bare = b"\r\n" not in head
        """Whether lines end with LF alone, as in a file on disk; they are read as CRLF."""
        if head.startswith(b"From "):
            head = head.partition(b"\n")[2]
        self.fields = read_header(head.replace(b"\n", b"\r\n") if self._bare else head)

    def _read_head(self) -> tuple[bytes, int]:
        """Return the header, and where the body begins."""
        head = b""
        for piece in self._pieces():
            head += piece
            if (end := _END.search(head)) is not None:
                line_end = b"\r\n" if end[0].startswith(b"\r") else b"\n"
                return head[: end.start()] + line_end, end.end()
            if len(head) > MAX_HEADER_BYTES:
                raise MalformedError(f"a header of more than {MAX_HEADER_BYTES >> 20} MiB")
        return head, len(head)

    def body(self) -> Iterator[bytes]:
        """Yield the body from its beginning, with CRLF as line ends."""
        skip, held = self._body_at, b""
        for piece in self._pieces():
            if skip >= len(piece):
                skip -= len(piece)
                continue
            piece, skip = piece[skip:], 0
            if not self._bare:
                yield piece
                continue
            piece = held + piece
            held = b"\r" if piece.endswith(b"\r") else b""
            piece = piece.removesuffix(b"\r")
            yield piece.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if held:
            yield held

    def addresses(self, name: str) -> list[str]:
        """Return the addresses of every field of that name."""
        texts = [field.text[:_MOST] for field in named(self.fields, name)[:8]]
        return [address for _, address in getaddresses(texts) if "@" in address]

    @property
    def header_bytes(self) -> int:
        """The length of the header, with the empty line after it."""
        return sum(len(field.raw) for field in self.fields) + 2


_MOST = 8192


def domain_of(address: str) -> str:
    """Return the domain of an address in the form to ask for; empty where it has none."""
    domain = address.rpartition("@")[2].strip().rstrip(".").lower()
    try:
        return domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
