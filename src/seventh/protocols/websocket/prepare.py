"""Reading the options before any target is checked, so that an error is reported once."""

from __future__ import annotations

from seventh.model.options import Options
from seventh.protocols.websocket.probe.reply import wanted_of


def prepare(options: Options) -> None:
    """Read what is to be sent and expected; raises UsageError for what cannot be used."""
    wanted_of(options)
