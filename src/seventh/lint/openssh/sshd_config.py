"""The effective settings of an sshd_config, for all connections and for one.

sshd reads its configuration twice. At its start, the first line of a directive counts, outside
Match blocks; ``Match all`` is outside. For each connection, the blocks that match are read by
themselves; the first line counts again, and replaces the setting of the start. Lines of some
directives add up, and of a few the last one counts (``directives.toml``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from seventh.lintkit.files import Files, Text
from seventh.lintkit.place import is_drop_in
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.directives import Version
from seventh.protocols.ssh.client.config.reading import Block, Directive, Reading, read
from seventh.protocols.ssh.client.config.values import refusal
from seventh.protocols.ssh.wire.patterns import (
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
"""Authentication methods, and the directive that enables each."""
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
"""Before, sshd does not start with two lines for one subsystem; later the first one counts."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What Match criteria test; None is unknown, and matches no criterion."""

    user: str | None = None
    groups: Names | None = None
    host: str | None = None
    address: str | None = None
    local_address: str | None = None
    local_port: int | None = None
    routing_domain: str | None = None
    invalid_user: bool = False


UNKNOWN = Connection()
"""A connection of which nothing is known, as in ``sshd -T``."""


class Effective(msgspec.Struct, frozen=True, kw_only=True):
    """The settings in effect, by lower-case name; defaults are not among them."""

    settings: Mapping[str, tuple[Directive, ...]]
    version: Version

    def lines(self, name: str) -> tuple[Directive, ...]:
        """Return the lines that decide ``name``; several if they add up."""
        return self.settings.get(name, ())

    def values(self, name: str) -> Names:
        """Return all arguments of ``name``, or those of its default."""
        found = tuple(value for line in self.lines(name) for value in line.values)
        if found:
            return found
        default = self.default(name)
        return tuple(default.split(" ")) if default else ()

    def value(self, name: str) -> str:
        """Return the canonical value of ``name``, set or default; empty if there is none."""
        lines = self.lines(name)
        if not lines:
            return self.default(name)
        return canonical(name, lines[0].values) or lines[0].value

    def is_on(self, name: str) -> bool:
        """Return whether a directive is yes."""
        return self.value(name) == "yes"

    def default(self, name: str) -> str:
        """Return the version's default of ``name``; empty if there is none."""
        return directives.defaults("server", self.version).get(name, "")


class ServerConfig:
    """The directives of an sshd_config, and what applies when."""

    def __init__(self, reading: Reading, version: Version, *, is_part: bool = False) -> None:
        self.reading = reading
        self.is_part = is_part
        """Whether it is a drop-in, and a main file decides the rest."""
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
        """The Match blocks other than ``Match all``, in their order."""
        return [block for block in self.reading.blocks if not _is_all(block)]

    def effective(self, connection: Connection = UNKNOWN) -> Effective:
        """Return what applies to a connection."""
        fits = {block.index for block in self.reading.blocks if matches(block, connection)}
        return self._with(d for d in self._inside if fits.issuperset(b.index for b in d.blocks))

    def inside(self, block: Block) -> Effective:
        """Return what applies in a block, to a connection that matches it and no other."""
        mine = self._of_block.get(block.index, [])
        return self._with(d for _, d in sorted([*self._always, *mine], key=lambda pair: pair[0]))

    def changes(self, block: Block) -> bool:
        """Return whether a block has directives."""
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
        """Note what makes sshd refuse to start."""
        for directive in self.reading.directives:
            wrong = None
            if directive.name not in self._matchable and not all(map(_is_all, directive.blocks)):
                block = directive.blocks[-1]
                wrong = (
                    f"{directive.written} is not allowed in a Match block (line {block.at.line}: "
                    f"{block.label})"
                )
            elif directive.name in _CHECKED and canonical(directive.name, directive.values) is None:
                wrong = f"invalid value {directive.value!r} for {directive.written}"
            elif why := refusal("server", directive.name, directive.values, directive.rest):
                wrong = f"{directive.written}: {why}"
            if wrong:
                self.reading.refuse(directive.at, wrong)
        for command in ("authorizedkeyscommand", "authorizedprincipalscommand"):
            lines = self._base.get(command, ())
            if lines and lines[0].value.lower() != "none" and f"{command}user" not in self._base:
                why = f"{lines[0].written} requires {lines[0].written}User"
                if not self.is_part:
                    self.reading.refuse(lines[0].at, why)
        self._check_methods()
        seen: set[str] = set()
        for line in self._base.get("subsystem", ()):
            if line.values[0] in seen and self.version < _SUBSYSTEM_TWICE_SINCE:
                self.reading.refuse(line.at, f"duplicate subsystem {line.values[0]}")
            seen.add(line.values[0])

    def _check_methods(self) -> None:
        """Note AuthenticationMethods if every list has a disabled method."""
        lines = self._base.get("authenticationmethods", ())
        wanted = lines[0].values if lines else ("any",)
        if self.is_part or wanted == ("any",):
            return
        effective = self.effective()
        off = {method for method, name in METHODS if not effective.is_on(name)}
        if all(off & {step.partition(":")[0] for step in each.split(",")} for each in wanted):
            self.reading.refuse(
                lines[0].at, f"{lines[0].written}: every list has a disabled method"
            )


def load(text: Text, files: Files, version: Version) -> ServerConfig:
    """Read an sshd_config and what it includes; no content raises."""
    return ServerConfig(read(text, files, "server"), version, is_part=is_drop_in(text.name))


def canonical(name: str, values: Names) -> str | None:
    """Return a directive's value as ``sshd -T`` prints it; None if sshd refuses it."""
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
    """Parse MaxStartups as (start, rate, full); one number is start and full. None if invalid."""
    # sscanf ignores what follows the numbers.
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


def matches(block: Block, connection: Connection) -> bool:
    """Return whether all criteria of a Match block match; one on unknown data does not."""
    return all(_matches(name, argument, connection) for name, argument in block.criteria)


def _matches(name: str, argument: str, connection: Connection) -> bool:
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


def _group(argument: str, groups: Names) -> bool:
    verdicts = [matches_list(group, argument) for group in groups]
    return -1 not in verdicts and 1 in verdicts


_TESTS: Mapping[str, Callable[[str, Connection], bool]] = {
    "user": lambda a, c: matches_list(c.user or "", a) == 1,
    "group": lambda a, c: _group(a, c.groups or ()),
    "host": lambda a, c: matches_list(c.host or "", a, lower=True) == 1,
    "address": lambda a, c: address_in_list(c.address, a) == 1,
    "localaddress": lambda a, c: address_in_list(c.local_address, a) == 1,
    "localport": lambda a, c: a == str(c.local_port),
    "rdomain": lambda a, c: matches_list(c.routing_domain or "", a) == 1,
}
