"""``seventh rules``."""

from __future__ import annotations

import argparse
import sys

from seventh.render.explain import listing
from seventh.render.wording import built
from seventh.rules.planned import plan


def run(parsed: argparse.Namespace) -> int:
    """List the built rules and, with ``--all``, the planned ones."""
    rules = [rule for some in built().values() for rule in some]
    sys.stdout.write(listing(rules, plan().rules if parsed.all else ()))
    return 0
