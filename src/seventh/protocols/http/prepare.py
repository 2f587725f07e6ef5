"""Reading the options before any target is looked at: what is wrong with them is reported once.

The engine calls :func:`prepare` for each distinct set of options before a run.
"""

from __future__ import annotations

from seventh.protocols.http.client.request import prepare

__all__ = ["prepare"]
