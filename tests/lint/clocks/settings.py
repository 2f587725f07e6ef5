"""A view's settings in short."""

from __future__ import annotations

from seventh.lintkit.linted import View


def settings_of(view: View) -> dict[str, list[str]]:
    """Return each key's lines as ``LINE: TEXT``; a default has its text alone."""
    return {
        key: [f"{s.at.line}: {s.at.text}" if s.at.line else s.at.text for s in found]
        for key, found in view.settings.items()
    }
