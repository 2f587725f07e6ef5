"""Rules about recipients, and about what a lenient server accepts."""

from __future__ import annotations

import re

from seventh.model.severity import Severity
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.mail import Cause, Smuggling, Tried, Verified
from seventh.protocols.smtp.rules import file
from seventh.protocols.smtp.rules.examples import (
    ACCEPTED,
    CANNOT_VERIFY,
    GOOD,
    LATER,
    NO_USER,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_NO_SUCH_USER = frozenset({550, 551, 553})
_NO_RELAY = frozenset({Cause.RELAYING, Cause.LOGIN_REQUIRED})
"""Postfix's default, ``defer_unauth_destination``, is a temporary refusal with the same text."""
_RESERVED = re.compile(r"(.+\.)?example\.(com|net|org)|(.+\.)?(example|invalid|test|localhost)")
"""Domains that exist for examples and accept no mail (RFC 2606)."""
_SUBMISSION = not_applicable("a submission port takes mail from its users only")
_LATER = Tried(recipient="user@example.org", command="rcpt", answer=LATER)
_AGAIN = Tried(recipient="user@example.org", command="rcpt", answer=ACCEPTED, after_seconds=310.0)


@rule(
    "SMTP-RELAY",
    Severity.CRITICAL,
    tier=3,
    source=Source.WIRE,
    title="Open relay",
    evidence="{what}",
    phrases={
        "what": {
            "wire": "{recipient} is accepted without a login{from_inside}",
            "networks": "mynetworks contains every address",
        },
        "from_inside": {
            "public": "",
            "near": "; this machine may be trusted here, so repeat it from another network",
        },
    },
    why="Anyone can send mail to the whole world through this server. Spammers find such servers "
    "within hours, and receivers then block its address.",
    fix={
        "postfix": "# add permit_mynetworks only if mynetworks has your own machines alone\n"
        "smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination",
        "any": "Accept recipients in foreign domains from authenticated users and your own "
        "networks only.",
    },
    references=("RFC 2505", "RFC 5321 §7.9"),
    seed=("12.3.3",),
    good=GOOD,
    bad=GOOD.learn(
        relay=Tried(recipient="relay-test@example.com", command="rcpt", answer=ACCEPTED)
    ),
    directives={
        "postfix": ("mynetworks", "smtpd_relay_restrictions", "smtpd_recipient_restrictions")
    },
)
def relay(smtp: SmtpFacts) -> Verdict:
    """Report a foreign recipient that was accepted; from inside, the server may trust us."""
    if smtp.config is not None:
        return file.relay(smtp.config)
    tried = smtp.relay
    if tried is None:
        return _not_tried(smtp)
    if not tried.answer.accepts:
        return _why_refused(smtp, tried)
    near = smtp.reach != "public"
    return Hit(
        Severity.MEDIUM if near else None,
        what="wire",
        recipient=tried.recipient,
        from_inside="near" if near else "public",
    )


def _not_tried(smtp: SmtpFacts) -> Skip:
    return Skip(smtp.unknown.get("recipients", "no recipient was named"))


def _why_refused(smtp: SmtpFacts, foreign: Tried) -> Verdict:
    """Pass a server that refuses to relay; skip one that may have refused for another reason."""
    answer = foreign.answer
    if answer.cause in _NO_RELAY:
        return None
    if answer.is_temporary:
        return Skip(f"the foreign recipient was refused for now: {answer}")
    own = [each for each in (smtp.mailbox, smtp.postmaster) if each is not None]
    if not any(each.answer.accepts for each in own):
        return Skip(
            f"{foreign.recipient} is refused, and so are the server's own recipients, perhaps for "
            f"a reason other than relaying: {answer}"
        )
    if answer.cause is Cause.POLICY:
        return None
    if _RESERVED.fullmatch(foreign.recipient.rpartition("@")[2].lower()):
        return Skip(
            f"{foreign.recipient} is refused, perhaps because its domain accepts no mail "
            f"({answer}): give --relay-to with a mailbox of yours in another domain"
        )
    return None


@rule(
    "SMTP-POSTMASTER",
    Severity.LOW,
    tier=3,
    source=Source.WIRE,
    title="Mail to postmaster is refused",
    evidence="postmaster is refused: {answer}",
    why="Every server that receives mail must accept postmaster. Other operators report problems "
    "there, and some blocklists test it.",
    fix={
        "any": "Add an alias for postmaster that someone reads.",
    },
    references=("RFC 5321 §4.5.1", "RFC 2142"),
    seed=("12.3.6",),
    good=GOOD,
    bad=GOOD.learn(postmaster=Tried(recipient="postmaster", command="rcpt", answer=NO_USER)),
)
def postmaster(smtp: SmtpFacts) -> Verdict:
    """Report a permanent refusal of postmaster."""
    if smtp.role == "submission":
        return _SUBMISSION
    tried = smtp.postmaster
    if tried is None:
        return _not_tried(smtp)
    if tried.answer.is_temporary:
        return Skip(f"postmaster was refused for now: {tried.answer}")
    return None if tried.answer.accepts else Hit(answer=str(tried.answer))


@rule(
    "SMTP-BOUNCE",
    Severity.HIGH,
    tier=3,
    source=Source.WIRE,
    title="Mail to a valid mailbox is refused",
    evidence="{recipient} is refused: {cause} ({answer})",
    phrases={
        "cause": {
            "no-such-user": "no such user",
            "no-such-domain": "no such domain",
            "sender": "the sender is not accepted",
            "disabled": "the mailbox is disabled",
            "full": "the mailbox is full",
            "too-large": "the message is too large",
            "policy": "by policy",
            "sender-authentication": "SPF, DKIM, DMARC or the reverse name of this machine",
            "routing": "the server cannot route it",
            "relaying": "the domain is not one of the server's own",
            "syntax": "the server does not accept the address's form",
            "encryption-required": "TLS is required",
            "login-required": "a login is required",
            "other": "without a known cause",
        }
    },
    why="Mail to this mailbox is returned to its senders.",
    fix={
        "any": "No such user: create the mailbox or an alias. Full: raise the quota. Policy: read "
        "the server's log, and check this machine's address against blocklists.",
    },
    references=("RFC 3463", "RFC 5321 §4.2.1"),
    seed=("12.3.4",),
    good=GOOD,
    bad=GOOD.learn(mailbox=Tried(recipient="user@example.org", command="rcpt", answer=NO_USER)),
)
def bounce(smtp: SmtpFacts) -> Verdict:
    """Report a permanent refusal of the user's own mailbox, or of a message to it."""
    sent = smtp.roundtrip.tried if smtp.roundtrip is not None else None
    named = [each for each in (smtp.mailbox, sent) if each is not None]
    if not named and smtp.role == "submission":
        return _SUBMISSION
    if not named:
        return Skip(smtp.unknown.get("recipients", "no mailbox was named: give one with --mail-to"))
    refused = [each for each in named if not each.answer.accepts]
    if not refused:
        return None
    tried = next((each for each in refused if not each.answer.is_temporary), refused[0])
    if tried.answer.is_temporary:
        return Skip(f"{tried.recipient} was refused for now: {tried.answer}")
    known = bounce.words.phrases["cause"]
    cause = tried.answer.cause.value if tried.answer.cause in known else "other"
    return Hit(recipient=tried.recipient, cause=cause, answer=str(tried.answer))


@rule(
    "SMTP-GREYLIST",
    Severity.INFO,
    tier=3,
    source=Source.WIRE,
    title="The server greylists",
    evidence="{recipient} is refused for now ({answer}), and accepted after {seconds:.0f} s",
    why="The first mail of each sender is delayed until its server tries again, usually by five "
    "to thirty minutes. That is expected; alerts on delivery times must allow for it.",
    fix={
        "any": "Raise thresholds of delivery times above the delay, and exempt large senders that "
        "retry from changing addresses.",
    },
    references=("RFC 6647",),
    seed=("12.3.4",),
    good=GOOD,
    bad=GOOD.learn(mailbox=_LATER, retried=_AGAIN),
)
def greylist(smtp: SmtpFacts) -> Verdict:
    """Report a recipient that is accepted only at the second try."""
    if smtp.role == "submission":
        return _SUBMISSION
    tried = [each for each in (smtp.mailbox, smtp.postmaster) if each is not None]
    refused = next((each for each in tried if each.answer.is_temporary), None)
    if not tried:
        return _not_tried(smtp)
    if refused is None:
        return None
    again = smtp.retried
    if again is None:
        return Skip(f"no second try was made: {smtp.unknown.get('second try', 'it failed')}")
    seconds = again.after_seconds or 0.0
    if not again.answer.accepts:
        return Skip(
            f"still refused after {seconds:.0f} s ({again.answer}): raise --retry-after, such as "
            "to 310, and --timeout"
        )
    return Hit(recipient=refused.recipient, answer=str(refused.answer), seconds=seconds)


@rule(
    "SMTP-SMUGGLE",
    Severity.HIGH,
    tier=4,
    source=Source.WIRE,
    title="A bare line feed ends a message",
    evidence="{what}",
    phrases={
        "what": {
            "wire": "{end} ends the message: {answer}",
            "file": "a bare line feed counts as the end of a line",
        },
        "end": {
            "lf-dot-crlf": "LF . CR LF",
            "lf-dot-lf": "LF . LF",
        },
    },
    why="Where a sending server passes such bytes on as text, an attacker can put a second message "
    "with a forged sender inside the first; it then passes SPF and DMARC of the sending server.",
    fix={
        "postfix": "# Postfix 3.5.24, 3.6.14, 3.7.10, 3.8.5, 3.9 or newer; mynetworks is exempt\n"
        "smtpd_forbid_bare_newline = normalize",
        "any": "Update the server, and accept only CR LF . CR LF as the end of a message.",
    },
    references=("RFC 5321 §4.1.1.4", "CVE-2023-51764"),
    seed=("12.3.3",),
    good=GOOD,
    bad=GOOD.learn(smuggling=Smuggling(accepted="lf-dot-crlf", answer=ACCEPTED)),
    directives={"postfix": ("smtpd_forbid_bare_newline",)},
)
def smuggle(smtp: SmtpFacts) -> Verdict:
    """Report an end of data that the standard forbids."""
    if smtp.config is not None:
        return file.smuggle(smtp.config)
    if smtp.role == "submission":
        return _SUBMISSION
    found = smtp.smuggling
    if found is None:
        why = smtp.unknown.get("line endings")
        return Skip(why or "no message was begun: give --mail-to and --allow-write")
    if found.accepted is None:
        return None
    return Hit(what="wire", end=found.accepted, answer=str(found.answer))


@rule(
    "SMTP-VRFY",
    Severity.LOW,
    tier=4,
    source=Source.WIRE,
    title="VRFY reveals which users exist",
    evidence="{what}",
    phrases={
        "what": {
            "wire": "VRFY postmaster: {answer}; a random user: {code}",
            "file": "VRFY is answered",
        }
    },
    why="Spammers and attackers collect the valid users of a server with it.",
    fix={
        "postfix": "disable_vrfy_command = yes",
        "any": "Switch off VRFY, or answer 252 for every user.",
    },
    references=("RFC 5321 §7.3",),
    seed=("12.3.3",),
    good=GOOD,
    bad=GOOD.learn(verified=Verified(existing=CANNOT_VERIFY, random=NO_USER)),
    directives={"postfix": ("disable_vrfy_command",)},
)
def vrfy(smtp: SmtpFacts) -> Verdict:
    """Report replies that differ between users who exist and others."""
    if smtp.config is not None:
        return file.vrfy(smtp.config)
    seen = smtp.verified
    if seen is None:
        return Skip(smtp.unknown.get("VRFY", "VRFY was not sent"))
    if not seen.existing.accepts or seen.random.code == seen.existing.code:
        return None
    if not seen.random.accepts and seen.random.code not in _NO_SUCH_USER:
        return Skip(f"VRFY for a random user is not answered by a yes or no: {seen.random}")
    return Hit(what="wire", answer=str(seen.existing), code=seen.random.code)
