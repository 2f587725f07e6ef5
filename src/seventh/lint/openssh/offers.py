"""A configuration's lists of algorithms as the offer on the wire."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from seventh.lint.openssh.sshd_config import Effective
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.directives import LISTS, Side, Version
from seventh.protocols.ssh.client.config.host import HostConfig
from seventh.protocols.ssh.client.config.reading import Directive
from seventh.protocols.ssh.facts import Proposal
from seventh.protocols.ssh.facts.config import WrittenList
from seventh.protocols.ssh.wire.patterns import GrammarError, Names, changed_list, unknown_names

STRICT_SINCE = (9, 6)
"""The first version that offers strict key exchange; distributions brought it to older ones."""
ALL_LISTS = {**LISTS, "casignaturealgorithms": "key", "hostbasedacceptedalgorithms": "key"}
"""Also the lists that no rule judges: their names must be known, too."""
_DELAYED_ONLY_SINCE = (7, 4)
_CERTIFICATE = "-cert-v01@openssh.com"
_RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")


@functools.lru_cache(maxsize=1024)
def listed(side: Side, version: Version, name: str, written: str) -> Names:
    """Apply ``written`` to the version's default of ``name``.

    What OpenSSH refuses gives the default; :func:`refusals` has the reason.
    """
    default = _default(side, version, name)
    try:
        return changed_list(written, default, directives.known(LISTS[name], version))
    except GrammarError:
        return default


def _default(side: Side, version: Version, name: str) -> Names:
    return tuple(directives.defaults(side, version)[name].split(","))


def refusals(side: Side, version: Version, line: Directive, *, stated: bool) -> Iterator[str]:
    """Yield why OpenSSH does not start with a list.

    A name that the version no longer supports counts only if the version was ``stated``.
    """
    kind, written = ALL_LISTS[line.name], line.values[0]
    try:
        default = _default(side, version, line.name) if line.name in LISTS else ()
        changed_list(written, default, directives.known(kind))
    except GrammarError as error:
        yield f"{line.written}: {error}"
    known = directives.known(kind, version if stated else None)
    if kind != "key" and not written.startswith("-") and set("*?") & set(written):
        yield f"{line.written}: patterns can only remove algorithms: -{written.lstrip('+^')}"
    for name in unknown_names(written, known):
        if not name.startswith("gss-"):  # distributions' own, made of a mechanism's hash
            yield f"{line.written}: unknown algorithm {name}"


def offer(config: Effective | HostConfig, side: Side) -> Proposal:
    """Return the offer of the configuration's side, for host keys of all types."""
    lists = {name: effective_list(config, side, name) for name in LISTS}
    ciphers, macs = lists["ciphers"], lists["macs"]
    compressions = _compressions(config.value("compression"), side, config.version)
    return Proposal(
        kex_algorithms=lists["kexalgorithms"],
        server_host_key_algorithms=lists["hostkeyalgorithms"],
        encryption_algorithms_client_to_server=ciphers,
        encryption_algorithms_server_to_client=ciphers,
        mac_algorithms_client_to_server=macs,
        mac_algorithms_server_to_client=macs,
        compression_algorithms_client_to_server=compressions,
        compression_algorithms_server_to_client=compressions,
    )


def written_lists(config: Effective | HostConfig, side: Side) -> dict[str, WrittenList]:
    """Return the lists that the file sets, by the directive as the manual spells it."""
    found: dict[str, WrittenList] = {}
    for name in LISTS:
        for line in config.lines(name)[:1]:
            found[directives.spelled(side)[name]] = WrittenList(
                text=line.values[0],
                effective=effective_list(config, side, name),
                default=_default(side, config.version, name),
            )
    return found


def effective_list(config: Effective | HostConfig, side: Side, name: str) -> Names:
    """Return the effective list of the directive ``name``."""
    lines = config.lines(name)
    return listed(side, config.version, name, lines[0].values[0] if lines else "")


def _compressions(value: str, side: Side, version: Version) -> Names:
    early = ("zlib",) if version < _DELAYED_ONLY_SINCE else ()
    if side == "client":
        delayed = ("zlib@openssh.com", *early)
        return (*delayed, "none") if value == "yes" else ("none", *delayed)
    if value == "no":
        return ("none",)
    return ("none", "zlib@openssh.com", *(early if value == "yes" else ()))


def supported_by(keys: Names | None, algorithms: Names, *, certificates: bool) -> Names:
    """Return those of ``algorithms`` that host keys of these types support; None is any type."""
    if not certificates:
        algorithms = tuple(name for name in algorithms if not name.endswith(_CERTIFICATE))
    if keys is None:
        return algorithms
    names = {name for key in keys for name in (_RSA if key == "ssh-rsa" else (key,))}
    return tuple(
        name for name in algorithms
        if any(name.removesuffix(_CERTIFICATE).startswith(each) for each in names)
    )  # fmt: skip
