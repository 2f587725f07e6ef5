"""The network's facts are the model's, because every room's report carries them."""

from __future__ import annotations

from seventh.model.idlefacts import Held, Idle
from seventh.model.netfacts import Attempt, Difference, Lookup, NetFacts

__all__ = ["Attempt", "Difference", "Held", "Idle", "Lookup", "NetFacts"]
