"""A correct server, from which the rules' examples are made, and what rules share."""

from __future__ import annotations

import msgspec

from seventh.model.mailfacts import Login
from seventh.protocols.pop3.facts import Pop3Facts
from seventh.rules.rule import Skip

BEFORE = ("TOP", "UIDL", "RESP-CODES", "EXPIRE NEVER", "LOGIN-DELAY 0")
LOGIN = Login(outcome="accepted", mechanism="SCRAM-SHA-256", seconds=0.02)
GOOD = Pop3Facts(
    secure=False,
    same_host=False,
    reach="loopback",
    greeting="POP3 server ready",
    apop=False,
    greeting_seconds=0.01,
    has_capa=True,
    clear_capabilities=(*BEFORE, "STLS"),
    capabilities=(*BEFORE, "SASL PLAIN SCRAM-SHA-256"),
    login_capabilities=BEFORE,
    starttls="accepted",
    implicit_port=995,
    implicit_state="open",
    login=LOGIN,
    messages=3,
    size_bytes=1000,
    uidl=True,
    bare_lines=0,
)
NO_GREETING = Skip("the greeting was not read")


def listed(facts: Pop3Facts) -> tuple[str, ...] | Skip:
    """Return the last capabilities that were read, or why there are none."""
    known = facts.login_capabilities or facts.capabilities
    if known is not None:
        return known
    return Skip("CAPA is not supported" if facts.has_capa is False else "CAPA was not read")


def logged_in(**changes: object) -> Pop3Facts:
    """Return the server with another result of the login."""
    return GOOD.learn(login=msgspec.structs.replace(LOGIN, **changes))
