"""``seventh explain``: rules and protocols."""

from __future__ import annotations

import argparse
import sys

from seventh import protocols
from seventh.model.failure import UsageError
from seventh.model.localfacts import LocalFacts
from seventh.model.near import unknown
from seventh.render.explain import explain, explain_planned
from seventh.render.local_page import explain_local
from seventh.render.protocol_page import explain_protocol
from seventh.render.wording import built
from seventh.rules.planned import plan


def run(parsed: argparse.Namespace) -> int:
    """Print the explanation of each rule or protocol."""
    rules = {rule.id: rule for some in built().values() for rule in some}
    planned = {row.id: row for row in plan().rules}
    texts: list[str] = []
    for text in parsed.ids:
        name = text.upper()
        room = text.lower().removesuffix("//").removesuffix(":")
        if room in protocols.schemes():
            room = protocols.room_of(room).name
        if room == LocalFacts.ROOM:
            texts.append(explain_local())
        elif room in protocols.rooms():
            texts.append(explain_protocol(protocols.rooms()[room]))
        elif name in rules:
            texts.append(explain(rules[name], parsed.lang))
        elif name in planned:
            texts.append(explain_planned(planned[name]))
        else:
            known = [
                LocalFacts.ROOM,
                *protocols.rooms(),
                *protocols.schemes(),
                *sorted({*rules, *planned}),
            ]
            raise UsageError(unknown("rule or protocol", text, known, "seventh rules"))
    sys.stdout.write("\n".join(texts))
    return 0
