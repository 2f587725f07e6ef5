"""What the fixes make of Postfix's files is accepted by postconf, which reads their values."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seventh.engine.validate import Answer
from tests.lint.postfix.test_fixes import CASES, fixed, put
from tests.peers import need_version
from tests.peers.test_postfix_conf import asked, pairs

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.written])
def test_postconf_accepts_what_a_fix_writes(name: str, tmp_path: Path) -> None:
    if need_version("postconf") != "3.7.11":
        pytest.skip("the files are for Postfix 3.7.11")
    made = fixed(CASES[name], tmp_path)
    assert made.validation is not None
    assert made.validation.answer is Answer.ACCEPTED, made.validation
    for file in ("main.cf", "master.cf"):
        os.utime(tmp_path / file, (1_000_000_000, 1_000_000_000))
    code, printed, complaints = asked(tmp_path, "-n", "-x")
    assert code == 0, complaints
    values = pairs(printed) | pairs(asked(tmp_path, "-P", "-x")[1])
    written = [line.strip() for line in CASES[name].written.splitlines()]
    for line in written:
        key, sign, value = line.removeprefix("-o ").partition("=")
        if sign:
            seen = {each for full, each in values.items() if full.endswith(key.strip())}
            assert value.strip() in seen, line


def test_the_good_files_are_good_to_postconf(tmp_path: Path) -> None:
    put(tmp_path)
    code, _, complaints = asked(tmp_path, "-n", "-x")
    assert (code, complaints) == (0, "")
