"""OpenSSH's files: sshd_config, ``sshd -T``, ssh_config, authorized_keys."""

from __future__ import annotations

import functools
import re

from seventh.lint.openssh import authorized_keys, fix, ssh_config, sshd
from seventh.lint.openssh.public_keys import Entry, key_line
from seventh.lintkit.linted import Kind, Program
from seventh.lintkit.patch import Validator
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.directives import Side
from seventh.protocols.ssh.client.config.reading import SYSTEM_FOLDER
from seventh.protocols.ssh.wire.patterns import GrammarError

_MAX_LINES = 400
"""Lines that are read to recognise a file."""
_KEYWORD = re.compile(r"\s*([A-Za-z][A-Za-z0-9]+)(?:[ \t]*=(?!=)[ \t]*|[ \t]+(?!=))\S")
_ONLY_PRINTED = frozenset({"listenaddress", "maxstartups", "persourcenetblocksize", "permitopen"})
"""Directives that ``sshd -T`` always prints, and hardly any file sets all of."""


def _keywords(lines: tuple[str, ...]) -> list[str]:
    found = (_KEYWORD.match(line) for line in lines[:_MAX_LINES])
    return [match[1] for match in found if match is not None]


def _counts(side: Side, lines: tuple[str, ...]) -> tuple[int, int, int]:
    """Return how many keywords are this side's only, the other side's only, and common to both."""
    mine = directives.spelled(side)
    others = directives.spelled("client" if side == "server" else "server")
    words = [word.lower() for word in _keywords(lines)]
    return (
        sum(word in mine and word not in others for word in words),
        sum(word in others and word not in mine for word in words),
        sum(word in mine and word in others for word in words),
    )


def _looks(side: Side, lines: tuple[str, ...]) -> int:
    own, others, common = _counts(side, lines)
    return own + common if own > others else own


def _fits(side: Side, lines: tuple[str, ...]) -> int:
    own, _, common = _counts(side, lines)
    return own + common


def _looks_printed(lines: tuple[str, ...]) -> int:
    words = _keywords(lines)
    if any(word != word.lower() for word in words) or not set(words) >= _ONLY_PRINTED:
        return 0
    return _looks("server", lines) + 1


def _looks_keys(lines: tuple[str, ...]) -> int:
    """Count the lines that are keys; a single bare key is a ``.pub`` file."""
    found = [entry for line in lines[:_MAX_LINES] if (entry := _entry(line)) is not None]
    if len(found) == 1 and not found[0].options:
        return 0
    return len(found)


def _fits_keys(lines: tuple[str, ...]) -> int:
    return sum(1 for line in lines[:_MAX_LINES] if _entry(line) is not None)


def _entry(line: str) -> Entry | None:
    """Read a line with a key; return None for another one, such as a line of known_hosts."""
    try:
        return key_line(line)
    except GrammarError:
        return None


_SAYS = r"OpenSSH_(?P<version>\d+\.\d+)"
_SERVER = Program(("sshd", "-V"), _SAYS)
_CLIENT = Program(("ssh", "-V"), _SAYS)
_INCLUDE = r"(?i)\s*include(?:\s*=\s*|\s+)(?P<names>.*)"
_SERVER_ASKED = Validator(
    # Without a host key that it may read, sshd would refuse every file.
    prepare=("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "{folder}/key"),
    command=("sshd", "-t", "-f", "{file}", "-h", "{folder}/key"),
    include=_INCLUDE,
    system=SYSTEM_FOLDER,
)
_CLIENT_ASKED = Validator(
    command=("ssh", "-G", "-F", "{file}", "host.invalid"),
    include=_INCLUDE,
    system=SYSTEM_FOLDER,
    unsafe=r"(?i)match.*exec|canonicalizehostname",
)
KINDS: tuple[Kind, ...] = (
    Kind(
        name="sshd_config",
        room="ssh",
        title="OpenSSH server configuration",
        product=directives.PRODUCT,
        programs=(_SERVER, _CLIENT),
        names=("sshd_config", "ssh/sshd_config", "sshd_config.d/*", "*.sshd_config",
               "sshd_config.*"),
        looks=functools.partial(_looks, "server"),
        fits=functools.partial(_fits, "server"),
        lint=sshd.lint,
        fix=functools.partial(fix.place, side="server"),
        validator=_SERVER_ASKED,
    ),
    Kind(
        name="sshd-T",
        room="ssh",
        title="output of `sshd -T`",
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
        programs=(_CLIENT, _SERVER),
        names=("ssh_config", "ssh/ssh_config", "ssh_config.d/*", ".ssh/config", ".ssh/config.d/*",
               "*.ssh_config", "ssh_config.*"),
        looks=functools.partial(_looks, "client"),
        fits=functools.partial(_fits, "client"),
        lint=ssh_config.lint,
        fix=functools.partial(fix.place, side="client"),
        validator=_CLIENT_ASKED,
    ),
    Kind(
        name="authorized_keys",
        room="ssh",
        title="OpenSSH authorized keys",
        product=directives.PRODUCT,
        programs=(_SERVER, _CLIENT),
        names=("authorized_keys", "authorized_keys2", "authorized_keys.*", "authorized_keys.d/*",
               "authorized_keys/*"),
        looks=_looks_keys,
        fits=_fits_keys,
        only_by_name=True,
        lint=authorized_keys.lint,
    ),
)  # fmt: skip
