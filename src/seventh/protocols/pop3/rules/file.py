"""What configuration files decide of POP3 alone."""

from __future__ import annotations

from seventh.model.mailconfig import MailboxConfig
from seventh.rules.mailbox import UNKNOWN, Files
from seventh.rules.rule import Hit, Verdict

FILES = Files("POP3", "pop3 ")


def exposed(config: MailboxConfig) -> Verdict:
    """Report POP3 that other machines reach."""
    if config.enabled is False:
        return None
    if (why := FILES.unjudged(config)) is not None:
        return why
    if config.clear_port or config.implicit_port:
        return Hit(reach="file")
    return UNKNOWN if None in (config.clear_port, config.implicit_port) else None
