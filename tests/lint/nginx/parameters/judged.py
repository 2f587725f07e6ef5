"""One directive's words, judged by the table and by its own grammar."""

from __future__ import annotations

import shlex

from seventh.lint.nginx import parameters, values
from seventh.lint.nginx.directives import Version, directives

OLD = (1, 22, 1)
"""The version that tests/peers hold the words against, in tests/peers/test_nginx_values.py."""


def unfit(name: str, line: str, version: Version = OLD) -> str:
    """Why nginx refuses the words of a line; empty where it takes them."""
    words = tuple(shlex.split(line.replace("\\", "\\\\")))
    by_table = values.unfit(name, directives()[name], words)
    return by_table or parameters.unfit(name, words, version) or ""
