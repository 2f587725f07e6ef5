"""The formats of reports, one module each; to add one, add its file.

A format is a module with ``render(document, view) -> str``. Its name is the value of ``--format``,
and it loads when it is used.
"""

from __future__ import annotations

import pkgutil

FORMATS = tuple(sorted(info.name for info in pkgutil.iter_modules(__path__)))
"""The names of all formats, in alphabetical order."""
