"""Rules as plain text: ``seventh explain ID`` and ``seventh rules [--all]``."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Mapping

from seventh.render.wording import Wording, example, is_prose, room_of_rule
from seventh.rules.planned import Planned
from seventh.rules.rule import AnyRule, Source
from seventh.rules.words import usual_fixes

TIERS = {
    0: "DNS lookups, connections and handshakes only",
    1: "harmless requests that the standard provides for",
    2: "needs a credential or a user name",
    3: "leaves a trace visible to others; needs --allow-write",
    4: "intrusive; needs --intrusive, and for other machines also --i-own-this",
}
"""What a rule of each tier does to the peer."""

SOURCES = {
    Source.WIRE: "what the peer sends",
    Source.DNS: "DNS",
    Source.FILE: "a configuration file",
    Source.LOCAL: "a command on the server",
    Source.SERIES: "a series of checks",
    Source.TELEMETRY: "messages that the peer sends unasked",
}
"""Where the evidence comes from."""

_WIDTH = 80


def explain(rule: AnyRule, lang: str = "en") -> str:
    """Return a rule's declaration as text, with parameters in braces, such as ``{algorithms}``."""
    room = room_of_rule(rule.id)
    words = Wording(lang).of_rule(room or "", rule)
    blocks = [
        f"{rule.id}: {words.title}",
        _table(
            [
                ("severity", str(rule.severity)),
                ("tier", f"{rule.tier}: {TIERS[rule.tier]}"),
                ("source", f"{rule.source}: {SOURCES[rule.source]}"),
                *([("protocol", room)] if room else []),
                *(
                    (f"in {product}", ", ".join(names))
                    for product, names in rule.directives.items()
                ),
                *([("standards", "; ".join(rule.references))] if rule.references else []),
            ]
        ),
        _section("Evidence", words.evidence),
        *(
            _section(f"{{{name}}} may be", "\n".join(dict.fromkeys(texts.values())))
            for name, texts in words.phrases.items()
        ),
        *([_section("Example", text)] if (text := example(rule)) else []),
        *([_section("Why it matters", words.why)] if words.why else []),
        *_fixes(usual_fixes(rule, words)),
    ]
    return "\n\n".join(blocks) + "\n"


def explain_planned(row: Planned) -> str:
    """Return the text about a rule that is not built yet."""
    table = [
        ("severity", str(row.severity)),
        ("tier", f"{row.tier}: {TIERS[row.tier]}"),
        ("source", "; ".join(f"{s}: {SOURCES[s]}" for s in row.source)),
        ("waits for", row.waits_for),
    ]
    return f"{row.id}: {row.title}\n\n{_table(table)}\n\nThis rule is not built yet.\n"


def listing(rules: Iterable[AnyRule], planned: Iterable[Planned] = ()) -> str:
    """Return a line per rule, by id, then one per planned rule that is not built.

    The columns are id, severity, tier, source and title.
    """
    built = sorted(rules, key=lambda rule: rule.id)
    ids = [rule.id for rule in built]
    waiting = sorted((row for row in planned if row.id not in ids), key=lambda row: row.id)
    width = max(map(len, [*ids, *(row.id for row in waiting)]), default=0)
    lines = [
        _row(width, rule.id, rule.severity, rule.tier, rule.source, rule.words.title)
        for rule in built
    ]
    by_wait = sorted(waiting, key=lambda row: row.waits_for)
    for waits_for, rows in itertools.groupby(by_wait, key=lambda row: row.waits_for):
        lines += ["", f"Not built yet, waiting for {waits_for}:"]
        lines += [
            _row(width, row.id, row.severity, row.tier, "/".join(row.source), row.title)
            for row in rows
        ]
    return "\n".join(lines).lstrip("\n") + "\n" if lines else ""


def _row(width: int, rule_id: str, severity: str, tier: int, source: str, title: str) -> str:
    return f"{rule_id:<{width}}  {severity:<8}  {tier}  {source:<3}  {title}"


def _table(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(
        textwrap.fill(
            text, _WIDTH, initial_indent=f"  {name:<{width}}  ", subsequent_indent=" " * (width + 4)
        )
        for name, text in rows
    )


def _section(title: str, text: str) -> str:
    body = "\n".join(
        textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="  ")
        for line in text.splitlines()
    )
    return f"{title}\n{body}"


def _fixes(fixes: Mapping[str, str]) -> list[str]:
    blocks: list[str] = []
    for product, fix in fixes.items():
        title = "Fix" if product == "any" else f"Fix in {product}"
        lines = [
            _section("", line).strip("\n") if is_prose(line) else f"  {line}".rstrip()
            for line in fix.rstrip().splitlines()
        ]
        blocks.append("\n".join([title, *lines]))
    return blocks
