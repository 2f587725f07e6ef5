"""IMAP, POP3 and ManageSieve: lines with words."""

from __future__ import annotations

import re

from seventh.model.failure import ProtocolViolation
from seventh.protocols.tls.wire.dialogue import MAX_LINE, Dialogue, Reading, Script
from seventh.wire.text import quoted

# -- IMAP ------------------------------------------------------------------------------------------

_IMAP_GREETING = re.compile(rb"\* (OK|PREAUTH|BYE)(?: (.*))?", re.IGNORECASE | re.DOTALL)
_CAPABILITIES = re.compile(rb"(?:^\* |\[)CAPABILITY ([^\]]*)", re.IGNORECASE)
_CODE = re.compile(rb"^\[[^\]]*\] *")


def imap(talk: Dialogue) -> Script:
    """Run IMAP's dialogue (RFC 9051 §6.2.1)."""
    line = yield from talk.line()
    match = _IMAP_GREETING.fullmatch(line)
    if match is None:
        raise talk.other()
    status, text = match[1].upper(), match[2] or b""
    if status == b"BYE":
        raise talk.refused("the connection", text)
    talk.greeted(_CODE.sub(b"", text))
    if status == b"PREAUTH":
        raise talk.not_offered("the greeting is PREAUTH, after which STARTTLS is not permitted")
    known = _capabilities(line)
    if b"STARTTLS" not in known:  # a greeting need not list all of them
        talk.send(b"a1 CAPABILITY\r\n")
        known = known | (yield from _imap_answer(talk, b"a1", "CAPABILITY"))
        if b"STARTTLS" not in known:
            login = "; it refuses logins in clear" if b"LOGINDISABLED" in known else ""
            raise talk.not_offered(f"CAPABILITY does not list STARTTLS{login}")
    talk.send(b"a2 STARTTLS\r\n")
    yield from _imap_answer(talk, b"a2", "STARTTLS")


def _imap_answer(talk: Dialogue, tag: bytes, command: str) -> Reading[frozenset[bytes]]:
    """Read up to the tagged answer, which must be OK; return the capabilities on the way."""
    known: frozenset[bytes] = frozenset()
    while True:
        line = yield from talk.line()
        first, _, text = line.partition(b" ")
        known |= _capabilities(line)
        if first == tag:
            if text[:2].upper() != b"OK":
                raise talk.refused(command, text)
            return known
        if first != b"*":
            raise ProtocolViolation(f"an IMAP response begins with {quoted(first, 40)}")
        if text[:3].upper() == b"BYE":
            raise talk.refused(command, text)


def _capabilities(line: bytes) -> frozenset[bytes]:
    match = _CAPABILITIES.search(line)
    return frozenset(match[1].upper().split()) if match is not None else frozenset()


# -- POP3 ------------------------------------------------------------------------------------------


def pop3(talk: Dialogue) -> Script:
    """Run POP3's dialogue (RFC 2595 §4)."""
    greeting = yield from talk.line()
    if greeting.startswith(b"-ERR"):
        raise talk.refused("the connection", greeting)
    if not greeting.startswith(b"+OK"):
        raise talk.other()
    talk.greeted(greeting[3:].strip())
    talk.send(b"CAPA\r\n")
    has_list = _positive((yield from talk.line()))
    if has_list and b"STLS" not in (yield from _pop3_list(talk)):
        raise talk.not_offered("CAPA does not list STLS")
    talk.send(b"STLS\r\n")
    answer = yield from talk.line()
    if _positive(answer):
        return
    if has_list:
        raise talk.refused("STLS", answer)
    raise talk.not_offered(f"STLS is answered by {quoted(answer, 80)}, and CAPA is unknown")


def _positive(line: bytes) -> bool:
    if not line.startswith((b"+OK", b"-ERR")):
        raise ProtocolViolation(f"a POP3 response begins with {quoted(line, 40)}")
    return line.startswith(b"+OK")


def _pop3_list(talk: Dialogue) -> Reading[set[bytes]]:
    words: set[bytes] = set()
    while (line := (yield from talk.line())) != b".":
        words |= set(line.upper().split()[:1])
    return words


# -- ManageSieve -----------------------------------------------------------------------------------

_LITERAL = re.compile(rb"\{(\d{1,5})\+?\}$")
_STATUS = re.compile(rb"(OK|NO|BYE)(?: (.*))?", re.IGNORECASE | re.DOTALL)
_CAPABILITY = re.compile(rb'"([^"]*)"(?: "([^"]*)")?', re.DOTALL)


def sieve(talk: Dialogue) -> Script:
    """Run ManageSieve's dialogue (RFC 5804 §2.2); its greeting lists the capabilities."""
    capabilities = yield from _sieve_answer(talk, "the connection")
    if not capabilities:
        raise talk.other()
    talk.greeted(capabilities.get(b"IMPLEMENTATION", b""))
    if b"STARTTLS" not in capabilities:
        raise talk.not_offered("the greeting does not list STARTTLS")
    talk.send(b"STARTTLS\r\n")
    yield from _sieve_answer(talk, "STARTTLS")


def _sieve_answer(talk: Dialogue, what: str) -> Reading[dict[bytes, bytes]]:
    """Read up to the status, which must be OK; return the capabilities before it."""
    capabilities: dict[bytes, bytes] = {}
    while True:
        line = yield from _with_literals(talk)
        if (status := _STATUS.fullmatch(line)) is not None:
            if status[1].upper() != b"OK":
                raise talk.refused(what, line)
            return capabilities
        capability = _CAPABILITY.match(line)
        if capability is None:
            raise talk.other()
        capabilities[capability[1].upper()] = capability[2] or b""


def _with_literals(talk: Dialogue) -> Reading[bytes]:
    """Return a line, its literals as quoted strings (RFC 5804 §4)."""
    line = yield from talk.line()
    while (literal := _LITERAL.search(line)) is not None:
        text = yield from talk.exactly(int(literal[1]))
        line = b'%s"%s"%s' % (line[: literal.start()], text, (yield from talk.line()))
        if len(line) > MAX_LINE:
            raise ProtocolViolation(f"a ManageSieve response is longer than {MAX_LINE} bytes")
    return line
