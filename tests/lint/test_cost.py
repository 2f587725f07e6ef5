"""Linting does work in proportion to the file, counted and not timed; and small inputs never raise.

Counted are the lines of our code that run, and of what it calls in the standard library; a pair
loop inside one comprehension counts its turns. ``python -m bench lint_cost`` has the seconds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from bench.lint_patterns import patterns

from seventh.engine.lint import Wanted, lint_file
from seventh.lint import kinds
from seventh.lint.caddy import views as caddy_views
from seventh.lint.openssh import views as openssh_views
from seventh.model.failure import Reason
from tests.fuzz import lint as fuzz

pytestmark = pytest.mark.field

BYTES = 1_000
PATTERNS = [(kind, name) for kind in kinds() for name in patterns(kind)]


def events(path: Path, data: bytes, kind: str) -> int:
    """How many lines ran while a file with that content was linted."""
    path.write_bytes(data)
    count = 0

    def trace(_frame: FrameType, _event: str, _argument: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        lint_file(path, Wanted(kind=kind))
    finally:
        sys.settrace(before)
    return count


@pytest.fixture
def low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block is judged with all lines, as far as a bound allows: it is met early here."""
    monkeypatch.setattr(openssh_views, "MAX_WORK", 100)
    monkeypatch.setattr(caddy_views, "MAX_WORK", 100)


@pytest.mark.usefixtures("low_bounds")
@pytest.mark.parametrize(("kind", "name"), PATTERNS)
def test_work_grows_as_the_file_does(tmp_path: Path, kind: str, name: str) -> None:
    """Four times the file is at most five times the work, beyond what an empty file takes."""
    path = tmp_path / "hostile"
    (tmp_path / "x").write_text("# nothing\n")
    make = patterns(kind)[name]
    path.write_bytes(make(4 * BYTES))
    lint_file(path, Wanted(kind=kind))  # what loads once
    least = events(path, b"", kind)
    small = events(path, make(BYTES), kind) - least
    large = events(path, make(4 * BYTES), kind) - least
    assert large < 5 * max(small, 5000)


def test_generated_inputs_never_raise(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.run(2000, seed=7) == 0, capsys.readouterr().out


@pytest.mark.parametrize("kind", ["sshd_config", "sshd-T"])
def test_a_host_key_without_a_file_name(kind: str) -> None:
    """``python -m tests.fuzz lint`` found it."""
    from seventh.engine.lint import lint_text

    assert lint_text("f", b"hostkey /\nhostkey .\nhostkey ..\n", Wanted(kind=kind)).passed


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("sshd_config", "HostKey /etc/{}"), ("sshd-T", "hostkey /etc/{}"),
        ("sshd_config", "ModuliFile /etc/{}"), ("sshd_config", "Include /etc/{}"),
        ("ssh_config", "Include {}"), ("ssh_config", "IdentityFile ~/{}"),
        ("ntp.conf", "keys /etc/{}"), ("ntp.conf", "includefile /etc/{}"),
        ("chrony.conf", "keyfile /etc/{}"), ("chrony.conf", "include /etc/{}"),
        ("nginx.conf", "include /etc/{};"), ("Caddyfile", "import {}"),
    ],
)  # fmt: skip
def test_a_name_that_no_file_can_have(tmp_path: Path, kind: str, line: str) -> None:
    """``python -m tests.fuzz lint`` found it, too."""
    path = tmp_path / "hostile"
    path.write_text(f"{line.format('x' * 5000)}\n")
    report = lint_file(path, Wanted(kind=kind))
    assert report.failure is None or report.failure.reason is not Reason.INTERNAL
