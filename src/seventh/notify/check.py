"""Where alerts and signals go, checked before anything is sent."""

from __future__ import annotations

from seventh.model.failure import UsageError
from seventh.notify import apprise, heartbeats
from seventh.notify.receiver import receiver_of
from seventh.watch.config import Config


def check(file: str, config: Config) -> None:
    """Raise UsageError, which shows no secret, for what cannot be sent."""
    for keys in config.notify:
        try:
            receiver = receiver_of(keys)
            if keys.kind != "apprise":
                receiver.target()
            elif not apprise.is_installed():
                raise UsageError(apprise.MISSING)
        except UsageError as error:
            raise UsageError(f"{file}: receiver {keys.name!r:.80}: {error}") from None
    for beat in config.heartbeats:
        try:
            if beat.url is not None:
                heartbeats.target_of(beat)
        except UsageError as error:
            raise UsageError(f"{file}: heartbeat {beat.name!r:.80}: {error}") from None
