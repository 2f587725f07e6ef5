"""How many lines speak for snmpd.conf and for snmptrapd.conf."""

from __future__ import annotations

import pytest

from seventh.engine.lint import Wanted, lint_text
from seventh.lint.netsnmp import KINDS
from seventh.model.lintfacts import LintFacts

AGENT, TRAPD = KINDS


@pytest.mark.parametrize(
    ("lines", "agent", "trapd", "fits"),
    [
        ((), 0, 0, 0), (("x y", "# rocommunity a", "rocommunityx a"), 0, 0, 0),
        (("rocommunity a", "RWuser b", "agentAddress 161"), 3, 0, 3),
        (("view v included .1", "view v", 'access g "" any noauth', "access x"), 2, 0, 2),
        (("master agentx", "sysLocation here", "sysServices 72", "trapsess x"), 4, 0, 4),
        (("authCommunity log,execute public", "disableAuthorization yes"), 0, 2, 3),
        (("traphandle default /x", "snmpTrapdAddr 162", "format2 print x"), 0, 3, 3),
        (("createUser u MD5 x", "includeDir x", "authcommunity read x"), 0, 0, 3),
    ],
)  # fmt: skip
def test_lines(lines: tuple[str, ...], agent: int, trapd: int, fits: int) -> None:
    assert (AGENT.looks(lines), TRAPD.looks(lines)) == (agent, trapd)
    assert AGENT.fits is not None
    assert AGENT.fits(lines) == fits


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("rocommunity x\nsysName a\nview v included .1\n", "snmpd.conf"),
        ("authCommunity log x\ntraphandle default /x\ndisableAuthorization yes\n",
         "snmptrapd.conf"),
    ],
)  # fmt: skip
def test_a_file_is_recognised_by_its_lines(text: str, kind: str) -> None:
    facts = lint_text("some.conf", text.encode(), Wanted()).facts["lint"]
    assert isinstance(facts, LintFacts)
    assert facts.kind == kind
