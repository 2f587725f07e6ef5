"""``seventh explain`` and ``seventh rules``: what each name means, in the order typed."""

from __future__ import annotations

import pytest

from seventh import protocols
from seventh.cli.main import main
from seventh.render.explain import explain, explain_planned, listing
from seventh.render.protocol_page import explain_protocol
from seventh.render.wording import built
from seventh.rules.planned import plan


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(list(words)) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_rules_protocols_and_schemes_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    rules = {rule.id: rule for some in built().values() for rule in some}
    planned = next(row for row in plan().rules if row.id not in rules)
    rooms = protocols.rooms()
    for word, text in (
        ("NET-PMTU", explain(rules["NET-PMTU"])),
        ("net-pmtu", explain(rules["NET-PMTU"])),
        ("SSH", explain_protocol(rooms["ssh"])),
        ("ssh://", explain_protocol(rooms["ssh"])),
        ("nts", explain_protocol(rooms["ntp"])),
        ("net", explain_protocol(rooms["net"])),
        (planned.id.lower(), explain_planned(planned)),
    ):
        assert shown(capsys, "explain", word) == text
    both = explain(rules["NET-PMTU"]) + "\n" + explain_protocol(rooms["net"])
    assert shown(capsys, "explain", "NET-PMTU", "net") == both


def test_the_rules_are_listed_and_the_planned_ones_on_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rules = [rule for some in built().values() for rule in some]
    assert shown(capsys, "rules") == listing(rules)
    assert shown(capsys, "rules", "--all") == listing(rules, plan().rules)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("sssh", "unknown rule or protocol 'sssh': did you mean ssh? `seventh rules` lists them"),
        ("NET-PMT", ("unknown rule or protocol 'NET-PMT': did you mean NET-PMTU? `seventh rules` "
         "lists them")),
        ("zzzzzz", "unknown rule or protocol 'zzzzzz'; `seventh rules` lists them"),
    ],
)  # fmt: skip
def test_an_unknown_name_suggests_those_like_it(
    word: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", word]) == 3
    assert capsys.readouterr() == ("", f"seventh: {says}\n")
