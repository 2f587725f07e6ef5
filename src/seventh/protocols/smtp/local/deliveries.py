"""Deliveries in the log of Postfix or Exim: what was delivered, deferred and bounced."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from seventh.localkit.seen import Seen
from seventh.model.localfacts import Unread
from seventh.protocols.smtp.local.causes import Waiting

JOURNAL = "journalctl"
POSTFIX_FILES = ("/var/log/mail.log", "/var/log/maillog")
"""Debian's and Red Hat's."""
EXIM_FILES = ("/var/log/exim4/mainlog", "/var/log/exim/main.log")
_POSTFIX = re.compile(
    r".* postfix[\w-]*/[\w/-]+\[\d+\]: (?P<id>\w+): to=<(?P<to>[^>]*)>, .*?\bstatus="
    r"(?P<status>sent|deferred|bounced) \((?P<reason>.*)\)$"
)
_EXIM = re.compile(
    r"\S+ \S+(?: [-+]\d{4})?(?: \[\d+\])? (?P<id>[\w-]{16,23}) (?P<status>=>|->|==|\*\*) "
    r"(?P<to>\S+?):?(?: <\S*>:?)?(?P<rest>(?: .*)?)$"
)
_EXIM_REASON = re.compile(r"defer \(-?\d+\)[^:]*: (.*)")
_NOT_AN_ATTEMPT = "retry time not reached"
"""Exim notes a message that it does not try."""


class Deliveries(msgspec.Struct, frozen=True):
    """Recipients of messages, each once."""

    log: str
    all: int
    deferred: tuple[Waiting, ...]
    """With the reason of the last deferral."""


class _Delivery(msgspec.Struct, frozen=True):
    of: tuple[str, str]
    reason: str | None
    """Why it was deferred; None if it was delivered or bounced."""


def read(seen: Seen) -> Deliveries | None:
    """Return the deliveries of the first log that has any; None without such a log."""
    texts = (
        (JOURNAL, seen.output(JOURNAL)),
        *((path, seen.file(path)) for path in (*POSTFIX_FILES, *EXIM_FILES)),
    )
    for name, text in texts:
        if isinstance(text, Unread):
            continue
        everyone: set[tuple[str, str]] = set()
        deferred: dict[tuple[str, str], str] = {}
        for each in _exim(text) if name in EXIM_FILES else _postfix(text):
            everyone.add(each.of)
            if each.reason is not None:
                deferred[each.of] = each.reason
        if everyone:
            waiting = tuple(Waiting(to, reason) for (_, to), reason in deferred.items())
            return Deliveries(name, len(everyone), waiting)
    return None


def _postfix(text: str) -> Iterator[_Delivery]:
    for line in text.splitlines():
        match = _POSTFIX.match(line)
        if match is not None:
            reason = match["reason"] if match["status"] == "deferred" else None
            yield _Delivery((match["id"], match["to"]), reason)


def _exim(text: str) -> Iterator[_Delivery]:
    for line in text.splitlines():
        match = _EXIM.match(line)
        if match is None or _NOT_AN_ATTEMPT in line:
            continue
        reason = _EXIM_REASON.search(match["rest"])
        why = (reason[1] if reason else "") if match["status"] == "==" else None
        yield _Delivery((match["id"], match["to"]), why)
