"""Reading the options before any target is looked at: what is wrong with them is reported once."""

from __future__ import annotations

from seventh.model.options import Options
from seventh.protocols.http.client import request


def prepare(options: Options) -> None:
    """Read the request that ``options`` describe; UsageError for what cannot be used.

    The engine calls this for each distinct set of options before a run.
    """
    request.prepare(options)
