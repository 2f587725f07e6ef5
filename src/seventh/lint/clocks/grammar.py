"""The syntax of directives, as their program accepts them.

A grammar is a table: the syntax of each of the ``directives``, ``options`` by table, ``since`` with
the version that introduced a name, ``only`` with the one product that supports it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address

from seventh.lint.clocks.lines import as_integer, as_number

Version = tuple[int, ...]
_ADDRESS = re.compile(r"[0-9A-Fa-f.:]+")
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}")
_HEXADECIMAL = re.compile(r"(?:0[xX])?[0-9A-Fa-f]+")
_KINDS = {
    "address": "an address",
    "hexadecimal": "a hexadecimal number",
    "integer": "an integer",
    "network": "an address or a network",
    "number": "a number",
    "path": "a path",
    "refid": "at most four characters",
    "stratum": "an integer from 1 to 15",
    "word": "a word",
}


class Grammar:
    """The grammar of one program, read from its table.

    Its messages quote names of the grammar, and never a value, which may be a secret.
    """

    def __init__(self, table: str, program: str, *, strict: bool = False) -> None:
        import tomllib

        data = tomllib.loads(table)
        self.program = program
        self.strict = strict
        """Whether names are case-sensitive, and a number must be a whole word."""
        self.directives: Mapping[str, str] = data["directives"]
        self.options: Mapping[str, Mapping[str, str]] = data["options"]
        self.valued = {
            table: frozenset(name for name, value in options.items() if value)
            for table, options in self.options.items()
        }
        """By table, the options that have a value."""
        self._since = {
            name: tuple(map(int, since.split("."))) for name, since in data["since"].items()
        }
        self._only: Mapping[str, str] = data.get("only", {})

    def mismatch(
        self,
        name: str,
        words: tuple[str, ...],
        version: Version | None = None,
        product: str | None = None,
    ) -> str:
        """Return why the program refuses a directive; empty if it accepts it.

        ``version`` and ``product`` None stand for any supported one.
        """
        shape = self.directives.get(name)
        if shape is None:
            return f"unknown directive of {self.program}"
        if error := self._unsupported(name, name, version, product):
            return error
        errors = [self._error(part.split(), words, version, product) for part in shape.split(" | ")]
        return "" if "" in errors else f"{name}: {errors[0]}"

    def _unsupported(
        self, name: str, shown: str, version: Version | None, product: str | None
    ) -> str:
        since = self._since.get(name)
        if since is not None and version is not None and version < since:
            return f"{shown} requires version {'.'.join(map(str, since))}"
        only = self._only.get(name)
        if only is not None and product is not None and product != only:
            return f"{shown} is not supported by {product}, only by {only}"
        return ""

    def _error(
        self, shape: list[str], words: tuple[str, ...], version: Version | None, product: str | None
    ) -> str:
        """Return why the words do not match the syntax; empty if they do."""
        position, passed = 0, ""
        for part in shape:
            if part.startswith("options:"):
                table = part.removeprefix("options:")
                return self._options(table, words[position:], version, product)
            kind = part.rstrip("?*!")
            if part.endswith("*"):
                wrong = any(not self._is(kind, word) for word in words[position:])
                return f"accepts {_described(kind)} only" if wrong else ""
            if position < len(words) and self._is(kind, words[position], part.endswith("!")):
                position += 1
            elif not part.endswith("?"):
                missing = position >= len(words)
                return f"{_described(kind)} is {'missing' if missing else 'expected'}"
            else:
                passed = f"{_described(kind)} is expected"
        if position == len(words):
            return ""
        return passed if passed and position + 1 == len(words) else "too many words"

    def _options(
        self, table: str, words: tuple[str, ...], version: Version | None, product: str | None
    ) -> str:
        """Return why the words are not options of a table; empty if they are."""
        known = self.options[table]
        position = 0
        while position < len(words):
            option = words[position] if self.strict else words[position].lower()
            position += 1
            if option not in known:
                if option.startswith(("#", "!", ";", "%")):
                    return "a comment cannot follow on the same line"
                return f"unknown option of {self.program}"
            name, shown = f"{table}.{option}", f"the option {option}"
            if error := self._unsupported(name, shown, version, product):
                return error
            if known[option]:
                if position >= len(words) or not self._is(known[option], words[position], True):
                    return f"the option {option} requires {_described(known[option])}"
                position += 1
        return ""

    def _is(self, kind: str, word: str, whole: bool = False) -> bool:
        """Return whether a word, or its beginning unless ``whole``, is of a kind."""
        whole = whole or self.strict
        if kind.startswith("{"):
            return (word if self.strict else word.lower()) in kind[1:-1].split(",")
        if kind == "integer":
            return as_integer(word, whole=whole) is not None
        if kind == "number":
            return as_number(word, whole=whole) is not None
        if kind == "hexadecimal":
            return _HEXADECIMAL.fullmatch(word) is not None
        if kind == "stratum":
            return 1 <= (as_integer(word, whole=True) or 0) <= 15
        if kind == "address":
            return _is_address(word)
        if kind == "refid":
            return len(word.encode()) <= 4
        if kind == "path":
            return word.startswith("/")
        return kind != "network" or _is_network(word)


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return "%" not in word


def _is_network(word: str) -> bool:
    """Return whether it is an address, the start of one, either with its bits, or a name."""
    address, slash, bits = word.partition("/")
    if slash and (_ADDRESS.fullmatch(address) is None or not bits.isdecimal()):
        return False
    numbers = _NUMBERS.fullmatch(address)
    return numbers is None or all(int(part[:4]) < 256 for part in address.split("."))


def _described(kind: str) -> str:
    """Describe a kind of word."""
    if kind.startswith("{"):
        return "one of " + ", ".join(kind[1:-1].split(","))
    return _KINDS[kind]
