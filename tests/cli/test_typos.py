"""Mistyped words: each is told what was probably meant, and the help that lists the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh import protocols
from seventh.cli.arguments import VERBS, parse
from seventh.cli.main import main
from seventh.lab import start
from seventh.lint import kinds
from seventh.render import FORMATS
from seventh.render.wording import languages

pytestmark = pytest.mark.field


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(list(words)) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("seventh: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("words", "meant", "shown_by"),
    [
        ("check shh://host/x", "did you mean ssh://host/x?", "seventh check --help"),
        ("check ssl://host:1", "did you mean tls://host:1?", "seventh check --help"),
        ("check ssh:host", "did you mean ssh://host?", ""),
        ("check https:/host/path", "did you mean https://host/path?", ""),
        ("check ntp//host", "did you mean ntp://host?", ""),
        ("check host:22", "write ssh://host:22", ""),
        ("check host:4460", "write nts://host:4460", ""),
        ("check host:9999", "write tls://host:9999 or tcp://host:9999", ""),
        ("check ssh://h --tiemout 5", "did you mean --timeout?", "seventh check --help"),
        ("check ntp://h --sample 5", "did you mean --samples?", "seventh check --help ntp"),
        ("check ssh://h --intr", "did you mean --intrusive?", "seventh check --help"),
        ("check ssh://h --json", "did you mean --format json?", "seventh check --help"),
        ("check ssh://h --format jsno", "did you mean json?", "seventh check --help"),
        ("check ssh://h --format xml", "nagios or terminal", "seventh check --help"),
        ("check ssh://h --fail-on hihg", "did you mean high?", "seventh check --help"),
        ("check ssh://h --lang xx", "write en", "seventh check --help"),
        ("lint /etc/x --lang xx", "write en", "seventh lint --help"),
        ("explain ssh --lang xx", "write en", "seventh explain --help"),
        ("check ssh://h --only SSH-KEX-WEEK", "did you mean SSH-KEX-WEAK?", "seventh rules"),
        ("check ssh://h --skip sshkexweak", "did you mean SSH-KEX-WEAK?", "seventh rules"),
        ("check ntp://h --samples x", "is not a number from 1 to 4096", "seventh check --help ntp"),
        ("check http://h --http-version h3", "did you mean 3?", "seventh check --help http"),
        ("check --help shh", "did you mean ssh?", ""),
        ("chekc ssh://h", "did you mean `seventh check`?", "seventh --help"),
        ("LINT x", "did you mean `seventh lint`?", "seventh --help"),
        ("scan x", "did you mean `seventh check`?", "seventh --help"),
        ("help", "did you mean `seventh --help`?", "seventh --help"),
        ("tls host", "did you mean `seventh check tls://HOST`?", ""),
        ("explain shh", "did you mean ssh?", "seventh rules"),
        ("explain tls-cain", "did you mean TLS-CHAIN?", "seventh rules"),
        ("lint x --kind sshdconfig", "did you mean sshd_config?", "seventh lint --help"),
        ("lint x --software opensh=9.2", "did you mean openssh?", ""),
        ("lint x --knd y", "did you mean --kind?", "seventh lint --help"),
        ("lab shh", "did you mean ssh?", ""),
        ("lab ssh --fault weakkex", "did you mean weak-kex?", "seventh lab ssh --list"),
        ("lab tls --fault expird", "did you mean expired?", "seventh lab tls --list"),
        ("tour htpp", "did you mean http?", ""),
        ("tour --al", "did you mean --all?", "seventh tour --help"),
    ],
)
def test_a_typo_is_told_what_was_meant(
    words: str, meant: str, shown_by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, *words.split())
    assert meant in text
    assert shown_by in text
    assert "?;" not in text


HOST = '[[target]]\nurl = "ssh://h"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            f"[defaults]\ntimeot = 3\n{HOST}",
            "defaults: unknown option 'timeot': did you mean timeout",
        ),
        (f"{HOST}ca_store = 'x'\n", "target 1: unknown option 'ca_store': write ca-store"),
        ("[[targets]]\nurl = 'ssh://h'\n", "unknown table 'targets': did you mean [[target]]?"),
        (f"[default]\n{HOST}", "unknown table 'default': did you mean [defaults]?"),
        ("[[target]]\nulr = 'ssh://h'\n", 'target 1: needs url = "…", not ulr'),
        (f"{HOST}agent = 'yes'\n", "target 1: --agent: write true or false, not 'yes'"),
        (f"{HOST}user = ['a']\n", "target 1: --user: write a string, not ['a']"),
        (
            f"{HOST}timeout = '5s'\n",
            "target 1: --timeout: write a number above 0, up to 86400, not",
        ),
        ("[[target]]\nurl = 'shh://h'\n", "target 1: target 'shh://h': unknown scheme shh://"),
    ],
)
def test_so_is_one_in_a_targets_file(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hosts.toml"
    path.write_text(text)
    assert f"{path}: {says}" in said(capsys, "check", "--targets", str(path))


def _less(word: str) -> str:
    """``word`` with its middle letter left out."""
    at = len(word) // 2
    return word[:at] + word[at + 1 :]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_with_a_letter_left_out(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"`seventh {verb}`" in said(capsys, _less(verb))


@pytest.mark.parametrize("room", start.labs())
def test_every_fault_with_a_letter_left_out(room: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = [fault.name for fault in start.faults(room)]
    for name in names:
        if _less(name) not in names:
            assert name in said(capsys, "lab", room, "--fault", _less(name))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_with_a_letter_left_out(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "check", "ssh://h", "--format", _less(name))
    assert f"did you mean {name}?" in text


def test_every_kind_with_a_letter_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in kinds():
        assert kind in said(capsys, "lint", "x", "--kind", _less(kind))


@pytest.mark.parametrize("scheme", protocols.schemes())
def test_a_scheme_explains_its_protocol(scheme: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", scheme]) == 0
    assert protocols.schemes()[scheme].start in capsys.readouterr().out


def test_a_language_that_there_is_is_taken() -> None:
    assert "en" in languages()
    assert parse(["check", "ssh://h", "--lang", "en"]).lang == "en"
