"""The extensions that clients use for quick and current mailboxes."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.imap.facts import ImapFacts
from seventh.protocols.imap.rules.examples import AFTER, GOOD, NO_CAPABILITIES, offering, without
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule


@rule(
    "IMAP-NO-IDLE",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="IDLE is not offered",
    evidence="the capabilities do not list IDLE",
    why="Clients have to poll: new mail appears minutes late, and every poll costs battery and "
    "load.",
    fix={
        "dovecot": "imap_capability = +IDLE",
        "any": "Enable IDLE. If the server supports it, a proxy in front of it hides it.",
    },
    references=("RFC 2177",),
    seed=("12.10.1",),
    good=GOOD,
    bad=offering(*(name for name in AFTER if name not in {"IDLE", "IMAP4REV2"})),
)
def no_idle(imap: ImapFacts) -> Verdict:
    """Judge the last list of capabilities; IMAP4rev2 includes IDLE."""
    found = [without(imap, name) for name in ("IDLE", "IMAP4REV2")]
    if None in found:
        return None
    return found[0] if isinstance(found[0], Skip) else Hit()


@rule(
    "IMAP-NO-SYNC",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="No quick resynchronisation",
    evidence="not offered: {missing}",
    why="After every reconnection a client reads the flags of all messages again, instead of the "
    "changes.",
    fix={"any": "Enable CONDSTORE and QRESYNC; a proxy in front of the server may hide them."},
    references=("RFC 7162",),
    seed=("12.3.1",),
    good=GOOD,
    bad=offering("IMAP4REV1", "IDLE"),
)
def no_sync(imap: ImapFacts) -> Verdict:
    """Judge CONDSTORE and QRESYNC; QRESYNC implies CONDSTORE."""
    missing = without(imap, "QRESYNC")
    if missing is None or isinstance(missing, Skip):
        return missing
    both = without(imap, "CONDSTORE", "QRESYNC")
    return Hit(missing=both) if isinstance(both, tuple) else None


@rule(
    "IMAP-REV2",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="IMAP4rev2 is not offered",
    evidence="the capabilities list no IMAP4rev2",
    why="The current version has UTF-8 names, and extensions that clients otherwise test one by "
    "one.",
    fix={"any": "Nothing is broken. Look for IMAP4rev2 at the next update of the server."},
    references=("RFC 9051",),
    seed=("12.3.1",),
    good=GOOD,
    bad=offering("IMAP4REV1"),
)
def rev2(imap: ImapFacts) -> Verdict:
    """Judge whether the server supports the current version."""
    missing = without(imap, "IMAP4REV2")
    return missing if missing is None or isinstance(missing, Skip) else Hit()


@rule(
    "IMAP-COMPRESS",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="COMPRESS is not offered",
    evidence="the capabilities list no COMPRESS=DEFLATE",
    why="Mail is mostly text: on slow networks compression saves more than half of the time of a "
    "first synchronisation.",
    fix={
        "dovecot": "# 2.4 has it built in\nprotocol imap {{\n"
        "  mail_plugins = $mail_plugins imap_zlib\n}}",
        "any": "Enable COMPRESS=DEFLATE.",
    },
    references=("RFC 4978",),
    seed=("12.3.1",),
    good=GOOD,
    bad=offering("IMAP4REV1"),
)
def compress(imap: ImapFacts) -> Verdict:
    """Judge whether data can be compressed."""
    missing = without(imap, "COMPRESS=DEFLATE")
    return missing if missing is None or isinstance(missing, Skip) else Hit()


@rule(
    "IMAP-LITERAL",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="Non-synchronising literals are not offered",
    evidence="the capabilities list neither LITERAL+ nor LITERAL-",
    why="Each literal of a command, such as a message that is stored, costs the client one more "
    "round trip.",
    fix={"any": "Enable LITERAL- or LITERAL+; a proxy in front of the server may hide it."},
    references=("RFC 7888",),
    seed=("12.3.1",),
    good=GOOD,
    bad=offering("IMAP4REV1"),
)
def literal(imap: ImapFacts) -> Verdict:
    """Judge the two variants; IMAP4rev2 includes LITERAL-."""
    found = [without(imap, name) for name in ("LITERAL+", "LITERAL-", "IMAP4REV2")]
    if None in found:
        return None
    return found[0] if isinstance(found[0], Skip) else Hit()


@rule(
    "IMAP-ID",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="ID exposes the server version",
    evidence="ID: {fields}",
    why="The version shows which published faults apply, to those who look for servers that have "
    "them.",
    fix={
        "dovecot": "imap_id_send = name *",
        "cyrus": "serverinfo: min",
        "any": "Leave the version out of the response to ID.",
    },
    references=("RFC 2971",),
    seed=("12.3.1",),
    good=GOOD,
    bad=GOOD.learn(id_fields=("name: lab", "version: 1.2.3"), version_shown=True),
)
def shown_id(imap: ImapFacts) -> Verdict:
    """Judge the fields of ID."""
    if imap.capabilities is None:
        return NO_CAPABILITIES
    if "ID" not in imap.capabilities:
        return None
    if imap.version_shown is None:
        return Skip("ID was not answered, or tier 1 was not requested")
    return Hit(fields=imap.id_fields or ()) if imap.version_shown else None
