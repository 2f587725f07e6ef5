"""The context of a protocol's verb: a probe's, its arguments, and its output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from seventh.net.probe_context import ProbeContext

Show = Callable[[msgspec.Struct], None]
Progress = Callable[[int, int | None], None]


class Work:
    """One run of a verb.

    A result is a frozen struct; its ``str`` is its line for people, its fields are its JSON.
    """

    __slots__ = ("_progress", "_show", "arguments", "ctx")

    def __init__(
        self,
        ctx: ProbeContext,
        arguments: Mapping[str, Sequence[str]],
        show: Show,
        progress: Progress,
    ) -> None:
        self.ctx = ctx
        self.arguments = arguments
        """By the argument's name, the words given for it."""
        self._show = show
        self._progress = progress

    def word(self, name: str) -> str:
        """Return the value of an argument that takes one."""
        return self.arguments[name][0]

    def show(self, result: msgspec.Struct) -> None:
        """Print a result."""
        self._show(result)

    def progress(self, done: int, total: int | None = None) -> None:
        """Show progress; ``total`` is None where it is unknown."""
        self._progress(done, total)
