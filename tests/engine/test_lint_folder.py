"""A folder's files: each once, what is included with its main file, what is unused named."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine import lint_folder as module
from seventh.engine.lint import Wanted
from seventh.engine.lint_folder import FolderLint, lint_folder
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report

SSHD = "UsePAM yes\nSubsystem sftp internal-sftp\nPermitRootLogin no\n"


def put(folder: Path, name: str, text: str = SSHD) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def names(folder: Path, reports: list[Report]) -> list[str]:
    return [report.target.removeprefix(f"file:{folder}/") for report in reports]


def notes(report: Report) -> list[str]:
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    return [str(note) for note in facts.notes]


@pytest.mark.parametrize(("unused", "more"), [(8, ""), (9, " and 1 more"), (11, " and 3 more")])
def test_eight_unused_files_are_named(tmp_path: Path, unused: int, more: str) -> None:
    put(tmp_path, "sshd_config")
    for number in range(10, 10 + unused):
        put(tmp_path, f"sshd_config.d/{number}.conf")
    (report,) = lint_folder(tmp_path, Wanted())
    named = ", ".join(f"sshd_config.d/{number}.conf" for number in range(10, 18))
    main = tmp_path / "sshd_config"
    assert notes(report) == [f"{main}: not checked, because no file includes it: {named}{more}"]


def test_the_files_are_in_order_and_each_is_checked_when_it_is_asked_for(tmp_path: Path) -> None:
    for name in ("b/sshd_config", "a/sshd_config", "c/ssh_config", "a/notes"):
        put(tmp_path, name, SSHD if "sshd" in name else "Host *\n  HashKnownHosts yes\n")
    linting = FolderLint(tmp_path, Wanted())
    checking = linting.each()
    next(checking)
    assert names(tmp_path, linting.reports()) == ["a/sshd_config"]
    assert names(tmp_path, list(checking)) == ["b/sshd_config", "c/ssh_config"]


def test_what_a_main_file_includes_has_no_report_even_by_another_name(tmp_path: Path) -> None:
    put(tmp_path, "ssh/real/sshd_config", "PermitRootLogin yes\n")
    put(tmp_path, "ssh/sshd_config", f"Include {tmp_path}/ssh/link\nUsePAM yes\n")
    (tmp_path / "ssh/link").symlink_to(tmp_path / "ssh/real/sshd_config")
    assert names(tmp_path, lint_folder(tmp_path, Wanted())) == ["ssh/sshd_config"]


def test_an_unused_file_belongs_to_the_nearest_main_file_above_it(tmp_path: Path) -> None:
    put(tmp_path, "sshd_config")
    put(tmp_path, "deep/sshd_config")
    put(tmp_path, "deep/sshd_config.d/a.conf")
    put(tmp_path, "deep/ssh_config", "Host *\n  HashKnownHosts yes\n")
    put(tmp_path, "beside/x/sshd_config.d/b.conf")
    reports = lint_folder(tmp_path, Wanted())
    named = {
        name: [note.rpartition(": ")[2] for note in notes(report)]
        for name, report in zip(names(tmp_path, reports), reports, strict=True)
    }
    assert named == {
        "deep/ssh_config": [],
        "deep/sshd_config": ["sshd_config.d/a.conf"],
        "sshd_config": ["beside/x/sshd_config.d/b.conf"],
    }


def test_a_drop_in_of_a_kind_without_its_main_file_is_checked(tmp_path: Path) -> None:
    site = "server {\n  listen 80;\n  server_name x.example;\n}\n"
    put(tmp_path, "nginx/sites-enabled/on", site)
    put(tmp_path, "nginx/sites-enabled/on.bak", site)
    assert names(tmp_path, lint_folder(tmp_path, Wanted())) == ["nginx/sites-enabled/on"]


def test_so_many_files_are_considered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.MAX_FOLDER_ENTRIES == 50_000
    monkeypatch.setattr(module, "MAX_FOLDER_ENTRIES", 2)
    for name in ("a/notes", "b/sshd_config", "c/sshd_config"):
        put(tmp_path, name, "Dear reader,\n" if name == "a/notes" else SSHD)
    assert names(tmp_path, lint_folder(tmp_path, Wanted())) == ["b/sshd_config"]
