"""The one error of parsers of reports and messages."""

from __future__ import annotations


class MalformedError(ValueError):
    """The content is not what it claims to be; the text says what, and where."""
