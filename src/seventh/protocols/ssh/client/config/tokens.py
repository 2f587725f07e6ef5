"""What ssh puts into the values of a configuration: ``~``, ``%h`` and ``${VARIABLES}``."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping

from seventh.protocols.ssh.wire.patterns import GrammarError

_TOKEN = re.compile(r"%(.?)|\$\{([^}]*)\}", re.DOTALL)


def expand(text: str, tokens: Mapping[str, str], *, variables: bool = False) -> str:
    """``text`` with ``%h`` and the like replaced, and ``${NAME}`` where ``variables`` says so.

    GrammarError for an unknown token, and for a variable that is not set.
    """

    def put(match: re.Match[str]) -> str:
        letter, variable = match[1], match[2]
        if variable is not None:
            if not variables:
                return match[0]
            if variable not in os.environ:
                raise GrammarError(f"the environment has no {variable}")
            return os.environ[variable]
        if letter == "%":
            return "%"
        if letter not in tokens:
            raise GrammarError(f"the token %{letter} means nothing here")
        return tokens[letter]

    return _TOKEN.sub(put, text) if "%" in text or "$" in text else text


def tilde(text: str) -> str:
    """``~`` and ``~user`` at the beginning replaced; left alone where there is no such user."""
    return os.path.expanduser(text) if text.startswith("~") else text  # noqa: PTH111 - as a text


def without_comment(text: str) -> str:
    """Return ``text`` up to a ``#``, as ProxyJump is read."""
    return text.partition("#")[0].strip()


def address(text: str) -> str | None:
    """Return an IP address in its usual spelling; None where ``text`` is a name."""
    try:
        return (
            str(ipaddress.ip_address(text.partition("%")[0])) + text[len(text.partition("%")[0]) :]
        )
    except ValueError:
        return None
