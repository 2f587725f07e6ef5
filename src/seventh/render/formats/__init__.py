"""The formats of reports: one file each, found by looking. Nothing here is edited to add one.

A format is a module of this folder with ``render(document, view) -> str``; ``--format`` takes the
name of its file. It is loaded when it is asked for.
"""

from __future__ import annotations

import pkgutil

FORMATS = tuple(sorted(info.name for info in pkgutil.iter_modules(__path__)))
"""The names of all formats, in alphabetical order."""
