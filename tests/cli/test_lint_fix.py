"""``seventh lint --diff`` and ``--fix``, as typed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from seventh.cli import fix as cli_fix
from seventh.cli.main import main
from seventh.engine import fix as engine_fix
from seventh.engine.fix import Change
from seventh.engine.validate import Answer, Validation
from seventh.model.failure import UsageError

BAD = "  Ciphers +3des-cbc   # an old box\nMatch User ops\n  X11Forwarding no\n"
GOOD = "  Ciphers -3des-cbc   # an old box\nMatch User ops\n  X11Forwarding no\n"
ONLY = ("lint", "--only", "SSH-CIPHER-WEAK", "--software", "openssh=9.2")
PATCH = (
    "--- sshd_config\n+++ sshd_config\n@@ -1,3 +1,3 @@\n"
    "-  Ciphers +3des-cbc   # an old box\n+  Ciphers -3des-cbc   # an old box\n"
    " Match User ops\n   X11Forwarding no\n"
)
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("sshd_config").write_text(BAD)
    answer = Validation(program="sshd", answer=Answer.UNKNOWN, detail="not installed here")
    monkeypatch.setattr(engine_fix, "validate", lambda *_: answer)
    monkeypatch.setattr(engine_fix, "installed", lambda _: None)
    return tmp_path


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_diff_prints_a_patch_and_changes_nothing(capsys: Captured) -> None:
    assert main([*ONLY, "--diff", "sshd_config"]) == main([*ONLY, "sshd_config"]) == 2
    captured = capsys.readouterr()
    assert captured.out.startswith(PATCH)
    assert captured.err == (
        "seventh: sshd_config: can be fixed: SSH-CIPHER-WEAK\n"
        "seventh: sshd_config: not validated by sshd: not installed here\n"
    )
    assert Path("sshd_config").read_text() == BAD
    assert names() == ["sshd_config"]


def test_the_patch_is_taken(capsys: Captured) -> None:
    assert main([*ONLY, "--diff", "sshd_config", "--output", "p"]) == 2
    assert capsys.readouterr().out == ""
    assert Path("p").read_text() == PATCH
    subprocess.run(["patch", "-p0", "-i", "p"], check=True, capture_output=True)
    assert Path("sshd_config").read_text() == GOOD


def test_names_elsewhere_start_from_the_root(capsys: Captured, folder: Path) -> None:
    (folder / "in").mkdir()
    os.chdir("in")
    assert main([*ONLY, "--diff", "../sshd_config"]) == 2
    captured = capsys.readouterr()
    name = str(folder.resolve() / "sshd_config").lstrip("/")
    assert captured.out == PATCH.replace("sshd_config", name)
    assert "apply it with patch -d / -p0" in captured.err


def test_fix_replaces_the_file_and_keeps_the_old_one(capsys: Captured, folder: Path) -> None:
    Path("sshd_config").chmod(0o640)
    before = Path("sshd_config").stat()
    assert main([*ONLY, "--fix", "sshd_config", "--format", "json"]) == 0
    captured = capsys.readouterr()
    (report,) = json.loads(captured.out)["reports"]
    assert report["findings"] == []
    assert captured.err == (
        "seventh: sshd_config: fixed: SSH-CIPHER-WEAK\n"
        "seventh: sshd_config: not validated by sshd: not installed here\n"
        f"seventh: {folder.resolve()}/sshd_config: written; the old file is "
        f"{folder.resolve()}/.sshd_config.seventh-orig\n"
    )
    assert Path("sshd_config").read_text() == GOOD
    assert Path(".sshd_config.seventh-orig").read_text() == BAD
    after = Path("sshd_config").stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode, before.st_uid, before.st_gid,
    )  # fmt: skip
    assert names() == [".sshd_config.seventh-orig", "sshd_config"]


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_the_owner_stays() -> None:
    os.chown("sshd_config", 12, 34)
    assert main([*ONLY, "--fix", "sshd_config"]) == 0
    after = Path("sshd_config").stat()
    assert (after.st_uid, after.st_gid) == (12, 34)


def test_an_older_copy_is_never_overwritten() -> None:
    Path(".sshd_config.seventh-orig").write_text("older")
    assert main([*ONLY, "--fix", "sshd_config"]) == 0
    assert Path(".sshd_config.seventh-orig").read_text() == "older"
    assert Path(".sshd_config.seventh-orig.2").read_text() == BAD


def test_a_link_stays_a_link() -> None:
    Path("real").mkdir()
    Path("sshd_config").rename("real/main")
    Path("sshd_config").symlink_to("real/main")
    assert main([*ONLY, "--fix", "sshd_config"]) == 0
    assert Path("sshd_config").readlink() == Path("real/main")
    assert Path("real/main").read_text() == GOOD
    assert Path("real/.main.seventh-orig").read_text() == BAD


def test_the_included_file_is_changed(capsys: Captured) -> None:
    Path("sshd_config.d").mkdir()
    Path("sshd_config").rename("sshd_config.d/a.conf")
    Path("sshd_config").write_text("Include sshd_config.d/*.conf\n")
    assert main([*ONLY, "--diff", "."]) == 2
    assert capsys.readouterr().out == PATCH.replace("sshd_config", "sshd_config.d/a.conf")
    assert main([*ONLY, "--fix", "."]) == 0
    assert Path("sshd_config.d/a.conf").read_text() == GOOD
    assert Path("sshd_config").read_text() == "Include sshd_config.d/*.conf\n"
    assert main([*ONLY, "."]) == 0
    assert "seventh-orig" not in capsys.readouterr().out


def test_what_was_accepted_is_not_touched(capsys: Captured) -> None:
    assert main([*ONLY, "sshd_config", "--format", "json", "--output", "old.json"]) == 2
    assert main([*ONLY, "--fix", "sshd_config", "--baseline", "old.json"]) == 0
    assert Path("sshd_config").read_text() == BAD
    ignored = f"# seventh: ignore=SSH-CIPHER-WEAK an old box\n{BAD}"
    Path("sshd_config").write_text(ignored)
    assert main([*ONLY, "--fix", "sshd_config"]) == 0
    assert Path("sshd_config").read_text() == ignored
    assert "fixed" not in capsys.readouterr().err


def test_a_decision_is_left_to_a_person(capsys: Captured) -> None:
    assert main(["lint", "--only", "SSH-ALLOWLIST", "--fix", "sshd_config"]) == 0
    assert Path("sshd_config").read_text() == BAD
    assert capsys.readouterr().err == (
        "seventh: sshd_config: not fixed: SSH-ALLOWLIST: needs a decision; the finding shows the "
        "lines to complete\n"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--diff", "-"], "--diff requires files; standard input cannot be changed"),
        (["--fix", "sshd_config", "-"], "--fix requires files; standard input cannot be changed"),
        (["--diff", "--format", "json", "sshd_config"],
         "--diff prints a patch: it cannot be combined with --format"),
        (["--diff", "--against", "old.json", "sshd_config"],
         "--diff prints a patch: it cannot be combined with --against"),
    ],
)  # fmt: skip
def test_what_does_not_go_together(arguments: list[str], says: str, capsys: Captured) -> None:
    assert main(["lint", *arguments]) == 3
    assert capsys.readouterr().err == f"seventh: {says}\n"


def test_a_read_only_file_stays(capsys: Captured) -> None:
    Path("sshd_config").chmod(0o444)
    assert main([*ONLY, "--fix", "sshd_config"]) == 3
    assert capsys.readouterr().err.endswith("sshd_config: is read-only; nothing was changed\n")
    assert names() == ["sshd_config"]


def test_a_file_that_changed_meanwhile_stays() -> None:
    path = Path("sshd_config").resolve()
    change = Change(path=path, before=b"other\n", after=b"new\n")
    with pytest.raises(UsageError, match="changed since it was read"):
        cli_fix.write_changes([change])
    assert path.read_text() == BAD
    path.unlink()
    with pytest.raises(UsageError, match="No such file or directory; nothing was changed"):
        cli_fix.write_changes([change])


def test_all_files_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [Path(name).resolve() for name in ("a", "b", "c")]
    for path in paths:
        path.write_text("old\n")
    real = cli_fix.replace_file

    def fails(path: Path, data: bytes, *, like: Path) -> None:
        if path == paths[1]:
            raise OSError(28, "No space left on device")
        real(path, data, like=like)

    monkeypatch.setattr(cli_fix, "replace_file", fails)
    with pytest.raises(UsageError, match="No space left on device; nothing was changed"):
        cli_fix.write_changes([Change(path=p, before=b"old\n", after=b"new\n") for p in paths])
    assert [path.read_text() for path in paths] == ["old\n"] * 3
    assert names() == ["a", "b", "c", "sshd_config"]


def test_many_copies_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_fix, "_MOST_KEPT", 3)
    for _ in range(2):
        Path("sshd_config").write_text(BAD)
        assert main([*ONLY, "--fix", "sshd_config"]) == 0
    Path("sshd_config").write_text(BAD)
    assert main([*ONLY, "--fix", "sshd_config"]) == 3
    assert Path("sshd_config").read_text() == BAD


TWO = ["lint", "--only", "SSH-CIPHER-WEAK,SSH-MAC-WEAK", "--software", "openssh=9.2"]


def test_two_files_with_one_include_share_its_change(capsys: Captured) -> None:
    """The second is judged with the change of the first, so that both fit in one patch."""
    Path("shared.conf").write_text("Ciphers +3des-cbc\nMACs hmac-sha2-256-etm@openssh.com\n")
    for name in ("a.sshd_config", "b.sshd_config"):
        Path(name).write_text("Include shared.conf\n")
    assert main([*TWO, "--diff", "a.sshd_config", "b.sshd_config"]) == 2
    captured = capsys.readouterr()
    assert captured.out == (
        "--- shared.conf\n+++ shared.conf\n@@ -1,2 +1,2 @@\n-Ciphers +3des-cbc\n"
        "+Ciphers -3des-cbc\n MACs hmac-sha2-256-etm@openssh.com\n"
    )
    assert "b.sshd_config: can be fixed" not in captured.err


def test_a_file_of_another_folder_stays(capsys: Captured) -> None:
    """It may belong to other machines, or to this one while a copy is linted."""
    Path("a").mkdir()
    Path("a/sshd_config").write_text("Include ../sshd_config\n")
    assert main([*ONLY, "--fix", "a/sshd_config"]) == 2
    assert Path("sshd_config").read_text() == BAD
    assert capsys.readouterr().err == (
        "seventh: a/../sshd_config:1: not fixed: SSH-CIPHER-WEAK: the line is in a file outside "
        "the folder of the linted file\n"
    )
