"""The kind of a configuration file, by its content and its name.

A name alone is not enough: supervisor and fail2ban have an ``nginx.conf`` too. So the content of a
file with a known name must not be another program's, and that of any other file must match one kind
only. In doubt it is not checked.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from seventh.lint import kinds
from seventh.lintkit.linted import Kind

Lines = tuple[str, ...]

_LINES = 400
"""Lines of a file that are read to recognise it, also by the kinds' own functions."""
_READ_BYTES = 65_536
"""Bytes of a file in a folder that are read to recognise it."""
_SURE = 3
"""How many lines must match a kind to recognise a file with another name."""
_FOREIGN = re.compile(r"</?[A-Za-z!?]|---\s*$|-----BEGIN |\{\s*\"", re.MULTILINE)
"""How XML, YAML, PEM and JSON begin."""
_SECTION = re.compile(r"\s*\[\[?[\w .:\"'/-]+\]\]?\s*$")
"""The header of a section in INI and TOML."""
_KEYS = ("*.pub", "known_hosts*", "ssh_known_hosts*", "moduli", "moduli.*", "ssh_host_*_key")
"""Files of SSH that are no configuration."""
_KEPT = "*.seventh-orig*"
"""What `lint --fix` leaves beside a file."""
_BACKUPS = (
    "*~", "*.bak", "*.bak.*", "*.disabled", "*.off", "*.old", "*.orig", "*.save", "*.swp", "*.rej",
    "*.rpmnew", "*.rpmorig", "*.rpmsave", "*.dpkg-*", "*.ucf-*", ".#*", "#*#",
)  # fmt: skip
"""Copies that editors, packages and administrators leave behind."""


def of_file(name: str, lines: Lines) -> Kind | None:
    """Return the kind of a file that was named; None if it is not recognised."""
    named = by_name(Path(name))
    if named is not None and not _differs(named, lines, strict=False):
        return named
    return None if _is_any(name, _KEYS) else by_content(lines)


def in_folder(path: Path) -> Kind | None:
    """Return the kind of a file of a folder, by its first 64 KiB; None if it is not recognised."""
    if _is_any(path.name, (*_KEYS, _KEPT)):
        return None
    lines = _first_lines(path)
    if lines is None:
        return None
    named = by_name(path)
    if named is not None and not _differs(named, lines, strict=not _has_usual_folder(path, named)):
        return named
    found = by_content(lines, sure=_SURE)
    return None if found is None or found.only_by_name else found


def _has_usual_folder(path: Path, kind: Kind) -> bool:
    """Return whether the file's folder is the kind's too, and not only its name."""
    whole = str(path.absolute())
    return path.parent.name == ".ssh" or any(
        "/" in name and fnmatch(whole, f"*/{name}") for name in kind.names
    )


def is_backup(path: Path) -> bool:
    """Return whether the name is that of a backup copy."""
    return _is_any(path.name, _BACKUPS)


def is_main(path: Path, kind: Kind) -> bool:
    """Return whether the program reads a file of this name by default."""
    whole = str(path.absolute())
    return any(
        fnmatch(path.name, name) or ("*" not in name and fnmatch(whole, f"*/{name}"))
        for name in kind.names
    )


def by_name(path: Path) -> Kind | None:
    """Return the kind of a file's name or of the end of its path, if any."""
    whole = str(path.absolute())
    for kind in kinds().values():
        if any(fnmatch(path.name, p) or fnmatch(whole, f"*/{p}") for p in kind.names):
            return kind
    return None


def by_content(lines: Lines, *, sure: int = 0) -> Kind | None:
    """Return the kind that most of the lines match; None if they match none, or two alike.

    ``sure`` is the minimum number of matching lines; with 0 a short file needs fewer.
    """
    meant = _meant(lines)
    is_foreign = _is_foreign(lines)
    able = {name: kind for name, kind in kinds().items() if kind.tree or not is_foreign}
    ranked = sorted(((kind.looks(lines), name) for name, kind in able.items()), reverse=True)
    (best, name), (second, _), *_ = [*ranked, (0, ""), (0, "")]
    if best == second:
        return None
    if best < (sure or min(_SURE, len(meant))) or 2 * best < len(meant):
        return None
    if sure and 5 * best < 4 * min(len(meant), _LINES):
        return None
    return kinds()[name]


def _differs(kind: Kind, lines: Lines, *, strict: bool) -> bool:
    """Return whether a file with a kind's name has other content.

    A faulty file of the kind must still be recognised, so few matching lines are enough.
    """
    meant = min(len(_meant(lines)), _LINES)
    if not meant:
        return False
    if _is_foreign(lines) and not kind.tree:
        return True
    fitting = (kind.fits or kind.looks)(lines)
    if not strict or meant < _SURE:
        return not fitting and (strict or meant >= _SURE)
    return 2 * fitting < meant


def _is_foreign(lines: Lines) -> bool:
    """Return whether lines are in a language that no kind has."""
    if lines and lines[0].startswith("#!"):
        return True
    meant = _meant(lines)[:_LINES]
    begins = "\n".join(meant[:2]).lstrip()
    return _FOREIGN.match(begins) is not None or any(map(_SECTION.match, meant))


def _meant(lines: Lines) -> list[str]:
    """Return the lines that are not empty and no comment in any of the languages."""
    return [line for line in lines if line.strip() and line.lstrip()[0] not in "#!;%"]


def _first_lines(path: Path) -> Lines | None:
    """Return a file's first lines; None if it is no readable text."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(_READ_BYTES)
    except OSError:
        return None
    return None if b"\0" in data else tuple(data.decode("utf-8", "replace").splitlines())


def _is_any(name: str, patterns: tuple[str, ...]) -> bool:
    base = name.rpartition("/")[2]
    return any(fnmatch(base, pattern) for pattern in patterns)
