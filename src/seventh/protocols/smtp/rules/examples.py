"""Correct servers, from which the rules' examples are made, and what rules share."""

from __future__ import annotations

from typing import Any

import msgspec

from seventh.protocols.smtp.facts import Extensions, SmtpFacts
from seventh.protocols.smtp.facts.mail import (
    Answer,
    Cause,
    Injection,
    Login,
    Smuggling,
    Tried,
    Verified,
)
from seventh.protocols.smtp.facts.roundtrip import RoundTrip
from seventh.rules.rule import Skip

NO_REPLY = Skip("no reply to EHLO was received")
KEYWORDS = (
    "PIPELINING", "SIZE", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING",
)  # fmt: skip
CLEAR = Extensions(keywords=(*KEYWORDS, "STARTTLS"), size_bytes=26_214_400)
SECURED = Extensions(keywords=KEYWORDS, size_bytes=26_214_400)
ACCEPTED = Answer(code=250, status="2.1.5", text="2.1.5 Ok", cause=Cause.ACCEPTED)
DENIED = Answer(code=554, status="5.7.1", text="5.7.1 Relay access denied", cause=Cause.RELAYING)
NO_USER = Answer(code=550, status="5.1.1", text="5.1.1 User unknown", cause=Cause.NO_SUCH_USER)
LATER = Answer(code=450, status="4.2.0", text="4.2.0 Greylisted", cause=Cause.NOT_NOW)
CANNOT_VERIFY = Answer(code=252, status="2.0.0", text="2.0.0 postmaster", cause=Cause.ACCEPTED)
ROUND_TRIP = RoundTrip(
    message_id="<1@example.org>",
    size_bytes=400,
    tried=Tried(recipient="user@example.org", command="rcpt", answer=ACCEPTED),
    answer=ACCEPTED,
    limit_seconds=60.0,
    awaited_seconds=1.2,
    delivered_seconds=1.2,
    noticed_by="idle",
    copies=1,
    removed=True,
)
GOOD = SmtpFacts(
    role="transfer",
    implicit_tls=False,
    usual_port=True,
    reach="public",
    greeting="mail.example.org ESMTP Postfix",
    greeting_seconds=0.02,
    name="mail.example.org",
    name_state="resolves",
    in_clear=CLEAR,
    inside_tls=SECURED,
    starttls="started",
    deviations=(),
    longest_line_bytes=40,
    relay=Tried(recipient="relay-test@example.com", command="rcpt", answer=DENIED),
    postmaster=Tried(recipient="postmaster", command="rcpt", answer=ACCEPTED),
    mailbox=Tried(recipient="user@example.org", command="rcpt", answer=ACCEPTED),
    roundtrip=ROUND_TRIP,
    injection=Injection(outcome="discarded"),
    smuggling=Smuggling(),
    verified=Verified(existing=CANNOT_VERIFY, random=CANNOT_VERIFY),
)
"""Port 25 of a mail server."""
SUBMISSION = GOOD.learn(
    role="submission",
    inside_tls=msgspec.structs.replace(
        SECURED, keywords=(*KEYWORDS, "AUTH"), mechanisms=("PLAIN", "SCRAM-SHA-256")
    ),
    ports={465: "open", 587: "open"},
    name_state=None,
    postmaster=None,
    mailbox=None,
    roundtrip=None,
    smuggling=None,
    login=Login(mechanism="SCRAM-SHA-256", seconds=0.1, outcome="accepted", answer=ACCEPTED),
)
"""Port 587 of one."""


def clear(**changes: Any) -> SmtpFacts:
    """Return the server with other extensions before TLS."""
    return GOOD.learn(in_clear=msgspec.structs.replace(CLEAR, **changes))


def secured(base: SmtpFacts = GOOD, **changes: Any) -> SmtpFacts:
    """Return ``base`` with other extensions inside TLS."""
    return base.learn(inside_tls=msgspec.structs.replace(base.inside_tls or SECURED, **changes))


def without_tls(base: SmtpFacts = GOOD, **changes: Any) -> SmtpFacts:
    """Return ``base`` without STARTTLS, and with these other extensions."""
    listed = msgspec.structs.replace(SECURED, **changes)
    return base.learn(in_clear=listed, inside_tls=None, starttls="not-offered", injection=None)


def logged_in(**changes: Any) -> SmtpFacts:
    """Return the submission server after another login."""
    login = SUBMISSION.login
    assert login is not None  # noqa: S101 - the example above
    return SUBMISSION.learn(login=msgspec.structs.replace(login, **changes))
