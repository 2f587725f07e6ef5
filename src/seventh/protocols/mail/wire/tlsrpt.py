"""The TLS reporting record (RFC 8460 §3)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from seventh.protocols.mail.facts.answer import Answer
from seventh.protocols.mail.facts.tlsrpt import TlsrptFacts
from seventh.protocols.mail.wire.tag_list import read_tags
from seventh.wire.text import printable

_VERSION = re.compile(rb"v=TLSRPTv1[ \t]*;")
_MAILTO = re.compile(r"mailto:[^@\s]+@[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?(\?\S*)?", re.IGNORECASE)


def read_answer(answer: Answer) -> TlsrptFacts:
    """Return what the answer for ``_smtp._tls.DOMAIN`` says."""
    if not answer.known:
        return TlsrptFacts(outcome="unknown", detail=answer.detail)
    records = [text for text in answer.texts if _VERSION.match(text)]
    if not records:
        return TlsrptFacts(outcome="none")
    if len(records) > 1:
        return TlsrptFacts(outcome="several")
    text = printable(records[0].decode("utf-8", "replace"), 1000)
    uris = read_tags(records[0]).words("rua", ",")
    right = tuple(printable(uri, 300) for uri in uris if _is_usable(uri))
    wrong = tuple(printable(uri, 300) for uri in uris if not _is_usable(uri))
    return TlsrptFacts(
        outcome="record" if right else "invalid", text=text, reports=right, wrong=wrong
    )


def _is_usable(uri: str) -> bool:
    if _MAILTO.fullmatch(uri):
        return True
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme.lower() == "https" and bool(parts.hostname)
