"""Where an ssh:// target leads by the person's own ssh_config: ``seventh check ssh://alias``.

What a file says of a host changes where it is looked for, through whom, and as whom. It never
gives permission to log in: that takes ``--user``, ``--identity``, ``--password-file`` or a user in
the URL. A file that ssh would refuse is a UsageError with its line; no file changes nothing.
"""

from __future__ import annotations

import functools
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.target import Target, parse_target
from seventh.protocols.ssh import SPEC, SshOptions

if TYPE_CHECKING:
    from seventh.protocols.ssh.client.config.host import HostConfig, UserConfig
    from seventh.protocols.ssh.client.config.reading import Reading

SYSTEM_FILE = Path("/etc/ssh/ssh_config")
_NONE = "none"
_MAX_HOPS = 8
_FAMILIES = {"inet": "ipv4", "inet6": "ipv6"}
_PUBLIC = (b"ssh-", b"ecdsa-", b"sk-")
_MAX_KEY_BYTES = 64 * 1024
_MAX_GLANCE_BYTES = 64 * 1024
_SAYS = re.compile(
    rb'^[\s"]*(?:hostname|port|user|identityfile|identitiesonly|proxyjump|proxycommand'
    rb'|userknownhostsfile|addressfamily)\b', re.IGNORECASE | re.MULTILINE,
)  # fmt: skip
_INCLUDES = re.compile(rb'^[\s"]*include\b[\s"=]*(.*)$', re.IGNORECASE | re.MULTILINE)
_Stamp = tuple[str, int, int]
_cache: dict[tuple[str, ...], tuple[tuple[_Stamp, ...], UserConfig]] = {}
"""By the files' names: what they looked like when they were read, and what they said."""


def aim(target: Target, options: Options) -> tuple[Target, Options]:
    """The target as the person's configuration means it, and the options that follow from it.

    Raises UsageError for a configuration that ssh would refuse, with file and line.
    """
    if target.user is not None:
        options = options.replace(user=target.user)
    own = options.of(SshOptions)
    config = _configuration(own.ssh_config)
    if config is None:
        return target, options
    host = _resolved(config, target, options)
    options = _with_login(options, host)
    if not options.via and (hops := _hops(config, host, ())):
        options = options.replace(via=hops)
    if own.known_hosts is None and (known := _first_file(host.known_hosts or ())):
        options = options.having(replace(options.of(SshOptions), known_hosts=known))
    family = _FAMILIES.get(host.value("addressfamily"))
    if options.family == "any" and family is not None:
        options = options.replace(family=family)
    return _aimed(target, host), options


def resolve_hop(hop: Target, options: Options) -> tuple[Target, str | None, tuple[str, ...]]:
    """Return a jump host as the configuration means it: where it is, as whom, and with which keys.

    The user is the URL's, else the file's, else ``--user``. Raises UsageError as :func:`aim` does.
    """
    own = options.of(SshOptions)
    config = _configuration(own.ssh_config)
    if config is None:
        return hop, hop.user or options.user, own.identities
    host = _resolved(config, hop, options.replace(user=None))
    identities = (*own.identities, *_usable(host))
    return _aimed(hop, host), host.user or options.user, tuple(dict.fromkeys(identities))


def _aimed(target: Target, host: HostConfig) -> Target:
    port = target.port if target.port_given else host.port or target.port
    return replace(target, host=host.host_name, port=port, user=target.user or host.user)


def _resolved(config: UserConfig, target: Target, options: Options) -> HostConfig:
    from seventh.protocols.ssh.client.config.host import Asked

    host = config.resolve(
        Asked(
            host=target.host,
            user=target.user or options.user,
            port=target.port if target.port_given else None,
        )
    )
    if host.problems:
        raise UsageError(str(host.problems[0]))
    return host


# -- logging in ------------------------------------------------------------------------------------


def _with_login(options: Options, host: HostConfig) -> Options:
    """User and keys of the file, where logging in was permitted without them."""
    if not options.has_credential:
        return options
    own = options.of(SshOptions)
    identities = tuple(dict.fromkeys((*own.identities, *_usable(host))))
    only = host.value("identitiesonly") == "yes" and not identities
    own = replace(own, identities=identities, agent=own.agent and not only)
    return options.replace(user=options.user or host.user).having(own)


def _usable(host: HostConfig) -> tuple[str, ...]:
    """Return the private keys of IdentityFile that are there and open without a passphrase.

    ssh passes over what is missing; an encrypted one is the agent's to use.
    """
    from seventh.protocols.ssh.client.identities import is_encrypted

    found: list[str] = []
    for name in _expanded(host):
        try:
            path = Path(name)
            if not stat.S_ISREG(path.stat().st_mode):
                continue
            with path.open("rb") as file:
                data = file.read(_MAX_KEY_BYTES)
        except (OSError, ValueError):
            continue
        if not data.startswith(_PUBLIC) and not is_encrypted(data):
            found.append(name)
    return tuple(found)


def _expanded(host: HostConfig) -> tuple[str, ...]:
    from seventh.protocols.ssh.wire.patterns import GrammarError

    try:
        return host.identity_files
    except GrammarError as error:
        raise UsageError(f"{host.lines('identityfile')[0].at}: {error}") from None


def _first_file(names: tuple[str, ...]) -> str | None:
    from seventh.lintkit.files import holds

    return next((name for name in names if holds(Path.is_file, Path(name))), None)


# -- jump hosts ------------------------------------------------------------------------------------


def _hops(config: UserConfig, host: HostConfig, seen: tuple[str, ...]) -> tuple[Target, ...]:
    """Return the jump hosts on the way to ``host``, nearest first.

    The first of a ProxyJump may itself be reached through others: ssh starts itself for it.
    """
    from seventh.protocols.ssh.client.config.host import Asked
    from seventh.protocols.ssh.wire.patterns import GrammarError

    try:
        text = host.proxy_jump or _jump_of_command(host)
    except GrammarError as error:
        raise UsageError(f"{_at(host)}: {error}") from None
    if not text:
        return ()
    hops = tuple(_hop(part, host) for part in text.split(","))
    name = hops[0].host
    if name in seen or len(seen) >= _MAX_HOPS:
        raise UsageError(f"{_at(host)}: the jump hosts lead in a circle")
    before = _hops(config, config.resolve(Asked(host=name)), (*seen, host.asked.host, name))
    return before + hops


def _at(host: HostConfig) -> str:
    lines = host.lines("proxyjump") or host.lines("proxycommand")
    return str(lines[0].at)


def _hop(part: str, host: HostConfig) -> Target:
    """Return ``[user@]host[:port]`` or an ssh:// URL as a target."""
    written = part.strip().removeprefix("ssh://").removesuffix("/")
    if not written:
        raise UsageError(f"{_at(host)}: ProxyJump names no host")
    (hop,) = parse_target(f"ssh://{written}", {scheme.name: scheme for scheme in SPEC.schemes})
    return hop


def _jump_of_command(host: HostConfig) -> str | None:
    """The host of a ProxyCommand that is ``ssh -W %h:%p host``; UsageError for any other command.

    Seventh runs no command of a configuration.
    """
    from seventh.protocols.ssh.wire.patterns import arguments

    command = host.proxy_command
    if command is None:
        return None
    words = list(arguments(command))
    refusal = UsageError(
        f"{_at(host)}: Seventh runs no ProxyCommand; write ProxyJump, or give --via or "
        "--ssh-config none"
    )
    if not words or Path(words.pop(0)).name != "ssh":
        raise refusal
    found: dict[str, str] = {}
    place = ""
    while words:
        word = words.pop(0)
        if word[:2] in {"-W", "-p", "-l"} and (len(word) > 2 or words):
            found[word[1]] = word[2:] or words.pop(0)
        elif word in {"-q", "-x", "-T", "-a", "-4", "-6"}:
            continue
        elif word.startswith("-") or place:
            raise refusal
        else:
            place = word
    if found.get("W") not in {"%h:%p", "[%h]:%p"} or not place:
        raise refusal
    user = f"{found['l']}@" if "l" in found else ""
    return user + place + (f":{found['p']}" if "p" in found else "")


# -- the files -------------------------------------------------------------------------------------


def _configuration(name: str | None) -> UserConfig | None:
    """What the files say; None where there are none. They are read again when they changed."""
    if name is not None and name.lower() == _NONE:
        return None
    # Names, not paths: every pulse passes here, and two looks at the disk are all that it needs.
    if name is not None:
        key: tuple[str, ...] = (str(Path(name).expanduser()),)
    else:
        own = f"{os.environ.get('HOME', '')}/.ssh/config"
        machines = str(SYSTEM_FILE)
        system = _stamp(machines)
        if not os.access(own, os.F_OK):  # says no without the cost of an exception
            if system is None or not _matters(system):
                return None
            key = (machines,)
        else:
            key = (own,) if system is None else (own, machines)
    held = _cache.get(key)
    if held is not None and all(_stamp(stamp[0]) == stamp for stamp in held[0]):
        return held[1]
    config, stamps = _read(tuple(map(Path, key)), wanted=name is not None)
    _cache[key] = (stamps, config)
    return config


@functools.lru_cache(maxsize=8)
def _matters(stamp: _Stamp) -> bool:
    """Return whether the system's file says anything of where a host is.

    A distribution's own says nothing of it; to see that costs a tenth of reading it.
    """
    try:
        data = SYSTEM_FILE.read_bytes()[:_MAX_GLANCE_BYTES]
    except OSError:
        return False
    if len(data) == _MAX_GLANCE_BYTES or _SAYS.search(data):
        return True
    for match in _INCLUDES.finditer(data):
        folder, _, name = match[1].decode("utf-8", "replace").strip().rpartition("/")
        if name != "*.conf" or set("*?[\"' ") & set(folder):
            return True
        if any(Path(SYSTEM_FILE.parent, folder).glob("*.conf")):
            return True
    return False


def _stamp(name: str) -> _Stamp | None:
    """Return what tells that a file has changed; None where there is none."""
    try:
        seen = os.stat(name)  # noqa: PTH116 - a path object would cost more than the look
    except (OSError, ValueError):
        return None
    return name, seen.st_mtime_ns, seen.st_size


def _read(files: tuple[Path, ...], *, wanted: bool) -> tuple[UserConfig, tuple[_Stamp, ...]]:
    """Read the files; one that cannot be read is passed over, as ssh does, unless it is wanted."""
    from seventh.lintkit.files import Files
    from seventh.protocols.ssh.client.config import directives
    from seventh.protocols.ssh.client.config.host import UserConfig
    from seventh.protocols.ssh.client.config.reading import read

    readings: list[Reading] = []
    stamps: list[_Stamp | None] = []
    for path in files:
        reader = Files(base=path.parent, home=Path.home())
        text = reader.read(path)
        if text is None:
            if wanted:
                raise UsageError(f"--ssh-config {reader.problems[0].text}")
            continue
        reading = read(text, reader, "client", is_user=path != SYSTEM_FILE)
        _refuse(reading)
        readings.append(reading)
        stamps += [_stamp(name) for name in reader.read_names]
    config = UserConfig(readings, directives.newest().version)
    return config, tuple(stamp for stamp in stamps if stamp is not None)


def _refuse(reading: Reading) -> None:
    """Raise UsageError for the first line that ssh would refuse.

    A directive that nobody here knows is no such line: the person's ssh may be newer than we.
    """
    from seventh.protocols.ssh.client.config.host import refusals

    for at, why in refusals(reading):
        reading.refuse(at, why)
    if reading.refused:
        first = min(reading.refused, key=lambda line: (line.file, line.line or 0))
        raise UsageError(f"{first}; mend it or give --ssh-config none")
