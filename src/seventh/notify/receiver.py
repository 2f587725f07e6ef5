"""One receiver of ``[[notify]]``, with its secrets read, and what a channel raises."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from seventh import protocols
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.target import Target, parse_target
from seventh.watch.config import secret
from seventh.watch.keys import NotifyKeys

SECONDS = 30.0
"""The most that one attempt may take, all stages together."""
_SCHEMES = {
    "webhook": ("http", "https"), "alertmanager": ("http", "https"),
    "smtp": ("smtp", "smtps", "submission"),
}  # fmt: skip


_PARTS = re.compile(r"[/:@?&=#]+")


class NotReceivedError(Exception):
    """The reason why a notification was not received, without any secret.

    ``refused``: the receiver works, and does not want this one.
    """

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """Where a notification is sent."""

    keys: NotifyKeys
    url: str
    """May contain a secret; never shown."""
    token: str | None = None

    def __repr__(self) -> str:
        return f"<receiver {self.keys.name}>"

    @property
    def options(self) -> Options:
        """The options of a connection to it."""
        return Options(
            timeout_seconds=SECONDS, ca_file=self.keys.ca, allow_plaintext=self.keys.plaintext
        )

    def target(self) -> Target:
        """Return the URL as a target; raises UsageError, which does not show it."""
        known = {each: protocols.schemes()[each] for each in _SCHEMES[self.keys.kind]}
        try:
            (target,) = parse_target(self.url, known)
        except (UsageError, ValueError):
            target = None
        if target is None or target.of_bare_host:
            forms = " or ".join(f"{each}://…" for each in known)
            raise UsageError(f"url: what {self.keys.url} has is not a URL such as {forms}")
        return target

    def without_secrets(self, text: str) -> str:
        """Return a text without this receiver's secrets."""
        host = (urlsplit(self.url).hostname or "").lower()
        parts = [part for part in _PARTS.split(self.url) if len(part) >= 6 and part != host]
        for each in filter(None, (self.url, self.token, *parts)):
            text = text.replace(each, "…")
        return text


def receiver_of(keys: NotifyKeys) -> Receiver:
    """Read a receiver's secrets; raises UsageError."""
    return Receiver(
        keys=keys, url=secret(keys.url), token=secret(keys.token) if keys.token else None
    )
