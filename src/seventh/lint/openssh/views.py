"""What the linters of sshd_config and ssh_config share: evidence, limits, versions, views."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from seventh.lint.openssh import offers
from seventh.lint.openssh.sshd_config import Effective
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.model.source import Line
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.directives import LISTS, Side, Version
from seventh.protocols.ssh.client.config.host import HostConfig
from seventh.protocols.ssh.client.config.reading import Block, Directive, Reading
from seventh.protocols.ssh.facts import Proposal, SshFacts
from seventh.protocols.ssh.wire.ciphers import is_aead
from seventh.wire.text import printable

MAX_VIEWS = 256
"""Blocks that are checked separately; the others count for the file as a whole."""
MAX_WORK = 400_000
"""Directives that are processed for all views together."""
_MAX_SHOWN = 600
_CRITERIA_SINCE: Mapping[str, Version] = {
    "tagged": (9, 4), "localnetwork": (9, 4), "invalid-user": (9, 9), "command": (10, 0),
    "sessiontype": (10, 0), "version": (10, 0),
}  # fmt: skip
"""Criteria of Match by the first version that supports them."""
_UNSET: Mapping[Side, dict[str, str]] = {
    "server": dict.fromkeys(("allowusers", "allowgroups", "subsystem"), ""),
    "client": {},
}
"""Directives without a default whose absence is evidence."""


def dotted(version: Version) -> str:
    """Return a version as text, such as ``9.2``."""
    return ".".join(map(str, version))


class Release(msgspec.Struct, frozen=True):
    """The version whose defaults apply, and whether --software gave it."""

    version: Version
    stated: bool

    def __str__(self) -> str:
        return f"{directives.PRODUCT} {dotted(self.version)}"

    @property
    def strict_kex(self) -> bool | None:
        """Whether strict key exchange is offered; None if unknown.

        Distributions backported it to versions before 9.6, and an assumed version proves nothing.
        """
        return True if self.stated and self.version >= offers.STRICT_SINCE else None


def release_of(software: Software | None) -> Release:
    """Return the version of --software, else the newest known."""
    if software is None:
        return Release(directives.newest().version, stated=False)
    return Release((*software.version, 0)[:2], stated=True)


def settings_of(
    config: Effective | HostConfig, side: Side, file: str
) -> Mapping[str, tuple[Setting, ...]]:
    """Return every effective setting with its line, and every default with its version."""
    found = dict(default_settings(side, config.version, file))
    for name, lines in config.settings.items():
        found[name] = tuple(
            Setting(value=line.value or line.rest, at=_with_effect(config, side, line))
            for line in lines
        )
    return found


def _with_effect(config: Effective | HostConfig, side: Side, line: Directive) -> Line:
    """Return the line of a list that changes the default, with the resulting list."""
    at = line.at
    if line.name not in LISTS or line.values[0][:1] not in {"+", "-", "^"}:
        return at
    effect = ",".join(offers.effective_list(config, side, line.name))
    return Line(file=at.file, line=at.line,
                text=printable(f"{at.text} (in effect: {effect})", _MAX_SHOWN))  # fmt: skip


@functools.lru_cache(maxsize=256)
def default_settings(side: Side, version: Version, file: str) -> Mapping[str, tuple[Setting, ...]]:
    """Return the defaults of a version as settings without a line."""
    spelled = directives.spelled(side)
    found: dict[str, tuple[Setting, ...]] = {}
    for name, value in {**_UNSET[side], **directives.defaults(side, version)}.items():
        keyword = spelled.get(name, name)
        default = f"{keyword} {value} (default of openssh {dotted(version)})"
        text = default if value else f"no {keyword} line"
        at = Line(file=file, line=None, text=printable(text, _MAX_SHOWN))
        found[name] = (Setting(value=value, at=at),)
    return found


def idle_directives(reading: Reading, version: Version) -> dict[str, list[Line]]:
    """Return the lines of directives without effect in this version, by the directive."""
    spelled = directives.spelled(reading.side)
    found: dict[str, list[Line]] = {}
    for line in reading.directives:
        if directives.idle(reading.side, line.name, version) is not None:
            found.setdefault(spelled[line.name], []).append(line.at)
    return found


def unused_macs(config: Effective | HostConfig, offer: Proposal) -> dict[str, list[Line]]:
    """Return the MACs line if every cipher authenticates by itself, so that no MAC is used."""
    lines = [line.at for line in config.lines("macs")]
    return {"MACs": lines} if lines and all(map(is_aead, offer.ciphers)) else {}


def settings_at(lines: Iterable[Line]) -> tuple[Setting, ...]:
    """Return lines as what a finding points at."""
    return tuple(Setting(value=at.text, at=at) for at in lines)


def differs(view: View, whole: View) -> bool:
    """Return whether a block's facts differ from the file's in more than names and root.

    The view of the file as a whole judges root.
    """
    return _comparable(view) != _comparable(whole)


def _comparable(view: View) -> SshFacts:
    facts = view.facts["ssh"]
    assert isinstance(facts, SshFacts)  # noqa: S101 - the linters here make no other
    assert facts.config is not None  # noqa: S101
    changes: dict[str, Any] = {
        "config": msgspec.structs.replace(facts.config, scope="", breadth="")
    }
    if facts.login is not None:
        changes["login"] = msgspec.structs.replace(facts.login, root_methods=None)
    return facts.learn(**changes)


def linted(views: Sequence[View], release: Release, problems: Sequence[Line]) -> Linted:
    """Return the result of a linter."""
    return Linted(
        views=tuple(views),
        software=str(release),
        software_assumed=not release.stated,
        problems=tuple(problems),
    )


def check_lists(reading: Reading, release: Release) -> None:
    """Note lists that OpenSSH refuses to start with, and directives that it does not support."""
    for block in reading.blocks:
        for criterion, _ in block.criteria:
            first = _CRITERIA_SINCE.get(criterion.removeprefix("!"), (0,))
            if release.stated and release.version < first:
                reading.refuse(block.at, f"Match {criterion} requires OpenSSH {dotted(first)}")
    for at in reading.unknown:
        reading.refuse(at, f"unknown directive {at.text.partition(' ')[0]}")
    since = directives.since(reading.side, "include")
    if release.stated and release.version < since:
        for at in reading.includes:
            reading.refuse(at, f"Include requires OpenSSH {dotted(since)}")
    for line in reading.directives:
        if line.name in offers.ALL_LISTS:
            for why in offers.refusals(reading.side, release.version, line, stated=release.stated):
                reading.refuse(line.at, why)
        if line.written.lower() in directives.aliases(reading.side):
            continue  # an older name than the directive's own
        since = directives.since(reading.side, line.name)
        if release.stated and release.version < since:
            reading.refuse(line.at, f"{line.written} requires OpenSSH {dotted(since)}")


def place_of_fix(blocks: Sequence[Block], block: Block | None) -> str:
    """Return where the lines of a fix belong; empty if the file has no block."""
    if block is not None:
        where = f"in {block.at.file}, under line {block.at.line} ({block.label})"
    elif blocks:
        first = blocks[0]
        where = f"in {first.at.file}, above line {first.at.line} ({first.label})"
    else:
        return ""
    return printable(f"{where}, in place of lines with the same keyword", _MAX_SHOWN)


def views_allowed(blocks: int, directives_read: int, files: Files, file: str, keyword: str) -> int:
    """Return how many blocks may be checked separately; note it if these are not all."""
    allowed = max(8, min(MAX_VIEWS, MAX_WORK // max(1, directives_read)))
    if blocks > allowed:
        files.problem(
            file, None, f"only the first {allowed} of {blocks} {keyword} blocks checked separately"
        )
    return allowed
