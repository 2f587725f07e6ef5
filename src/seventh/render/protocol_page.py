"""What a room looks at, from its declaration: ``seventh explain ROOM`` and docs/protocols/."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from seventh.given import uses
from seventh.model.checklist import CheckLine
from seventh.model.option import declared
from seventh.model.options import Options
from seventh.model.spec import Spec
from seventh.render.commonmark import code, escape
from seventh.rules.rule import AnyRule

MADE = "<!-- Made by `python -m seventh.render.pages` from the rooms' declarations. -->"
OF_EVERY_ROOM = (
    (
        "seventh_up",
        "gauge: 1 where the check had no failure, 0 where it had; none where this machine failed",
    ),
    ("seventh_rtt_seconds", "gauge: the round trip that the kernel saw when it connected"),
    (
        'seventh_packet_loss_ratio{source="tcp"}',
        "gauge: TCP segments that were sent again, of all that were sent; absent over UDP",
    ),
    ('seventh_phase_seconds{phase="…"}', "gauge: each phase; the first where it ran again"),
    ('seventh_errors_total{phase="…",class="…"}', "counter: the failure, by phase and reason"),
)
"""The metrics that every report has."""
_WIDTH = 80
_COLUMN = 26


class Section(NamedTuple):
    """A heading, and what stands under it: names and their meanings."""

    title: str
    heads: tuple[str, str]
    rows: tuple[tuple[str, str], ...]
    codes: bool = True
    """Whether the names are ones to type or to query."""


def sections(
    spec: Spec, faults: Sequence[Any], checklist: Sequence[CheckLine]
) -> tuple[Section, ...]:
    """Return all that a room declares; ``faults`` are those of its lab."""
    targets = tuple(
        (f"{scheme.name}://host", f"port {scheme.port}" if scheme.port else "the port must be said")
        for scheme in spec.schemes
    )
    tiers = tuple((str(tier), does) for tier, does in sorted(spec.tiers.items()))
    phases = tuple((phase.name, phase.meaning) for phase in spec.phases)
    metrics = tuple(
        (f'{m.name}{{{m.label}="…"}}' if m.label else m.name, f"{m.kind}: {m.meaning}")
        for m in spec.metrics
    )
    verbs = tuple((f"seventh {spec.name} {verb.name}", verb.help) for verb in spec.verbs)
    lines = tuple((line.text, _decides(line)) for line in checklist)
    wrong = tuple((fault.name, fault.meaning) for fault in faults)
    made = (
        Section("Targets", ("Target", "Without a port"), targets),
        Section("What it does to the peer", ("Tier", "A check"), tiers, codes=False),
        Section("Verbs", ("Verb", "What it does"), verbs),
        Section("Options", ("Option", "Meaning"), _options(spec)),
        Section("Phases", ("Phase", "From when to when"), phases),
        Section("Metrics", ("Metric", "What it says"), metrics),
        Section("Checklist", ("Line", "What decides it"), lines, codes=False),
        Section("Faults of its lab", ("Fault", "What the server does wrong"), wrong),
    )
    return tuple(section for section in made if section.rows)


def _options(spec: Spec) -> tuple[tuple[str, str], ...]:
    """Return its own options, then the shared ones that not every protocol uses."""
    own = declared(spec.options) if spec.options is not None else ()
    shared = [e for e in declared(Options) if uses(spec, e) and not e.option.always]
    return tuple(
        (name, words or each.help)
        for each in (*own, *shared)
        for name, words in (
            [(switch, words) for switch, _, words in each.option.switches]
            or [(f"{each.flag} {each.option.metavar}".strip(), "")]
        )
    )


def _decides(line: CheckLine) -> str:
    """The rules of a line, else its facts; then what to type where a plain check leaves it open."""
    by = ", ".join(line.rules) or f"facts: {', '.join(line.facts)}"
    return f"{by} ({line.look})" if line.look else by


def explain_protocol(spec: Spec, faults: Sequence[Any], checklist: Sequence[CheckLine] = ()) -> str:
    """Return a room, for a person at a terminal."""
    blocks = [f"{spec.name}: {spec.title}"]
    for section in sections(spec, faults, checklist):
        lines = [line for name, said in section.rows for line in _row(name, said)]
        blocks.append("\n".join([section.title, *lines]))
    blocks.append(_standards(spec))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _row(name: str, said: str) -> list[str]:
    """Return a name and its meaning beside it, or below it where the name is long."""
    hang = " " * (_COLUMN + 4)
    beside = len(name) <= _COLUMN
    lines = textwrap.wrap(
        said,
        _WIDTH,
        initial_indent=f"  {name:<{_COLUMN}}  " if beside else hang,
        subsequent_indent=hang,
        break_on_hyphens=False,  # an id stays in one piece
    )
    return lines if beside else [f"  {name}", *lines]


def _standards(spec: Spec) -> str:
    if not spec.standards:
        return ""
    said = textwrap.fill(
        ", ".join(spec.standards), _WIDTH, initial_indent="  ", subsequent_indent="  "
    )
    return f"Standards\n{said}"


def page(
    spec: Spec,
    rules: Sequence[AnyRule],
    faults: Sequence[Any],
    checklist: Sequence[CheckLine] = (),
) -> str:
    """Return a room's page, in Markdown."""
    blocks = [MADE, f"# {escape(spec.title)} (`{spec.name}`)"]
    for section in sections(spec, faults, checklist):
        rows = [f"| {section.heads[0]} | {section.heads[1]} |", "|---|---|"]
        rows += [
            f"| {code(name) if section.codes else escape(name)} | {escape(said)} |"
            for name, said in section.rows
        ]
        blocks += [f"## {section.title}", "\n".join(rows)]
    if rules:
        ids = sorted(rule.id for rule in rules)
        blocks += ["## Rules", ", ".join(f"[{name}](../rules/{name}.md)" for name in ids)]
    if spec.standards:
        blocks += ["## Standards", ", ".join(escape(name) for name in spec.standards)]
    return "\n\n".join(blocks) + "\n"


def index(specs: Mapping[str, Spec]) -> str:
    """Return the list of the rooms, and the metrics that all of them have."""
    rows = ["| Room | Targets | |", "|---|---|---|"]
    rows += [
        f"| [`{spec.name}`]({spec.name}.md) "
        f"| {', '.join(f'`{scheme.name}://`' for scheme in spec.schemes)} | {escape(spec.title)} |"
        for spec in specs.values()
    ]
    common = ["| Metric | What it says |", "|---|---|"]
    common += [f"| {code(name)} | {escape(said)} |" for name, said in OF_EVERY_ROOM]
    blocks = [
        MADE, "# The rooms", "`seventh explain ROOM` says the same as a page.", "\n".join(rows),
        "## Metrics of every report", "\n".join(common),
    ]  # fmt: skip
    return "\n\n".join(blocks) + "\n"
