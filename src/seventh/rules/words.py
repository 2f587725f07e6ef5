"""Texts of findings, filled in when a finding is rendered.

The declarations are in English. Another language is a file ``words/LANG.toml`` in a room's folder:
a table per rule id with any of ``title``, ``evidence``, ``why``, ``fix`` and ``phrases``. A missing
text is shown in English.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seventh.model.failure import UsageError
from seventh.model.report import Param
from seventh.rules.rule import AnyRule, Hit, Words

_PARAMETER = re.compile(r"\{(\w+)\}")


class _Lenient(string.Formatter):
    """A formatter that joins lists and shows ``…`` for a missing parameter."""

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        value = kwargs.get(str(key), "…")
        return ", ".join(value) if isinstance(value, tuple | list) else value

    def get_field(self, field_name: str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        # A parameter is a plain name: attribute and index look-ups are never followed.
        return self.get_value(field_name, args, kwargs), field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        try:
            return format(value, format_spec)
        except (TypeError, ValueError):
            return str(value)


_FORMATTER = _Lenient()


def fill(template: str, params: Mapping[str, Param]) -> str:
    """Fill ``params`` into ``template``."""
    return _FORMATTER.vformat(template, (), params)


def filled(words: Words, params: Mapping[str, Param]) -> Words:
    """Return ``words`` with ``params`` filled in, codes as their phrases."""
    params = {**params, **_phrases(words, params)}
    return Words(
        title=fill(words.title, params),
        evidence=fill(words.evidence, params),
        why=fill(words.why, params),
        fix={
            product: _lines(text, params, lambda line: fill(line, params))
            for product, text in words.fix.items()
        },
    )


def _phrases(words: Words, params: Mapping[str, Param]) -> dict[str, Param]:
    """Return the parameters that are codes as text; a code without a phrase is shown as it is."""
    found: dict[str, Param] = {}
    for name, texts in words.phrases.items():
        value = params.get(name, ())
        codes = value if isinstance(value, tuple | list) else (value,)
        found[name] = "; ".join(fill(texts.get(str(code), str(code)), params) for code in codes)
    return found


def _lines(template: str, params: Mapping[str, Param], within: Callable[[str], str]) -> str:
    """Return a fix; a line that is one parameter alone becomes a line for each of its values.

    ``within`` makes every other line.
    """
    lines: list[str] = []
    for line in template.split("\n"):
        alone = _PARAMETER.fullmatch(line)
        if alone is None or alone[1] not in params:
            lines.append(within(line))
            continue
        value = params[alone[1]]
        lines += value if isinstance(value, tuple | list) else [str(value)]
    return "\n".join(lines)


def usual_fixes(rule: AnyRule, words: Words) -> dict[str, str]:
    """Return the fixes as a page shows them: a line that is one parameter is the example's.

    A parameter within a line stays, such as ``{address}``.
    """
    verdict = rule(rule.bad)
    params = verdict.params if isinstance(verdict, Hit) else {}
    return {product: _lines(fix, params, str) for product, fix in words.fix.items()}


def translation(folder: Path, lang: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the room's texts in ``lang``; empty for English and where no file is.

    Raises UsageError when the file is there and is not TOML.
    """
    if lang == "en":
        return {}
    import tomllib

    path = folder / "words" / f"{lang}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not readable as TOML: {error}") from None


def words_in(rule: AnyRule, texts: Mapping[str, Mapping[str, Any]]) -> Words:
    """Return the rule's words, with what ``texts`` translates put in their place."""
    mine = texts.get(rule.id, {})
    return Words(
        title=str(mine.get("title", rule.words.title)),
        evidence=str(mine.get("evidence", rule.words.evidence)),
        why=str(mine.get("why", rule.words.why)),
        fix={**rule.words.fix, **{str(k): str(v) for k, v in mine.get("fix", {}).items()}},
        phrases={
            name: {**texts, **mine.get("phrases", {}).get(name, {})}
            for name, texts in rule.words.phrases.items()
        },
    )
