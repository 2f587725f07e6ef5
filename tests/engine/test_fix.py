"""Fixes in memory: only what proves right is kept, and each refusal has its reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seventh.engine import fix as engine_fix
from seventh.engine.fix import Fixed, fix_file, key
from seventh.engine.lint import Wanted, lint_file
from seventh.engine.validate import Answer, Validation
from seventh.lint import kinds
from seventh.lintkit.linted import Software, parse_software
from seventh.lintkit.patch import Edit, Fix, NotPlaced, Validator, Why
from seventh.rules.run import Selection

BAD = "Ciphers +3des-cbc\nMACs hmac-sha1\n"
SOFTWARE = parse_software("openssh=9.2")
Monkeypatch = pytest.MonkeyPatch


def wanted(*only: str, software: tuple[Software, ...] = (SOFTWARE,)) -> Wanted:
    return Wanted(software=software, selection=Selection(only=frozenset(only)))


def fixed(path: Path, *only: str) -> Fixed:
    return fix_file(path, wanted(*only), ())


@pytest.fixture
def main(tmp_path: Path, monkeypatch: Monkeypatch) -> Path:
    path = tmp_path / "sshd_config"
    path.write_text(BAD)
    says(monkeypatch, Answer.ACCEPTED)
    return path


def says(monkeypatch: Monkeypatch, *answers: Answer) -> list[Mapping[str, bytes]]:
    """Have the program answer so, the last answer again and again; what it was asked about."""
    asked: list[Mapping[str, bytes]] = []

    def answer(_: Validator, main: str, contents: Mapping[str, bytes]) -> Validation:
        assert main in contents
        asked.append(contents)
        said = answers[min(len(asked), len(answers)) - 1]
        return Validation(program="sshd", answer=said, detail=f"line {len(asked)}")

    monkeypatch.setattr(engine_fix, "validate", answer)
    monkeypatch.setattr(engine_fix, "installed", lambda _: None)
    return asked


def places(monkeypatch: Monkeypatch, place: object) -> None:
    kind = replace(kinds()["sshd_config"], fix=place)
    monkeypatch.setitem(kinds(), "sshd_config", kind)


def reasons(made: Fixed) -> list[tuple[str, Why, str]]:
    return [(one.finding.id, one.why, one.detail) for one in made.unfixed]


def test_what_proves_right_is_kept(main: Path) -> None:
    made = fixed(main, "SSH-CIPHER-WEAK", "SSH-MAC-WEAK")
    assert [one.id for one in made.fixed] == ["SSH-CIPHER-WEAK", "SSH-MAC-WEAK"]
    assert made.unfixed == ()
    (change,) = made.changes
    assert change.path == main.resolve()
    assert change.before == BAD.encode()
    assert change.after.startswith(b"Ciphers -3des-cbc\nMACs hmac-sha2")
    assert made.validation == Validation(program="sshd", answer=Answer.ACCEPTED, detail="line 3")
    assert main.read_text() == BAD


def test_nothing_to_fix_changes_nothing(main: Path) -> None:
    made = fixed(main, "SSH-FWD-OPEN")
    assert made == Fixed(changes=(), fixed=(), unfixed=(), validation=None)


def test_known_findings_stay(main: Path) -> None:
    report = lint_file(main, wanted("SSH-CIPHER-WEAK", "SSH-MAC-WEAK"))
    known = {key(finding) for finding in report.findings if finding.id == "SSH-CIPHER-WEAK"}
    made = fix_file(main, wanted("SSH-CIPHER-WEAK", "SSH-MAC-WEAK"), known)
    assert [one.id for one in made.fixed] == ["SSH-MAC-WEAK"]
    assert made.changes[0].after.startswith(b"Ciphers +3des-cbc\n")


def test_a_finding_that_stays(main: Path, monkeypatch: Monkeypatch) -> None:
    places(monkeypatch, lambda fix: [Edit(fix.main, 3, 0, ("Port 22",))])
    made = fixed(main, "SSH-CIPHER-WEAK")
    assert reasons(made) == [("SSH-CIPHER-WEAK", Why.STAYS, "")]
    assert made.changes == made.fixed == ()


@pytest.mark.parametrize(
    ("line", "came"),
    [
        ("GatewayPorts yes", ()),  # less severe than what goes
        ("PermitEmptyPasswords yes", ("SSH-NOAUTH",)),
    ],
)
def test_another_finding_that_comes(
    main: Path, monkeypatch: Monkeypatch, line: str, came: tuple[str, ...]
) -> None:
    places(monkeypatch, lambda fix: [Edit(fix.main, 1, 1, ("Ciphers -3des-cbc", line))])
    made = fixed(main, "SSH-CIPHER-WEAK", "SSH-FWD-OPEN", "SSH-NOAUTH")
    refused = [one for one in reasons(made) if one[0] == "SSH-CIPHER-WEAK"]
    assert refused == [("SSH-CIPHER-WEAK", Why.CAUSES, ", ".join(came)) for _ in came]


def test_a_file_that_the_linter_would_refuse(main: Path, monkeypatch: Monkeypatch) -> None:
    places(monkeypatch, lambda fix: [Edit(fix.main, 1, 1, ("Ciphers -3des-cbc", "Nonsense yes"))])
    ((rule, why, detail),) = reasons(fixed(main, "SSH-CIPHER-WEAK"))
    assert (rule, why) == ("SSH-CIPHER-WEAK", Why.REFUSED)
    assert detail == f"{main}:2: unknown directive Nonsense"


def test_a_file_that_the_program_refuses(main: Path, monkeypatch: Monkeypatch) -> None:
    asked = says(monkeypatch, Answer.ACCEPTED, Answer.REFUSED)
    made = fixed(main, "SSH-CIPHER-WEAK")
    assert reasons(made) == [("SSH-CIPHER-WEAK", Why.REFUSED, "sshd: line 2")]
    assert made.changes == ()
    assert [each[str(main)] for each in asked] == [
        BAD.encode(), BAD.replace("+3des", "-3des").encode(),
    ]  # fmt: skip


@pytest.mark.parametrize("before", [Answer.REFUSED, Answer.UNKNOWN])
def test_a_program_that_refuses_the_unchanged_file(
    main: Path, monkeypatch: Monkeypatch, before: Answer
) -> None:
    says(monkeypatch, before, Answer.REFUSED)
    made = fixed(main, "SSH-CIPHER-WEAK")
    assert [one.id for one in made.fixed] == ["SSH-CIPHER-WEAK"]
    assert made.validation == Validation(
        program="sshd", answer=Answer.UNKNOWN, detail="refuses the unchanged file, too: line 1"
    )


def test_a_program_of_another_version_is_not_asked(main: Path, monkeypatch: Monkeypatch) -> None:
    asked = says(monkeypatch, Answer.REFUSED)
    monkeypatch.setattr(engine_fix, "installed", lambda _: parse_software("openssh=9.9"))
    made = fixed(main, "SSH-CIPHER-WEAK")
    assert asked == []
    assert made.validation == Validation(
        program="sshd", answer=Answer.UNKNOWN,
        detail="not asked: it is openssh 9.9 here, and the files are for openssh 9.2",
    )  # fmt: skip


def test_what_failed_is_tried_again_after_another_fix(main: Path, monkeypatch: Monkeypatch) -> None:
    tried: list[str] = []

    def place(fix: Fix) -> list[Edit]:
        tried.append(fix.rule)
        if fix.rule == "SSH-CIPHER-WEAK" and len(tried) == 1:
            return [Edit(fix.main, 3, 0, ("Port 22",))]
        line = 1 if fix.rule == "SSH-CIPHER-WEAK" else 2
        return [Edit(fix.main, line, 1, (fix.lines[0],))]

    places(monkeypatch, place)
    made = fixed(main, "SSH-CIPHER-WEAK", "SSH-MAC-WEAK")
    assert tried == ["SSH-CIPHER-WEAK", "SSH-MAC-WEAK", "SSH-CIPHER-WEAK"]
    assert made.unfixed == ()


def no_place(fix: Fix) -> list[Edit]:
    raise NotPlaced(Why.NOT_LINES)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (None, Why.KIND),
        (no_place, Why.NOT_LINES),
        (lambda fix: [], Why.NO_PLACE),
        (lambda fix: [Edit("/another/file", 1, 0, ("x",))], Why.NO_PLACE),
        (lambda fix: [Edit(fix.main, 9, 0, ("x",))], Why.NO_PLACE),
    ],
)
def test_a_fix_without_a_place(
    main: Path, monkeypatch: Monkeypatch, place: object, why: Why
) -> None:
    places(monkeypatch, place)
    assert reasons(fixed(main, "SSH-CIPHER-WEAK")) == [("SSH-CIPHER-WEAK", why, "")]


def test_the_number_of_fixes_is_bounded(main: Path, monkeypatch: Monkeypatch) -> None:
    monkeypatch.setattr(engine_fix, "MAX_FIXES", 1)
    made = fixed(main, "SSH-CIPHER-WEAK", "SSH-MAC-WEAK")
    assert [one.id for one in made.fixed] == ["SSH-CIPHER-WEAK"]
    assert reasons(made) == [("SSH-MAC-WEAK", Why.LIMIT, "")]


WORDS = st.sampled_from(
    ["PermitRootLogin", "yes", "Ciphers", "+3des-cbc", "Match", "User", "Host", "*", "ForwardAgent",
     "server", "{", "}", ";", "listen", "443", "ssl", "http", "location", "/", "gzip", "on", "tls",
     "add_header", "header", "encode", "a.example", "pool", "iburst", "restrict", "default", "#",
     '"', "'", "\\", "\t", "\r", "\x00", "é", "Protocol", "2", "servers", "protocols", "h1",
     "ssl_protocols", "TLSv1", "makestep", "import", "include", "Include"]
)  # fmt: skip
TEXTS = st.lists(st.lists(WORDS, max_size=6).map(" ".join), max_size=12).map("\n".join)


@pytest.mark.uncounted
@pytest.mark.parametrize("name", [name for name, kind in kinds().items() if kind.fix])
@given(text=TEXTS)
def test_any_file_is_fixed_without_harm(
    name: str, text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing raises; what is said to be fixed is gone; the rest has its reason."""
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(text.encode())
    wanted = Wanted(kind=name)
    with pytest.MonkeyPatch.context() as monkeypatch:
        says(monkeypatch, Answer.UNKNOWN)
        made = fix_file(path, wanted, ())
    before = lint_file(path, wanted)
    for change in made.changes:
        path.write_bytes(change.after)
    after = lint_file(path, wanted)
    if not made.changes:
        assert not made.fixed
    assert {key(one.finding) for one in made.unfixed} == {key(one) for one in after.findings}
    assert not {(one.id, one.view) for one in made.fixed} & {
        (one.id, one.view) for one in after.findings
    }
    assert (after.failure is None) >= (before.failure is None)
