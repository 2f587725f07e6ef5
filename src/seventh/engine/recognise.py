"""What kind of configuration a file is: by what it holds, and by its name.

A name alone proves little: supervisor and fail2ban have an ``nginx.conf``, too. So a file of a
known name must not read like another program's, and one without such a name must read like one
kind and no other. In doubt it is not judged.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from seventh.lint import kinds
from seventh.lintkit.linted import Kind

Lines = tuple[str, ...]

_LINES = 400
"""Lines of a file that tell its kind; the kinds' own functions look at no more."""
_LOOKED_AT = 65_536
"""Bytes of a file that tell its kind."""
_SURE = 3
"""How many lines must look like a kind before a file of another name is taken for it."""
_FOREIGN = re.compile(r"</?[A-Za-z!?]|---\s*$|-----BEGIN |\{\s*\"")
"""How XML, YAML, PEM and JSON begin."""
_SECTION = re.compile(r"\s*\[\[?[\w .:\"'/-]+\]\]?\s*$")
"""A section's head in INI and TOML."""
_KEYS = ("*.pub", "known_hosts*", "ssh_known_hosts*", "moduli", "moduli.*", "ssh_host_*_key")
"""Files of SSH that are no configuration, whatever they read like."""
_IDLE = (
    "*~", "*.bak", "*.bak.*", "*.disabled", "*.off", "*.old", "*.orig", "*.save", "*.swp", "*.rej",
    "*.rpmnew", "*.rpmorig", "*.rpmsave", "*.dpkg-*", "*.ucf-*", ".#*", "#*#",
)  # fmt: skip
"""Copies that editors, packages and people leave behind."""


def of_file(name: str, lines: Lines) -> Kind | None:
    """Return the kind of one file that somebody asked for; None where it is not recognised."""
    named = by_name(Path(name))
    if named is not None and not _reads_foreign(named, lines, strict=False):
        return named
    return None if _is_any(name, _KEYS) else by_content(lines)


def in_folder(path: Path) -> Kind | None:
    """The kind of a file that was met in a folder; None where it is another program's, or unsure.

    Looks at its first 64 KiB.
    """
    if _is_any(path.name, _KEYS):
        return None
    lines = _first_lines(path)
    if lines is None:
        return None
    named = by_name(path)
    if named is not None and not _reads_foreign(named, lines, strict=not _is_at_home(path, named)):
        return named
    found = by_content(lines, sure=_SURE)
    return None if found is None or found.only_by_name else found


def _is_at_home(path: Path, kind: Kind) -> bool:
    """Return whether not only the name but the folder, too, is the kind's."""
    whole = str(path.absolute())
    return path.parent.name == ".ssh" or any(
        "/" in name and fnmatch(whole, f"*/{name}") for name in kind.names
    )


def is_idle(path: Path) -> bool:
    """Return whether the name is one of a copy that is kept and not used."""
    return _is_any(path.name, _IDLE)


def is_main(path: Path, kind: Kind) -> bool:
    """Return whether the name is one under which the program looks for its file by itself."""
    whole = str(path.absolute())
    return any(
        fnmatch(path.name, name) or ("*" not in name and fnmatch(whole, f"*/{name}"))
        for name in kind.names
    )


def by_name(path: Path) -> Kind | None:
    """Return the kind that a file's name or its path's end tells; None where it tells none."""
    whole = str(path.absolute())
    for kind in kinds().values():
        if any(fnmatch(path.name, p) or fnmatch(whole, f"*/{p}") for p in kind.names):
            return kind
    return None


def by_content(lines: Lines, *, sure: int = 0) -> Kind | None:
    """The kind that most of the lines look like; None where they look like none, or like two.

    ``sure`` is the least number of such lines; 0 leaves it to short files to be short.
    """
    meant = _meant(lines)
    scores = sorted(((kind.looks(lines), name) for name, kind in kinds().items()), reverse=True)
    if not scores or _is_foreign(lines):
        return None
    best, name = scores[0]
    if best < (sure or min(_SURE, max(1, len(meant)))) or 2 * best < len(meant):
        return None
    if sure and 5 * best < 4 * min(len(meant), _LINES):
        return None
    if len(scores) > 1 and scores[1][0] == best:
        return None
    return kinds()[name]


def _reads_foreign(kind: Kind, lines: Lines, *, strict: bool) -> bool:
    """Return whether a file with a kind's name holds something else.

    A faulty file of the kind must not be taken for foreign, so only what hardly fits at all is.
    """
    meant = min(len(_meant(lines)), _LINES)
    if not meant:
        return False
    if _is_foreign(lines):
        return True
    fitting = (kind.fits or kind.looks)(lines)
    if not strict or meant < _SURE:
        return not fitting and (strict or meant >= _SURE)
    return 2 * fitting < meant


def _is_foreign(lines: Lines) -> bool:
    """Return whether lines are in another language than any of the kinds'."""
    if lines and lines[0].startswith("#!"):
        return True
    meant = _meant(lines)[:_LINES]
    begins = "\n".join(meant[:2]).lstrip()
    return _FOREIGN.match(begins) is not None or any(map(_SECTION.match, meant))


def _meant(lines: Lines) -> list[str]:
    """Return the lines that are no comment in any of the languages."""
    return [line for line in lines if line.strip() and line.lstrip()[0] not in "#!;%"]


def _first_lines(path: Path) -> Lines | None:
    """Return a file's first lines; None for what is no readable text."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(_LOOKED_AT)
    except OSError:
        return None
    return None if b"\0" in data else tuple(data.decode("utf-8", "replace").splitlines())


def _is_any(name: str, patterns: tuple[str, ...]) -> bool:
    base = name.rpartition("/")[2]
    return any(fnmatch(base, pattern) for pattern in patterns)
