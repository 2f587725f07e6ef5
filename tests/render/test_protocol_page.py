"""The page of a protocol, and what ``seventh explain PROTOCOL`` prints."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from seventh import given, protocols
from seventh.engine.limits import known
from seventh.lab.start import faults
from seventh.model.spec import Spec
from seventh.render.commonmark import escape
from seventh.render.pages import protocol_pages
from seventh.render.protocol_page import explain_protocol, index, page

ROOMS = protocols.rooms()


def names(spec: Spec) -> list[str]:
    """All that a page must name."""
    return [
        *(f"{scheme.start}" for scheme in spec.schemes),
        *(phase.name for phase in spec.phases),
        *(metric.name for metric in spec.metrics),
        *(fault.name for fault in faults(spec.name)),
        *(line.text.partition(" ")[0] for line in protocols.checklist(spec.name)),
        *(rule for line in protocols.checklist(spec.name) for rule in line.rules),
        *spec.standards,
        *flags(spec),
    ]


def flags(spec: Spec) -> list[str]:
    """What can be typed for the protocol and not for every other."""
    used = [e for e in given.options().values() if given.uses(spec, e) and not e.option.always]
    return [name for each in used for name in [s[0] for s in each.option.switches] or [each.flag]]


@pytest.mark.parametrize("spec", ROOMS.values(), ids=list(ROOMS))
def test_a_page_names_all_that_the_room_declares(spec: Spec) -> None:
    rules = protocols.rules(spec.name)
    checklist = protocols.checklist(spec.name)
    made = page(spec, rules)
    for name in (*names(spec), *(rule.id for rule in rules)):
        assert name in made
    tokens = MarkdownIt().enable("table").parse(made)
    rows = sum(token.type == "tr_open" for token in tokens)
    said = (
        spec.schemes, spec.tiers, spec.phases, spec.metrics, checklist, faults(spec.name),
        flags(spec), spec.verbs,
    )  # fmt: skip
    assert rows == sum(len(some) + 1 for some in said if some)


@pytest.mark.parametrize("spec", ROOMS.values(), ids=list(ROOMS))
def test_a_metric_is_shown_with_the_names_that_limit_it(spec: Spec) -> None:
    made = page(spec, ())
    for each in known(spec.name):
        if each.metric in {metric.name for metric in spec.metrics}:
            assert escape(each.name) in made


@pytest.mark.parametrize("spec", ROOMS.values(), ids=list(ROOMS))
def test_the_same_stands_at_a_terminal_in_80_columns(spec: Spec) -> None:
    said = explain_protocol(spec)
    for name in names(spec):
        assert name in said.replace("\n  ", " ")
    assert max(map(len, said.splitlines())) <= 80


def test_a_label_is_shown_with_its_metric() -> None:
    assert '`seventh_http_negotiated_total{version="…"}`' in page(ROOMS["http"], ())


def test_the_index_links_every_room_and_has_what_all_report() -> None:
    made = index(ROOMS)
    for name in ROOMS:
        assert f"({name}.md)" in made
    assert "`seventh_up`" in made


def test_every_room_has_a_page() -> None:
    assert set(protocol_pages({})) == {"README.md", *(f"{name}.md" for name in ROOMS)}
