"""sshd_config, and the output of ``sshd -T``, as the facts that the wire would show."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from seventh.lint.openssh import offers, overridden, sshd_config
from seventh.lint.openssh.machine import Machine
from seventh.lint.openssh.sshd_config import METHODS, Connection, Effective, ServerConfig
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
from seventh.protocols.ssh.client.config import directives, modes
from seventh.protocols.ssh.client.config.directives import LISTS
from seventh.protocols.ssh.client.config.reading import Block
from seventh.protocols.ssh.facts import Proposal, SshFacts
from seventh.protocols.ssh.facts.config import Overridden, SshConfigFacts
from seventh.protocols.ssh.facts.login import Login
from seventh.protocols.ssh.facts.session import Bind, Permission, SessionFacts
from seventh.protocols.ssh.wire.patterns import Names, matches_list, seconds

_ROOT = Connection(user="root")
_WITH_KEYS = frozenset({"publickey", "gssapi-with-mic", "hostbased"})
_ROOT_DECIDES = ("permitrootlogin", "passwordauthentication", "kbdinteractiveauthentication")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def lint(text: Text, files: Files, software: Software | None, *, printed: bool = False) -> Linted:
    """Check an sshd_config; no content raises.

    ``printed``: it is the output of ``sshd -T``, with every directive, set or not.
    """
    release = release_of(software)
    config = sshd_config.load(text, files, release.version)
    check_lists(config.reading, release)
    overridden.note_swallowed(config.reading, files)
    make = _Views(config, Machine(text, files, config.effective()), release, printed)
    whole = make.whole()
    views = [whole]
    blocks = [block for block in config.blocks if config.changes(block)]
    allowed = views_allowed(len(blocks), len(config.reading.directives), files, text.name, "Match")
    for block in blocks[:allowed]:
        view = make.block(block)
        if differs(view, whole) or make.concerns_root(block):
            views.append(view)
    return linted(views, release, config.reading.refused)


class _Views:
    """Makes the views of one configuration."""

    def __init__(
        self, config: ServerConfig, machine: Machine, release: Release, printed: bool
    ) -> None:
        self._config = config
        self._machine = machine
        self._release = release
        self._printed = printed
        self._idle = idle_directives(config.reading, release.version)
        self._overridden = (
            () if printed
            else overridden.overridden(config.reading, release.version, sshd_config.canonical)
        )  # fmt: skip
        self._for_root = config.effective(_ROOT)

    def whole(self) -> View:
        """Return what applies if no block matches; for root, with the blocks that match root."""
        effective, for_root = self._config.effective(), self._for_root
        own = settings_of(effective, "server", self._machine.name)
        roots = settings_of(for_root, "server", self._machine.name)
        deciding = [setting for name in _ROOT_DECIDES for setting in roots.get(name, ())
                    if name == "permitrootlogin" or setting not in own.get(name, ())]  # fmt: skip
        more = {"permitrootlogin": tuple(deciding)}
        return self._view(effective, more, None, _root_methods(for_root))

    def block(self, block: Block) -> View:
        """Return what applies in a block; a block for User root alone counts in whole()."""
        inside = self._config.inside(block)
        methods_of_root = _root_methods(inside) if self.concerns_root(block) else None
        return self._view(inside, {}, block, methods_of_root)

    def concerns_root(self, block: Block) -> bool:
        """Return whether a block may match root and changes the methods for root."""
        users = [argument for name, argument in block.criteria if name == "user"]
        if len(users) == len(block.criteria):
            return False
        if any(matches_list("root", argument) != 1 for argument in users):
            return False
        inside = self._config.inside(block)
        return _root_methods(inside) != _root_methods(self._for_root)

    def _view(
        self,
        effective: Effective,
        more: Mapping[str, tuple[Setting, ...]],
        block: Block | None,
        root_methods: Names | None,
    ) -> View:
        label = block.label if block is not None else ""
        place = place_of_fix(self._config.reading.blocks, block)
        offer = self._machine.offered(effective)
        idle = dict(self._idle)
        if not self._printed:
            idle |= unused_macs(effective, offer)
        settings = {
            **settings_of(effective, "server", self._machine.name),
            **more,
            "idle": settings_at(at for lines in idle.values() for at in lines),
            "overridden": overridden.settings(self._overridden),
            "modes": modes.settings(self._machine.wrong_modes or (), self._machine.name),
        }
        facts = SshFacts(
            protocol_version=_protocol(effective, self._release),
            kexinit=offer,
            strict_kex=self._release.strict_kex,
            host_keys=self._machine.host_keys,
            gex_bits=self._machine.gex_bits if _gives_groups(offer) else None,
            server_sig_algs=offers.effective_list(
                effective, "server", "pubkeyacceptedalgorithms"
            ),
            login=_login(effective, root_methods),
            session=_session(effective),
            config=_config(effective, tuple(idle), self._overridden, label, self._machine),
            unknown=self._machine.unknown,
        )  # fmt: skip
        if self._machine.is_fragment:
            facts = _only_set(facts, effective)
        return View(
            label=label, place=place, block=block.at if block is not None else None,
            facts={"ssh": facts}, settings=settings,
        )  # fmt: skip


_SET_BY: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "": {
        "kexinit": (*LISTS, "compression", "hostkey"),
        "server_sig_algs": ("pubkeyacceptedalgorithms",),
    },
    "config": {
        "allowed": ("allowusers", "allowgroups"),
        "agent_forwarding": ("allowagentforwarding", "disableforwarding"),
        "startups": ("maxstartups", "persourcepenalties", "logingracetime"),
    },
    "login": {
        "root_methods": ("permitrootlogin",),
        "keepalive_seconds": ("clientaliveinterval",),
        "empty_passwords": ("permitemptypasswords",),
    },
    "session": {
        "local_forward": ("allowtcpforwarding", "disableforwarding", "permitopen"),
        "dynamic_forward": ("allowtcpforwarding", "disableforwarding", "permitopen"),
        "remote_forward": ("gatewayports",),
        "remote_forward_all": ("gatewayports",),
    },
}
"""By the part of the facts, the directives of which a drop-in must set one to decide a fact."""


def _only_set(facts: SshFacts, effective: Effective) -> SshFacts:
    """Return the facts that a drop-in file decides; the main file may decide the others."""

    def unset(part: str) -> dict[str, object]:
        return {
            fact: None
            for fact, names in _SET_BY[part].items()
            if not any(map(effective.lines, names))
        }

    on, left = _methods_set(effective)
    lists = tuple(
        directives.spelled("server")[name] for name in LISTS
        if not effective.lines(name)
        and not (name == "hostkeyalgorithms" and effective.lines("hostkey"))
    )  # fmt: skip
    # Root may use every method, and which there are is for the main file to decide.
    is_unknown = not on and effective.value("permitrootlogin") == "yes"
    changes: dict[str, dict[str, object]] = {
        "config": {"left_to_others": (*lists, *left)},
        "login": {
            "methods": on,
            "root_methods": None if is_unknown else _for_root(effective, on),
        },
        "session": {},
    }
    if facts.session is not None and facts.session.sftp == "refused":
        changes["session"]["sftp"] = None
    return facts.learn(
        **unset(""),
        **{
            part: msgspec.structs.replace(getattr(facts, part), **{**fixed, **unset(part)})
            for part, fixed in changes.items()
        },
    )


def _methods_set(effective: Effective) -> tuple[Names, Names]:
    """Return the methods that a drop-in enables, and those that it leaves to the main file."""
    wanted = _wanted_methods(effective)
    first = {each.partition(",")[0].partition(":")[0] for each in wanted}
    possible = [pair for pair in METHODS if not wanted or pair[0] in first]
    on = tuple(method for method, name in possible
               if effective.lines(name) and effective.is_on(name))  # fmt: skip
    left = tuple(method for method, name in possible if not effective.lines(name))
    return on, left


def _gives_groups(offer: Proposal) -> bool:
    """Return whether group exchange is offered."""
    return any("group-exchange" in name for name in offer.kex_algorithms)


def _protocol(effective: Effective, release: Release) -> str | None:
    """Return the protocol version; None if it depends on a version that was not given."""
    lines = effective.lines("protocol")
    if not lines or "1" not in lines[0].value.split(","):
        return "2.0"
    if not release.stated:
        return None
    return "1.99" if release.version < (7, 4) else "2.0"


# -- logging in ------------------------------------------------------------------------------------


def methods(effective: Effective) -> Names:
    """Return the methods to begin with: enabled, and first in a list of AuthenticationMethods.

    Without PAM, sshd lists keyboard-interactive, and it never succeeds.
    """
    on = tuple(
        method for method, name in METHODS
        if effective.is_on(name)
        and (method != "keyboard-interactive" or effective.is_on("usepam"))
    )  # fmt: skip
    lists = _wanted_methods(effective)
    if not lists:
        return on
    first = {each.partition(",")[0].partition(":")[0] for each in lists}
    return tuple(method for method in on if method in first)


def _wanted_methods(effective: Effective) -> Names:
    """Return the lists of AuthenticationMethods; empty if any method suffices."""
    lists = effective.values("authenticationmethods")
    return () if lists == ("any",) else lists


def _later(effective: Effective) -> Names:
    """Return the enabled methods that are second or later in a list of AuthenticationMethods."""
    later = {
        step.partition(":")[0]
        for each in _wanted_methods(effective) for step in each.split(",")[1:]
    }  # fmt: skip
    return tuple(method for method, name in METHODS if method in later and effective.is_on(name))


def _root_methods(effective: Effective) -> Names:
    """Return the methods to begin with for root."""
    return _for_root(effective, methods(effective))


def _for_root(effective: Effective, offered: Names) -> Names:
    """Return those of the methods that PermitRootLogin accepts."""
    allowed = effective.value("permitrootlogin")
    if allowed == "no":
        return ()
    if allowed == "yes":
        return offered
    return tuple(method for method in offered if method in _WITH_KEYS)


def _login(effective: Effective, root_methods: Names | None) -> Login:
    interval = seconds(effective.value("clientaliveinterval"))
    return Login(
        methods=methods(effective),
        still_wanted=_later(effective),
        root_methods=root_methods,
        root_source="file",
        empty_passwords=effective.is_on("permitemptypasswords")
        and "password" in methods(effective),
        keepalive_seconds=None if interval is None else float(interval),
        keepalive_source="file",
    )


# -- channels --------------------------------------------------------------------------------------


def _session(effective: Effective) -> SessionFacts:
    subsystems = {line.values[0] for line in effective.lines("subsystem")}
    tcp = effective.value("allowtcpforwarding")
    if effective.is_on("disableforwarding"):
        tcp = "no"
    to_server: Permission = (
        "allowed" if tcp in {"yes", "local"} and effective.value("permitopen") != "none"
        else "forbidden"
    )  # fmt: skip
    return SessionFacts(
        sftp="works" if "sftp" in subsystems else "refused",
        local_forward=to_server,
        dynamic_forward=to_server,
        remote_forward=_bind(effective, tcp, everywhere=False),
        remote_forward_all=_bind(effective, tcp, everywhere=True),
    )


def _bind(effective: Effective, tcp: str, *, everywhere: bool) -> Bind:
    """Return where a remote forwarding listens that requests the loopback, or all addresses."""
    listens = effective.values("permitlisten")
    if tcp not in {"yes", "remote"} or listens == ("none",):
        return "refused"
    gateway = effective.value("gatewayports")
    if gateway == "no":
        return "loopback"
    hosts = {each.rpartition(":")[0].strip("[]") or "*" for each in listens}
    if listens != ("any",) and hosts <= _LOOPBACK:
        return "refused" if everywhere else "loopback"
    return "open" if everywhere or gateway == "yes" else "loopback"


def _config(
    effective: Effective,
    idle: Names,
    overridden_lines: tuple[Overridden, ...],
    label: str,
    machine: Machine,
) -> SshConfigFacts:
    addendum = effective.value("versionaddendum")
    return SshConfigFacts(
        side="server",
        scope=label,
        version=effective.version,
        lists=offers.written_lists(effective, "server"),
        authentication_methods=_wanted_methods(effective),
        idle=idle,
        overridden=overridden_lines,
        allowed=effective.values("allowusers") + effective.values("allowgroups"),
        agent_forwarding=effective.is_on("allowagentforwarding")
        and not effective.is_on("disableforwarding"),
        startups=sshd_config.max_startups(effective.value("maxstartups")),
        startups_per_source=effective.value("persourcemaxstartups") or None,
        penalties=effective.value("persourcepenalties") or None,
        grace_seconds=seconds(effective.value("logingracetime")),
        debian_banner=effective.is_on("debianbanner") if effective.lines("debianbanner") else None,
        version_addendum="" if addendum == "none" else addendum,
        **modes.facts(machine.wrong_modes),
    )
