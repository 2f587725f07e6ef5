"""The tables of a TOML file with their lines, and the keys of each, checked by a struct."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from seventh.engine.tables import load
from seventh.model.failure import UsageError
from seventh.model.near import near, unknown
from seventh.model.option import Declared, declared

K = TypeVar("K", bound=msgspec.Struct)
_MAX_LABELS, _MAX_LABEL = 50, 1000
"""Labels of a target, and characters of each."""
_HEADER = re.compile(r"^[ \t]*\[(\[?)[ \t]*([A-Za-z]+)[ \t]*\]", re.MULTILINE)
_SECRET = re.compile(r"^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$")


class Row(msgspec.Struct, frozen=True):
    """One table of the file."""

    where: str
    """File and line."""
    values: Mapping[str, Any]


def rows(
    name: str, text: str, known: Iterable[str], listed: frozenset[str]
) -> dict[str, list[Row]]:
    """Return the file's tables by name; raises UsageError for one that is unknown."""
    content = load(name, text)
    lines = _lines(text)
    found: dict[str, list[Row]] = {table: [] for table in known}
    for key, value in content.items():
        where = f"{name}:{lines[key][0]}" if lines.get(key) else name
        if key not in found:
            wrong = unknown("table", key, found, shown="[{}]")
            raise UsageError(f"{where}: {wrong}")
        several = value if isinstance(value, list) else [value]
        if not all(isinstance(each, dict) for each in several) or (
            key in listed and several is not value
        ):
            form = f"[[{key}]]" if key in listed else f"[{key}]"
            raise UsageError(f"{where}: {key} is a table: write {form}")
        places = [f"{name}:{line}" for line in lines.get(key, [])]
        if len(places) != len(several):  # written without headers, as { … }
            places = [f"{name}: {key} {number}" for number in range(1, len(several) + 1)]
        found[key] = [Row(where, each) for where, each in zip(places, several, strict=True)]
    return found


def _lines(text: str) -> dict[str, list[int]]:
    """Return the lines of the headers of tables, by the table's name."""
    found: dict[str, list[int]] = {}
    line = at = 0
    for match in _HEADER.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        found.setdefault(match.group(2), []).append(line + 1)
    return found


def keys(kind: type[K], row: Row, others: Iterable[str] = ()) -> K:
    """Return a table's own keys, checked; ``others`` are read elsewhere. Raises UsageError."""
    known = {each.option.flag: each for each in declared(kind)}
    values: dict[str, Any] = {}
    for key, value in row.values.items():
        each = known.get(key)
        if each is not None:
            values[each.field] = _value(row.where, each, value)
        elif key not in others:
            raise UsageError(f"{row.where}: {unknown('key', key, sorted([*known, *others]))}")
    required = {field.name for field in msgspec.structs.fields(kind) if field.required}
    for each in known.values():
        if each.field in required - values.keys():
            hint = f", not {meant[0]}" if (meant := near(each.option.flag, row.values)) else ""
            raise UsageError(f"{row.where}: needs {each.option.flag} = …{hint}")
    return kind(**values)


def _value(where: str, each: Declared, value: Any) -> Any:
    flag = each.option.flag
    if each.option.file == "secret" and not (isinstance(value, str) and _SECRET.match(value)):
        # The value is not shown: it may be the secret.
        raise UsageError(
            f"{where}: {flag}: write file:/path or env:NAME; secrets are not in this file"
        )
    try:
        made = msgspec.convert(value, each.checked)
    except msgspec.ValidationError:
        if each.choices and isinstance(value, str):
            raise UsageError(f"{where}: {flag}: {unknown('value', value, each.choices)}") from None
        raise UsageError(f"{where}: {flag}: write {_wanted(each)}, not {value!r:.80}") from None
    if isinstance(made, dict) and each.type == dict[str, str]:
        _check_labels(f"{where}: {flag}", made)
    return made


def _wanted(each: Declared) -> str:
    if each.bounds and each.is_number:
        return each.bounds
    kinds = {get_origin(kind) for kind in (each.type, *get_args(each.type))}
    if dict in kinds:
        text = dict[str, str] in {each.type, *get_args(each.type)}
        return (
            'labels, such as { team = "web" }' if text else 'a table, such as { text = "{title}" }'
        )
    if bool in {each.type, *get_args(each.type)}:
        return "true or false"
    return "a list of names" if tuple in kinds else "a string"


def _check_labels(where: str, labels: dict[str, str]) -> None:
    if len(labels) > _MAX_LABELS:
        raise UsageError(f"{where}: {len(labels)} labels; write at most {_MAX_LABELS}")
    for name, value in labels.items():
        if len(name) > _MAX_LABEL or len(value) > _MAX_LABEL:
            raise UsageError(f"{where}: {name:.80}: longer than {_MAX_LABEL} characters")
