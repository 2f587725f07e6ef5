"""ssh_config as facts of the client's offer and behaviour, for all hosts and for each block.

The view of a block is for one host: its first plain name, or a name that matches its first pattern.
``Match`` blocks are assumed to match.
"""

from __future__ import annotations

from pathlib import Path

from seventh.lint.openssh import offers, overridden
from seventh.lint.openssh.overridden import is_any
from seventh.lint.openssh.views import (
    Release,
    check_lists,
    differs,
    idle_directives,
    linted,
    place_of_fix,
    release_of,
    settings_at,
    settings_of,
    unused_macs,
    views_allowed,
)
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.lintkit.place import folder_name, is_drop_in
from seventh.protocols.ssh.client.config import directives, modes
from seventh.protocols.ssh.client.config.directives import LISTS
from seventh.protocols.ssh.client.config.host import (
    HostConfig,
    Query,
    UserConfig,
    canonical,
    refusals,
)
from seventh.protocols.ssh.client.config.modes import WrongModes
from seventh.protocols.ssh.client.config.reading import Block, Directive, Reading, read
from seventh.protocols.ssh.client.config.tokens import without_comment
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.config import Breadth, SshConfigFacts
from seventh.protocols.ssh.wire.patterns import GrammarError, arguments, matches_list, seconds

_ANY_HOST = "host.invalid"
"""A host that no block names: the settings for all others."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_APPLES = "usekeychain"
"""The directive of macOS's ssh that every other one refuses."""
_FORWARDS = ("localforward", "remoteforward", "dynamicforward")
_SERVERS_OWN = "an ssh_config configures a client, not the server"


def lint(text: Text, files: Files, software: Software | None) -> Linted:
    """Check an ssh_config; no content raises."""
    release = release_of(software)
    home = _home_of(text.name)
    if files.home is None:
        files.home = home
    reading = read(text, files, "client", is_user=home is not None)
    check_lists(reading, release)
    for at, why in refusals(reading):
        reading.refuse(at, why)
    for line in reading.undecided:
        files.note(line.file, line.line, line.text)
    overridden.note_swallowed(reading, files)
    config = UserConfig([reading], release.version)
    make = _Views(text, files, reading, release)
    whole = make.view(config.resolve(Query(host=_ANY_HOST)), "", "all")
    views = [whole]
    wanted = {line.blocks[-1].index for line in reading.directives if line.blocks}
    blocks = [block for block in reading.blocks if block.index in wanted and not is_any(block)]
    allowed = views_allowed(
        len(blocks), len(reading.directives) + len(reading.blocks), files, text.name, "Host"
    )
    for block in blocks[:allowed]:
        view = make.view(config.resolve(_asked(block)), block.label, _breadth(block), block)
        if differs(view, whole):
            views.append(view)
    return linted(views, release, reading.refused)


# -- the hosts of a block --------------------------------------------------------------------------


def _breadth(block: Block) -> Breadth:
    """Return whether a block applies to one host, some, or all."""
    patterns = block.patterns or tuple(
        part for name, argument in block.criteria
        if name in {"host", "originalhost"} for part in argument.split(",")
    )  # fmt: skip
    meant = [pattern for pattern in patterns if not pattern.startswith("!")]
    if not meant or "*" in meant:
        return "all"
    return "some" if any(set("*?") & set(pattern) for pattern in meant) else "one"


def _asked(block: Block) -> Query:
    """Return a host that the block applies to, with its user criterion."""
    criteria = dict(block.criteria)
    patterns = block.patterns or tuple(
        (criteria.get("originalhost") or criteria.get("host") or "").split(",")
    )
    meant = [pattern for pattern in patterns if pattern and not pattern.startswith("!")]
    plain = [pattern for pattern in meant if not set("*?") & set(pattern)]
    host = (plain or [_matching(pattern) for pattern in meant] or [_ANY_HOST])[0]
    user = criteria.get("user", "").partition(",")[0]
    return Query(
        host=host,
        user=user if user and not set("!*?") & set(user) else None,
        assumed=frozenset({block.index}),
    )


def _matching(pattern: str) -> str:
    """Return a name that matches a pattern."""
    return pattern.replace("*", "x").replace("?", "x")[:253]


# -- one view --------------------------------------------------------------------------------------


class _Views:
    """Makes the views of one file."""

    def __init__(self, text: Text, files: Files, reading: Reading, release: Release) -> None:
        self._name = text.name
        self._files = files
        self._reading = reading
        self._release = release
        self._idle = idle_directives(reading, release.version)
        self._overridden = overridden.overridden(reading, release.version, canonical)
        self._ignoring, self._apples = _not_ignored(reading)
        self._own = modes.own_config(files, Path(text.name)) if _is_own(text.name) else None
        self._keys: dict[str, WrongModes | None] = {}

    def view(
        self, host: HostConfig, label: str, breadth: Breadth, block: Block | None = None
    ) -> View:
        """Return what applies to one host, as facts and as lines."""
        settings = dict(settings_of(host, "client", self._name))
        offer = offers.offer(host, "client")
        idle = {**self._idle, **unused_macs(host, offer)}
        binds = [line for name in _FORWARDS for line in host.lines(name) if _is_open(host, line)]
        binds.sort(key=lambda line: (line.at.file, line.at.line or 0))
        wrong = self._wrong_modes(host)
        settings["idle"] = settings_at(at for lines in idle.values() for at in lines)
        settings["open_binds"] = tuple(Setting(value=b.value, at=b.at) for b in binds)
        settings["modes"] = modes.settings(wrong or (), self._name)
        settings["jump"] = settings.get(_jumps_by(host), ())
        proxied_by, settings["proxied_by"] = _proxied_by(host)
        settings["overridden"] = overridden.settings(self._overridden)
        settings["not_ignored"] = settings_at(line.at for line in self._apples)
        settings["ignored"] = settings_at(line.at for line in self._ignoring)
        facts = SshFacts(
            # Otherwise the system's file or the defaults decide.
            kexinit=offer if any(host.lines(name) for name in LISTS) else None,
            strict_kex=self._release.strict_kex,
            config=SshConfigFacts(
                side="client",
                scope=label,
                version=host.version,
                lists=offers.written_lists(host, "client"),
                left_to_others=tuple(
                    directives.spelled("client")[name] for name in LISTS if not host.lines(name)
                ),
                breadth=breadth,
                idle=tuple(idle),
                overridden=self._overridden,
                not_ignored=tuple(dict.fromkeys(line.written for line in self._apples)),
                ignore_unknown=",".join(line.value for line in self._ignoring),
                proxied_by=proxied_by,
                alive_seconds=self._alive_seconds(host),
                agent_forwarding=host.value("forwardagent") != "no",
                jump=_jump(host),
                multiplexed=None
                if self._leaves_sharing(host)
                else host.value("controlmaster") != "no"
                and host.value("controlpath").lower() not in {"none", ""},
                open_binds=tuple(f"{line.written} {line.value}" for line in binds),
                loopback_binds=tuple(map(_on_loopback, binds)),
                **modes.facts(wrong),
            ),
            unknown={Topic.EXTENSIONS: _SERVERS_OWN, Topic.RSA_KEY: _SERVERS_OWN},
        )
        place = place_of_fix(self._reading.blocks, block)
        return View(
            label=label, place=place, block=block.at if block is not None else None,
            facts={"ssh": facts}, settings=settings,
        )  # fmt: skip

    def _alive_seconds(self, host: HostConfig) -> float | None:
        """Return ServerAliveInterval; None where another file or a distribution may set it.

        Debian's default is 300 with BatchMode.
        """
        batch = host.value("batchmode") == "yes"
        if not host.lines("serveraliveinterval") and (batch or is_drop_in(self._name)):
            return None
        interval = host.value("serveraliveinterval")
        number = 0 if interval in {"", "none"} else seconds(interval)
        return None if number is None else float(number)

    def _leaves_sharing(self, host: HostConfig) -> bool:
        """Return whether this is a drop-in, and another file decides on connection sharing."""
        return is_drop_in(self._name) and not any(
            host.lines(name) for name in ("controlmaster", "controlpath")
        )

    def _wrong_modes(self, host: HostConfig) -> WrongModes | None:
        """Check the file and the private keys that it names; None if none was seen."""
        keys = [self._key_mode(host, line) for line in host.lines("identityfile")]
        seen = [wrong for wrong in (self._own, *keys) if wrong is not None]
        return tuple(each for wrong in seen for each in wrong) if seen else None

    def _key_mode(self, host: HostConfig, line: Directive) -> WrongModes | None:
        """Check the mode of a private key that a line names; None if it cannot be seen."""
        if not _is_own(self._name) or line.values[0].lower() == "none":
            return None
        # The home of the file's user, who may be another than this process's.
        home = "~/" if line.values[0].startswith("~/") else ""
        try:
            name = home + host.expanded(line.values[0].removeprefix(home))
        except GrammarError as error:
            self._files.problem(line.at.file, line.at.line, f"IdentityFile: {error}")
            return None
        if name not in self._keys:
            self._keys[name] = modes.private_key(self._files, self._files.expand(name))
        return self._keys[name]


def _is_own(name: str) -> bool:
    """Return whether a file is where ssh reads it, and not a copy of another one."""
    return folder_name(name) == ".ssh"


def _home_of(name: str) -> Path | None:
    """Return the home directory whose ``.ssh`` has the file; None if it is not in one."""
    path = Path(name).absolute()
    return next((above.parent for above in path.parents[:2] if above.name == ".ssh"), None)


def _not_ignored(reading: Reading) -> tuple[list[Directive], list[Directive]]:
    """Return the IgnoreUnknown in force, and the lines of macOS's ssh alone that it does not cover.

    It must apply to every host, and come before: ssh refuses unknown lines of blocks that do not
    match, too.
    """
    ignoring: list[Directive] = []
    found: list[Directive] = []
    for line in reading.directives:
        if line.name == "ignoreunknown" and not (ignoring or found):
            ignoring += [line] if all(map(is_any, line.blocks)) else []
        elif line.name == _APPLES and not any(
            matches_list(_APPLES, each.value, lower=True) == 1 for each in ignoring
        ):
            found.append(line)
    return ignoring, found


def _proxied_by(host: HostConfig) -> tuple[str, tuple[Setting, ...]]:
    """Return the ProxyJump or ProxyCommand of a host and its line; empty if it has neither."""
    for name in ("proxyjump", "proxycommand"):
        for line in host.lines(name):
            if (without_comment(line.rest).strip().lower() or "none") != "none":
                return line.at.text, (Setting(value=line.rest, at=line.at),)
    return "", ()


def _jumps_by(host: HostConfig) -> str:
    return "proxyjump" if _of_jump(host) else "proxycommand"


def _of_jump(host: HostConfig) -> str | None:
    try:
        return host.proxy_jump
    except GrammarError:
        return None


def _jump(host: HostConfig) -> str:
    """Return the jump host; empty for none, or for a program other than ssh."""
    if jump := _of_jump(host):
        return jump
    command = host.proxy_command or ""
    try:
        words = arguments(command)
    except GrammarError:
        return ""
    return command if words and Path(words[0]).name == "ssh" else ""


def _is_open(host: HostConfig, line: Directive) -> bool:
    """Return whether a forwarding listens for other hosts.

    ``GatewayPorts`` decides for those without an address. For a RemoteForward, the request counts;
    the server decides.
    """
    listen = line.values[0]
    if "/" in listen:
        return False
    address = _listen_address(listen)
    if address is None:
        return line.name != "remoteforward" and host.value("gatewayports") == "yes"
    return address.lower() not in _LOOPBACK and not address.startswith("127.")


def _on_loopback(line: Directive) -> str:
    """Return the same forwarding on the loopback address."""
    port = line.values[0].rpartition(":")[2]
    return " ".join([line.written, f"localhost:{port}", *line.values[1:]])


def _listen_address(listen: str) -> str | None:
    """Return the address of ``[address:]port``, IPv6 in brackets; None if there is none."""
    if listen.startswith("["):
        return listen[1:].partition("]")[0]
    head, colon, _ = listen.rpartition(":")
    return (head or "*") if colon else None
