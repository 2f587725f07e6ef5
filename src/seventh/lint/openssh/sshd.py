"""sshd_config, and what ``sshd -T`` prints, as the facts that the wire would show."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from seventh.lint.openssh import offers, sshd_config
from seventh.lint.openssh.machine import Machine
from seventh.lint.openssh.sshd_config import METHODS, Connection, Effective, ServerConfig
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
from seventh.model.facts import Facts
from seventh.model.source import Line
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.directives import LISTS
from seventh.protocols.ssh.client.config.reading import Block
from seventh.protocols.ssh.facts import Proposal, SshFacts
from seventh.protocols.ssh.facts.config import SshConfigFacts
from seventh.protocols.ssh.facts.login import Login
from seventh.protocols.ssh.facts.session import Bind, Permission, SessionFacts
from seventh.protocols.ssh.wire.ciphers import is_aead
from seventh.protocols.ssh.wire.patterns import Names, matches_list, seconds

_ROOT = Connection(user="root")
_WITH_KEYS = frozenset({"publickey", "gssapi-with-mic", "hostbased"})
_ROOT_DECIDES = ("permitrootlogin", "passwordauthentication", "kbdinteractiveauthentication")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def lint(text: Text, files: Files, software: Software | None, *, printed: bool = False) -> Linted:
    """Judge an sshd_config; never raises for what it holds.

    ``printed``: it is what ``sshd -T`` printed, with every directive, set or not.
    """
    judgement = judged(software)
    config = sshd_config.load(text, files, judgement.version)
    check_lists(config.reading, judgement)
    look = _Look(config, Machine(text, files, config.effective()), judgement, printed)
    whole = look.everyone()
    views = [whole]
    blocks = [block for block in config.blocks if config.changes(block)]
    allowed = views_allowed(len(blocks), len(config.reading.directives), files, text.name, "Match")
    for block in blocks[:allowed]:
        view = look.block(block)
        if _nameless(view.facts["ssh"]) != _nameless(whole.facts["ssh"]) or look.concerns_root(
            block
        ):
            views.append(view)
    return Linted(
        views=tuple(views),
        software=str(judgement),
        software_assumed=not judgement.stated,
        problems=tuple(config.reading.refused),
    )


def _nameless(facts: Facts) -> Facts:
    """The facts without the block's label, and without root, of whom everyone's view tells."""
    if not isinstance(facts, SshFacts) or facts.config is None or facts.login is None:
        return facts
    return facts.learn(
        config=msgspec.structs.replace(facts.config, scope=""),
        login=msgspec.structs.replace(facts.login, root_methods=None),
    )


class _Look:
    """One configuration, looked at for everyone and for each block."""

    def __init__(
        self, config: ServerConfig, machine: Machine, judgement: Judged, printed: bool
    ) -> None:
        self._config = config
        self._machine = machine
        self._judgement = judgement
        self._printed = printed
        self._idle = idle_directives(config.reading, judgement.version)

    def everyone(self) -> View:
        """Return what holds where no block fits, and for root with the blocks that mean root."""
        effective, for_root = self._config.effective(), self._config.effective(_ROOT)
        own = settings_of(effective, "server", self._machine.name)
        roots = settings_of(for_root, "server", self._machine.name)
        deciding = [setting for name in _ROOT_DECIDES for setting in roots.get(name, ())
                    if name == "permitrootlogin" or setting not in own.get(name, ())]  # fmt: skip
        more = {"permitrootlogin": tuple(deciding)}
        return self._view(effective, more, None, _root_methods(for_root))

    def block(self, block: Block) -> View:
        """What holds in a block. Who is meant by User alone is root or is not: see everyone()."""
        inside = self._config.inside(block)
        methods_of_root = _root_methods(inside) if self.concerns_root(block) else None
        return self._view(inside, {}, block, methods_of_root)

    def concerns_root(self, block: Block) -> bool:
        """Return whether root may be meant, and sets what decides whether root is let in."""
        users = [argument for name, argument in block.criteria if name == "user"]
        if len(users) == len(block.criteria):
            return False
        if any(matches_list("root", argument) != 1 for argument in users):
            return False
        inside = self._config.inside(block)
        return _root_methods(inside) != _root_methods(self._config.effective(_ROOT))

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
        idle = self._idle_in(effective, offer)
        settings = {
            **settings_of(effective, "server", self._machine.name),
            **more,
            "idle": tuple(
                Setting(value=at.text, at=at) for _, lines in idle.values() for at in lines
            ),
            "modes": self._machine.mode_settings,
        }
        facts = SshFacts(
            protocol_version=_protocol(effective, self._judgement),
            kexinit=offer,
            strict_kex=self._judgement.strict_kex,
            host_keys=self._machine.host_keys,
            gex_bits=self._machine.gex_bits if _gives_groups(offer) else None,
            server_sig_algs=offers.effective_list(
                effective, "server", "pubkeyacceptedalgorithms"
            ),
            login=_login(effective, root_methods),
            session=_session(effective),
            config=_config(effective, tuple(said for said, _ in idle.values()), label,
                           self._machine),
            unknown=self._machine.unknown,
        )  # fmt: skip
        if self._machine.is_fragment:
            facts = _only_said(facts, effective)
        return View(label=label, place=place, facts={"ssh": facts}, settings=settings)

    def _idle_in(
        self, effective: Effective, offer: Proposal
    ) -> dict[str, tuple[str, tuple[Line, ...]]]:
        """Return directives that do nothing, with MACs where no cipher needs one."""
        macs = effective.lines("macs")
        if not macs or self._printed or not all(map(is_aead, offer.ciphers)):
            return self._idle
        why = "MACs: every cipher that is offered authenticates by itself, so no MAC is used"
        return {**self._idle, "macs": (why, tuple(line.at for line in macs))}


_SAYS = {
    "kexinit": (*LISTS, "compression", "hostkey"),
    "server_sig_algs": ("pubkeyacceptedalgorithms",),
}
_CONFIG_SAYS = {
    "allowed": ("allowusers", "allowgroups"),
    "agent_forwarding": ("allowagentforwarding", "disableforwarding"),
    "startups": ("maxstartups", "persourcepenalties", "logingracetime"),
}
_SESSION_SAYS = {
    "local_forward": ("allowtcpforwarding", "disableforwarding", "permitopen"),
    "dynamic_forward": ("allowtcpforwarding", "disableforwarding", "permitopen"),
    "remote_forward": ("gatewayports",),
    "remote_forward_all": ("gatewayports",),
}


def _only_said(facts: SshFacts, effective: Effective) -> SshFacts:
    """The facts that a drop-in file decides by itself; the main file may decide the others."""

    def silent(names: tuple[str, ...]) -> bool:
        return not any(effective.lines(name) for name in names)

    assert facts.config is not None  # noqa: S101 - the caller has just made it
    assert facts.login is not None  # noqa: S101
    assert facts.session is not None  # noqa: S101
    open_lists = tuple(
        directives.spelled("server")[name] for name in LISTS
        if silent((name, "hostkey") if name == "hostkeyalgorithms" else (name,))
    )  # fmt: skip
    said, left = _methods_said(effective)
    config: dict[str, object] = {
        field: None for field, names in _CONFIG_SAYS.items() if silent(names)
    }
    login: dict[str, object] = {
        "methods": said,
        "root_methods": None if silent(("permitrootlogin",)) else _for_root(effective, said),
    }
    if silent(("clientaliveinterval",)):
        login["keepalive_seconds"] = None
    if silent(("permitemptypasswords",)):
        login["empty_passwords"] = None
    session: dict[str, object] = {
        field: None for field, names in _SESSION_SAYS.items() if silent(names)
    }
    if facts.session.sftp == "refused":
        session["sftp"] = None
    return facts.learn(
        **{field: None for field, names in _SAYS.items() if silent(names)},
        login=msgspec.structs.replace(facts.login, **login),
        session=msgspec.structs.replace(facts.session, **session),
        config=msgspec.structs.replace(facts.config, left_to_others=(*open_lists, *left), **config),
    )


def _methods_said(effective: Effective) -> tuple[Names, Names]:
    """Return the methods that a drop-in switches on, and those that it leaves to the main file."""
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


def _protocol(effective: Effective, judgement: Judged) -> str | None:
    """The protocol versions that are spoken; None where only the program's version would tell."""
    asked = effective.lines("protocol")
    if not asked or "1" not in asked[0].value.split(","):
        return "2.0"
    if not judgement.stated:
        return None
    return "1.99" if judgement.version < (7, 4) else "2.0"


# -- logging in ------------------------------------------------------------------------------------


def methods(effective: Effective) -> Names:
    """Return what a user may begin with: what is on, and first in a list of AuthenticationMethods.

    Without PAM, keyboard-interactive is listed by sshd and has nothing to ask: it never succeeds.
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
    """Return the lists of AuthenticationMethods; none where any method will do."""
    lists = effective.values("authenticationmethods")
    return () if lists == ("any",) else lists


def _later(effective: Effective) -> Names:
    """The methods that are on and come second or later in a list of AuthenticationMethods."""
    later = {
        step.partition(":")[0]
        for each in _wanted_methods(effective) for step in each.split(",")[1:]
    }  # fmt: skip
    return tuple(method for method, name in METHODS if method in later and effective.is_on(name))


def _root_methods(effective: Effective) -> Names:
    """Return the same for root, as far as PermitRootLogin lets root in."""
    return _for_root(effective, methods(effective))


def _for_root(effective: Effective, offered: Names) -> Names:
    """Return those of the methods by which PermitRootLogin lets root in."""
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
    """Where a forwarding from the server listens that asks for loopback, or for everywhere."""
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


def _config(effective: Effective, idle: Names, label: str, machine: Machine) -> SshConfigFacts:
    known = effective.lines("debianbanner")
    addendum = effective.value("versionaddendum")
    return SshConfigFacts(
        side="server",
        scope=label,
        version=effective.version,
        lists=offers.written_lists(effective, "server"),
        authentication_methods=_wanted_methods(effective),
        idle=idle,
        allowed=effective.values("allowusers") + effective.values("allowgroups"),
        agent_forwarding=effective.is_on("allowagentforwarding")
        and not effective.is_on("disableforwarding"),
        startups=sshd_config.max_startups(effective.value("maxstartups")),
        startups_per_source=effective.value("persourcemaxstartups") or None,
        penalties=effective.value("persourcepenalties") or None,
        grace_seconds=seconds(effective.value("logingracetime")),
        debian_banner=effective.is_on("debianbanner") if known else None,
        version_addendum="" if addendum == "none" else addendum,
        modes=machine.modes,
        mode_fixes=machine.mode_fixes,
    )
