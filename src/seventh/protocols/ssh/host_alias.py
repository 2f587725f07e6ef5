"""Host aliases: ``seventh check ssh://alias`` resolves the alias by the user's ssh_config.

The file changes the host, the port, the jump hosts and the user. It never permits a login: that
takes ``--user``, ``--identity``, ``--password-file`` or a user in the URL. A file that ssh would
refuse is a UsageError with its line.
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
from seventh.protocols.ssh import OWN_FORWARDS, SPEC, SshOptions

if TYPE_CHECKING:
    from seventh.protocols.ssh.client.config.host import HostConfig, UserConfig
    from seventh.protocols.ssh.client.config.reading import Reading

SYSTEM_FILE = Path("/etc/ssh/ssh_config")
_NONE = "none"
_MAX_HOPS = 8
_FORWARDS = {"localforward": "L", "remoteforward": "R", "dynamicforward": "D"}
_FAMILIES = {"inet": "ipv4", "inet6": "ipv6"}
_PUBLIC = (b"ssh-", b"ecdsa-", b"sk-")
_MAX_KEY_BYTES = 64 * 1024
_MAX_SCAN_BYTES = 64 * 1024
_RELEVANT = re.compile(
    rb'^[\s"]*(?:hostname|port|user|identityfile|identitiesonly|proxyjump|proxycommand'
    rb'|userknownhostsfile|addressfamily|(?:local|remote|dynamic)forward)\b',
    re.IGNORECASE | re.MULTILINE,
)  # fmt: skip
_INCLUDES = re.compile(rb'^[\s"]*include\b[\s"=]*(.*)$', re.IGNORECASE | re.MULTILINE)
_Stamp = tuple[str, int, int]
_cache: dict[tuple[str, ...], tuple[tuple[_Stamp, ...], UserConfig]] = {}
"""By the files' names: their stamps when they were read, and their configuration."""


def resolve_alias(target: Target, options: Options) -> tuple[Target, Options]:
    """Apply the user's ssh_config to the target and the options.

    Raises UsageError, with file and line, for a configuration that ssh would refuse.
    """
    if target.user is not None:
        options = options.replace(user=target.user)
    own = options.of(SshOptions)
    if options.as_clients:
        own = replace(own, alias=target.host)
        options = options.having(own)
    config = _configuration(own.ssh_config)
    if config is None:
        return target, _with_forwards(options, None)
    host = _resolve(config, target, options)
    options = _with_login(options, host)
    proxied = options.proxy is not None
    if not options.via and (hops := _hops(config, host, (), proxied=proxied)):
        options = options.replace(via=hops)
    if own.known_hosts is None and (known := _first_file(host.known_hosts or ())):
        options = options.having(replace(options.of(SshOptions), known_hosts=known))
    options = _with_forwards(options, host)
    family = _FAMILIES.get(host.value("addressfamily"))
    if options.family == "any" and family is not None:
        options = options.replace(family=family)
    return _redirect(target, host), options


def resolve_hop(hop: Target, options: Options) -> tuple[Target, str | None, tuple[str, ...]]:
    """Apply the user's ssh_config to a jump host; return it, its user and its private key files.

    The user is the URL's, else the file's, else ``--user``. Raises UsageError as :func:`aim` does.
    """
    own = options.of(SshOptions)
    config = _configuration(own.ssh_config)
    if config is None:
        return hop, hop.user or options.user, own.identities
    host = _resolve(config, hop, options.replace(user=None))
    identities = (*own.identities, *_usable(host))
    return _redirect(hop, host), host.user or options.user, tuple(dict.fromkeys(identities))


def _with_forwards(options: Options, host: HostConfig | None) -> Options:
    """Replace ``--forward config`` by the forwardings of the file for this host."""
    own = options.of(SshOptions)
    if OWN_FORWARDS not in own.forward:
        return options
    found = [text for text in own.forward if text != OWN_FORWARDS]
    for keyword, letter in _FORWARDS.items():
        for line in host.lines(keyword) if host is not None else ():
            # What is not TCP is left out: sockets of this machine or of the server.
            if "/" not in line.value:
                found += [":".join((letter, *line.values))]
    if not found:
        raise UsageError(f"--forward {OWN_FORWARDS}: the ssh_config has no forwarding of TCP here")
    return options.having(replace(own, forward=tuple(found)))


def _redirect(target: Target, host: HostConfig) -> Target:
    port = target.port if target.port_given else host.port or target.port
    return replace(target, host=host.host_name, port=port, user=target.user or host.user)


def _resolve(config: UserConfig, target: Target, options: Options) -> HostConfig:
    from seventh.protocols.ssh.client.config.host import Query

    host = config.resolve(
        Query(
            host=target.host,
            user=target.user or options.user,
            port=target.port if target.port_given else None,
        )
    )
    if host.problems:
        raise UsageError(str(host.problems[0]))
    return host


def settings_of(name: str | None, target: Target, options: Options) -> HostConfig | None:
    """Return the settings of an ssh_config for the host as it was typed; None without a file.

    ``name`` None is the user's own. Raises UsageError for what ssh would refuse.
    """
    config = _configuration(name)
    if config is None:
        return None
    host = options.of(SshOptions).alias or target.host
    return _resolve(config, replace(target, host=host), options)


# -- logging in ------------------------------------------------------------------------------------


def _with_login(options: Options, host: HostConfig) -> Options:
    """Add the file's user and keys, if a login is permitted without them."""
    if not options.has_credential:
        return options
    own = options.of(SshOptions)
    identities = tuple(dict.fromkeys((*own.identities, *_usable(host))))
    only = host.value("identitiesonly") == "yes" and not identities
    own = replace(own, identities=identities, agent=own.agent and not only)
    return options.replace(user=options.user or host.user).having(own)


def _usable(host: HostConfig) -> tuple[str, ...]:
    """Return the IdentityFiles that exist and are not encrypted.

    ssh ignores missing ones; the agent may have the encrypted ones.
    """
    from seventh.protocols.ssh.client.identities import is_encrypted
    from seventh.protocols.ssh.wire.patterns import GrammarError

    try:
        names = host.identity_files
    except GrammarError as error:
        raise UsageError(f"{host.lines('identityfile')[0].at}: {error}") from None
    found: list[str] = []
    for name in names:
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


def _first_file(names: tuple[str, ...]) -> str | None:
    from seventh.lintkit.files import holds

    return next((name for name in names if holds(Path.is_file, Path(name))), None)


# -- jump hosts ------------------------------------------------------------------------------------


def _hops(
    config: UserConfig, host: HostConfig, seen: tuple[str, ...], *, proxied: bool
) -> tuple[Target, ...]:
    """Return the jump hosts of ``host``, nearest first.

    The first host in a ProxyJump may have a ProxyJump of its own, as in ssh. With ``--proxy``
    (``proxied``) a ProxyCommand of another program is ignored.
    """
    from seventh.protocols.ssh.client.config.host import Query
    from seventh.protocols.ssh.wire.patterns import GrammarError

    try:
        text = host.proxy_jump or _jump_of_command(host)
    except GrammarError as error:
        raise UsageError(f"{_at(host)}: {error}") from None
    except UsageError:
        if not proxied:
            raise
        return ()
    if not text:
        return ()
    hops = tuple(_hop(part, host) for part in text.split(","))
    name = hops[0].host
    if name in seen or len(seen) >= _MAX_HOPS:
        raise UsageError(f"{_at(host)}: circular jump hosts")
    known = (*seen, host.query.host, name)
    before = _hops(config, config.resolve(Query(host=name)), known, proxied=proxied)
    return before + hops


def _at(host: HostConfig) -> str:
    lines = host.lines("proxyjump") or host.lines("proxycommand")
    return str(lines[0].at)


def _hop(part: str, host: HostConfig) -> Target:
    """Return ``[user@]host[:port]`` or an ssh:// URL as a target."""
    written = part.strip().removeprefix("ssh://").removesuffix("/")
    if not written:
        raise UsageError(f"{_at(host)}: ProxyJump: host missing")
    (hop,) = parse_target(f"ssh://{written}", {scheme.name: scheme for scheme in SPEC.schemes})
    return hop


def _jump_of_command(host: HostConfig) -> str | None:
    """Return the host of a ProxyCommand ``ssh -W %h:%p host``; UsageError for any other command."""
    from seventh.protocols.ssh.wire.patterns import arguments

    command = host.proxy_command
    if command is None:
        return None
    words = list(arguments(command))
    refusal = UsageError(
        f"{_at(host)}: ProxyCommand not supported: use ProxyJump, or add --proxy URL, --via HOST "
        "or --ssh-config none"
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
    """Return the files' configuration, read again when one changed; None where there are none."""
    if name is not None and name.lower() == _NONE:
        return None
    # Names, not paths: every pulse calls this, and it costs two system calls.
    if name is not None:
        key: tuple[str, ...] = (str(Path(name).expanduser()),)
    else:
        own = f"{os.environ.get('HOME', '')}/.ssh/config"
        system_file = str(SYSTEM_FILE)
        system = _stamp(system_file)
        if not os.access(own, os.F_OK):  # cheaper than an exception
            if system is None or not _is_relevant(system):
                return None
            key = (system_file,)
        else:
            key = (own,) if system is None else (own, system_file)
    cached = _cache.get(key)
    if cached is not None and all(_stamp(stamp[0]) == stamp for stamp in cached[0]):
        return cached[1]
    config, stamps = _read(tuple(map(Path, key)), wanted=name is not None)
    _cache[key] = (stamps, config)
    return config


@functools.lru_cache(maxsize=8)
def _is_relevant(stamp: _Stamp) -> bool:
    """Return whether the system's file may change a target.

    A distribution's default does not; this check costs a tenth of parsing it.
    """
    try:
        data = SYSTEM_FILE.read_bytes()[:_MAX_SCAN_BYTES]
    except OSError:
        return False
    if len(data) == _MAX_SCAN_BYTES or _RELEVANT.search(data):
        return True
    for match in _INCLUDES.finditer(data):
        folder, _, name = match[1].decode("utf-8", "replace").strip().rpartition("/")
        if name != "*.conf" or set("*?[\"' ") & set(folder):
            return True
        if any(Path(SYSTEM_FILE.parent, folder).glob("*.conf")):
            return True
    return False


def _stamp(name: str) -> _Stamp | None:
    """Return a file's name, mtime and size; None where it does not exist."""
    try:
        status = os.stat(name)  # noqa: PTH116 - a path object costs more than the call
    except (OSError, ValueError):
        return None
    return name, status.st_mtime_ns, status.st_size


def _read(files: tuple[Path, ...], *, wanted: bool) -> tuple[UserConfig, tuple[_Stamp, ...]]:
    """Read the files; an unreadable one is ignored, as in ssh, unless it is ``wanted``."""
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

    Unknown directives are accepted: the user's ssh may be newer.
    """
    from seventh.protocols.ssh.client.config.host import refusals

    for at, why in refusals(reading):
        reading.refuse(at, why)
    if reading.refused:
        first = min(reading.refused, key=lambda line: (line.file, line.line or 0))
        raise UsageError(f"{first}; fix it, or add --ssh-config none")
