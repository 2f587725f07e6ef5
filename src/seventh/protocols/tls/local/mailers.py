"""The certificates that Postfix's and Dovecot's own commands print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

from seventh.localkit.area import Command
from seventh.localkit.seen import Seen
from seventh.model.localfacts import Unread

_POSTCONF, _POSTCONF_SERVICES = "postconf", "postconf -P"
_DOVECONF, _DOVECONF_BLOCKS = "doveconf", "doveconf -n"
_PAIRS = tuple(f"smtpd_tls_{kind}{{}}_file" for kind in ("", "ec", "d"))
_CHAINS = "smtpd_tls_chain_files"
COMMANDS = (
    Command(
        name=_POSTCONF, of=("master",), reads="certificate and key files of Postfix",
        words=("postconf", "-x", _CHAINS,
               *(pair.format(part) for pair in _PAIRS for part in ("cert", "key"))),
    ),
    Command(
        name=_POSTCONF_SERVICES, of=("master",), words=("postconf", "-P"),
        reads="those that single services of Postfix have instead",
    ),
    Command(
        name=_DOVECONF, of=("dovecot",), reads="certificate and key files of Dovecot",
        words=("doveconf", "-P", "ssl_cert", "ssl_key", "ssl_server_cert_file",
               "ssl_server_key_file"),
    ),
    Command(
        name=_DOVECONF_BLOCKS, of=("dovecot",), words=("doveconf", "-n"),
        reads="certificate files of Dovecot for single names",
    ),
)  # fmt: skip
_SETTING = re.compile(r"^(?:(\S+/\S+)/)?(smtpd_tls_\w+) = (.*)$", re.MULTILINE)
_DOVECOT_SETTING = re.compile(
    r"^\s*(?:local_name (\S+) \{|ssl_(?:server_)?(cert|key)(?:_file)? = <?\s*(/\S+)$|(\}))",
    re.MULTILINE,
)


def postfix(seen: Seen) -> Iterator[tuple[str, str]]:
    """Yield each file that may hold a certificate, and the one that may hold its key."""
    services: dict[str, dict[str, str]] = {}
    for name in (_POSTCONF, _POSTCONF_SERVICES):
        for service, parameter, value in _SETTING.findall(_text(seen, name)):
            services.setdefault(service, {})[parameter] = value.strip()
    for settings in services.values():
        chains = [path for path in re.split(r"[\s,]+", settings.get(_CHAINS, "")) if path]
        for number, path in enumerate(chains):
            yield path, chains[number - 1] if number else ""
        for pair in () if chains else _PAIRS:
            path, key = (settings.get(pair.format(part), "") for part in ("cert", "key"))
            if path.startswith("/"):
                yield path, key if key.startswith("/") else ""


def dovecot(seen: Seen) -> Iterator[tuple[str, str, str]]:
    """Yield the name for which it is, each certificate, and its key as far as it is printed."""
    for command in (_DOVECONF, _DOVECONF_BLOCKS):
        name = ""
        found: dict[str, tuple[list[str], list[str]]] = {}
        for match in _DOVECOT_SETTING.finditer(_text(seen, command)):
            if match[3]:
                found.setdefault(name, ([], []))[match[2] == "key"].append(match[3])
            else:
                name = match[1] or ""
        for name, (certificates, keys) in found.items():
            for pair in zip_longest(certificates, keys[: len(certificates)], fillvalue=""):
                yield name, *pair


def _text(seen: Seen, name: str) -> str:
    text = seen.output(name)
    return "" if isinstance(text, Unread) else text
