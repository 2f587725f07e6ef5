"""What an sshd_config says: the effective settings, for everyone and for one connection.

sshd reads its configuration twice. At its start the first line of a directive holds, outside Match
blocks; ``Match all`` counts as outside. For each connection the blocks that fit are read by
themselves, the first line holding again, and what they set replaces what the start gave. Lines of
some directives add up, and of a few the last one holds; ``directives.toml`` says which.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from seventh.lintkit.files import Files, Text
from seventh.lintkit.place import is_drop_in
from seventh.model.source import Line
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.directives import Version
from seventh.protocols.ssh.client.config.reading import Block, Directive, Reading, read
from seventh.protocols.ssh.client.config.values import refusal
from seventh.protocols.ssh.wire.patterns import (
    GrammarError,
    Names,
    address_in_list,
    matches_list,
    seconds,
)

METHODS = (
    ("publickey", "pubkeyauthentication"), ("gssapi-with-mic", "gssapiauthentication"),
    ("password", "passwordauthentication"),
    ("keyboard-interactive", "kbdinteractiveauthentication"),
    ("hostbased", "hostbasedauthentication"),
)  # fmt: skip
"""Methods of logging in, and the directive that switches each on and off."""
_TIMES = frozenset({"logingracetime", "clientaliveinterval", "unusedconnectiontimeout"})
_FLAGS = frozenset({
    "allowagentforwarding", "disableforwarding", "exposeauthinfo", "gssapiauthentication",
    "gssapicleanupcredentials", "gssapistrictacceptorcheck", "hostbasedauthentication",
    "hostbasedusesnamefrompacketonly", "ignoreuserknownhosts", "kbdinteractiveauthentication",
    "kerberosauthentication", "kerberosorlocalpasswd", "kerberosticketcleanup",
    "passwordauthentication", "permitemptypasswords", "permittty", "permituserrc", "printlastlog",
    "printmotd", "pubkeyauthentication", "refuseconnection", "streamlocalbindunlink", "strictmodes",
    "tcpkeepalive", "usedns", "usepam", "x11forwarding", "x11uselocalhost", "debianbanner",
})  # fmt: skip
_FORWARDING = ("yes", "no", "all", "local", "remote")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "addressfamily": ("any", "inet", "inet6"),
    "allowstreamlocalforwarding": _FORWARDING,
    "allowtcpforwarding": _FORWARDING,
    "compression": ("yes", "delayed", "no"),
    "gatewayports": ("yes", "no", "clientspecified"),
    "ignorerhosts": ("yes", "no", "shosts-only"),
    "permitrootlogin": (
        "yes", "no", "prohibit-password", "without-password", "forced-commands-only",
    ),
    "permittunnel": ("yes", "no", "point-to-point", "ethernet"),
}  # fmt: skip
_SYNONYMS = {
    ("permitrootlogin", "without-password"): "prohibit-password",
    ("allowtcpforwarding", "all"): "yes",
    ("allowstreamlocalforwarding", "all"): "yes",
}


_SUBSYSTEM_TWICE_SINCE = (9, 5)
"""Before, sshd does not start with two lines for one subsystem; later the first one holds."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What Match blocks are asked about; None is not known, and fits no criterion."""

    user: str | None = None
    groups: Names | None = None
    host: str | None = None
    address: str | None = None
    local_address: str | None = None
    local_port: int | None = None
    routing_domain: str | None = None
    invalid_user: bool = False


NOBODY = Connection()
"""A connection of which nothing is known, as ``sshd -T`` takes it."""


class Effective(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that hold, by lower-case name; defaults are not among them."""

    settings: Mapping[str, tuple[Directive, ...]]
    version: Version

    def lines(self, name: str) -> tuple[Directive, ...]:
        """Return the directives that decide ``name``; more than one where they add up."""
        return self.settings.get(name, ())

    def values(self, name: str) -> Names:
        """Return all arguments of ``name``, or those of its default."""
        found = tuple(value for line in self.lines(name) for value in line.values)
        if found:
            return found
        default = self.default(name)
        return tuple(default.split(" ")) if default else ()

    def value(self, name: str) -> str:
        """The canonical value of ``name``, in force or by default; empty where it has none."""
        lines = self.lines(name)
        if not lines:
            return self.default(name)
        return canonical(name, lines[0].values) or lines[0].value

    def is_on(self, name: str) -> bool:
        """Return whether a directive of yes and no says yes."""
        return self.value(name) == "yes"

    def default(self, name: str) -> str:
        """Return the version's default of ``name``; empty where it has none."""
        return directives.defaults("server", self.version).get(name, "")


class ServerConfig:
    """An sshd_config that was read."""

    def __init__(self, reading: Reading, version: Version, *, is_part: bool = False) -> None:
        self.reading = reading
        self.is_part = is_part
        """Whether a main file decides what these lines leave alone."""
        self.version = version
        self._last = directives.last_wins(version)
        self._cumulative = directives.cumulative("server")
        self._matchable = directives.in_match(version)
        self._outside = [d for d in reading.directives if all(map(_is_all, d.blocks))]
        self._inside = [d for d in reading.directives if d.blocks]
        self._base = self._merged(self._outside)
        self._always = [
            (n, d) for n, d in enumerate(self._inside) if all(map(_is_all, d.blocks))
        ]  # fmt: skip
        self._of_block: dict[int, list[tuple[int, Directive]]] = {}
        for n, directive in enumerate(self._inside):
            if wanting := [b.index for b in directive.blocks if not _is_all(b)]:
                self._of_block.setdefault(wanting[-1], []).append((n, directive))
        self._check()

    @property
    def blocks(self) -> list[Block]:
        """The Match blocks that depend on something, in their order."""
        return [block for block in self.reading.blocks if not _is_all(block)]

    def effective(self, connection: Connection = NOBODY) -> Effective:
        """Return what holds for a connection."""
        fits: dict[int, bool] = {}

        def fit(block: Block) -> bool:
            if block.index not in fits:
                fits[block.index] = fitting(block, connection)
            return fits[block.index]

        return self._with(d for d in self._inside if all(map(fit, d.blocks)))

    def inside(self, block: Block) -> Effective:
        """Return what holds in a block, for a connection that fits it and no other."""
        mine = self._of_block.get(block.index, [])
        return self._with(d for _, d in sorted([*self._always, *mine], key=lambda pair: pair[0]))

    def changes(self, block: Block) -> bool:
        """Return whether a block sets anything."""
        return block.index in self._of_block

    def _with(self, overriding: Iterable[Directive]) -> Effective:
        wanted = (d for d in overriding if d.name in self._matchable)
        return Effective(settings={**self._base, **self._merged(wanted)}, version=self.version)

    def _merged(self, lines: Iterable[Directive]) -> dict[str, tuple[Directive, ...]]:
        merged: dict[str, list[Directive]] = {}
        for line in lines:
            held = merged.setdefault(line.name, [])
            if not held or line.name in self._cumulative:
                held.append(line)
            elif line.name in self._last:
                held[0] = line
        return {name: tuple(held) for name, held in merged.items()}

    def _check(self) -> None:
        """Note what sshd would not start with."""
        for directive in self.reading.directives:
            wrong = None
            if directive.name not in self._matchable and not all(map(_is_all, directive.blocks)):
                wrong = f"{directive.written} may not stand in a Match block"
            elif directive.name in _CHECKED and canonical(directive.name, directive.values) is None:
                wrong = f"{directive.written} does not take {directive.value!r}"
            elif why := refusal("server", directive.name, directive.values, directive.rest):
                wrong = f"{directive.written}: {why}"
            if wrong:
                self.reading.refuse(directive.at, wrong)
        for command in ("authorizedkeyscommand", "authorizedprincipalscommand"):
            lines = self._base.get(command, ())
            if lines and lines[0].value.lower() != "none" and f"{command}user" not in self._base:
                why = f"{lines[0].written} needs {lines[0].written}User"
                if not self.is_part:
                    self.reading.refuse(lines[0].at, why)
        self._check_methods()
        seen: set[str] = set()
        for line in self._base.get("subsystem", ()):
            if line.values[0] in seen and self.version < _SUBSYSTEM_TWICE_SINCE:
                self.reading.refuse(line.at, f"Subsystem {line.values[0]} is defined twice")
            seen.add(line.values[0])

    def _check_methods(self) -> None:
        """Note lists of AuthenticationMethods of which none can be satisfied."""
        lines = self._base.get("authenticationmethods", ())
        wanted = lines[0].values if lines else ("any",)
        if self.is_part or wanted == ("any",):
            return
        effective = self.effective()
        off = {method for method, name in METHODS if not effective.is_on(name)}
        if all(off & {step.partition(":")[0] for step in each.split(",")} for each in wanted):
            self.reading.refuse(
                lines[0].at, f"{lines[0].written}: each list has a method that is switched off"
            )


def load(text: Text, files: Files, version: Version) -> ServerConfig:
    """Read an sshd_config and what it includes; never raises for what they hold."""
    return ServerConfig(read(text, files, "server"), version, is_part=is_drop_in(text.name))


def canonical(name: str, values: Names) -> str | None:
    """Return a directive's value as ``sshd -T`` prints it; None where sshd would refuse it."""
    first = values[0] if values else ""
    lower = first.lower()
    if name in _FLAGS:
        return lower if lower in {"yes", "no"} else None
    if name in _CHOICES:
        return _SYNONYMS.get((name, lower), lower) if lower in _CHOICES[name] else None
    if name in _TIMES:
        return "none" if lower == "none" else _text(seconds(first))
    if name == "maxstartups":
        startups = max_startups(first)
        return ":".join(map(str, startups)) if startups else None
    return " ".join(values)


_CHECKED = _FLAGS | frozenset(_CHOICES) | _TIMES | {"maxstartups"}


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def max_startups(text: str) -> tuple[int, int, int] | None:
    """MaxStartups as (start, rate, full); one number is both ends. None where it is none."""
    # sscanf reads the numbers that there are, whatever follows them.
    match = re.match(r"(\d{1,9})(?::(\d{1,9}))?(?(2):(\d{1,9}))?", text, re.ASCII)
    if match is None:
        return None
    numbers = [int(part) for part in match.groups() if part is not None]
    if len(numbers) == 1 and numbers[0] > 0:
        return numbers[0], 30, numbers[0]
    if len(numbers) != 3 or not 0 < numbers[0] <= numbers[2] or not 1 <= numbers[1] <= 100:
        return None
    return numbers[0], numbers[1], numbers[2]


# -- Match -----------------------------------------------------------------------------------------


def _is_all(block: Block) -> bool:
    return block.criteria == (("all", ""),)


def fitting(block: Block, connection: Connection) -> bool:
    """Return whether all criteria of a Match block fit; one of which nothing is known does not."""
    return all(_fits(name, argument, connection) for name, argument in block.criteria)


def _fits(name: str, argument: str, connection: Connection) -> bool:
    if name == "all":
        return True
    if name == "invalid-user":
        return connection.invalid_user
    known: object = getattr(connection, _ASKED.get(name, ""), None)
    return known is not None and _TESTS[name](argument, connection)


_ASKED = {
    "user": "user", "group": "groups", "host": "host", "address": "address",
    "localaddress": "local_address", "localport": "local_port", "rdomain": "routing_domain",
}  # fmt: skip


def _address(argument: str, address: str | None) -> bool:
    try:
        return address_in_list(address, argument) == 1
    except GrammarError:
        return False


def _group(argument: str, groups: Names) -> bool:
    verdicts = [matches_list(group, argument) for group in groups]
    return -1 not in verdicts and 1 in verdicts


_TESTS: Mapping[str, Callable[[str, Connection], bool]] = {
    "user": lambda a, c: matches_list(c.user or "", a) == 1,
    "group": lambda a, c: _group(a, c.groups or ()),
    "host": lambda a, c: matches_list(c.host or "", a, lower=True) == 1,
    "address": lambda a, c: _address(a, c.address),
    "localaddress": lambda a, c: _address(a, c.local_address),
    "localport": lambda a, c: a == str(c.local_port),
    "rdomain": lambda a, c: matches_list(c.routing_domain or "", a) == 1,
}


def as_line(effective: Effective, name: str, file: str) -> tuple[Line, ...]:
    """Return where ``name`` is decided: its lines, or the default with the version that has it."""
    if lines := effective.lines(name):
        return tuple(line.at for line in lines)
    default = effective.default(name)
    if not default:
        return ()
    spelled = directives.spelled("server").get(name, name)
    version = ".".join(map(str, effective.version))
    text = f"{spelled} {default} (default of openssh {version})"
    return (Line(file=file, line=None, text=text),)
