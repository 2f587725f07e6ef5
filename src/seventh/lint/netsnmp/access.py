"""Who gets access: the short directives, and net-snmp's tables of VACM (RFC 3415)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from seventh.lint.netsnmp.lines import Directive
from seventh.model.failure import UsageError
from seventh.protocols.snmp.facts.config import Grant, Level
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.names import SENSITIVE, parse_oid
from seventh.wire.address import covers_everyone

_LEVELS: dict[str, Level] = {
    "noauth": "noAuthNoPriv", "noauthnopriv": "noAuthNoPriv", "auth": "authNoPriv",
    "authnopriv": "authNoPriv", "priv": "authPriv", "authpriv": "authPriv",
}  # fmt: skip
_COMMUNITY_MODELS = frozenset({"v1", "v2c", "any"})
_USER_MODELS = frozenset({"usm", "any"})
_DEFAULTS: dict[str, Literal["public", "private"]] = {"public": "public", "private": "private"}
OPAQUE = frozenset({"authgroup", "authaccess", "setaccess", "com2secunix"})
"""Directives that may grant access in ways that are not followed."""


class _View(msgspec.Struct, frozen=True):
    """A line ``view``."""

    included: bool
    oid: Oid | None
    """None where its name is not known."""
    masked: bool


class Access:
    """The lines of one configuration that grant access."""

    def __init__(self, lines: Sequence[Directive]) -> None:
        self._views: dict[str, list[_View]] = {}
        self._groups: dict[tuple[str, str], list[str]] = {}
        """The groups of a security name, by model and name."""
        self._lines = lines
        for line in lines:
            if line.name == "view" and len(line.words) >= 3:
                self._add_view(line.words)
            elif line.name == "group" and len(line.words) >= 3:
                group, model, name = line.words[:3]
                self._groups.setdefault((model.lower(), name), []).append(group)

    def grants(self) -> tuple[Grant, ...]:
        """Return what the lines grant, in their order."""
        found: list[Grant] = []
        for line in self._lines:
            if line.name in {"rocommunity", "rwcommunity", "rocommunity6", "rwcommunity6"}:
                writes = line.name.startswith("rw")
                found += self._community(line, line.words, writes=writes)
            elif line.name == "authcommunity":
                writes = bool(line.words) and "write" in line.words[0].split(",")
                found += self._community(line, line.words[1:], writes=writes)
            elif line.name in {"rouser", "rwuser"}:
                found += self._user(line, 0, writes=line.name == "rwuser")
            elif line.name == "authuser":
                writes = bool(line.words) and "write" in line.words[0].split(",")
                found += self._user(line, 1, writes=writes)
            elif line.name in {"com2sec", "com2sec6"}:
                found += self._com2sec(line)
            elif line.name == "access":
                found += self._access(line)
        return tuple(found)

    def _community(self, line: Directive, words: Sequence[str], *, writes: bool) -> Iterable[Grant]:
        if not words:
            return
        yield Grant(
            setting=line.key, user=None, default_name=_DEFAULTS.get(words[0]),
            any_source=_is_any(words[1] if len(words) > 1 else "default"), writes=writes,
            shows=self._shown_by(words[2:]),
        )  # fmt: skip

    def _user(self, line: Directive, at: int, *, writes: bool) -> Iterable[Grant]:
        words = list(line.words)
        if words[at : at + 1] == ["-s"]:
            if words[at + 1 : at + 2] != ["usm"]:
                return  # a certificate, not a password
            at += 2
        if len(words) <= at:
            return
        given = words[at + 1].lower() if len(words) > at + 1 else "auth"
        if given not in _LEVELS:
            return  # net-snmp refuses the line
        yield Grant(
            setting=line.key, user=words[at], level=_LEVELS[given], writes=writes,
            shows=self._shown_by(words[at + 2 :]),
            with_privacy=line.shown((*words[: at + 1], "priv", *words[at + 2 :])),
        )  # fmt: skip

    def _com2sec(self, line: Directive) -> Iterable[Grant]:
        words = list(line.words)
        if words[:1] == ["-Cn"]:
            words = words[2:]
        if len(words) < 3 or words[1].startswith("!"):
            return
        name, source, community = words[:3]
        groups = [group for model in ("v1", "v2c") for group in self._groups.get((model, name), ())]
        rights = self._rights(groups, _COMMUNITY_MODELS)
        if rights:
            yield Grant(
                setting=line.key, user=None, default_name=_DEFAULTS.get(community),
                any_source=_is_any(source), writes=any(writes for writes, _ in rights),
                shows=_together(shows for _, shows in rights),
            )  # fmt: skip

    def _access(self, line: Directive) -> Iterable[Grant]:
        """Grant access to each user of the group; communities have lines of their own."""
        if len(line.words) < 7:
            return
        group, context, model, level, _, read, write = line.words[:7]
        if model.lower() not in _USER_MODELS or level.lower() not in _LEVELS:
            return
        for (of, name), groups in self._groups.items():
            if of == "usm" and group in groups and {read, write} != {"none"}:
                rest = line.words[4:]
                yield Grant(
                    setting=line.key, user=name, level=_LEVELS[level.lower()],
                    writes=write != "none", shows=self._shown_by(["-V", read]),
                    with_privacy=line.shown((group, context, model, "priv", *rest)),
                )  # fmt: skip

    def _rights(
        self, groups: Sequence[str], models: frozenset[str]
    ) -> list[tuple[bool, tuple[str, ...] | None]]:
        """Return what lines ``access`` grant to groups without authentication."""
        return [
            (line.words[6] != "none", self._shown_by(["-V", line.words[5]]))
            for line in self._lines
            if line.name == "access"
            and len(line.words) >= 7
            and line.words[0] in groups
            and line.words[2].lower() in models
            and _LEVELS.get(line.words[3].lower()) == "noAuthNoPriv"
            and set(line.words[5:7]) != {"none"}
        ]

    def _add_view(self, words: Sequence[str]) -> None:
        name, kind, oid = words[:3]
        view = _View(kind.lower().startswith("inc"), _oid(oid), masked=len(words) > 3)
        self._views.setdefault(name, []).append(view)

    def _shown_by(self, words: Sequence[str]) -> tuple[str, ...] | None:
        """Return the sensitive objects below ``OID`` or in ``-V VIEW``; all without either."""
        if not words:
            return tuple(SENSITIVE)
        if words[0].lower() == "-v":
            views = self._views.get(words[1], []) if len(words) > 1 else []
        else:
            views = [_View(included=True, oid=_oid(words[0]), masked=False)]
        if any(view.oid is None or (view.masked and view.included) for view in views):
            return None
        return tuple(name for name, oid in SENSITIVE.items() if _is_shown(views, oid))


def _is_shown(views: Sequence[_View], oid: Oid) -> bool:
    """Return whether something of a subtree is shown: the longest line that covers it decides."""
    inside = [
        view for view in views
        if view.included and view.oid is not None and view.oid[: len(oid)] == oid
    ]  # fmt: skip
    covering = [view for view in views if view.oid is not None and oid[: len(view.oid)] == view.oid]
    if any(len(view.oid or ()) > len(oid) for view in inside):
        return True
    longest = max(covering, key=lambda view: len(view.oid or ()), default=None)
    return longest is not None and longest.included


def _together(each: Iterable[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    found = [shows for shows in each if shows is not None]
    if not found:
        return None
    return tuple(name for name in SENSITIVE if any(name in shows for shows in found))


def _oid(text: str) -> Oid | None:
    plain = text.removeprefix(".")
    roots: dict[str, Oid] = {"iso": (1,), "1": (1,)}
    if plain in roots:
        return roots[plain]
    try:
        return parse_oid(plain)
    except UsageError:
        return None


def _is_any(source: str) -> bool:
    """Return whether a source is every address."""
    if source.lower() in {"default", "0.0.0.0", "::"}:  # noqa: S104 - read from a file
        return True
    try:
        return ipaddress.ip_network(source, strict=False).prefixlen == 0
    except ValueError:
        return covers_everyone(source)
