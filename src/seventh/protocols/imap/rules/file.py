"""What configuration files decide of IMAP alone."""

from __future__ import annotations

from seventh.model.mailconfig import MailboxConfig
from seventh.rules.mailbox import UNKNOWN, Files
from seventh.rules.rule import Hit, Verdict

FILES = Files("IMAP")


def idle_deaf(config: MailboxConfig, most_seconds: float) -> Verdict:
    """Fail where an idle session gets no line, or one too seldom."""
    if (why := FILES.unjudged(config)) is not None:
        return why
    seconds = config.notify_seconds
    if seconds is None:
        return UNKNOWN
    if 0 < seconds <= most_seconds:
        return None
    return Hit(what="rare" if seconds else "never", seconds=str(seconds))
