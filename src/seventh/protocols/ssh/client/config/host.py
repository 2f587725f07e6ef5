"""Resolving one host by an ssh_config: its host name, user, jump hosts and other settings.

ssh reads its files once for a host: of each directive the first line in matching Host and Match
blocks holds. Match criteria see the settings of the lines before. ``Match final`` and
CanonicalizeHostname cause a second pass, with the host name of the first. ``Match exec`` never runs
a command here: such a block does not match.
"""

from __future__ import annotations

import functools
import getpass
import hashlib
import itertools
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from seventh.model.source import Line
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.reading import Block, Directive, Reading
from seventh.protocols.ssh.client.config.tokens import address, expand, tilde, without_comment
from seventh.protocols.ssh.client.config.values import refusal
from seventh.protocols.ssh.wire.patterns import (
    GrammarError,
    Names,
    matches,
    matches_list,
    port_number,
    seconds,
)

_YES_NO = ("yes", "no")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "addressfamily": ("any", "inet", "inet6"),
    "canonicalizehostname": ("yes", "no", "always"),
    "compression": _YES_NO,
    "controlmaster": ("yes", "no", "auto", "ask", "autoask"),
    "pubkeyauthentication": ("yes", "no", "unbound", "host-bound"),
    "requesttty": ("yes", "no", "force", "auto"),
    "sessiontype": ("none", "subsystem", "default"),
    "stricthostkeychecking": ("yes", "no", "ask", "off", "accept-new"),
    "tunnel": ("yes", "no", "point-to-point", "ethernet"),
    "updatehostkeys": ("yes", "no", "ask"),
    "verifyhostkeydns": ("yes", "no", "ask"),
}
_WORD = {"true": "yes", "false": "no"}
EXCLUDED_BY = {"proxyjump": "proxycommand", "proxycommand": "proxyjump"}
"""The first of either holds."""
_TIMES = frozenset({"connecttimeout", "serveraliveinterval", "forwardx11timeout"})


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of an ssh command, and the local user."""

    host: str
    """As given on the command line."""
    user: str | None = None
    port: int | None = None
    local_user: str = ""
    assumed: frozenset[int] = frozenset()
    """Blocks (by index) that are assumed to match, for the view of one block."""


class HostConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one host."""

    query: Query
    host_name: str
    """The host to connect to."""
    settings: Mapping[str, tuple[Directive, ...]]
    version: directives.Version
    problems: tuple[Line, ...] = ()

    def lines(self, name: str) -> tuple[Directive, ...]:
        """Return the lines in force for ``name``; several where the directive is cumulative."""
        return self.settings.get(name, ())

    def default(self, name: str) -> str:
        """Return the version's default for ``name``; empty where it has none."""
        return directives.defaults("client", self.version).get(name, "")

    def value(self, name: str) -> str:
        """Return the canonical value of ``name`` or its default; empty where it has none."""
        lines = self.lines(name)
        if not lines:
            return self.default(name)
        return canonical(name, lines[0].values) or lines[0].value

    @property
    def port(self) -> int | None:
        """The given or configured port; None where there is neither."""
        if self.query.port is not None:
            return self.query.port
        lines = self.lines("port")
        return port_number(lines[0].values[0]) if lines else None

    @property
    def user(self) -> str | None:
        """The given or configured user; None where there is neither."""
        lines = self.lines("user")
        return self.query.user or (lines[0].values[0] if lines else None)

    @property
    def identity_files(self) -> Names:
        """The configured private key files, tokens expanded; without ``none`` and the defaults."""
        found: dict[str, None] = {}
        for line in self.lines("identityfile"):
            if line.values[0].lower() != "none":
                found[self.expanded(line.values[0])] = None
        return tuple(found)

    @property
    def known_hosts(self) -> Names | None:
        """UserKnownHostsFile with tokens expanded; None where it is not configured."""
        lines = self.lines("userknownhostsfile")
        if not lines:
            return None
        values = lines[0].values
        return () if values[0].lower() == "none" else tuple(map(self.expanded, values))

    @property
    def proxy_jump(self) -> str | None:
        """The jump hosts, tokens expanded; None where there are none."""
        lines = self.lines("proxyjump")
        if not lines:
            return None
        text = without_comment(lines[0].rest)
        if text.lower() == "none":
            return None
        tokens = {"h": self.host_name, "n": self.query.host, "p": str(self.port or 22),
                  "r": self.user or self.query.local_user}  # fmt: skip
        return expand(text, tokens)

    @property
    def proxy_command(self) -> str | None:
        """The ProxyCommand; None where there is none."""
        lines = self.lines("proxycommand")
        text = lines[0].rest if lines else "none"
        return None if text.strip().lower() == "none" else text

    def expanded(self, text: str) -> str:
        """Return a file name with ``~``, the tokens and ``${VARIABLES}`` replaced.

        GrammarError for an unknown token or a variable that is not set.
        """
        return expand(tilde(text), self._tokens(), variables=True)

    def _tokens(self) -> Mapping[str, str]:
        here = socket.gethostname()
        user = self.user or self.query.local_user
        port = str(self.port or 22)
        alias = self.lines("hostkeyalias")
        hashed = hashlib.sha1(f"{here}{self.host_name}{port}{user}".encode(), usedforsecurity=False)
        return {
            "C": hashed.hexdigest(), "L": here.partition(".")[0], "d": str(Path.home()),
            "h": self.host_name, "i": str(os.getuid()), "l": here, "n": self.query.host,
            "k": alias[0].values[0].lower() if alias else self.query.host, "p": port, "r": user,
            "u": self.query.local_user,
        }  # fmt: skip


class UserConfig:
    """The files that ssh reads for a user, in order."""

    def __init__(self, readings: Sequence[Reading], version: directives.Version) -> None:
        self.readings = readings
        self.version = version
        self._segments = [
            (blocks, list(group))
            for number, reading in enumerate(readings)
            for blocks, group in itertools.groupby(
                reading.directives, key=functools.partial(_keyed, number)
            )
        ]
        self._wants_final = any(
            name.removeprefix("!") == "final"
            for reading in readings for block in reading.blocks for name, _ in block.criteria
        )  # fmt: skip
        self._cumulative = directives.cumulative("client")

    def resolve(self, query: Query) -> HostConfig:
        """Return a host's settings. Errors in the files are in ``problems``, never raised."""
        if not query.local_user:
            query = msgspec.structs.replace(query, local_user=local_user())
        state = _State(query, self._cumulative)
        state.read(self._segments, final=False)
        state.take_host_name()
        if self._wants_final or state.canonicalizes():
            state.read(self._segments, final=True)
        return HostConfig(
            query=query,
            host_name=state.host,
            settings={name: tuple(held) for name, held in state.settings.items()},
            version=self.version,
            problems=tuple(state.problems),
        )


_Segment = tuple[tuple[tuple[int, Block], ...], list[Directive]]


def _keyed(reading: int, line: Directive) -> tuple[tuple[int, Block], ...]:
    """Return the line's blocks with their file's number: blocks are numbered within a file."""
    return tuple((reading, block) for block in line.blocks)


class _State:
    """One host's settings while the files are read."""

    def __init__(self, query: Query, cumulative: frozenset[str]) -> None:
        self.query = query
        self.host = query.host
        self.settings: dict[str, list[Directive]] = {}
        self.problems: list[Line] = []
        self._cumulative = cumulative
        self._seen: set[tuple[str, str]] = set()

    def read(self, segments: Iterable[_Segment], *, final: bool) -> None:
        """Take the lines of matching blocks; ``final``: in the second pass."""
        matching: dict[tuple[int, int], bool] = {}
        for blocks, lines in segments:
            for number, block in blocks:
                key = (number, block.index)
                if key not in matching:
                    assumed = number == 0 and block.index in self.query.assumed
                    matching[key] = assumed or self._matches(block, final=final)
                if not matching[key]:
                    break
            else:
                for line in lines:
                    self._take(line)

    def _take(self, line: Directive) -> None:
        name = line.name
        if name in self._cumulative:
            if (name, line.rest) not in self._seen:
                self._seen.add((name, line.rest))
                self.settings.setdefault(name, []).append(line)
        elif name not in self.settings and EXCLUDED_BY.get(name) not in self.settings:
            self.settings[name] = [line]

    def take_host_name(self) -> None:
        """Set the host to HostName, after the first pass."""
        self.host = self._host_name()
        literal = address(self.host)
        self.host = literal if literal is not None else self.host.lower()

    def canonicalizes(self) -> bool:
        """Return whether CanonicalizeHostname is on."""
        lines = self.settings.get("canonicalizehostname")
        return bool(lines) and canonical("canonicalizehostname", lines[0].values) != "no"  # type: ignore[index]

    def _host_name(self) -> str:
        lines = self.settings.get("hostname")
        if not lines:
            return self.host
        try:
            return expand(lines[0].values[0], {"h": self.host})
        except GrammarError as error:
            self.problems.append(Line(file=lines[0].at.file, line=lines[0].at.line,
                                      text=f"HostName: {error}"))  # fmt: skip
            return self.host

    # -- blocks ----------------------------------------------------------------------------------

    def _matches(self, block: Block, *, final: bool) -> bool:
        if block.kind == "host":
            return host_matches(self.host, block.patterns)
        host = self.host if final else self._host_name()
        return all(
            self._criterion(name, argument, host, final=final) for name, argument in block.criteria
        )

    def _criterion(self, name: str, argument: str, host: str, *, final: bool) -> bool:
        plain = name.removeprefix("!")
        if plain == "all":
            found = True
        elif plain in {"canonical", "final"}:
            found = final
        elif plain == "host":
            found = matches_list(host, argument, lower=True) == 1
        elif plain == "originalhost":
            found = matches_list(self.query.host, argument, lower=True) == 1
        elif plain == "user":
            found = matches_list(self._user(), argument) == 1
        elif plain == "localuser":
            found = matches_list(self.query.local_user, argument) == 1
        elif plain == "tagged":
            lines = self.settings.get("tag")
            found = matches_list(lines[0].values[0] if lines else "", argument) == 1
        else:
            return False  # exec, localnetwork and others depend on the machine
        return found != name.startswith("!")

    def _user(self) -> str:
        lines = self.settings.get("user")
        return self.query.user or (lines[0].values[0] if lines else self.query.local_user)


def host_matches(host: str, patterns: Iterable[str]) -> bool:
    """Return whether ``host`` matches a Host line: some pattern, and no negated one."""
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if matches(host, pattern[1:]):
                return False
        elif not found and matches(host, pattern):
            found = True
    return found


def canonical(name: str, values: Names) -> str | None:
    """Return a directive's value in canonical form; None where ssh would refuse it."""
    first = values[0] if values else ""
    lower = _WORD.get(first.lower(), first.lower())
    if name in directives.flags():
        return lower if lower in _YES_NO else None
    if name in _CHOICES:
        return lower if lower in _CHOICES[name] else None
    if name in _TIMES:
        return "none" if first == "none" else _text(seconds(first))
    if name == "port":
        return _text(port_number(first))
    if name == "forwardagent":
        return lower if lower in _YES_NO else first
    if name == "controlpersist":
        return lower if lower in _YES_NO else _text(seconds(first))
    return " ".join(values)


def refusals(reading: Reading) -> Iterator[tuple[Line, str]]:
    """Yield the lines that ssh would refuse, and why."""
    for line in reading.directives:
        if line.values and canonical(line.name, line.values) is None:
            yield line.at, f"{line.written}: invalid value {line.value!r}"
        elif why := refusal("client", line.name, line.values, line.rest):
            yield line.at, f"{line.written}: {why}"


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def local_user() -> str:
    """Return the name of the user that runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
