"""argparse with one-line errors, and its arguments made from declared options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from seventh.model.failure import UsageError
from seventh.model.near import near, unknown
from seventh.model.option import Declared

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and exit code 3.

    Options cannot be abbreviated: ``--intr`` must not grant ``--intrusive``.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)
        self.helped: dict[str, str] = {}
        """Options that only ``--help PROTOCOL`` lists, each with the protocol."""

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Write the help; argparse's own method ignores errors of writing."""
        (file or sys.stdout).write(self.format_help())

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        message = message.removeprefix("argument ")
        between = "" if message.endswith("?") else ";"
        protocol = self.helped.get(message.partition(":")[0], "")
        command = f"{self.prog} --help {protocol}".rstrip()
        raise UsageError(f"{message}{between} see `{command}`")

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Read all of ``words``; raises UsageError for an unknown option.

        The error has only the option's name: the rest may be a secret.
        """
        parsed, rest = self._parsed(words)
        if not rest:
            return parsed
        names = [_name(word) for word in rest if word.startswith("-")]
        if not names:
            raise UsageError(f"unexpected arguments: {' '.join(rest)}; see `{self.prog} --help`")
        known = [name for name in self._option_string_actions if name.startswith("--")]
        meant = near(names[0], known) or [
            f"{action.option_strings[0]} {names[0].lstrip('-')}"
            for action in self._actions
            if names[0].lstrip("-") in (action.choices or ())
        ]
        hint = f"did you mean {' or '.join(meant)}? " if meant else ""
        protocol = next((f" {self.helped[name]}" for name in meant if name in self.helped), "")
        raise UsageError(
            f"unknown option {names[0]}: {hint}`{self.prog} --help{protocol}` lists them"
        )

    def _parsed(self, words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Read what is known; arguments may be before, between and after options."""
        if any(action.nargs == argparse.PARSER for action in self._actions):
            return self.parse_known_args(words)
        return self.parse_known_intermixed_args(words)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise ArgumentError, with a suggestion, for a value that is none of the choices."""
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(action, unknown("value", str(value), known))


def _name(word: str) -> str:
    """Return an option's name without an attached value."""
    return word.partition("=")[0] if word.startswith("--") else word[:2]


Group = argparse._ActionsContainer


def add(group: Group, options: Iterable[Declared], *, hidden: bool = False) -> None:
    """Add declared options; one that is not given has no attribute in the result."""
    for each in options:
        named = (each.option.flag, *each.option.aliases)
        names = [f"--{name}" if len(name) > 1 else f"-{name}" for name in named]
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
            settings["metavar"] = each.option.metavar or None
            group.add_argument(*names, **settings, choices=each.choices)
        else:
            settings["metavar"] = each.option.metavar or None
            if each.repeated:
                settings["action"] = "append"
            group.add_argument(*names, **settings, type=_reader(each))


def add_grouped(parser: Parser, shared: Sequence[Declared]) -> None:
    """Add declared options below the headings that they name."""
    for title in dict.fromkeys(each.option.group for each in shared):
        group = parser.add_argument_group(title)
        add(group, [each for each in shared if each.option.group == title])


def _reader(each: Declared) -> Callable[[str], Any]:
    """Return the function that parses a number, if the option takes one, else ``str``."""
    if not each.is_number:
        return str

    def number(text: str) -> Any:
        try:
            return msgspec.convert(text, each.checked, strict=False)
        except msgspec.ValidationError:
            wanted = each.bounds or "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}") from None

    return number
