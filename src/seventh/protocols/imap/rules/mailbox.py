"""The mailbox as its user has it: quick, current, and with space left."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.imap.facts import Idle, ImapFacts, Quota
from seventh.protocols.imap.rules import file
from seventh.protocols.imap.rules.examples import GOOD
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

QUIET_SECONDS = 300.0
"""How long a server may send nothing in IDLE."""
END_SECONDS = 29 * 60.0
"""Until when a server should keep an idle session; clients renew IDLE by then."""
_SLOW_SECONDS = 1.0
QUOTA_RATIO = 0.9


@rule(
    "IMAP-IDLE-DEAF",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="IDLE fails or sends no notifications",
    evidence="{what}",
    phrases={
        "what": {
            "refused": "IDLE is offered and refused",
            "cut": "the session ended after {seconds} s of IDLE",
            "quiet": "nothing was received in {seconds} s of IDLE",
            "never": "idle sessions get no line",
            "rare": "idle sessions get a line every {seconds} s",
        }
    },
    why="Phones wait in IDLE for new mail. Without a line every few minutes, firewalls on the path "
    "drop the connection, and new mail is noticed only at the next renewal, up to 29 minutes "
    "later.",
    fix={
        "dovecot": "imap_idle_notify_interval = 2 mins",
        "any": "Send a line to idle sessions every two minutes, and keep them for 30 minutes; "
        "raise the timeouts of proxies and firewalls in front of the server.",
    },
    references=("RFC 9051 §5.4", "RFC 2177"),
    seed=("12.10.1",),
    good=GOOD,
    bad=GOOD.learn(idle=Idle(accepted=True, held_seconds=310.0, quiet_seconds=310.0)),
    directives={"dovecot": ("imap_idle_notify_interval",)},
)
def idle_deaf(imap: ImapFacts) -> Verdict:
    """Judge one IDLE, as long as it was held. One line may come by chance; two show an interval."""
    if imap.config is not None:
        return file.idle_deaf(imap.config, QUIET_SECONDS)
    idle = imap.idle
    if idle is None:
        return Skip("IDLE was not tried: it needs a login, and a server that offers it")
    if not idle.accepted:
        return Hit(what="refused")
    if idle.cut_seconds is not None and idle.cut_seconds < END_SECONDS:
        return Hit(what="cut", seconds=f"{idle.cut_seconds:.0f}")
    if idle.quiet_seconds is not None and idle.quiet_seconds >= QUIET_SECONDS:
        return Hit(what="quiet", seconds=f"{idle.quiet_seconds:.0f}")
    if idle.held_seconds >= QUIET_SECONDS or idle.lines > 1:
        return None
    return Skip(
        f"IDLE was held for only {idle.held_seconds:.0f} s: give --idle "
        f"{QUIET_SECONDS + 10:.0f} --timeout {QUIET_SECONDS + 30:.0f}"
    )


@rule(
    "IMAP-SELECT-SLOW",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Slow mailbox selection",
    evidence="EXAMINE INBOX took {seconds} s",
    why="Clients open a mailbox at every change of folder. More than 1 s is usually an index that "
    "is missing or rebuilt, or slow storage.",
    fix={
        "any": "Rebuild the mailbox's index (Dovecot: `doveadm index -u USER INBOX`), and measure "
        "the storage.",
    },
    seed=("12.11.2",),
    good=GOOD,
    bad=GOOD.learn(examine_seconds=1.4),
)
def select_slow(imap: ImapFacts) -> Verdict:
    """Judge the duration of EXAMINE."""
    if imap.examine_seconds is None:
        return Skip("INBOX was not opened: that needs a login")
    if imap.examine_seconds <= _SLOW_SECONDS:
        return None
    return Hit(seconds=f"{imap.examine_seconds:.1f}")


@rule(
    "IMAP-QUOTA",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="The mailbox is nearly full",
    evidence="{resource}: {used} of {limit} used ({percent} %)",
    why="A full mailbox refuses new mail: senders get delays, then bounces.",
    fix={"any": "Raise the quota, or move old mail to an archive."},
    references=("RFC 9208",),
    seed=("12.3.6",),
    good=GOOD,
    bad=GOOD.learn(quota=Quota(resource="STORAGE", used=95, limit=100)),
)
def quota(imap: ImapFacts) -> Verdict:
    """Judge the fullest resource."""
    if imap.quota_roots is None:
        return Skip("quotas were not read: that needs a login, and a server that has them")
    if imap.quota is None or imap.quota.ratio < QUOTA_RATIO:
        return None
    full = imap.quota
    return Hit(
        resource=full.resource, used=full.used, limit=full.limit, percent=int(full.ratio * 100)
    )
