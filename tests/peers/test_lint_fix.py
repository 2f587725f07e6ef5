"""``lint --fix`` on a file for each rule: the rule is then silent, and the real program agrees."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from seventh import protocols
from seventh.cli.fix import write_changes
from seventh.engine.fix import Fixed, fix_file
from seventh.engine.lint import Wanted, lint_file
from seventh.engine.validate import Answer
from seventh.lint import kinds
from seventh.lintkit.linted import parse_software
from seventh.lintkit.patch import Why
from seventh.model.report import Report
from tests.lint.openssh import test_fixes as openssh
from tests.peers import need_version

pytestmark = pytest.mark.peer

STAYS: Mapping[tuple[str, str], Why] = {
    ("openssh", "SSH-ALLOWLIST"): Why.CHOICE,
    ("openssh", "SSH-HOSTKEY-NOED25519"): Why.NOT_LINES,
}
"""What may stay, and why: a person decides, or it takes more than lines of the file."""


def weights(report: Report) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in report.findings:
        found[one.id] = max(found.get(one.id, 0), one.severity.rank)
    return found


def assert_fixed(rule: str, main: Path, wanted: Wanted) -> Fixed:
    """Write the fixes: the rule is silent, or it is said why not; none that was fixed is back."""
    before = lint_file(main, wanted)
    assert rule in weights(before), f"{rule} does not fire on {main.read_text()}"
    made = fix_file(main, wanted, ())
    write_changes(made.changes)
    after = lint_file(main, wanted)
    now = weights(after)
    assert {one.finding.id for one in made.unfixed} == set(now), "each has its reason"
    assert not {one.id for one in made.fixed if not one.view} & set(now)
    product = kinds()[after.facts["lint"].kind].product  # type: ignore[attr-defined]
    allowed = STAYS.get((product, rule))
    left = [one for one in made.unfixed if one.finding.id == rule]
    assert all(one.why is allowed for one in left), f"{left}\n{main.read_text()}"
    return made


def asked(made: Fixed) -> None:
    """The program accepts what was changed."""
    if made.changes:
        assert made.validation is not None
        assert made.validation.answer is Answer.ACCEPTED, made.validation


def test_every_rule_with_a_fix_has_a_file_here() -> None:
    """``tests/lint/openssh/test_fixes`` requires the same of its table."""
    for product, rule in STAYS:
        known = {each.id: each for room in protocols.rooms() for each in protocols.rules(room)}
        assert product in known[rule].words.fix
        assert (product in known[rule].choice) is (STAYS[product, rule] is Why.CHOICE)


# -- OpenSSH ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "version", "text"), [case for case in openssh.SERVER if case[0] != "SSH-TERRAPIN"]
)
def test_sshd_config(rule: str, version: str, text: str, tmp_path: Path) -> None:
    main = tmp_path / "sshd_config"
    alone = rule in {"SSH-SFTP-OFF", "SSH-ALLOWLIST"} or "Match" in text
    good = openssh.GOOD
    main.write_text(text.replace("{GOOD}", good) if alone else text + good)
    made = assert_fixed(rule, main, Wanted(software=(parse_software(f"openssh={version}"),)))
    if version == need_version("sshd"):
        asked(made)
    elif made.changes:
        assert made.validation is not None
        assert made.validation.answer is Answer.UNKNOWN


@pytest.mark.parametrize(("rule", "text"), openssh.CLIENT)
def test_ssh_config(rule: str, text: str, tmp_path: Path) -> None:
    main = tmp_path / "ssh_config"
    main.write_text(text)
    version = need_version("ssh")
    asked(assert_fixed(rule, main, Wanted(software=(parse_software(f"openssh={version}"),))))
