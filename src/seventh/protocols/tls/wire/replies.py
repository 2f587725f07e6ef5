"""SMTP, FTP and NNTP: replies that begin with three digits."""

from __future__ import annotations

import re

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.tls.wire.dialogue import Dialogue, Reading, Script
from seventh.wire.text import printable, quoted

_LINE = re.compile(rb"([1-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_MASKED = re.compile(rb"X{4,}[A-Z]?")
"""How a firewall masks STARTTLS in the reply to EHLO (Cisco's "fixup")."""
_KEYWORDS_SHOWN = 12
_UNKNOWN_COMMAND = frozenset({500, 501, 502, 503, 504})


class Reply(msgspec.Struct, frozen=True):
    """A reply: its code, and the texts of its lines."""

    code: int
    texts: tuple[bytes, ...]

    @property
    def raw(self) -> bytes:
        """The code and its first text."""
        return b"%d %s" % (self.code, self.texts[0])


def reply(talk: Dialogue, *, free_text: bool = False) -> Reading[Reply]:
    """Read a reply; with ``free_text``, lines between the first and the last may be anything.

    That is FTP's rule (RFC 959 §4.2); in SMTP each line begins with the code (RFC 5321 §4.2.1).
    """
    match = _LINE.fullmatch((yield from talk.line()))
    if match is None:
        raise talk.other()
    code, dash, text = match.groups()
    texts = [text or b""]
    while dash == b"-":
        line = yield from talk.line()
        match = _LINE.fullmatch(line)
        if match is not None and match[1] == code:
            _, dash, text = match.groups()
            texts.append(text or b"")
        elif not free_text:
            raise ProtocolViolation(f"a reply of code {code.decode()} has a line without the code")
    return Reply(int(code), tuple(texts))


def _greeting(talk: Dialogue, *codes: int, free_text: bool = False) -> Reading[None]:
    """Read the greeting, one of ``codes``; 1xx announces it."""
    greeting = yield from reply(talk, free_text=free_text)
    while greeting.code < 200:
        greeting = yield from reply(talk, free_text=free_text)
    if greeting.code >= 400:
        raise talk.refused("the connection", greeting.raw)
    if greeting.code not in codes:
        raise talk.other()
    talk.greeted(greeting.texts[0])


def smtp(talk: Dialogue) -> Script:
    """Run SMTP's dialogue (RFC 3207)."""
    yield from _greeting(talk, 220)
    talk.send(b"EHLO %s\r\n" % talk.us.encode("ascii"))
    ehlo = yield from reply(talk)
    if ehlo.code != 250:
        if talk.is_other("FTP"):
            raise talk.other()
        if ehlo.code in _UNKNOWN_COMMAND:
            raise talk.not_offered(
                f"EHLO is answered by {quoted(ehlo.raw, 80)}, so it has no extensions"
            )
        raise talk.refused("EHLO", ehlo.raw)
    keywords = [text.split()[0].upper() for text in ehlo.texts[1:] if text.strip()]
    if b"STARTTLS" not in keywords:
        raise talk.not_offered(_lacking(keywords))
    talk.send(b"STARTTLS\r\n")
    answer = yield from reply(talk)
    if answer.code != 220:
        raise talk.refused("STARTTLS", answer.raw)


def _lacking(keywords: list[bytes]) -> str:
    if any(map(_MASKED.fullmatch, keywords)):
        return "a firewall masks STARTTLS (XXXX) in the reply to EHLO; switch off its inspection"
    some = ", ".join(printable(word, 40) for word in keywords[:_KEYWORDS_SHOWN])
    return f"the reply to EHLO lists {some or 'nothing'}, and not STARTTLS"


def ftp(talk: Dialogue) -> Script:
    """Run FTP's dialogue (RFC 4217 §4); older servers know TLS as SSL."""
    yield from _greeting(talk, 220, free_text=True)
    talk.send(b"AUTH TLS\r\n")
    answer = yield from reply(talk, free_text=True)
    if answer.code == 504:
        talk.send(b"AUTH SSL\r\n")
        answer = yield from reply(talk, free_text=True)
        if answer.code == 334:
            return
    if answer.code == 234:
        return
    if talk.is_other("SMTP"):
        raise talk.other()
    # vsftpd without ssl_enable asks for the login first.
    if answer.code in {*_UNKNOWN_COMMAND, 530}:
        raise talk.not_offered(f"AUTH TLS is answered by {quoted(answer.raw, 80)}")
    raise talk.refused("AUTH TLS", answer.raw)


def nntp(talk: Dialogue) -> Script:
    """Run NNTP's dialogue (RFC 4642 §2.2)."""
    yield from _greeting(talk, 200, 201)
    talk.send(b"STARTTLS\r\n")
    answer = yield from reply(talk)
    if answer.code == 382:
        return
    # 502 would be: known, and not permitted now.
    if answer.code in _UNKNOWN_COMMAND - {502}:
        raise talk.not_offered(f"STARTTLS is answered by {quoted(answer.raw, 80)}")
    raise talk.refused("STARTTLS", answer.raw)
