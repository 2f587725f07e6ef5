"""The area ``mail``: the queue of this machine's mail server, and why deliveries are deferred."""

from __future__ import annotations

import time

from seventh.localkit.area import Area, Call, Command, File
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.local import Server, SmtpLocalFacts
from seventh.protocols.smtp.local import deliveries, queue
from seventh.protocols.smtp.local.causes import grouped

_CLOCK = "clock_gettime"
_LOG_BYTES = 1024 * 1024
_QUEUE_BYTES = 4 * 1024 * 1024
_LINES = "4000"
_SERVICES = ("smtp", "lmtp", "local", "virtual", "pipe", "error", "relay")


def now(machine: Machine) -> float:
    """Return the time of day, in seconds since 1970."""
    return time.time()


def learn(facts: SmtpFacts, seen: Seen, options: None) -> SmtpFacts:
    """Add the state of this machine's mail."""
    unread = [*seen.unread]
    clock = seen.calls.get(_CLOCK)
    by_postfix = queue.postfix(seen, clock if isinstance(clock, float) else None, unread)
    found = by_postfix or queue.exim(seen, unread)
    log = deliveries.read(seen)
    if log is None and not isinstance(seen.output(deliveries.JOURNAL), Unread):
        detail = "no delivery"
        unread.append(Unread(name=deliveries.JOURNAL, cause=Cause.UNEXPECTED, detail=detail))
    server: Server = "" if found is None else "exim" if by_postfix is None else "postfix"
    return facts.learn(
        local=SmtpLocalFacts(
            server=server,
            queues=found.queues if found is not None else None,
            complete=found is None or found.complete,
            oldest_seconds=found.oldest_seconds if found is not None else None,
            old_untried=found.old_untried if found is not None else 0,
            old_deferred=found.old_deferred if found is not None else 0,
            waiting=grouped(found.waiting) if found is not None else (),
            deliveries=log.all if log is not None else None,
            deferred=len(log.deferred) if log is not None else 0,
            deferrals=grouped(log.deferred) if log is not None else (),
            log=log.log if log is not None else "",
            unread=tuple(dict.fromkeys(unread)),
        )
    )


AREAS = (
    Area(
        name="mail",
        title="the queue of the mail server, and why deliveries are deferred",
        facts=SmtpFacts,
        learn=learn,
        commands=(
            Command(
                name=queue.POSTQUEUE, words=("postqueue", "-j"), max_bytes=_QUEUE_BYTES,
                partial=True,
                reads="Postfix's queue: age, queue and reason of each message; the first 4 MiB",
            ),
            Command(name=queue.EXIM_COUNT, words=("exim", "-bpc"), reads="Exim's queue: its size"),
            Command(
                name=queue.EXIM, words=("exim", "-bp"), max_bytes=_QUEUE_BYTES, partial=True,
                reads="Exim's queue: the age of each message; the first 4 MiB",
            ),
            Command(
                name=deliveries.JOURNAL,
                words=(
                    "journalctl", "--quiet", "--no-pager", "--output=short-iso", "--since=-7d",
                    f"--lines={_LINES}",
                    *(f"--identifier=postfix/{service}" for service in _SERVICES),
                ),
                reads=f"Postfix's deliveries, in the last {_LINES} lines of a week",
                max_bytes=4 * _LOG_BYTES,
            ),
        ),
        files=tuple(
            File(
                path=path, from_end=True, max_bytes=_LOG_BYTES,
                reads="deliveries, if the journal has none: the last MiB",
            )
            for path in (*deliveries.POSTFIX_FILES, *deliveries.EXIM_FILES)
        ),
        calls=(Call(name=_CLOCK, run=now, reads="the time, for the age of messages"),),
    ),
)  # fmt: skip
