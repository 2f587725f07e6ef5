"""Expansion of ssh_config values: ``~``, ``%h`` and ``${VARIABLES}``."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping

from seventh.protocols.ssh.wire.patterns import GrammarError

_TOKEN = re.compile(r"%(.?)|\$\{([^}]*)\}", re.DOTALL)


def expand(text: str, tokens: Mapping[str, str], *, variables: bool = False) -> str:
    """Expand ``%h`` and other tokens in ``text``, and with ``variables`` also ``${NAME}``.

    GrammarError for an unknown token, and for a variable that is not set.
    """

    def replacement(match: re.Match[str]) -> str:
        letter, variable = match[1], match[2]
        if variable is not None:
            if not variables:
                return match[0]
            if variable not in os.environ:
                raise GrammarError(f"environment variable {variable} not set")
            return os.environ[variable]
        if letter == "%":
            return "%"
        if letter not in tokens:
            raise GrammarError(f"token %{letter} not allowed here")
        return tokens[letter]

    return _TOKEN.sub(replacement, text)


def tilde(text: str) -> str:
    """Expand a leading ``~`` or ``~user``, unless the user is unknown."""
    return os.path.expanduser(text)  # noqa: PTH111 - as a text


def without_comment(text: str) -> str:
    """Return ``text`` up to a ``#``, as ProxyJump is read."""
    return text.partition("#")[0].strip()


def address(text: str) -> str | None:
    """Return an IP address in canonical form; None where ``text`` is a name."""
    base, percent, scope = text.partition("%")
    try:
        return f"{ipaddress.ip_address(base)}{percent}{scope}"
    except ValueError:
        return None
