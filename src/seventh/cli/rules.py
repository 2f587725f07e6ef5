"""``seventh rules``."""

from __future__ import annotations

import argparse
import sys

from seventh.cli.explain import built_rules
from seventh.render.explain import listing
from seventh.rules.planned import plan


def run(parsed: argparse.Namespace) -> int:
    """List the built rules and, with ``--all``, what the others wait for."""
    rules = [rule for _, rule in built_rules()]
    sys.stdout.write(listing(rules, plan().rules if parsed.all else ()))
    return 0
