"""authorized_keys: its keys, their options, and whether StrictModes accepts the file."""

from __future__ import annotations

from pathlib import Path

from seventh.lint.openssh.public_keys import Entry, key_line
from seventh.lint.openssh.views import linted, release_of
from seventh.lintkit.files import MAX_PROBLEMS, Files, Text
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.model.source import Line
from seventh.protocols.ssh.client.config import modes
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.config import SshConfigFacts, UserKey
from seventh.protocols.ssh.wire.patterns import GrammarError
from seventh.wire.text import printable

MAX_KEYS = 10_000
"""Keys that are checked; sshd itself would be slow with so many."""


def lint(text: Text, files: Files, software: Software | None) -> Linted:
    """Check an authorized_keys file; no content raises."""
    ignored: list[Line] = []
    keys: list[UserKey] = []
    lines: dict[str, tuple[Setting, ...]] = {}
    for number, raw in text.numbered():
        try:
            entry = key_line(raw)
        except GrammarError as error:
            if len(ignored) < MAX_PROBLEMS:
                why = f"sshd ignores this line: {error}"
                ignored.append(Line(file=text.name, line=number, text=why))
            continue
        if entry is None:
            continue
        if len(keys) >= MAX_KEYS:
            files.problem(text.name, number, f"only the first {MAX_KEYS} keys checked")
            break
        key = _fact(entry, number)
        keys.append(key)
        at = Line(file=text.name, line=number, text=_shown(key))
        lines[f"key {number}"] = (Setting(value=key.type, at=at),)
    is_file = text.name not in {"-", "stdin"}
    wrong = modes.strict_modes(files, Path(text.name)) if is_file else None
    lines["modes"] = modes.settings(wrong or (), text.name)
    facts = SshFacts(
        config=SshConfigFacts(
            side="keys",
            user_keys=tuple(keys),
            **modes.facts(wrong),
        )
    )
    return linted([View(facts={"ssh": facts}, settings=lines)], release_of(software), ignored)


def _fact(entry: Entry, line: int) -> UserKey:
    key = entry.key.facts("", None) if entry.key is not None else None
    return UserKey(
        type=key.type if key is not None else entry.type,
        bits=key.bits if key is not None else 256,
        sha256=key.sha256 if key is not None else "",
        line=line,
        options=entry.options,
        comment=entry.comment,
    )


def _shown(key: UserKey) -> str:
    options = ",".join(key.options) + " " if key.options else ""
    text = f"{options}{key.type} {key.bits} bits {key.sha256} {key.comment}"
    return printable(text.rstrip(), 300)
