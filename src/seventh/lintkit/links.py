"""Symbolic links in a copied configuration: their absolute targets mean the copy, too."""

from __future__ import annotations

import os
from pathlib import Path

from seventh.lintkit.files import holds
from seventh.lintkit.place import Place

MAX_LINKS = 40
"""Links that are followed for one name, as the kernel has it."""


def followed(place: Place, path: Path) -> Path:
    """Return ``path`` with the links that leave a copy for ``/etc`` bent back into it.

    Such as ``TREE/etc/nginx/sites-enabled/a``, which leads to ``/etc/nginx/sites-available/a``.
    """
    if not place.is_copy:
        return path
    for _ in range(MAX_LINKS):
        bent = _bent(place, path)
        if bent is None:
            break
        path = bent
    return path


def of_the_machine(place: Place, name: str) -> bool:
    """Return whether a name may mean this machine's file where it is not beside the linted one.

    A file alone in some folder is a copy without the files that come with the program.
    """
    return place.is_copy and place.root is None and name.startswith("/")


def is_foreign(place: Place, path: Path) -> bool:
    """Return whether a file that a copy names is this machine's, and not one of the copy."""
    if not place.is_copy or not holds(Path.exists, path):
        return False
    homes = [os.path.realpath(place.root or place.folder), os.path.realpath(place.folder),
             os.path.realpath(place.linked)]  # fmt: skip
    real = Path(os.path.realpath(path))
    return not any(real.is_relative_to(home) for home in homes)


def _bent(place: Place, path: Path) -> Path | None:
    """Return one link replaced by what it means in the copy; None where nothing needs it."""
    for part in (*reversed(path.parents), path):
        try:
            target = str(part.readlink())
        except (OSError, ValueError):
            continue
        if not target.startswith("/"):
            continue
        meant = place.path(target)
        if meant != Path(target) and meant != part:
            return meant / path.relative_to(part)
    return None
