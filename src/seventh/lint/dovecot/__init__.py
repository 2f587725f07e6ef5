"""Dovecot's files: dovecot.conf of 2.3 and 2.4, and what ``doveconf -n`` prints."""

from __future__ import annotations

import re

from seventh.lint.dovecot import fix, views
from seventh.lint.dovecot.conf import SYSTEM, printed_version
from seventh.lintkit.linted import Kind, Program
from seventh.lintkit.patch import Validator

_MAX_LINES = 400
"""Lines that are read to recognise a file."""
_BLOCK = re.compile(
    r"\s*(?:service [\w-]+|protocol !?\w+|passdb(?: \w+)?|userdb(?: \w+)?|namespace(?: \w+)?|plugin"
    r"|(?:unix|fifo|inet)_listener \S+|local_name \S+|remote \S+|mailbox \S+) \{$"
)
_SETTING = re.compile(
    r"\s*(?:disable_plaintext_auth|auth_\w+|mail_(?:location|plugins|driver|path)|protocols"
    r"|ssl_(?:cert|key|dh|server_\w+)|dovecot_\w+_version|imap_\w+|pop3_\w+|login_\w+)\s*="
    r"|\s*!include(?:_try)?\s"
)
_PLAIN = re.compile(r"\s*(?:[a-z][\w/]*\s*=|[a-z]\w*(?: \S+)? \{$|\}$|!include)")


def _looks(lines: tuple[str, ...]) -> int:
    """Count the lines that only Dovecot has; within its blocks, all settings count."""
    found = depth = 0
    for line in lines[:_MAX_LINES]:
        opens = _BLOCK.match(line) is not None
        depth += opens - (depth > 0 and line.strip() == "}")
        found += opens or _SETTING.match(line) is not None or bool(depth and _PLAIN.match(line))
    return found


def _looks_printed(lines: tuple[str, ...]) -> int:
    return _looks(lines) + 1 if printed_version(lines) is not None else 0


def _fits(lines: tuple[str, ...]) -> int:
    return sum(_PLAIN.match(line) is not None for line in lines[:_MAX_LINES])


KINDS = (
    Kind(
        name="dovecot.conf",
        room="imap",
        title="Dovecot's configuration, with its includes",
        product=views.PRODUCT,
        programs=(Program(("dovecot", "--version"), r"(?m)^(?P<version>2(?:\.\d+)+)"),),
        names=("dovecot.conf", "dovecot/conf.d/*.conf", "*.dovecot.conf"),
        looks=_looks,
        fits=_fits,
        lint=views.lint,
        fix=fix.place,
        validator=Validator(
            command=("doveconf", "-n", "-c", "{file}"),
            include=r"\s*!include(?:_try)?\s+(?P<names>.*)",
            system=SYSTEM,
        ),
    ),
    Kind(
        name="doveconf-n",
        room="imap",
        title="output of `doveconf -n`",
        product=views.PRODUCT,
        names=("doveconf-n", "doveconf-n.*"),
        looks=_looks_printed,
        lint=views.lint,
    ),
)
