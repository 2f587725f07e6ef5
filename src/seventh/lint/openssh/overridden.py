"""Lines that never take effect, because another line decides whenever they apply.

Only what is certain counts: the line that decides applies to all, stands in the same block, or in a
block that matches whenever the other one does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

from seventh.lintkit.files import Files
from seventh.lintkit.linted import Setting
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.directives import Version
from seventh.protocols.ssh.client.config.host import EXCLUDED_BY, host_matches
from seventh.protocols.ssh.client.config.reading import Block, Directive, Reading
from seventh.protocols.ssh.facts.config import Overridden
from seventh.protocols.ssh.wire.patterns import Names

MOST_LISTED = 64
_MOST_WIDE = 32
"""Blocks with wildcards that are compared with a later block, for each directive."""
_PARTS_ADD_UP = frozenset({"persourcepenalties", "subsystem"})
"""Directives whose lines decide on different things."""
_Key = tuple[object, ...]
_Canonical = Callable[[str, Names], str | None]


def overridden(reading: Reading, version: Version, canonical: _Canonical) -> tuple[Overridden, ...]:
    """Return the lines that another one with another value overrides, in the order of reading."""
    side = reading.side
    kept = directives.cumulative(side) | _PARTS_ADD_UP
    last = directives.last_wins(version) if side == "server" else frozenset()
    lines = [
        line for line in reading.directives
        if line.name not in kept and directives.idle(side, line.name, version) is None
    ]  # fmt: skip
    decided = _Decided(side)
    found = [
        (line, winner)
        for line in itertools.chain(
            (line for line in lines if line.name not in last),
            (line for line in reversed(lines) if line.name in last),
        )
        if (winner := decided.by_another(line)) is not None
    ]

    def value(line: Directive) -> tuple[str, str]:
        return line.name, canonical(line.name, line.values) or line.rest.strip()

    order = {id(line): number for number, line in enumerate(lines)}
    found.sort(key=lambda pair: order[id(pair[0])])
    differing = (pair for pair in found if value(pair[0]) != value(pair[1]))
    return tuple(
        Overridden(line=line.at, winner=winner.at)
        for line, winner in itertools.islice(differing, MOST_LISTED)
    )


def settings(found: Iterable[Overridden]) -> tuple[Setting, ...]:
    """Return the lines with those that decide, as what a finding points at."""
    return tuple(Setting(value=at.text, at=at) for one in found for at in (one.line, one.winner))


def note_swallowed(reading: Reading, files: Files) -> None:
    """Note lines that are in a block, although they are not indented as its first line is."""
    indented: dict[int, bool] = {}
    noted: set[int] = set()
    for line in reading.directives:
        block = line.blocks[-1] if line.blocks else None
        if block is None or is_any(block) or block.at.file != line.at.file:
            continue
        first = indented.setdefault(block.index, line.indented)
        if first and not line.indented and block.index not in noted:
            noted.add(block.index)
            files.note(
                line.at.file, line.at.line,
                f"{line.written} is not indented, but belongs to {block.label} of line "
                f"{block.at.line} and applies there only",
            )  # fmt: skip


class _Decided:
    """The first line of each directive for each condition, while the lines are read."""

    def __init__(self, side: directives.Side) -> None:
        self._server = side == "server"
        self._first: dict[_Key, Directive] = {}
        self._wide: dict[str, list[tuple[Names, Directive]]] = {}

    def by_another(self, line: Directive) -> Directive | None:
        """Return the line that decides whenever ``line`` applies, else take ``line`` as such."""
        slot = min(line.name, EXCLUDED_BY.get(line.name, line.name))
        blocks = [block for block in line.blocks if not is_any(block)]
        # sshd reads the blocks of a connection by themselves; they replace what is outside.
        places = (slot, "inside" if self._server and line.blocks else "")
        for part in _parts([self._identity(block) for block in blocks]):
            if (winner := self._first.get((*places, *part))) is not None:
                return winner
        if not self._server and (winner := self._of_hosts(slot, blocks)) is not None:
            return winner
        identities = tuple(self._identity(block) for block in blocks)
        self._first[(*places, *identities)] = line
        if self._server and line.blocks and not blocks:
            self._first.setdefault((slot, ""), line)  # Match all is outside, too
        if not self._server and len(blocks) == 1 and blocks[0].kind == "host":
            self._take_hosts(slot, blocks[0].patterns, line)
        return None

    def _identity(self, block: Block) -> object:
        """Return what two blocks have in common that match the same connections or hosts.

        Criteria of ssh_config depend on the lines before.
        """
        if block.kind == "host":
            return block.patterns
        return frozenset(block.criteria) if self._server else block.index

    def _take_hosts(self, slot: str, patterns: Names, line: Directive) -> None:
        if all(map(_is_plain, patterns)):
            for name in patterns:
                self._first.setdefault((slot, "host", name), line)
            return
        wide = self._wide.setdefault(slot, [])
        if len(wide) < _MOST_WIDE:
            wide.append((patterns, line))

    def _of_hosts(self, slot: str, blocks: list[Block]) -> Directive | None:
        """Return the line of earlier Host blocks that match every host of one of ``blocks``."""
        for block in blocks:
            if block.kind != "host" or not all(map(_is_plain, block.patterns)):
                continue
            found = [self._of_host(slot, name) for name in block.patterns]
            if found and all(winner is not None for winner in found):
                return found[0]
        return None

    def _of_host(self, slot: str, name: str) -> Directive | None:
        named = self._first.get((slot, "host", name))
        if named is not None:
            return named
        wide = self._wide.get(slot, ())
        return next((line for patterns, line in wide if host_matches(name, patterns)), None)


def is_any(block: Block) -> bool:
    """Return whether a block applies to every host or connection."""
    return block.patterns == ("*",) or block.criteria == (("all", ""),)


def _is_plain(pattern: str) -> bool:
    return not set("!*?") & set(pattern)


def _parts(identities: list[object]) -> Iterator[tuple[object, ...]]:
    """Yield the conditions that hold whenever all of ``identities`` hold."""
    for length in range(len(identities) + 1):
        yield tuple(identities[:length])
    for identity in identities:
        yield (identity,)
