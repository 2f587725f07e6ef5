"""The context of a protocol's verb: a probe's, its arguments, and its output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from seventh.net.probe_context import ProbeContext

Show = Callable[[msgspec.Struct], None]
Progress = Callable[[int, int | None], None]
Say = Callable[[str], None]


class Work:
    """One run of a verb.

    A result is a frozen struct; its ``str`` is its line for people, its fields are its JSON.
    """

    __slots__ = ("_progress", "_say", "_show", "_update", "arguments", "ctx", "format")

    def __init__(
        self,
        ctx: ProbeContext,
        arguments: Mapping[str, Sequence[str]],
        show: Show,
        progress: Progress,
        *,
        say: Say = lambda _: None,
        update: Show | None = None,
        format: str = "text",  # noqa: A002 - the option's name
    ) -> None:
        self.ctx = ctx
        self.arguments = arguments
        """By the argument's name, the words given for it."""
        self.format = format
        """The value of ``--format``, for verbs whose exit codes depend on it."""
        self._show = show
        self._progress = progress
        self._say = say
        self._update = update

    def word(self, name: str) -> str:
        """Return the value of an argument that takes one."""
        return self.arguments[name][0]

    def show(self, result: msgspec.Struct) -> None:
        """Print a result."""
        self._show(result)

    def progress(self, done: int, total: int | None = None) -> None:
        """Show progress; ``total`` is None where it is unknown."""
        self._progress(done, total)

    def say(self, text: str) -> None:
        """Print a line beside the results, on standard error: what a run of days has to tell."""
        self._say(text)

    @property
    def is_live(self) -> bool:
        """Whether results are shown to people on a terminal, so that :meth:`update` may be used."""
        return self._update is not None

    def update(self, result: msgspec.Struct) -> None:
        """Show a result in place of the one before it, on a terminal."""
        assert self._update is not None  # noqa: S101 - the contract of is_live
        self._update(result)
