"""The configuration line that removes algorithms from a list, or adds some, and keeps the rest.

``-name`` removes from the program's default. In place of a line with a full list it would bring
back what that line leaves out, so such a line is replaced by a full list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from seventh.protocols.ssh.facts import Names, SshFacts
from seventh.protocols.ssh.rules import names as algorithms
from seventh.protocols.ssh.wire.ciphers import is_aead

_MINUS_SINCE = (7, 5)
"""The first version that accepts ``-name``."""
_WRITABLE = re.compile(r"(?!gss-)[A-Za-z0-9][A-Za-z0-9@._+-]{0,63}")
_NAMED_SINCE = {"PubkeyAcceptedAlgorithms": ((8, 5), "PubkeyAcceptedKeyTypes")}
"""Directives that had another name before a version; the old one still works."""
_AT_LEAST = {
    "KexAlgorithms": ("curve25519-sha256@libssh.org",),
    "Ciphers": ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com"),
    "MACs": ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"),
    "HostKeyAlgorithms": ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"),
    "PubkeyAcceptedAlgorithms": ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"),
}
"""What every OpenSSH of the last ten years supports, for a list that would be empty."""


def without(
    ssh: SshFacts, directive: str, offered: Names, weak_of: Callable[[Names], Names]
) -> str:
    """Return the line that offers ``offered`` without what ``weak_of`` finds in it."""
    weak = weak_of(offered)
    kept = writable(name for name in offered if name not in weak)
    config = ssh.config
    written = config.lists.get(directive) if config is not None else None
    minus = "-" + ",".join(weak)
    if config is not None and _takes_minus(ssh):
        if written is None or (written.text.startswith("+") and set(written.effective)
                               - set(written.default) <= set(weak)):  # fmt: skip
            return _line(ssh, directive, minus)
        if written.text.startswith("-"):
            return _line(ssh, directive, f"{written.text},{minus[1:]}")
    if not kept:
        default = written.default if written is not None else ()
        strong = tuple(name for name in default if name not in weak_of(default))
        kept = _AT_LEAST[directive]
        if directive == "KexAlgorithms" and strong:
            kept = strong
    return _line(ssh, directive, ",".join(kept))


def without_ciphers(
    ssh: SshFacts, offered: Names, weak_of: Callable[[Names], Names]
) -> tuple[str, ...]:
    """Return the Ciphers line without what ``weak_of`` finds, and what to do if no MAC is used."""
    line = without(ssh, "Ciphers", offered, weak_of)
    left = line.partition(" ")[2]
    macs = ssh.config.lists.get("MACs") if ssh.config is not None else None
    if macs is None or left.startswith("-") or not all(map(is_aead, left.split(","))):
        return (line,)
    return line, "# delete the MACs line: with these ciphers no MAC is used"


def beginning_with(ssh: SshFacts, directive: str, first: Names, offered: Names) -> str:
    """Return the line that offers ``first`` before ``offered``."""
    return _line(ssh, directive, ",".join(dict.fromkeys((*first, *writable(offered)))))


def writable(names: Iterable[str]) -> Names:
    """Return those of ``names`` that a line of sshd_config may list.

    Not the names that sshd adds by itself, such as ``ext-info-s``, nor GSS-API's methods, which
    have a line of their own; nor what a peer invents to have it pasted.
    """
    found = tuple(names)
    markers = algorithms.having("kex", "markers", found)
    return tuple(name for name in found if name not in markers and _WRITABLE.fullmatch(name))


def _takes_minus(ssh: SshFacts) -> bool:
    return ssh.config is not None and (ssh.config.version or _MINUS_SINCE) >= _MINUS_SINCE


def _line(ssh: SshFacts, directive: str, value: str) -> str:
    version = ssh.config.version if ssh.config is not None else ()
    renamed = _NAMED_SINCE.get(directive)
    if renamed is not None and version and version < renamed[0]:
        directive = renamed[1]
    return f"{directive} {value}"
