"""``seventh explain``: rules, and rooms."""

from __future__ import annotations

import argparse
import sys

from seventh import protocols
from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.render.explain import explain, explain_planned
from seventh.render.protocol_page import explain_protocol
from seventh.rules.planned import plan
from seventh.rules.rule import AnyRule


def run(parsed: argparse.Namespace) -> int:
    """Print what each rule sees, why it matters and how to mend it; or what a room looks at."""
    built = {rule.id: (room, rule) for room, rule in built_rules()}
    planned = {row.id: row for row in plan().rules}
    texts: list[str] = []
    for text in parsed.ids:
        name = text.upper()
        word = text.lower().removesuffix("://")
        if word in protocols.schemes():
            word = protocols.room_of(word).name
        if word in protocols.rooms():
            texts.append(_room(word))
        elif name in built:
            texts.append(explain(built[name][1], parsed.lang))
        elif name in planned:
            texts.append(explain_planned(planned[name]))
        else:
            known = [*protocols.rooms(), *protocols.schemes(), *sorted({*built, *planned})]
            raise UsageError(unknown("rule or protocol", text, known, "seventh rules"))
    sys.stdout.write("\n".join(texts))
    return 0


def built_rules() -> list[tuple[str, AnyRule]]:
    """Return every built rule with its room, room by room."""
    return [(room, rule) for room in protocols.rooms() for rule in protocols.rules(room)]


def _room(name: str) -> str:
    faults = protocols.part(name, "lab").FAULTS if protocols.has_part(name, "lab") else ()
    return explain_protocol(protocols.rooms()[name], faults, protocols.checklist(name))
