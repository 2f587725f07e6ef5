"""Programs are asked about a mirror of the files, and what they cannot say is unknown."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from seventh.engine import validate as engine_validate
from seventh.engine.validate import Answer, Validation, validate
from seventh.lintkit.patch import Validator

CAT = Validator(command=("sh", "-c", 'cat "$0"; exit 1', "{file}"))


def said(validator: Validator, main: Path, /, **contents: str) -> Validation:
    files = {str(main.parent / name): text.encode() for name, text in contents.items()}
    return validate(validator, str(main), files)


@pytest.fixture
def main(tmp_path: Path) -> Path:
    return tmp_path / "main"


def test_the_changed_file_is_read_and_not_the_old_one(main: Path) -> None:
    main.write_text("old\n")
    assert said(CAT, main, main="[warn] w\nnew\n") == Validation(
        program="sh", answer=Answer.REFUSED, detail="new"
    )
    assert main.read_text() == "old\n"


def test_what_it_accepts(main: Path) -> None:
    accepts = Validator(command=("sh", "-c", 'test "$(cat "$0")" = new', "{file}"))
    assert said(accepts, main, main="new\n") == Validation(program="sh", answer=Answer.ACCEPTED)
    refused = said(accepts, main, main="other\n")
    assert refused == Validation(program="sh", answer=Answer.REFUSED, detail="exit code 1")


def test_names_in_its_answer_are_the_files_own(main: Path) -> None:
    names = Validator(command=("sh", "-c", 'echo "$0:1: no"; exit 1', "{file}"))
    assert said(names, main, main="").detail == f"{main}:1: no"


def test_what_is_beside_the_files_is_there(main: Path) -> None:
    (main.parent / "cert.pem").write_text("a certificate\n")
    beside = Validator(command=("sh", "-c", 'cat "$(dirname "$0")/cert.pem"; exit 1', "{file}"))
    assert said(beside, main, main="").detail == "a certificate"


def test_of_many_files_beside_some_are_there(main: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_validate, "_MOST_BESIDE", 2)
    for name in "abc":
        (main.parent / name).write_text("")
    count = Validator(command=("sh", "-c", 'ls "$(dirname "$0")" | wc -l; exit 1', "{file}"))
    assert said(count, main, main="").detail == "3", "itself and two others"


def test_it_is_prepared_in_a_folder_of_its_own_and_answers_in_english(
    main: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    validator = Validator(
        prepare=("cp", "{file}", "{folder}/made"),
        command=("sh", "-c", 'echo "$(cat "$0/made") in $LC_ALL"; exit 1', "{folder}"),
    )
    assert said(validator, main, main="text").detail == "text in C"
    assert not main.exists()


def test_includes_lead_into_the_mirror(main: Path) -> None:
    (main.parent / "part").write_text("old\n")
    validator = Validator(
        command=("sh", "-c", 'cat $(sed -n "s/^include //p" "$0"); exit 1', "{file}"),
        include=r"include\s+(?P<names>.*)",
    )
    for name in (str(main.parent / "part"), "part"):
        assert said(validator, main, main=f"include {name}\n", part="new\n").detail == "new"


def test_a_missing_program_is_unknown(main: Path) -> None:
    validator = Validator(command=("no-such-program", "{file}"))
    assert said(validator, main, main="") == Validation(
        program="no-such-program", answer=Answer.UNKNOWN, detail="not installed here"
    )


def test_a_file_that_names_code_is_not_given_to_it(main: Path) -> None:
    ran = main.parent / "ran"
    validator = Validator(command=("sh", "-c", f"touch {ran}"), unsafe=r"(?m)^\s*match\s+exec")
    done = said(validator, main, main="x\n  match exec rm\n")
    assert done.answer is Answer.UNKNOWN
    assert done.detail == "not asked, because it would run code that the file names"
    for text in ('"match" exec rm', "ma'tch' e\\xec rm", "match\nexec rm"):
        assert said(validator, main, main="x", other=text).answer is Answer.UNKNOWN
    assert not ran.exists()
    assert said(validator, main, main="x # match exec\n").answer is Answer.ACCEPTED
    assert ran.exists()


SAYS = Validator(command=("sh", "-c", "exit 0"), prepare=("sh", "-c", "echo no room >&2; exit 1"))
ACCEPTS = SAYS.command


@pytest.mark.parametrize(
    ("validator", "detail"),
    [
        (SAYS, "could not be asked: sh: no room"),
        (Validator(command=ACCEPTS, prepare=("false",)), "could not be asked: false: exit code 1"),
        (Validator(command=ACCEPTS, prepare=("sh", "-c", "kill -9 $$")),
         "could not be asked: sh: signal 9"),
        (Validator(command=ACCEPTS, prepare=("no-such-program",)),
         "could not be asked: no-such-program is not installed here"),
        (Validator(command=("sh", "-c", "exec sleep 60")), "no answer in 0.2 s"),
        (Validator(command=("sh", "\0")), "could not be asked: embedded null byte"),
    ],
)  # fmt: skip
def test_a_program_that_cannot_be_asked_is_unknown(
    main: Path, monkeypatch: pytest.MonkeyPatch, validator: Validator, detail: str
) -> None:
    monkeypatch.setattr(engine_validate, "_SECONDS", 0.2)
    done = said(validator, main, main="")
    assert done == Validation(program="sh", answer=Answer.UNKNOWN, detail=detail)


def test_a_mirror_that_cannot_be_written_is_unknown(
    main: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(main / "nowhere"))
    done = said(CAT, main, main="")
    assert done.answer is Answer.UNKNOWN
    assert done.detail == "could not be asked: No such file or directory"
