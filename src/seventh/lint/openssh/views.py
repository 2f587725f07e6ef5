"""What the lints of sshd_config and ssh_config share: settings as evidence, bounds, versions."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import msgspec

from seventh.lint.openssh import offers
from seventh.lint.openssh.sshd_config import Effective
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Setting, Software
from seventh.model.source import Line
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.directives import LISTS, Side, Version
from seventh.protocols.ssh.client.config.host import HostConfig
from seventh.protocols.ssh.client.config.reading import Block, Reading
from seventh.wire.text import printable

MAX_VIEWS = 256
"""Blocks that are judged by themselves; the rest is read, and takes part in the whole."""
MAX_WORK = 400_000
"""Directives that are looked at for all views together."""
_MAX_SHOWN = 600
_CRITERIA_SINCE: Mapping[str, Version] = {
    "tagged": (9, 4), "localnetwork": (9, 4), "invalid-user": (9, 9), "command": (10, 0),
    "sessiontype": (10, 0), "version": (10, 0),
}  # fmt: skip
"""Criteria of Match that older versions do not know."""
_UNSET: Mapping[Side, dict[str, str]] = {
    "server": dict.fromkeys(("allowusers", "allowgroups", "subsystem"), ""),
    "client": {},
}
"""Directives without a default whose absence is evidence."""


class Judged(msgspec.Struct, frozen=True):
    """The version whose defaults hold, and whether somebody said so."""

    version: Version
    stated: bool

    def __str__(self) -> str:
        return f"{directives.PRODUCT} {'.'.join(map(str, self.version))}"

    @property
    def strict_kex(self) -> bool | None:
        """Whether strict key exchange is offered; None where a file cannot tell.

        Distributions brought it to versions before 9.6, and an assumed version proves nothing.
        """
        return True if self.stated and self.version >= offers.STRICT_SINCE else None


def judged(software: Software | None) -> Judged:
    """Return the version to judge by: what the person said, else the newest known."""
    if software is None:
        return Judged(directives.newest().version, stated=False)
    return Judged((*software.version, 0)[:2], stated=True)


def settings_of(
    config: Effective | HostConfig, side: Side, file: str
) -> Mapping[str, tuple[Setting, ...]]:
    """Return every setting in force with its line, and every default with its version."""
    found = dict(default_settings(side, config.version, file))
    for name, lines in config.settings.items():
        found[name] = tuple(
            Setting(value=line.value or line.rest, at=_with_effect(config, side, name, line.at))
            for line in lines
        )
    return found


def _with_effect(config: Effective | HostConfig, side: Side, name: str, at: Line) -> Line:
    """Return the line of a list that changes the default, with what comes out of it."""
    if name not in LISTS or at.text.partition(" ")[2].lstrip("= ")[:1] not in {"+", "-", "^"}:
        return at
    effect = ",".join(offers.effective_list(config, side, name))
    return Line(file=at.file, line=at.line,
                text=printable(f"{at.text} (in effect: {effect})", _MAX_SHOWN))  # fmt: skip


@functools.lru_cache(maxsize=256)
def default_settings(side: Side, version: Version, file: str) -> Mapping[str, tuple[Setting, ...]]:
    """Return the defaults of a version as settings without a line."""
    said = ".".join(map(str, version))
    spelled = directives.spelled(side)
    found: dict[str, tuple[Setting, ...]] = {}
    for name, value in {**_UNSET[side], **directives.defaults(side, version)}.items():
        word = spelled.get(name, name)
        text = f"{word} {value} (default of openssh {said})" if value else f"no {word} line"
        at = Line(file=file, line=None, text=printable(text, _MAX_SHOWN))
        found[name] = (Setting(value=value, at=at),)
    return found


def idle_directives(reading: Reading, version: Version) -> dict[str, tuple[str, tuple[Line, ...]]]:
    """Directives that do nothing in this version: how they are written and why, and their lines."""
    found: dict[str, tuple[str, tuple[Line, ...]]] = {}
    for line in reading.directives:
        why = directives.idle(reading.side, line.name, version)
        if why is not None:
            said, lines = found.get(line.name, (f"{line.written}: {why}", ()))
            found[line.name] = (said, (*lines, line.at))
    return found


def check_lists(reading: Reading, judgement: Judged) -> None:
    """Note lists that OpenSSH would not start with, and directives that it does not know."""
    for block in reading.blocks:
        for criterion, _ in block.criteria:
            first = _CRITERIA_SINCE.get(criterion.removeprefix("!"), (0,))
            if judgement.stated and judgement.version < first:
                said = ".".join(map(str, first))
                reading.refuse(block.at, f"Match {criterion} is known from OpenSSH {said} on")
    for at in reading.unknown:
        word = at.text.partition(" ")[0]
        reading.refuse(at, f"no version up to {directives.newest()} knows the directive {word}")
    since = directives.since(reading.side, "include")
    if judgement.stated and judgement.version < since:
        for at in reading.includes:
            reading.refuse(at, f"Include is known from OpenSSH {'.'.join(map(str, since))} on")
    for line in reading.directives:
        if line.name in offers.ALL_LISTS:
            for why in offers.refusals(
                reading.side, judgement.version, line, stated=judgement.stated
            ):
                reading.refuse(line.at, why)
        if line.written.lower() in directives.aliases(reading.side):
            continue  # an older name than the directive's own
        since = directives.since(reading.side, line.name)
        if judgement.stated and judgement.version < since:
            said = ".".join(map(str, since))
            reading.refuse(line.at, f"{line.written} is known from OpenSSH {said} on")


def place_of_fix(blocks: Sequence[Block], block: Block | None) -> str:
    """Return where the lines of a fix belong, for a block or for the file as a whole.

    Empty where the file has no block: every place is as good.
    """
    if block is not None:
        where = f"in {block.at.file}, under line {block.at.line} ({block.label})"
    elif blocks:
        first = blocks[0]
        where = f"in {first.at.file}, above line {first.at.line} ({first.label})"
    else:
        return ""
    return printable(f"{where}, in place of lines with the same keyword", _MAX_SHOWN)


def views_allowed(blocks: int, directives_read: int, files: Files, file: str, word: str) -> int:
    """Return how many blocks may be judged by themselves; a problem is noted when it is not all."""
    allowed = max(8, min(MAX_VIEWS, MAX_WORK // max(1, directives_read)))
    if blocks > allowed:
        files.problem(
            file, None, f"only the first {allowed} of {blocks} {word} blocks were judged "
            "by themselves",
        )  # fmt: skip
    return allowed
