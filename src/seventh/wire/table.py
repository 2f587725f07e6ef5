"""Files beside the code, wherever it was imported from: a folder, or an archive in memory."""

from __future__ import annotations

import pkgutil


def read_text(package: str, name: str) -> str:
    """Return the text of the file ``name`` in the folder of ``package``."""
    data = pkgutil.get_data(package, name)
    assert data is not None  # noqa: S101 - every loader of ours has data
    return data.decode()
