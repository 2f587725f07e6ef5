"""nginx's own limit of connections, from its configuration."""

from __future__ import annotations

import re

import msgspec

from seventh.localkit.nginx import READ, NginxFiles, configuration, plain
from seventh.localkit.seen import Seen
from seventh.model.localfacts import Cause, Unread

_DEFAULT_CONNECTIONS = 512
"""nginx's, where no line sets it."""
_CONNECTIONS = re.compile(r"(?:^|[;{}])\s*worker_connections\s+(\d+)(?=\s*;)", re.MULTILINE)
_FORWARDS = re.compile(r"(?:^|[;{}])\s*(?:proxy|grpc|fastcgi|uwsgi|scgi)_pass\s", re.MULTILINE)


class Nginx(msgspec.Struct, frozen=True):
    """What the configuration says."""

    worker_connections: int
    forwards: bool | None
    """None if a file that could not be read may say so."""


def configured(seen: Seen, unread: list[Unread]) -> Nginx | None:
    """Read the running nginx's configuration; None if it is unknown."""
    text = configuration(seen)
    if isinstance(text, Unread):
        unread.append(text)
        return None
    bare = plain(text)
    numbers = {int(number) for number in _CONNECTIONS.findall(bare)}
    if len(numbers) > 1:  # nginx refuses a second one
        unread.append(Unread(name=READ, cause=Cause.UNEXPECTED))
        return None
    files = seen.calls.get(READ)
    complete = isinstance(files, NginxFiles) and files.complete
    if not numbers and not complete:
        return None
    forwards = _FORWARDS.search(bare) is not None
    return Nginx(
        next(iter(numbers), _DEFAULT_CONNECTIONS), forwards if forwards or complete else None
    )
