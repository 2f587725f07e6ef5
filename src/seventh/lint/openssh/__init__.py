"""OpenSSH's files: sshd_config, ``sshd -T``, ssh_config, authorized_keys."""

from __future__ import annotations

import functools
import re

from seventh.lint.openssh import authorized_keys, ssh_config, sshd
from seventh.lint.openssh.public_keys import Entry, key_line
from seventh.lintkit.linted import Kind
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.wire.patterns import GrammarError

_LOOKED_AT = 400
"""Lines that are looked at to tell what a file is."""
_KEYWORD = re.compile(r"\s*([A-Za-z][A-Za-z0-9]+)(?:[ \t]*=(?!=)[ \t]*|[ \t]+(?!=))\S")
_KEY_LINE = re.compile(r"(?:^|\s)(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+\s+AAAA[A-Za-z0-9+/]{20,}")
_ONLY_PRINTED = frozenset({"listenaddress", "maxstartups", "persourcenetblocksize", "permitopen"})
"""``sshd -T`` prints every directive, these too, and hardly any file sets them all."""


def _keywords(lines: tuple[str, ...]) -> list[str]:
    found = (_KEYWORD.match(line) for line in lines[:_LOOKED_AT])
    return [match[1] for match in found if match is not None]


def _counts(words: list[str]) -> tuple[int, int, int]:
    """Return how many keywords are a server's alone, a client's alone, and both's."""
    server, client = directives.spelled("server"), directives.spelled("client")
    lower = [word.lower() for word in words]
    of_server = sum(1 for word in lower if word in server and word not in client)
    of_client = sum(1 for word in lower if word in client and word not in server)
    return of_server, of_client, sum(1 for word in lower if word in server and word in client)


def _looks_sshd(lines: tuple[str, ...]) -> int:
    server, client, both = _counts(_keywords(lines))
    return server + both if server > client else server


def _looks_ssh(lines: tuple[str, ...]) -> int:
    server, client, both = _counts(_keywords(lines))
    return client + both if client > server else client


def _fits_sshd(lines: tuple[str, ...]) -> int:
    server, _, both = _counts(_keywords(lines))
    return server + both


def _fits_ssh(lines: tuple[str, ...]) -> int:
    _, client, both = _counts(_keywords(lines))
    return client + both


def _looks_printed(lines: tuple[str, ...]) -> int:
    words = _keywords(lines)
    if any(word != word.lower() for word in words) or not set(words) >= _ONLY_PRINTED:
        return 0
    return _looks_sshd(lines) + 1


def _looks_keys(lines: tuple[str, ...]) -> int:
    """Lines that are keys with or without options; one bare key is a public key's own file."""
    found = [entry for line in lines[:_LOOKED_AT] if (entry := _entry(line)) is not None]
    if len(found) == 1 and not found[0].options:
        return 0
    return len(found)


def _fits_keys(lines: tuple[str, ...]) -> int:
    return sum(1 for line in lines[:_LOOKED_AT] if _entry(line) is not None)


def _entry(line: str) -> Entry | None:
    """Return a key's line; None for another one, such as a line of known_hosts."""
    try:
        return key_line(line) if _KEY_LINE.search(line) is not None else None
    except GrammarError:
        return None


KINDS: tuple[Kind, ...] = (
    Kind(
        name="sshd_config",
        room="ssh",
        title="OpenSSH server configuration",
        product=directives.PRODUCT,
        names=("sshd_config", "ssh/sshd_config", "sshd_config.d/*", "*.sshd_config",
               "sshd_config.*"),
        looks=_looks_sshd,
        fits=_fits_sshd,
        lint=sshd.lint,
    ),
    Kind(
        name="sshd-T",
        room="ssh",
        title="what `sshd -T` prints",
        product=directives.PRODUCT,
        names=("sshd-T", "sshd-T.*"),
        looks=_looks_printed,
        lint=functools.partial(sshd.lint, printed=True),
    ),
    Kind(
        name="ssh_config",
        room="ssh",
        title="OpenSSH client configuration",
        product=directives.PRODUCT,
        names=("ssh_config", "ssh/ssh_config", "ssh_config.d/*", ".ssh/config", ".ssh/config.d/*",
               "*.ssh_config", "ssh_config.*"),
        looks=_looks_ssh,
        fits=_fits_ssh,
        lint=ssh_config.lint,
    ),
    Kind(
        name="authorized_keys",
        room="ssh",
        title="keys that may log in",
        product=directives.PRODUCT,
        names=("authorized_keys", "authorized_keys2", "authorized_keys.*", "authorized_keys.d/*",
               "authorized_keys/*"),
        looks=_looks_keys,
        fits=_fits_keys,
        only_by_name=True,
        lint=authorized_keys.lint,
    ),
)  # fmt: skip
