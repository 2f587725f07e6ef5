"""Where reports go: a file as a whole or not at all; standard streams that are full or closed."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from seventh import given
from seventh.cli.output import need_writable, write
from seventh.model.failure import UsageError
from seventh.protocols.ssh import SshOptions
from tests.cli.forked import CLOSED, FULL, READ_ONLY, Stream, seventh

SEVENTH = f"{sys.executable} -m seventh"
REFUSED = "check tcp://127.0.0.1:1 --format json"


def shell(command: str) -> tuple[int, str, str]:
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_file_is_replaced_with_its_mode_and_nothing_is_left_beside(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text("old and longer than the new one")
    path.chmod(0o640)
    write(str(path), "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(str(tmp_path / "report"), "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o640


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_text("precious")
    link.symlink_to(victim)
    write(str(link), "new")
    assert victim.read_text() == "precious"
    assert (link.read_text(), link.is_symlink()) == ("new", False)


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "report"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left on device; the report is on standard"):
        write(str(path), "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    assert capsys.readouterr().out == "new"


def test_a_device_is_written_to(tmp_path: Path) -> None:
    need_writable("/dev/null")
    write("/dev/null", "new")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    for name in (str(tmp_path), str(tmp_path / "no" / "report"), "a\0b"):
        with pytest.raises(UsageError, match="cannot be written"):
            need_writable(name)


def test_a_pipe_is_not_read_before_its_time(tmp_path: Path) -> None:
    """``--password-file <(pass show x)``: looking whether it can be read would empty it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert given.make({"password_file": str(pipe)}).password_file == str(pipe)


def test_a_word_is_no_file_where_the_option_has_it() -> None:
    assert given.make({"ssh_config": "none"}).of(SshOptions).ssh_config == "none"
    with pytest.raises(UsageError, match="--ca none: cannot be read"):
        given.make({"ca_file": "none"})


def test_a_report_that_cannot_be_written_is_on_standard_output() -> None:
    code, out, err = shell(f"{SEVENTH} {REFUSED} --output /dev/full")
    assert code == 3
    assert json.loads(out)["reports"][0]["failure"]["reason"] == "connect-refused"
    assert err.startswith("seventh: --output /dev/full: cannot be written: ")


EVERY_VERB = [
    REFUSED, "rules", "ports", "explain ssh", "lint --kind sshd_config /dev/null", "lab --list",
    "--version", "--help", "check --help", "check --help ssh",
]  # fmt: skip


@pytest.mark.field
@pytest.mark.parametrize("verb", EVERY_VERB)
def test_a_full_or_closed_output_is_one_line_and_no_verdict(verb: str) -> None:
    full = "seventh: standard output cannot be written: No space left on device\n"
    assert seventh(*verb.split(), stdout=FULL) == (3, "", full)
    assert seventh(*verb.split(), stdout=CLOSED) == (3, "", "seventh: standard output is closed\n")


def test_so_it_is_in_an_interpreter_of_its_own() -> None:
    full = "seventh: standard output cannot be written: No space left on device\n"
    assert shell(f"{SEVENTH} rules >/dev/full") == (3, "", full)
    assert shell(f"{SEVENTH} rules >&-") == (3, "", "seventh: standard output is closed\n")
    assert shell(f"{SEVENTH} chek 2>&-") == (3, "", "")
    assert shell(f"{SEVENTH} chek >&- 2>&-") == (3, "", "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_fills_up_in_the_middle_is_no_success(
    unbuffered: str, tmp_path: Path
) -> None:
    """The first write is cut short, and only the next one fails."""
    path = tmp_path / "rules"
    # What measures coverage would write a file, too.
    limits = f"unset COVERAGE_PROCESS_CONFIG; ulimit -f 4; PYTHONUNBUFFERED={unbuffered}"
    limited = f"{limits} {SEVENTH} rules >{path}"
    large = "seventh: standard output cannot be written: File too large\n"
    assert shell(limited) == (3, "", large)
    assert 0 < path.stat().st_size <= 4096


def test_other_streams_may_be_closed() -> None:
    for closed in ("2>&-", "0<&-"):
        code, out, err = shell(f"{SEVENTH} {REFUSED} {closed}")
        assert (code, err) == (2, "")
        assert json.loads(out)["reports"][0]["failure"]["reason"] == "connect-refused"


@pytest.mark.field
@pytest.mark.parametrize("verb", [*EVERY_VERB, "check", "chek", "check gopher://x", "explain NO"])
def test_what_cannot_be_said_on_stderr_changes_no_exit_code(verb: str) -> None:
    words = verb.split()
    code, _, _ = seventh(*words)
    stderr: Stream
    for stderr in (CLOSED, FULL, READ_ONLY):
        assert seventh(*words, stderr=stderr)[0] == code
    for stdout, stderr in ((FULL, FULL), (CLOSED, CLOSED), (READ_ONLY, FULL)):
        assert seventh(*words, stdout=stdout, stderr=stderr)[0] == 3


@pytest.mark.field
@pytest.mark.parametrize(("verb", "expected"), [(REFUSED, 2), ("rules", 0), ("--version", 0)])
def test_a_reader_that_has_gone_changes_no_verdict(verb: str, expected: int) -> None:
    command = f"({SEVENTH} {verb}; echo $? >&2) | true"
    assert shell(command) == (0, "", f"{expected}\n")


@pytest.mark.field
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_programs_read_utf8_whatever_the_locale(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "größe"
    path.write_text("PermitEmptyPasswords yes\n")
    words = ["lint", "--kind", "sshd_config", "--format", "json", path]
    done = subprocess.run(
        [sys.executable, "-m", "seventh", *words],
        capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, b"")
    assert json.loads(done.stdout.decode())["reports"][0]["target"] == f"file:{path}"


@pytest.mark.field
@pytest.mark.parametrize("verb", ["check --help", "explain ssh", "lint /no/such/größe"])
def test_people_read_what_their_locale_can_show(verb: str) -> None:
    code, _, err = shell(f"PYTHONIOENCODING=ascii {SEVENTH} {verb}")
    assert (code in {0, 3}, err) == (True, "")


@pytest.mark.field
def test_standard_input_is_read_within_bounds() -> None:
    for source, says in (
        ("printf '\\377'", "stdin: not UTF-8 text at byte 0"),
        ("head -c 70000000 /dev/zero", "stdin: larger than 67108864 bytes"),
    ):
        code, out, err = shell(f"{source} | {SEVENTH} check -")
        assert (code, out) == (3, "")
        assert err == f"seventh: {says}\n"
    empty = shell(f"{SEVENTH} lint - --kind sshd_config </dev/null")
    assert shell(f"{SEVENTH} lint - --kind sshd_config <&-")[0] == empty[0]


@pytest.mark.field
def test_the_name_of_standard_output_is_not_replaced(tmp_path: Path) -> None:
    """``/dev/stdout`` is a link to whatever the shell opened: a rename would break the machine."""
    link, out = tmp_path / "stdout", tmp_path / "out"
    link.symlink_to("/proc/self/fd/1")
    for name in (link, "/dev/fd/1"):
        code, _, err = shell(f"{SEVENTH} {REFUSED} --output {name} >{out}")
        assert (code, err) == (2, "")
        assert json.loads(out.read_text())["reports"]
    assert link.is_symlink()


@pytest.mark.field
def test_a_file_that_was_made_read_only_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_text("kept")
    path.chmod(0o444)
    if os.access(path, os.W_OK):  # root may write all: have the system refuse as it would
        monkeypatch.setattr(Path, "open", _refuse)
    with pytest.raises(UsageError, match="cannot be written: Permission denied"):
        need_writable(str(path))


def _refuse(path: Path, mode: str) -> None:
    raise PermissionError(13, "Permission denied", str(path))


def test_what_cannot_be_written_says_why(tmp_path: Path) -> None:
    for name, why in (
        (str(tmp_path), "is a directory"),
        (f"{tmp_path}/no/file", "No such file or directory"),
        ("a\0b", "embedded null byte"),
    ):
        with pytest.raises(UsageError) as caught:
            need_writable(name)
        assert str(caught.value) == f"--output {name}: cannot be written: {why}"
    need_writable(None)
    need_writable(str(tmp_path / "new"))
    assert list(tmp_path.iterdir()) == [], "looking makes no file"
    (tmp_path / "old").write_text("kept")
    need_writable(str(tmp_path / "old"))
    assert (tmp_path / "old").read_text() == "kept"


def test_a_report_that_could_not_be_written_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError) as caught:
        write(str(tmp_path / "no" / "file"), "the report\n")
    assert str(caught.value) == (
        f"--output {tmp_path}/no/file: cannot be written: No such file or directory; the report is "
        "on standard output"
    )
    assert capsys.readouterr() == ("the report\n", "")


def test_a_file_is_written_under_another_name_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, int, int]] = []
    real = os.open

    def note(path: Path, flags: int, mode: int = 0o777) -> int:
        opened.append((str(path), flags, mode))
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", note)
    monkeypatch.setattr(os, "urandom", lambda count: bytes(range(count)))
    write(str(tmp_path / "report"), "größe")
    assert (tmp_path / "report").read_bytes() == "größe".encode()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    assert opened == [(f"{tmp_path}/.report.000102030405", flags, 0o666)]


def test_a_folder_that_is_not_ours_is_written_into_directly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_text("old")
    number = path.stat().st_ino
    monkeypatch.setattr(os, "access", lambda folder, mode: mode != os.W_OK | os.X_OK)
    need_writable(str(path))
    write(str(path), "new")
    assert (path.read_text(), path.stat().st_ino) == ("new", number)
    need_writable(str(tmp_path / "fresh"))
    assert (tmp_path / "fresh").read_bytes() == b"", "it must be made, to see whether it can be"


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    need_writable(str(pipe))
    write(str(pipe), "new")
    assert os.read(reading, 9) == b"new"
    os.close(reading)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
