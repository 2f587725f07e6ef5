"""The timers and the jobs of cron that renew certificates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seventh.localkit.area import File
from seventh.localkit.seen import Seen
from seventh.model.localfacts import ABSENT, Unread
from seventh.model.tlslocal import Renewal, Renewer

_TIMERS = "/etc/systemd/system/*.wants/*.timer"
_SYSTEMD = "/run/systemd/system"
_CRON = (
    "/etc/crontab", "/etc/cron.d/*", "/etc/cron.daily/*", "/etc/cron.weekly/*",
    "/var/spool/cron/crontabs/*", "/var/spool/cron/root",
)  # fmt: skip
FILES = (
    File(path=_SYSTEMD, reads="whether systemd runs this machine", names_only=True),
    File(path=_TIMERS, reads="enabled timers that renew certificates", names_only=True),
    *(File(path=path, reads="jobs that renew certificates") for path in _CRON),
)
_WORDS = {
    Renewal.CERTBOT: re.compile(r"\b(?:certbot|letsencrypt)\b"),
    Renewal.ACME_SH: re.compile(r"\bacme(?:\.sh\b|[-_.])"),
    Renewal.DEHYDRATED: re.compile(r"\bdehydrated\b"),
    Renewal.LEGO: re.compile(r"\blego\b"),
}
_NOT_WITH_SYSTEMD = re.compile(r"!\s+-d\s+/run/systemd/system")
"""A test by which a job leaves the work to a timer."""


def has_systemd(seen: Seen) -> bool:
    """Return whether systemd runs this machine."""
    found = seen.files.get(_SYSTEMD)
    return not isinstance(found, Unread) and bool(found)


def renewers(seen: Seen) -> tuple[Renewer, ...] | None:
    """Return what renews certificates; None where timers or jobs could not be listed."""
    if any(_is_hidden(seen.files.get(path)) for path in (_TIMERS, *_CRON)):
        return None
    systemd = has_systemd(seen)
    found = [*_jobs(seen, systemd=systemd)]
    if systemd:
        found += [
            Renewer(client=client, path=path)
            for path in seen.matching(_TIMERS)
            for client, words in _WORDS.items()
            if words.search(path.rpartition("/")[2])
        ]
    return tuple(dict.fromkeys(found))


def _is_hidden(found: object) -> bool:
    if isinstance(found, Unread):
        return found.cause not in ABSENT
    return found is None or any(_is_hidden(text) for text in getattr(found, "values", tuple)())


def _jobs(seen: Seen, *, systemd: bool) -> Iterator[Renewer]:
    for pattern in _CRON:
        for path, text in seen.matching(pattern).items():
            if isinstance(text, Unread):
                continue
            lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
            kept = [line for line in lines if not (systemd and _NOT_WITH_SYSTEMD.search(line))]
            for client, words in _WORDS.items():
                if words.search("\n".join(kept)):
                    yield Renewer(client=client, path=path)
