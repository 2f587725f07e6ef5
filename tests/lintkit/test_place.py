"""Includes mean the same files however the first one is named, and a copy stays within itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.lintkit.files import Files
from seventh.lintkit.links import followed, is_foreign, of_the_machine
from seventh.lintkit.place import folder_name, is_drop_in, place_of
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from seventh.model.source import Line

pytestmark = pytest.mark.field

AT = Line(file="main", line=4, text="Include …")


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def facts(report: Report) -> LintFacts:
    found = report.facts["lint"]
    assert isinstance(found, LintFacts)
    return found


TREES = {
    "sshd_config": {
        "deep/sshd_config": "Include sshd_config.d/*.conf\nSubsystem sftp internal-sftp\n",
        "deep/sshd_config.d/1.conf": "PermitEmptyPasswords yes\n",
    },
    "ssh_config": {
        "deep/ssh_config": "Include ssh_config.d/*.conf\nHost *\n",
        "deep/ssh_config.d/1.conf": "Ciphers 3des-cbc\n",
    },
    "nginx.conf": {
        "deep/nginx.conf": "events {}\nhttp { include parts/*.conf; }\n",
        "deep/parts/1.conf": "server { listen 80; server_name www.example.net; }\n",
    },
    "Caddyfile": {
        "deep/Caddyfile": "import parts/*\n",
        "deep/parts/1": "http://www.example.net {\n\trespond hello\n}\n",
    },
}


@pytest.mark.parametrize("main", TREES)
def test_a_file_is_the_same_however_it_is_named(
    main: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, TREES[main])
    (tmp_path / "link").symlink_to("deep")
    verdicts = []
    for place, name in (
        (tmp_path, str(tmp_path / "deep" / main)),
        (tmp_path, f"deep/{main}"),
        (tmp_path, f"./deep/{main}"),
        (tmp_path, f"link/{main}"),
        (tmp_path, f"deep/../deep/{main}"),
        (tmp_path / "deep", main),
        (tmp_path / "link", f"../deep/{main}"),
    ):
        monkeypatch.chdir(place)
        report = lint_file(Path(name), Wanted())
        assert len(facts(report).files) == 2, name
        verdicts.append([(f.id, [line.line for line in f.source]) for f in report.findings])
    assert verdicts[0]
    assert all(each == verdicts[0] for each in verdicts)


def test_a_file_that_is_a_link_finds_what_stands_beside_the_link_first_or_beside_the_file(
    tmp_path: Path,
) -> None:
    write(tmp_path, TREES["sshd_config"])
    (tmp_path / "here").mkdir()
    (tmp_path / "here/sshd_config").symlink_to("../deep/sshd_config")
    assert "deep" in facts(lint_file(tmp_path / "here/sshd_config", Wanted())).files[1]
    write(tmp_path, {"here/sshd_config.d/1.conf": "Port 2222\n"})
    assert "here" in facts(lint_file(tmp_path / "here/sshd_config", Wanted())).files[1]


def test_standard_input_includes_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, TREES["sshd_config"])
    monkeypatch.chdir(tmp_path / "deep")
    report = lint_text("-", b"Include sshd_config.d/*.conf\n", Wanted(kind="sshd_config"))
    assert facts(report).files == ("-", "sshd_config.d/1.conf")


@pytest.mark.parametrize(
    ("at", "name", "there"),
    [
        ("etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf", "etc/ssh/sshd_config.d/1.conf"),
        ("etc/ssh/sshd_config", "/opt/ssh/extra.conf", "opt/ssh/extra.conf"),
        ("backup/sshd_config", "/etc/ssh/sshd_config.d/*.conf", "backup/sshd_config.d/1.conf"),
        ("host/etc/sshd_config", "/etc/ssh/sshd_config.d/*", "host/etc/sshd_config.d/1.conf"),
        ("etc/ssh/sshd_config.d/9.conf", "more/1.conf", "etc/ssh/more/1.conf"),
    ],
)
def test_absolute_names_of_a_copy_mean_the_copy(
    at: str, name: str, there: str, tmp_path: Path
) -> None:
    write(tmp_path, {at: f"Include {name}\n", there: "Port 2201\n"})
    report = lint_file(tmp_path / at, Wanted(kind="sshd_config"))
    assert facts(report).files == (str(tmp_path / at), facts(report).files[1])
    assert Path(facts(report).files[1]).resolve() == tmp_path / there
    assert not facts(report).notes


def test_what_is_not_there_is_noted_and_is_no_fault(tmp_path: Path) -> None:
    write(tmp_path, {"s/sshd_config": "Port 22\nInclude /etc/ssh/gone.d/*.conf\nInclude lost\n"})
    report = lint_file(tmp_path / "s/sshd_config", Wanted())
    assert report.failure is None
    assert [(note.line, note.text.partition(" (")[0]) for note in facts(report).notes] == [
        (2, "/etc/ssh/gone.d/*.conf: no such folder"),
        (3, "lost: no such file"),
    ]


def test_a_folder_without_drop_ins_needs_no_note(tmp_path: Path) -> None:
    write(tmp_path, {"s/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\n"})
    (tmp_path / "s/sshd_config.d").mkdir()
    assert not facts(lint_file(tmp_path / "s/sshd_config", Wanted())).notes


def test_what_a_copy_reads_of_this_machine_is_noted(tmp_path: Path) -> None:
    write(tmp_path, {"live/extra.conf": "Port 2201\n"})
    extra = tmp_path / "live/extra.conf"
    write(tmp_path, {"copy/sshd_config": f"Include {extra}\nInclude {extra.parent}/*\n"})
    report = lint_file(tmp_path / "copy/sshd_config", Wanted())
    assert facts(report).files.count(str(extra)) == 1
    assert [note.text for note in facts(report).notes] == [
        f"{extra} was read from this machine", f"{extra.parent}/* was read from this machine",
    ]  # fmt: skip
    assert report.failure is None


def test_a_person_s_own_file_means_its_own_home(tmp_path: Path) -> None:
    write(tmp_path, {
        "u/.ssh/config": "Include ~/.ssh/more/*\nInclude conf.d/*\nInclude /etc/ssh/none.conf\n",
        "u/.ssh/more/a": "Port 1\n", "u/.ssh/conf.d/b": "User x\n",
    })  # fmt: skip
    report = lint_file(tmp_path / "u/.ssh/config", Wanted())
    assert [Path(name).name for name in facts(report).files] == ["config", "a", "b"]
    assert [note.text for note in facts(report).notes] == [
        "/etc/ssh/none.conf: no such file (/etc/ssh/none.conf)"
    ]


def test_the_program_s_own_files_are_no_copy() -> None:
    assert not place_of("/etc/ssh/sshd_config", "/etc/ssh").is_copy
    assert place_of("/etc/ssh/sshd_config", "/etc/ssh").path("/x/y") == Path("/x/y")
    assert not place_of("/etc/chrony.conf").is_copy
    for stream in ("", "-", "stdin"):
        assert not place_of(stream, "/etc/ssh").is_copy
        assert place_of(stream, "/etc/ssh").path("x") == Path("x")
    files = Files()
    assert place_of("/etc/ssh/sshd_config", "/etc/ssh").included("/", files, AT) == [Path("/")]
    assert not files.notes


def test_links_of_a_copy_lead_into_it(tmp_path: Path) -> None:
    write(tmp_path, {"etc/app/main": "", "etc/app/there/a": "", "etc/other/b": ""})
    for name, target in {
        "etc/app/one": "/etc/app/there/a", "etc/app/two": "one", "etc/app/folder": "/etc/app/there",
        "etc/app/other": "/etc/other/b", "etc/app/loop": "/etc/app/loop",
        "etc/app/out": "/dev/null",
    }.items():  # fmt: skip
        (tmp_path / name).symlink_to(target)
    place = place_of(str(tmp_path / "etc/app/main"), "/etc/app")
    for name, meant in {
        "one": "there/a", "two": "two", "folder/a": "there/a", "other": "../other/b",
        "loop": "loop", "main": "main",
    }.items():  # fmt: skip
        found = followed(place, tmp_path / "etc/app" / name)
        assert os.path.normpath(found) == os.path.normpath(tmp_path / "etc/app" / meant), name
    assert is_foreign(place, tmp_path / "etc/app/out")
    assert not is_foreign(place, tmp_path / "etc/app/there/a")
    assert not is_foreign(place, tmp_path / "etc/app/none")
    home = place_of("/etc/app/main", "/etc/app")
    assert followed(home, tmp_path / "etc/app/one") == tmp_path / "etc/app/one"
    assert not is_foreign(home, tmp_path / "etc/app/out")


@pytest.mark.parametrize(
    ("main", "name", "may"),
    [
        ("copy/main", "/usr/x", True), ("copy/main", "x", False),
        ("tree/etc/app/main", "/x", False), ("/etc/app/main", "/usr/x", False),
        ("-", "/usr/x", False),
    ],
)  # fmt: skip
def test_a_copy_without_a_tree_may_mean_the_machine(main: str, name: str, may: bool) -> None:
    assert of_the_machine(place_of(main, "/etc/app"), name) is may


@pytest.mark.parametrize(
    ("name", "drop_in", "folder"),
    [
        ("/etc/ssh/sshd_config", False, "ssh"),
        ("/etc/ssh/sshd_config.d/a.conf", True, "sshd_config.d"),
        ("/etc/ssh/sshd_config.d/more/a.conf", True, "more"), ("/etc/app.d/more/a", False, "more"),
        ("/etc/app.d/a", True, "app.d"), ("/etc/app.d/../a", False, "etc"),
    ],
)  # fmt: skip
def test_what_a_file_s_folder_tells(name: str, drop_in: bool, folder: str) -> None:
    assert is_drop_in(name) is drop_in
    assert folder_name(name) == folder
