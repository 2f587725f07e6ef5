"""What decides whether clients get each message once, and keep it."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.pop3.facts import Pop3Facts, argument
from seventh.protocols.pop3.rules.examples import BEFORE, GOOD, listed, logged_in
from seventh.rules.mailbox import tried
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule


@rule(
    "POP3-NO-UIDL",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="UIDL is missing",
    evidence="{what}",
    phrases={"what": {"capa": "CAPA does not list UIDL", "refused": "UIDL is refused"}},
    why="Clients that leave mail on the server know by these ids what they have: without them "
    "they download everything again.",
    fix={"any": "Enable UIDL; a proxy in front of the server may hide it."},
    references=("RFC 1939 §7", "RFC 2449"),
    seed=("12.3.1",),
    good=GOOD,
    bad=GOOD.learn(uidl=None, login_capabilities=None, capabilities=("TOP", "USER")),
)
def no_uidl(pop3: Pop3Facts) -> Verdict:
    """Judge UIDL itself after a login, else the capabilities, which include it in both states."""
    if pop3.uidl is not None:
        return None if pop3.uidl else Hit(what="refused")
    known = listed(pop3)
    if isinstance(known, Skip):
        return known
    return None if argument(known, "UIDL") is not None else Hit(what="capa")


@rule(
    "POP3-NO-CAPA",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="CAPA is missing",
    evidence="CAPA is refused",
    why="Clients cannot find out what the server supports: they guess, or use the oldest login "
    "and download everything again.",
    fix={"any": "Update the server, or the proxy in front of it: CAPA is from 1998."},
    references=("RFC 2449 §5",),
    seed=("12.3.1",),
    good=GOOD,
    bad=GOOD.learn(has_capa=False, capabilities=None, clear_capabilities=None),
)
def no_capa(pop3: Pop3Facts) -> Verdict:
    """Judge whether CAPA is answered by a list."""
    if pop3.has_capa is None:
        return Skip("CAPA was not sent")
    return None if pop3.has_capa else Hit()


@rule(
    "POP3-LOCKED",
    Severity.INFO,
    tier=2,
    source=Source.WIRE,
    title="The mailbox is in use elsewhere",
    evidence="the login was refused with [IN-USE]: {detail}",
    why="Only one POP3 session may have a mailbox. Another client, or one that crashed, still has "
    "it; logins fail until it ends.",
    fix={
        "any": "Wait for the other session to end, find it on the server, or have clients poll "
        "less often.",
    },
    references=("RFC 2449 §8",),
    seed=("12.3.1",),
    good=GOOD,
    bad=logged_in(outcome="refused", code="IN-USE", detail="Mailbox is locked"),
)
def locked(pop3: Pop3Facts) -> Verdict:
    """Judge the response code of the login."""
    login = tried(pop3)
    if isinstance(login, Skip):
        return login
    if login.code == "IN-USE":
        return Hit(detail=login.detail)
    return None if login.outcome == "accepted" else Skip("the login was refused")


@rule(
    "POP3-DELAY",
    Severity.INFO,
    tier=2,
    source=Source.WIRE,
    title="Logins are limited by a delay",
    evidence="{what}",
    phrases={
        "what": {
            "listed": "LOGIN-DELAY is {seconds} s",
            "refused": "the login was refused with [LOGIN-DELAY]",
        }
    },
    why="A client that logs in sooner is refused, which users see as a wrong password.",
    fix={"any": "Have clients poll less often than that, or use IMAP with IDLE."},
    references=("RFC 2449 §6.5", "RFC 2449 §8"),
    seed=("12.3.1",),
    good=GOOD,
    bad=GOOD.learn(login_capabilities=("UIDL", "LOGIN-DELAY 900 USER")),
)
def delay(pop3: Pop3Facts) -> Verdict:
    """Judge the capability, and the response code of the login."""
    if pop3.login is not None and pop3.login.code == "LOGIN-DELAY":
        return Hit(what="refused")
    known = listed(pop3)
    if isinstance(known, Skip):
        return known
    words = argument(known, "LOGIN-DELAY") or ("0",)
    seconds = int(words[0]) if words[0].isdigit() and len(words[0]) < 10 else 0
    return Hit(what="listed", seconds=seconds) if seconds else None


@rule(
    "POP3-EXPIRE0",
    Severity.INFO,
    tier=2,
    source=Source.WIRE,
    title="Mail is deleted after download",
    evidence="CAPA lists EXPIRE {days}",
    why="The server removes what was downloaded, whatever the client asked for: the only copy is "
    "then on that client.",
    fix={"any": "Set the retention to NEVER, or inform users that the server keeps no copy."},
    references=("RFC 2449 §6.7",),
    seed=("12.3.1",),
    good=GOOD,
    bad=GOOD.learn(login_capabilities=(*BEFORE[:3], "EXPIRE 0 USER")),
)
def expire0(pop3: Pop3Facts) -> Verdict:
    """Judge the capability; a server without it says nothing of its retention."""
    known = listed(pop3)
    if isinstance(known, Skip):
        return known
    words = argument(known, "EXPIRE")
    if not words:
        return Skip("the server does not list EXPIRE")
    return Hit(days="0") if words[0] == "0" else None
