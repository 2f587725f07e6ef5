"""Checks of what the lab serves."""

from __future__ import annotations

from seventh.lab import start
from seventh.labkit.serve import Served
from seventh.model.options import Options
from seventh.model.target import Target
from tests.options import changed


def job(served: Served, **options: object) -> tuple[Target, Options]:
    """The target and the options that the served site needs."""
    target, known = start.job(served, Options())
    return target, changed(known, **options)
