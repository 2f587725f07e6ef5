"""Checks of what the lab serves."""

from __future__ import annotations

from seventh.lab import start
from seventh.labkit.serve import Served
from seventh.model.options import Options
from seventh.model.target import Target


def job(served: Served, **options: object) -> tuple[Target, Options]:
    """The target and the options that the served site needs."""
    target, known = start.job(served, Options())
    return target, known.replace(**options)
