"""A correct server, from which the rules' examples are made, and what rules share."""

from __future__ import annotations

import msgspec

from seventh.model.mailfacts import Login
from seventh.protocols.imap.facts import Idle, ImapFacts, Quota
from seventh.rules.rule import Skip

BEFORE = ("IMAP4REV1", "IMAP4REV2", "SASL-IR", "ID", "IDLE", "LITERAL-")
AFTER = (*BEFORE, "CONDSTORE", "QRESYNC", "COMPRESS=DEFLATE", "QUOTA")
GOOD = ImapFacts(
    secure=False,
    same_host=False,
    greeting="IMAP server ready",
    preauth=False,
    greeting_seconds=0.01,
    clear_capabilities=(*BEFORE, "STARTTLS", "LOGINDISABLED"),
    capabilities=(*BEFORE, "AUTH=PLAIN", "AUTH=SCRAM-SHA-256"),
    login_capabilities=AFTER,
    starttls="accepted",
    implicit_port=993,
    implicit_state="open",
    id_fields=("name: lab",),
    version_shown=False,
    login=Login(outcome="accepted", mechanism="SCRAM-SHA-256", seconds=0.02),
    examine_seconds=0.01,
    messages=3,
    fetch_seconds=0.01,
    idle=Idle(
        accepted=True, held_seconds=310.0, notified_seconds=120.0, lines=2, quiet_seconds=120.0
    ),
    quota=Quota(resource="STORAGE", used=10, limit=100),
    quota_roots=1,
    bare_lines=0,
)
NO_CAPABILITIES = Skip("the server's capabilities were not read")


def offering(*capabilities: str) -> ImapFacts:
    """Return the server with these capabilities after the login."""
    return GOOD.learn(login_capabilities=capabilities)


def logged_in(**changes: object) -> ImapFacts:
    """Return the server with another result of the login."""
    assert GOOD.login is not None  # noqa: S101 - see above
    return GOOD.learn(login=msgspec.structs.replace(GOOD.login, **changes))


def without(facts: ImapFacts, *names: str) -> tuple[str, ...] | Skip | None:
    """Return the capabilities of ``names`` that are missing; None if none is.

    Before the login a server need not show all: then nothing is known of those that are missing.
    """
    known = facts.login_capabilities
    if known is not None:
        return tuple(name for name in names if name not in known) or None
    if facts.capabilities is None:
        return NO_CAPABILITIES
    missing = tuple(name for name in names if name not in facts.capabilities)
    if not missing:
        return None
    return Skip("the server may list it only after the login: give --user and --password-file")
