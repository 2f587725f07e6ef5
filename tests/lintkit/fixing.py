"""Does what the fix of a finding says, line by line, as an operator would with an editor.

For a file of keywords and values: a fix's lines begin with a keyword, a ``#`` for a remark, or a
command of the shell. The first remark may say where the lines belong: ``in FILE, under line N``
or ``above line N``. A line stands in place of those that the finding shows with the same keyword;
where it shows none, it is put in at that place, which is else the file's first line.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Container, Iterable
from pathlib import Path

from seventh.model.report import Report
from seventh.render.document import entry
from seventh.render.entries import FindingEntry, ReportEntry
from seventh.render.view import View
from seventh.render.wording import Wording

_GONE = re.compile(r"# delete the (\w+) line\b")
_PLACE = re.compile(r"# in (.+), (under|above) line (\d+) ")


def shown(report: Report) -> ReportEntry:
    """The report as its reader gets it."""
    return entry(report, Wording(), View())


def apply(finding: FindingEntry, main: Path, keywords: Container[str], *, etc: str = "") -> None:
    """Change the files as the fix says; ``etc`` is the folder of the machine that ``main`` is of.

    ``keywords`` are the directives in lower case: a line with another first word is a command.
    """
    text = finding.fix[finding.product]
    if gone := re.findall(r"(?m)^Delete (.+?):(\d+) ", text):
        _rewrite({(file, int(number)): [] for file, number in gone})
        return
    if text.startswith("Delete "):
        _rewrite({(source.file, source.line): [] for source in finding.source if source.line})
        return
    where, after = (str(main), 0)
    place = _PLACE.match(text)
    if place is not None:
        where, after = place[1], int(place[3]) - (place[2] == "above")
    changes: dict[tuple[str, int | None], list[str]] = {}
    fresh: list[str] = []
    for line in text.splitlines():
        if gone := _GONE.match(line):
            changes.update(_lines_of(main, gone[1]))
        if line.startswith("#") or not line.strip():
            continue
        word = line.split()[0].lower()
        if word not in keywords:
            _run(line, main, etc)
            continue
        there = [
            (source.file, source.line)
            for source in finding.source
            if source.line and _keyword(source.file, source.line) == word
            and (source.file, source.line) not in changes
            and not (place is not None and place[2] == "under" and source.line <= after)
        ]  # fmt: skip
        if there:
            changes[there[0]] = [line]
            if not _adds_up(word):
                changes.update({each: [] for each in there[1:]})
        else:
            fresh.append(line)
    _rewrite(changes, insert=(where, after, fresh))


def _lines_of(main: Path, word: str) -> dict[tuple[str, int | None], list[str]]:
    lines = main.read_text().splitlines()
    return {
        (str(main), number): []
        for number in range(1, len(lines) + 1)
        if _keyword(str(main), number) == word.lower()
    }


def _adds_up(word: str) -> bool:
    return word in {"localforward", "remoteforward", "dynamicforward", "hostkey"}


def _keyword(file: str, number: int) -> str:
    words = re.split(
        r"[ \t=]+", Path(file).read_text().splitlines()[number - 1].strip(), maxsplit=1
    )
    word = words[0].strip('"').lower()
    return "pubkeyacceptedalgorithms" if word == "pubkeyacceptedkeytypes" else word


def _run(command: str, main: Path, etc: str) -> None:
    if command == "ssh-keygen -A":
        return  # it makes the keys of this machine
    if etc:
        command = command.replace(etc, str(main.parent))
    subprocess.run(["bash", "-c", command], cwd=main.parent, check=True, capture_output=True)


def _rewrite(
    changes: dict[tuple[str, int | None], list[str]],
    insert: tuple[str, int, Iterable[str]] = ("", 0, ()),
) -> None:
    files = {file for file, _ in changes} | ({insert[0]} if insert[2] else set())
    for file in files:
        lines = Path(file).read_text().splitlines()
        out = list(insert[2]) if file == insert[0] and not insert[1] else []
        for number, line in enumerate(lines, 1):
            out += changes.get((file, number), [line])
            if file == insert[0] and number == insert[1]:
                out += insert[2]
        Path(file).write_text("".join(f"{line}\n" for line in out))


def assert_fixed(
    rule: str, main: Path, lint: Callable[[], Report], keywords: Container[str], *, etc: str = ""
) -> None:
    """Apply the first fix of ``rule``: its finding goes, and no other comes."""
    before = shown(lint())
    mine = [finding for finding in before.findings if finding.id == rule]
    assert mine, f"{rule} does not fire: {[finding.id for finding in before.findings]}"
    was = {finding.id for finding in before.findings}
    after, fix = before, ""
    for _ in mine:
        now = shown(lint())
        left = [finding for finding in now.findings if finding.id == rule]
        if not left:
            break
        fix = left[0].fix[left[0].product]
        assert "\\x0a" not in fix
        apply(left[0], main, keywords, etc=etc)
        after = shown(lint())
        assert after.failure is None or after.failure == now.failure, (fix, after.failure)
        still = [finding for finding in after.findings if finding.id == rule]
        assert len(still) < len(left), f"after {fix!r}: {still}\n{main.read_text()}"
    came = {finding.id for finding in after.findings} - was
    assert not came, f"after {fix!r} came {came}\n{main.read_text()}"
