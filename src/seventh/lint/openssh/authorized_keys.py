"""authorized_keys: its keys, its options, and whether StrictModes would let it be read."""

from __future__ import annotations

from pathlib import Path

from seventh.lint.openssh.modes import strict_modes
from seventh.lint.openssh.public_keys import Entry, key_line
from seventh.lint.openssh.views import judged
from seventh.lintkit.files import MAX_PROBLEMS, Files, Text
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.model.source import Line
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.config import SshConfigFacts, UserKey
from seventh.protocols.ssh.wire.patterns import GrammarError
from seventh.wire.text import printable

MAX_KEYS = 10_000
"""Keys that are judged; sshd itself would be slow to read so many."""


def lint(text: Text, files: Files, software: Software | None) -> Linted:
    """Judge an authorized_keys file; never raises for what it holds."""
    judgement = judged(software)
    passed_over: list[Line] = []
    keys: list[UserKey] = []
    lines: dict[str, tuple[Setting, ...]] = {}
    for number, raw in text.numbered():
        try:
            entry = key_line(raw)
        except GrammarError as error:
            if len(passed_over) < MAX_PROBLEMS:
                said = f"sshd passes over this line: {error}"
                passed_over.append(Line(file=text.name, line=number, text=said))
            continue
        if entry is None:
            continue
        if len(keys) >= MAX_KEYS:
            files.problem(text.name, number, f"only the first {MAX_KEYS} keys were judged")
            break
        key = _fact(entry, number)
        keys.append(key)
        at = Line(file=text.name, line=number, text=_shown(key))
        lines[f"key {number}"] = (Setting(value=key.type, at=at),)
    modes = strict_modes(files, Path(text.name)) if text.name not in {"-", "stdin"} else None
    lines["modes"] = tuple(
        Setting(value=wrong, at=Line(file=text.name, line=None, text=wrong))
        for wrong in (modes.wrong if modes is not None else ())
    )
    facts = SshFacts(
        config=SshConfigFacts(
            side="keys",
            user_keys=tuple(keys),
            modes=modes.wrong if modes is not None else None,
            mode_fixes=modes.fixes if modes is not None else (),
        )
    )
    return Linted(
        views=(View(facts={"ssh": facts}, settings=lines),),
        software=str(judgement),
        software_assumed=not judgement.stated,
        problems=tuple(passed_over),
    )


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
