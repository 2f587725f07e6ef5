"""``seventh explain``: rules, and rooms."""

from __future__ import annotations

import argparse
import difflib
import sys

from seventh import protocols
from seventh.model.failure import UsageError
from seventh.render.explain import explain, explain_planned
from seventh.render.room import explain_room
from seventh.rules.planned import plan
from seventh.rules.rule import AnyRule


def run(parsed: argparse.Namespace) -> int:
    """Print what each rule sees, why it matters and how to mend it; or what a room looks at."""
    built = {rule.id: (room, rule) for room, rule in built_rules()}
    planned = {row.id: row for row in plan().rules}
    texts: list[str] = []
    for text in parsed.ids:
        name = text.upper()
        if text.lower() in protocols.rooms():
            texts.append(_room(text.lower()))
        elif name in built:
            texts.append(explain(built[name][1], parsed.lang))
        elif name in planned:
            texts.append(explain_planned(planned[name]))
        else:
            raise UsageError(_unknown(name, sorted({*built, *planned})))
    sys.stdout.write("\n".join(texts))
    return 0


def built_rules() -> list[tuple[str, AnyRule]]:
    """Every built rule with its room, room by room."""
    return [(room, rule) for room in protocols.rooms() for rule in protocols.rules(room)]


def _room(name: str) -> str:
    faults = protocols.part(name, "lab").FAULTS if protocols.has_part(name, "lab") else ()
    return explain_room(protocols.rooms()[name], faults, protocols.checklist(name))


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; `seventh rules` lists them"
    return f"no rule and no room is called {name}{hint}"
