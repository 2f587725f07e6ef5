"""ssh_config as the facts of what a client would offer and do, for all hosts and block by block.

A view of a block is what holds for a host that the block means: the block's first plain name, or a
name that its first pattern fits. ``Match`` blocks are taken to fit as a whole.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from seventh.lint.openssh import offers
from seventh.lint.openssh.modes import FINE, Modes, own_config, private_key
from seventh.lint.openssh.views import (
    Judged,
    check_lists,
    idle_directives,
    judged,
    place_of_fix,
    settings_of,
    views_allowed,
)
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.lintkit.place import folder_name, is_drop_in
from seventh.model.facts import Facts
from seventh.model.source import Line
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.directives import LISTS
from seventh.protocols.ssh.client.config.host import HostConfig, Query, UserConfig, refusals
from seventh.protocols.ssh.client.config.reading import Block, Directive, Reading, read
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.config import Breadth, SshConfigFacts
from seventh.protocols.ssh.wire.ciphers import is_aead
from seventh.protocols.ssh.wire.patterns import GrammarError, Names, arguments

_ANY_HOST = "host.invalid"
"""A host that no block names: what the file says of all others."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDS = ("localforward", "remoteforward", "dynamicforward")
_SERVERS_OWN = "an ssh_config is a client's: it does not decide this"


def lint(text: Text, files: Files, software: Software | None) -> Linted:
    """Judge an ssh_config; never raises for what it holds."""
    judgement = judged(software)
    home = _home_of(text.name)
    if files.home is None:
        files.home = home
    reading = read(text, files, "client", is_user=home is not None)
    check_lists(reading, judgement)
    for at, why in refusals(reading):
        reading.refuse(at, why)
    for line in reading.undecided:
        files.note(line.file, line.line, line.text)
    config = UserConfig([reading], judgement.version)
    looker = _Looker(text, files, reading, judgement)
    whole = looker.view(config.resolve(Query(host=_ANY_HOST)), "", "all")
    views = [whole]
    wanted = {line.blocks[-1].index for line in reading.directives if line.blocks}
    blocks = [block for block in reading.blocks if block.index in wanted and not _is_any(block)]
    allowed = views_allowed(
        len(blocks), len(reading.directives) + len(reading.blocks), files, text.name, "Host"
    )
    for block in blocks[:allowed]:
        view = looker.view(config.resolve(_asked(block)), block.label, _breadth(block), block)
        if _nameless(view.facts["ssh"]) != _nameless(whole.facts["ssh"]):
            views.append(view)
    return Linted(
        views=tuple(views),
        software=str(judgement),
        software_assumed=not judgement.stated,
        problems=tuple(reading.refused),
    )


def _nameless(facts: Facts) -> Facts:
    if not isinstance(facts, SshFacts) or facts.config is None:
        return facts
    return facts.learn(config=msgspec.structs.replace(facts.config, scope="", breadth=""))


# -- whom a block means ----------------------------------------------------------------------------


def _is_any(block: Block) -> bool:
    return block.patterns == ("*",) or block.criteria == (("all", ""),)


def _breadth(block: Block) -> Breadth:
    """Return whether a block means one host, some, or all."""
    patterns = block.patterns or tuple(
        part for name, argument in block.criteria
        if name in {"host", "originalhost"} for part in argument.split(",")
    )  # fmt: skip
    meant = [pattern for pattern in patterns if not pattern.startswith("!")]
    if not meant or "*" in meant:
        return "all"
    return "some" if any(set("*?") & set(pattern) for pattern in meant) else "one"


def _asked(block: Block) -> Query:
    """Return a host that the block means, and the user that it asks for."""
    criteria = dict(block.criteria)
    patterns = block.patterns or tuple(
        (criteria.get("originalhost") or criteria.get("host") or "").split(",")
    )
    meant = [pattern for pattern in patterns if pattern and not pattern.startswith("!")]
    plain = [pattern for pattern in meant if not set("*?") & set(pattern)]
    host = (plain or [_fitting(pattern) for pattern in meant] or [_ANY_HOST])[0]
    user = criteria.get("user", "").partition(",")[0]
    return Query(
        host=host or _ANY_HOST,
        user=user if user and not set("!*?") & set(user) else None,
        assumed=frozenset({block.index}),
    )


def _fitting(pattern: str) -> str:
    """Return some name that a pattern means."""
    return pattern.replace("*", "x").replace("?", "x")[:253]


# -- one view --------------------------------------------------------------------------------------


class _Looker:
    def __init__(self, text: Text, files: Files, reading: Reading, judgement: Judged) -> None:
        self._name = text.name
        self._files = files
        self._reading = reading
        self._judgement = judgement
        self._idle = idle_directives(reading, judgement.version)
        self._own = own_config(files, Path(text.name)) if _is_own(text.name) else None
        self._keys: dict[str, Modes | None] = {}

    def view(
        self, host: HostConfig, label: str, breadth: Breadth, block: Block | None = None
    ) -> View:
        """Return what holds for one host, as facts and as lines."""
        place = place_of_fix(self._reading.blocks, block)
        settings = dict(settings_of(host, "client", self._name))
        offer = offers.offer(host, "client")
        idle = dict(self._idle)
        if host.lines("macs") and all(map(is_aead, offer.ciphers)):
            lines = tuple(line.at for line in host.lines("macs"))
            idle["macs"] = ("MACs: every cipher that is offered authenticates by itself", lines)
        binds = [line for name in _FORWARDS for line in host.lines(name) if _is_open(host, line)]
        binds.sort(key=lambda line: (line.at.file, line.at.line or 0))
        modes = self._modes(host)
        settings["idle"] = tuple(
            Setting(value=at.text, at=at) for _, lines in idle.values() for at in lines
        )
        settings["open_binds"] = tuple(Setting(value=b.value, at=b.at) for b in binds)
        settings["modes"] = tuple(
            Setting(value=wrong, at=Line(file=self._name, line=None, text=wrong))
            for wrong in (modes.wrong if modes is not None else ())
        )
        settings["jump"] = settings.get(_jumps_by(host), ())
        facts = SshFacts(
            # What the file leaves alone is for the system's file to say, or for the defaults.
            kexinit=offer if _says_lists(host) else None,
            strict_kex=self._judgement.strict_kex,
            config=SshConfigFacts(
                side="client",
                scope=label,
                version=host.version,
                lists=offers.written_lists(host, "client"),
                left_to_others=tuple(
                    directives.spelled("client")[name] for name in LISTS if not host.lines(name)
                ),
                breadth=breadth,
                idle=tuple(said for said, _ in idle.values()),
                agent_forwarding=host.value("forwardagent") != "no",
                jump=_jump(host),
                multiplexed=None
                if self._leaves_sharing(host)
                else host.value("controlmaster") != "no"
                and host.value("controlpath").lower() not in {"none", ""},
                open_binds=tuple(f"{line.written} {line.value}" for line in binds),
                loopback_binds=tuple(map(_on_loopback, binds)),
                modes=modes.wrong if modes is not None else None,
                mode_fixes=modes.fixes if modes is not None else (),
            ),
            unknown={Topic.EXTENSIONS: _SERVERS_OWN, Topic.RSA_KEY: _SERVERS_OWN},
        )
        return View(label=label, place=place, facts={"ssh": facts}, settings=settings)

    def _leaves_sharing(self, host: HostConfig) -> bool:
        """Return whether a drop-in leaves it to another file if connections are shared."""
        return is_drop_in(self._name) and not any(
            host.lines(name) for name in ("controlmaster", "controlpath")
        )

    def _modes(self, host: HostConfig) -> Modes | None:
        found, seen = FINE, self._own is not None
        found += self._own or FINE
        for line in host.lines("identityfile"):
            modes = self._key_modes(host, line)
            if modes is not None:
                seen = True
                found += modes
        return found if seen else None

    def _key_modes(self, host: HostConfig, line: Directive) -> Modes | None:
        """The mode of a private key that a line names; None where it is not here to be seen."""
        if not _is_own(self._name) or line.values[0].lower() == "none":
            return None
        try:
            name = str(self._files.expand(host.expanded(line.values[0])))
        except GrammarError as error:
            self._files.problem(line.at.file, line.at.line, f"IdentityFile: {error}")
            return None
        if name not in self._keys:
            self._keys[name] = private_key(self._files, Path(name))
        return self._keys[name]


def _says_lists(host: HostConfig) -> bool:
    """Return whether the file decides any list of algorithms for this host."""
    return any(host.lines(name) for name in LISTS)


def _is_own(name: str) -> bool:
    """Whether a file lies where ssh reads it, not a copy of another person's or machine's."""
    return folder_name(name) == ".ssh"


def _home_of(name: str) -> Path | None:
    """The home directory whose ``.ssh`` holds the file; None where it is no person's own file."""
    path = Path(name).absolute()
    return next((above.parent for above in path.parents[:2] if above.name == ".ssh"), None)


def _jumps_by(host: HostConfig) -> str:
    return "proxyjump" if _of_jump(host) else "proxycommand"


def _of_jump(host: HostConfig) -> str | None:
    try:
        return host.proxy_jump
    except GrammarError:
        return None


def _jump(host: HostConfig) -> str:
    """Through whom a host is reached; empty for nobody, or by a program that is not ssh."""
    if jump := _of_jump(host):
        return jump
    command = host.proxy_command or ""
    try:
        words = arguments(command)
    except GrammarError:
        return ""
    return command if words and Path(words[0]).name == "ssh" else ""


def _is_open(host: HostConfig, line: Directive) -> bool:
    """Whether a forwarding listens to other hosts (``GatewayPorts`` opens those without address).

    Where a RemoteForward listens the server decides at last; what is asked for counts here.
    """
    listen = line.values[0]
    if "/" in listen:
        return False
    address = _listen_address(listen)
    if address is None:
        return line.name != "remoteforward" and host.value("gatewayports") == "yes"
    return address.lower() not in _LOOPBACK and not address.startswith("127.")


def _on_loopback(line: Directive) -> str:
    """Return the same forwarding, listening on the loopback address."""
    port = line.values[0].rpartition(":")[2]
    return " ".join([line.written, f"localhost:{port}", *line.values[1:]])


def _listen_address(listen: str) -> str | None:
    """The address of ``[address:]port``, with ``/`` or brackets around IPv6; None where none is."""
    if listen.startswith("["):
        return listen[1:].partition("]")[0]
    head, colon, _ = listen.rpartition(":")
    return (head or "*") if colon else None


def names(reading: Reading) -> Names:
    """Return the plain host names of all Host lines."""
    return tuple(
        pattern for block in reading.blocks for pattern in block.patterns
        if not set("*?!") & set(pattern)
    )  # fmt: skip
