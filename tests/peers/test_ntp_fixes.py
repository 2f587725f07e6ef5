"""Every fix of an NTP rule for chrony or ntpd is a file that the real daemon reads."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from seventh import protocols
from seventh.rules.rule import AnyRule, Hit
from seventh.rules.words import filled
from tests.peers import need_binary

pytestmark = [pytest.mark.peer, pytest.mark.field]
RULES: dict[str, AnyRule] = {rule.id: rule for rule in protocols.rules("ntp")}
NOT_IN_CONF = {"NTP-MAC-MD5", "NTP-CLOCK-OFFSET"}
"""Rules whose fix is a line of a key file, or a command that sets the clock."""
NEWER = {"NTP-LEAP": "4.6", "NTS-AEAD-INTEROP": "4.6", "NTS-UDP-DROP": "4.6"}
"""Fixes for a chrony that Debian 12 does not have; each says for which."""


def said(name: str, product: str) -> str:
    """The fix as it is printed for the rule's own example."""
    hit = RULES[name](RULES[name].bad)
    assert isinstance(hit, Hit)
    if product in hit.fixes:
        return "\n".join(hit.fixes[product])
    return filled(RULES[name].words, hit.params).fix[product]


@pytest.mark.parametrize(
    "name", sorted({n for n, rule in RULES.items() if "chrony" in rule.words.fix} - NOT_IN_CONF)
)
def test_chronyd_reads_the_fix(name: str, tmp_path: Path) -> None:
    if name in NEWER:
        assert f"chrony {NEWER[name]}" in said(name, "chrony") or "chrony before 4.6" in said(
            name, "chrony"
        )
        pytest.skip(f"for chrony {NEWER[name]} and later")
    file = tmp_path / "chrony.conf"
    file.write_text(said(name, "chrony") + "\n")
    done = subprocess.run(
        [need_binary("chronyd"), "-p", "-f", str(file)],
        capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stderr}{file.read_text()}"
