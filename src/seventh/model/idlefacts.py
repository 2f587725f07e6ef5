"""Idle connections, each used once after its time: when to use them, and what their ends show."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

AGES_SECONDS = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""After how long connections are used, as far as ``--hold`` allows; the last one after all of it.
"""
MARGIN_SECONDS = 1.0
"""Most timers are set to one of these times. A connection is used a little later, when they have
expired: at the same moment, a server's own close would cross our data and look like a reset."""
OWN_SHARE = 0.9
"""The share of a server's declared idle timeout after which it is still certain to be open."""

Ending = Literal["alive", "closed", "reset", "silent", "unknown"]


def schedule(hold_seconds: float, own_seconds: float | None = None) -> tuple[float, ...]:
    """Return after how long to use each connection, the last one after the whole hold.

    With the server's declared idle timeout ``own_seconds``, all are used before it: afterwards it
    has ended the connection itself.
    """
    hold = hold_seconds
    if own_seconds is not None:
        hold = min(hold, OWN_SHARE * own_seconds)
    return (*([age for age in AGES_SECONDS if age < hold] or [hold / 4]), hold)


def used_after(age_seconds: float) -> float:
    """Return the instant of the use, in seconds after the connection became idle."""
    return age_seconds + min(MARGIN_SECONDS, age_seconds / 10)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One connection that was left idle, then used."""

    SHOWN: ClassVar = ("seconds", "ending", "detail")

    seconds: float
    """How long nothing was sent or received on it, until the use or its end."""
    ending: Ending
    """``alive``: the use was answered. ``closed``: the peer closed in order. ``reset``: a reset
    came. ``silent``: nothing answered the use."""
    when: Literal["idle", "use"] = "use"
    """When it ended."""
    detail: str = ""

    @property
    def cut(self) -> bool:
        """Whether it ended without a close by the peer."""
        return self.ending in {"reset", "silent"}


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """Idle connections of one transport."""

    SHOWN: ClassVar = ("transport", "lived_seconds", "died_seconds", "closed_seconds", "failed")

    transport: Literal["tcp", "quic"]
    hold_seconds: float
    """The longest time that was wanted."""
    own_seconds: float | None = None
    """The server's declared or documented idle timeout, below which all were used."""
    held: tuple[Held, ...] = ()
    """By their time."""
    unopened: int = 0
    """Connections that could not be opened."""
    failed: str = ""
    """Why nothing is known: already the use of a fresh connection fails."""

    @property
    def lived_seconds(self) -> float | None:
        """The longest time after which a connection was usable."""
        return max((each.seconds for each in self.held if each.ending == "alive"), default=None)

    @property
    def cuts(self) -> tuple[Held, ...]:
        """The connections that were cut, all older than any that lived: a timer's work."""
        lived = self.lived_seconds or 0.0
        return tuple(each for each in self.held if each.cut and each.seconds > lived)

    @property
    def died_seconds(self) -> float | None:
        """The shortest time after which a connection was cut, by a timer."""
        return min((each.seconds for each in self.cuts), default=None)

    @property
    def closed_seconds(self) -> float | None:
        """The shortest time after which the peer closed a connection."""
        return min((each.seconds for each in self.held if each.ending == "closed"), default=None)
