"""A page for each rule and each room, from the declarations: ``python -m seventh.render.pages``.

Writes docs/rules/ and docs/protocols/; with ``--check`` it only says what is stale. The folders
belong to this module: a page whose rule is gone is removed.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import fields

from seventh.protocols import checklist, has_part, part, rooms
from seventh.render import protocol_page as room_pages
from seventh.render.commonmark import block, escape
from seventh.render.entries import clean
from seventh.render.explain import SOURCES, TIERS
from seventh.render.generated import arguments, finish
from seventh.render.summary import unknown
from seventh.render.wording import Wording, built, example, is_prose
from seventh.rules.rule import AnyRule
from seventh.rules.words import usual_fixes

_MADE = "<!-- Made by `python -m seventh.render.pages` from the rule's declaration. -->"
_LONG = 12
"""The most items of a list that an example shows."""


def pages(rules: Mapping[str, Sequence[AnyRule]]) -> dict[str, str]:
    """Return every page by its file's name; ``rules`` are the built rules of each room."""
    made = {f"{rule.id}.md": page(room, rule) for room in rules for rule in rules[room]}
    made["README.md"] = index(rules)
    return made


def index(rules: Mapping[str, Sequence[AnyRule]]) -> str:
    """Return the list of all rules, by room."""
    total = sum(len(some) for some in rules.values())
    blocks = [_MADE, "# The rules", f"{total} rules. `seventh explain ID` says the same as a page."]
    specs = rooms()
    for room in sorted(rules):
        title = specs[room].title if room in specs else room
        rows = ["| Rule | Severity | Tier | Source | |", "|---|---|---|---|---|"]
        rows += [
            f"| [{rule.id}]({rule.id}.md) | {rule.severity} | {rule.tier} | {rule.source} "
            f"| {escape(rule.words.title)} |"
            for rule in sorted(rules[room], key=lambda rule: rule.id)
        ]
        blocks += [f"## {escape(title)} (`{room}`)", "\n".join(rows)]
    return "\n\n".join(blocks) + "\n"


def page(room: str, rule: AnyRule) -> str:
    """Return one rule's page, in English."""
    words = Wording().of_rule(room, rule)
    blocks = [
        _MADE,
        f"# {rule.id}: {escape(words.title)}",
        "\n".join(
            [
                "| | |",
                "|---|---|",
                f"| Severity | {rule.severity} |",
                f"| Tier | {rule.tier}: {TIERS[rule.tier]} |",
                f"| Source | {rule.source}: {SOURCES[rule.source]} |",
                f"| Room | `{room}` |",
                *_decided(rule),
            ]
        ),
    ]
    if doc := inspect.getdoc(rule.condition):
        blocks.append(escape(doc))
    blocks += ["## What it sees", escape(words.evidence)]
    if said := example(rule):
        blocks += ["Such as:", f"> {escape(said)}"]
    if words.why:
        blocks += ["## Why it matters", escape(words.why)]
    if words.fix:
        blocks.append("## Fix")
        for product, fix in usual_fixes(rule, words).items():
            shown = escape(fix.strip()) if is_prose(fix) else block(fix)
            label = "In any other:" if len(words.fix) > 1 else ""
            blocks += [label if product == "any" else f"In {escape(product)}:", shown]
    if rule.references or rule.seed:
        lines = [escape(reference) for reference in rule.references]
        lines += [f"Seed sections {', '.join(rule.seed)}"] if rule.seed else []
        blocks += ["## References", "\n".join(f"- {line}" for line in lines)]
    fires, silent = _difference(rule.bad, rule.good)
    blocks += ["## Example", "It fires on facts that differ from good ones in", _json(fires)]
    blocks += ["where the good ones have", _json(silent)] if silent else []
    return "\n\n".join(each for each in blocks if each) + "\n"


def _decided(rule: AnyRule) -> list[str]:
    return [
        f"| In files of {escape(product)} | {', '.join(f'`{name}`' for name in names)} |"
        for product, names in rule.directives.items()
    ]


def _json(value: Any) -> str:
    fence = block(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    return fence.replace("```\n", "```json\n", 1)


def _difference(bad: msgspec.Struct, good: msgspec.Struct) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields in which the two differ, as either has them; records inside are compared too."""
    fires: dict[str, Any] = {}
    silent: dict[str, Any] = {}
    for field in fields(bad):
        name = field.encode_name
        one, other = getattr(bad, field.name), getattr(good, field.name)
        if one == other:
            continue
        if isinstance(one, msgspec.Struct) and type(one) is type(other):
            fires[name], silent[name] = _difference(one, other)
        else:
            fires[name], silent[name] = _compact(one), _compact(other)
    return fires, silent


def _compact(value: Any) -> Any:
    """Return ``value`` as JSON's kinds, without the fields that were not learnt, long lists cut."""
    if isinstance(value, msgspec.Struct):
        return {
            field.encode_name: _compact(getattr(value, field.name))
            for field in fields(value)
            if not unknown(field, getattr(value, field.name))
        }
    if isinstance(value, Mapping):
        items = sorted(value.items(), key=str)
        return {clean(str(key)): _compact(item) for key, item in items}
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        more = [f"… {len(value) - _LONG} more"] if len(value) > _LONG else []
        return [_compact(item) for item in value[:_LONG]] + more
    return clean(value) if isinstance(value, str) else msgspec.to_builtins(value)


def pages_of_rooms(rules: Mapping[str, Sequence[AnyRule]]) -> dict[str, str]:
    """Return every room's page by its file's name."""
    made = {"README.md": room_pages.index(rooms())}
    for name, spec in rooms().items():
        faults = part(name, "lab").FAULTS if has_part(name, "lab") else ()
        made[f"{name}.md"] = room_pages.page(spec, rules.get(name, ()), faults, checklist(name))
    return made


def files(docs: Path) -> tuple[dict[Path, str], list[Path]]:
    """Give what docs/rules/ and docs/protocols/ should hold, and our files that they hold now."""
    rules = built()
    made = {"rules": pages(rules), "protocols": pages_of_rooms(rules)}
    return (
        {
            docs / folder / name: some[name]
            for folder, some in made.items()
            for name in sorted(some)
        },
        [path for folder in made for path in sorted((docs / folder).glob("*.md"))],
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages, or with ``--check`` exit 1 and name each that is not up to date."""
    docs, check = arguments("docs/rules/ and docs/protocols/", argv)
    made, owned = files(docs)
    return finish(made, owned, check=check, how="python -m seventh.render.pages")


if __name__ == "__main__":
    raise SystemExit(main())
