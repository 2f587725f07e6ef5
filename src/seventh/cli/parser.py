"""argparse with this project's manners, and its arguments made from declared options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from seventh.model.failure import UsageError
from seventh.model.option import Declared

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


class Parser(argparse.ArgumentParser):
    """Reads one verb's words. What it says on an error becomes one line and exit code 3.

    No option may be abbreviated: ``--intr`` must not grant ``--intrusive``.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Write the help; argparse's own would swallow that it cannot be written."""
        (file or sys.stdout).write(self.format_help())

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message}; `{self.prog} --help` shows how")

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Read all of ``words``; UsageError for an option that is not known.

        Only the option's name is repeated: what follows may be a secret.
        """
        parsed, unknown = self.parse_known_args(words)
        if not unknown:
            return parsed
        names = [_name(word) for word in unknown if word.startswith("-")]
        if not names:
            raise UsageError(f"too many arguments: {' '.join(unknown)}; see `{self.prog} --help`")
        known = [name for name in self._option_string_actions if name.startswith("--")]
        near = [name for name in known if name.startswith(names[0]) and len(names[0]) > 2]
        if not near:
            import difflib

            near = difflib.get_close_matches(names[0], known, n=2)
        hint = f"did you mean {' or '.join(near[:3])}? " if near else ""
        raise UsageError(f"unknown option {names[0]}: {hint}`{self.prog} --help` lists all")


def _name(word: str) -> str:
    """An option's name without the value that is written on to it."""
    return word.partition("=")[0] if word.startswith("--") else word[:2]


Group = argparse._ArgumentGroup


def add(group: Group, options: Iterable[Declared], *, hidden: bool = False) -> None:
    """Add declared options; one that is not given leaves no trace in the result."""
    for each in options:
        names = [f"--{name}" for name in (each.option.flag, *each.option.aliases)]
        settings: dict[str, Any] = {
            "dest": each.field,
            "default": argparse.SUPPRESS,
            "help": argparse.SUPPRESS if hidden else each.help.replace("%", "%%"),
        }
        if each.option.switches:
            either = group.add_mutually_exclusive_group()
            for name, value, words in each.option.switches:
                shown = argparse.SUPPRESS if hidden else words
                either.add_argument(
                    name, **settings | {"help": shown}, action="store_const", const=value
                )
        elif each.is_switch:
            group.add_argument(*names, **settings, action="store_true")
        elif each.choices:
            group.add_argument(*names, **settings, choices=each.choices)
        else:
            settings["metavar"] = each.option.metavar or None
            if each.repeated:
                settings["action"] = "append"
            group.add_argument(*names, **settings, type=_reader(each))


def _reader(each: Declared) -> Callable[[str], Any]:
    """What makes a number of a word, where the option takes numbers; else the word itself."""
    if not each.is_number:
        return str

    def number(text: str) -> Any:
        try:
            return msgspec.convert(text, each.checked, strict=False)
        except msgspec.ValidationError:
            wanted = each.bounds or "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}") from None

    return number
