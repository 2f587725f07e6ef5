"""Enhanced status codes (RFC 3463 and its registry) as causes."""

from __future__ import annotations

import re

from seventh.protocols.smtp.facts.mail import Cause

_BY_STATUS = {
    "1.1": Cause.NO_SUCH_USER, "1.2": Cause.NO_SUCH_DOMAIN, "1.3": Cause.SYNTAX,
    "1.6": Cause.NO_SUCH_USER, "1.7": Cause.SENDER, "1.8": Cause.SENDER,
    "1.10": Cause.NO_SUCH_DOMAIN, "2.1": Cause.DISABLED, "2.2": Cause.FULL,
    "2.3": Cause.TOO_LARGE, "3.1": Cause.NOT_NOW, "3.2": Cause.NOT_NOW, "3.4": Cause.TOO_LARGE,
    "5.1": Cause.SYNTAX, "5.2": Cause.SYNTAX, "5.4": Cause.SYNTAX, "5.6": Cause.SYNTAX,
    "6.7": Cause.NOT_SUPPORTED, "7.0": Cause.POLICY, "7.1": Cause.POLICY, "7.2": Cause.POLICY,
    "7.4": Cause.NOT_SUPPORTED, "7.8": Cause.LOGIN_INVALID, "7.9": Cause.MECHANISM,
    "7.10": Cause.ENCRYPTION_REQUIRED, "7.11": Cause.ENCRYPTION_REQUIRED,
    "7.12": Cause.LOGIN_INVALID, "7.13": Cause.DISABLED, "7.20": Cause.SENDER_AUTHENTICATION,
    "7.21": Cause.SENDER_AUTHENTICATION, "7.22": Cause.SENDER_AUTHENTICATION,
    "7.23": Cause.SENDER_AUTHENTICATION, "7.24": Cause.SENDER_AUTHENTICATION,
    "7.25": Cause.SENDER_AUTHENTICATION, "7.26": Cause.SENDER_AUTHENTICATION,
    "7.27": Cause.SENDER, "7.30": Cause.NOT_SUPPORTED,
}  # fmt: skip
"""By subject and detail: the class says only whether the refusal is permanent."""
_BY_SUBJECT = {"1": Cause.NO_SUCH_USER, "4": Cause.ROUTING, "5": Cause.SYNTAX, "7": Cause.POLICY}
_BY_CODE = {
    421: Cause.NOT_NOW, 450: Cause.NOT_NOW, 451: Cause.NOT_NOW, 452: Cause.NOT_NOW,
    454: Cause.LOGIN_UNAVAILABLE, 500: Cause.NOT_SUPPORTED, 501: Cause.SYNTAX,
    502: Cause.NOT_SUPPORTED, 503: Cause.SYNTAX, 504: Cause.NOT_SUPPORTED,
    521: Cause.POLICY, 523: Cause.TOO_LARGE, 530: Cause.LOGIN_REQUIRED, 534: Cause.MECHANISM,
    535: Cause.LOGIN_INVALID, 538: Cause.ENCRYPTION_REQUIRED, 551: Cause.NO_SUCH_USER,
    552: Cause.FULL, 553: Cause.NO_SUCH_USER, 556: Cause.NO_SUCH_DOMAIN,
}  # fmt: skip
_OF_AUTH = frozenset({530, 534, 535, 538})
"""Codes of RFC 4954 §6, which say more than a status that fits several of them."""
_ANY_POLICY = "7.0"
"""What 454 has where a password cannot be checked; Postfix also defers relaying with it, as 7.1."""
_RELAYING = re.compile(
    rb"\brelay(ing)?\b(?!\S*@).{0,20}\b(denied|permitted|allowed|prohibited)|"
    rb"\b(unable to|cannot|not|refuse to) relay\b(?!\S*@)|\brcpthosts\b",
    re.IGNORECASE | re.DOTALL,
)
"""How Postfix, Exim, Sendmail, Courier, Exchange and qmail refuse to relay; not in an address."""
_STARTTLS_FIRST = re.compile(rb"\bSTARTTLS\b", re.IGNORECASE)
"""What 530 says of a missing STARTTLS (RFC 3207 §4), and not of a missing login (RFC 4954 §6)."""


def cause_of(code: int, status: str = "", text: bytes = b"") -> Cause:
    """Return the cause of a reply with this code, enhanced status code and text."""
    if 200 <= code < 400:
        return Cause.ACCEPTED
    if _RELAYING.search(text) is not None:
        return Cause.RELAYING
    if code == 530 and _STARTTLS_FIRST.search(text) is not None:
        return Cause.ENCRYPTION_REQUIRED
    _, _, detail = status.partition(".")
    if code in _OF_AUTH or not detail or (code == 454 and detail == _ANY_POLICY):
        return _BY_CODE.get(code, Cause.OTHER)
    found = _BY_STATUS.get(detail) or _BY_SUBJECT.get(detail.partition(".")[0])
    return found or _BY_CODE.get(code, Cause.OTHER)
