"""mosquitto's files: mosquitto.conf with its includes, access control list and password file."""

from __future__ import annotations

from seventh.lint.mosquitto import fix, views
from seventh.lint.mosquitto.conf import BRIDGE, LISTENER, SECURITY
from seventh.lintkit.linted import Kind, Program

_MAX_LINES = 400
"""Lines that are read to recognise a file."""
_OWN = (SECURITY | LISTENER | BRIDGE) - {
    "address", "addresses", "ciphers", "password", "port", "protocol", "topic", "username", "user",
}  # fmt: skip
_MORE = frozenset(
    {
        "per_listener_settings", "persistence_location", "persistent_client_expiration", "listener",
        "max_inflight_messages", "max_queued_messages", "autosave_interval", "log_dest",
        "allow_duplicate_messages", "connection_messages", "websockets_log_level",
    }
)  # fmt: skip


def _count(lines: tuple[str, ...], names: frozenset[str]) -> int:
    found = 0
    for line in lines[:_MAX_LINES]:
        name, blank, value = line.partition(" ")
        found += bool(blank) and name in names and "=" not in value[:1] and "{" not in value
    return found


def _looks(lines: tuple[str, ...]) -> int:
    return _count(lines, _OWN | _MORE)


def _fits(lines: tuple[str, ...]) -> int:
    return _count(lines, SECURITY | LISTENER | BRIDGE | _MORE | {"persistence", "include_dir"})


KINDS = (
    Kind(
        name="mosquitto.conf",
        room="mqtt",
        title="mosquitto's configuration, with its includes, access control list and passwords",
        product=views.PRODUCT,
        programs=(Program(("mosquitto", "-h"), r"mosquitto version (?P<version>\d+(?:\.\d+)+)"),),
        names=("mosquitto.conf", "mosquitto/conf.d/*.conf", "*.mosquitto.conf"),
        looks=_looks,
        fits=_fits,
        lint=views.lint,
        fix=fix.place,
    ),
)
