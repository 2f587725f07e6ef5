"""Postfix's files: main.cf and master.cf."""

from __future__ import annotations

import functools
import re

from seventh.lint.postfix import fix, views
from seventh.lint.postfix.parameters import table
from seventh.lintkit.linted import Kind, Program
from seventh.lintkit.patch import Validator

_MAX_LINES = 400
"""Lines that are read to recognise a file."""
_ENTRY = re.compile(r"([a-z0-9][A-Za-z0-9_]*)\s*=")
_SERVICE = re.compile(
    r"\S+\s+(?:inet|unix|fifo|pass|unix-dgram)\s+[yn-]\s+[yn-]\s+[yn-]\s+[0-9?-]+\s+[0-9-]+\s+\S"
)


def _looks_main(lines: tuple[str, ...]) -> int:
    """Count the entries of Postfix's own parameters."""
    found = (_ENTRY.match(line) for line in lines[:_MAX_LINES])
    names = [match[1] for match in found if match is not None and "_" in match[1]]
    return sum(name in table() for name in names)


def _fits_main(lines: tuple[str, ...]) -> int:
    """Count the entries, and what continues them."""
    return sum(_ENTRY.match(line) is not None or line[:1].isspace() for line in lines[:_MAX_LINES])


def _looks_master(lines: tuple[str, ...]) -> int:
    """Count the services, and the options that follow one."""
    found = 0
    for line in lines[:_MAX_LINES]:
        found += _SERVICE.match(line) is not None or bool(found and line[:1].isspace())
    return found


_PROGRAMS = (
    Program(("postconf", "-d", "mail_version"), r"mail_version = (?P<version>\d+(\.\d+)+)"),
)
_ASKED = Validator(command=("postconf", "-c", "{beside}", "-x"), system="/etc/postfix")
KINDS = (
    Kind(
        name="main.cf",
        room="smtp",
        title="Postfix's parameters, also as `postconf -n` prints them",
        product=views.PRODUCT,
        programs=_PROGRAMS,
        names=("main.cf", "*.main.cf", "postconf-n", "postconf-n.*"),
        looks=_looks_main,
        fits=_fits_main,
        lint=views.lint,
        fix=fix.place,
        validator=_ASKED,
    ),
    Kind(
        name="master.cf",
        room="smtp",
        title="Postfix's services",
        product=views.PRODUCT,
        programs=_PROGRAMS,
        names=("master.cf", "*.master.cf"),
        looks=_looks_master,
        lint=functools.partial(views.lint, is_master=True),
        fix=fix.place,
        validator=_ASKED,
    ),
)
