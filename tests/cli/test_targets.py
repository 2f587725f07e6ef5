"""Targets from arguments, lines and TOML, each with its options; every error has its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from seventh import given
from seventh.cli import targets
from seventh.cli.targets import check_used, gather, read
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.protocols.ntp import NtpOptions


def error(call: Any, *words: Any) -> str:
    with pytest.raises(UsageError) as caught:
        call(*words)
    return str(caught.value)


def of_file(path: Path, text: str, **typed: Any) -> list[tuple[str, Options]]:
    path.write_text(text, encoding="utf-8")
    jobs = gather([], [str(path)], given.make(typed), typed)
    return [(str(target), options) for target, options in jobs]


def test_they_come_in_the_order_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed, table = tmp_path / "a.txt", tmp_path / "b.toml"
    listed.write_text("tcp://c:3 # a comment\n\n  # none\n\tntp://d\n", encoding="utf-8")
    table.write_text('[[target]]\nurl = "tcp://e:5"\n', encoding="utf-8")
    monkeypatch.setattr(targets, "stdin_bytes", lambda count: b"tcp://b:2\n")
    jobs = gather(["tcp://a:1", "-"], [str(listed), str(table)], Options(), {})
    assert [str(target) for target, _ in jobs] == [
        "tcp://a:1", "tcp://b:2", "tcp://c:3", "ntp://d:123", "tcp://e:5",
    ]  # fmt: skip
    assert error(gather, [], [], Options(), {}) == (
        "no target: name one, such as `seventh check ssh://host`"
    )


def test_a_tables_options_override_the_typed_ones_and_those_the_files_defaults(
    tmp_path: Path,
) -> None:
    text = (
        "[defaults]\ntimeout = 1\nfamily = 'ipv4'\nsamples = 2\n"
        "[[target]]\nurl = 'ntp://a'\n"
        "[[target]]\nurl = 'ntp://b'\ntimeout = 3.5\nsamples = 4\n"
    )
    (_, first), (_, second) = of_file(tmp_path / "t.toml", text, family="ipv6", timeout_seconds=2.0)
    assert (first.timeout_seconds, first.family, first.of(NtpOptions).samples) == (2.0, "ipv6", 2)
    assert (second.timeout_seconds, second.family, second.of(NtpOptions).samples) == (
        3.5, "ipv6", 4,
    )  # fmt: skip


def test_a_transcript_is_kept_for_targets_of_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text("[[target]]\nurl = 'tcp://a:1'\n", encoding="utf-8")
    for wanted in (True, False):
        ((_, options),) = gather([], [str(path)], Options(transcript=wanted), {})
        assert options.transcript is wanted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "not valid TOML: "),
        (f"x = {'9' * 5000}",
         ("not valid TOML: a number with too many digits, a date that does not exist, or brackets "
         "nested too deeply")),
        ("", ('write one [[target]] table with url = "…" per target; [defaults], before them, is '
         "optional")),
        ("[target]\nurl = 'tcp://a:1'",
         ('write one [[target]] table with url = "…" per target; [defaults], before them, is '
         "optional")),
        ("defaults = 1\n[[target]]\nurl = 'tcp://a:1'",
         ('write one [[target]] table with url = "…" per target; [defaults], before them, is '
         "optional")),
        ("x = 1", "unknown table 'x': write [[target]] or [defaults]"),
        ("[[targt]]", "unknown table 'targt': did you mean [[target]]?"),
        ("target = [1]", 'target 1: needs url = "…"'),
        ("[[target]]\nport = 1", 'target 1: needs url = "…"'),
        ("[[target]]\nulr = 'x'", 'target 1: needs url = "…", not ulr'),
        ("[[target]]\nurl = 7", 'target 1: needs url = "…"'),
        ("[[target]]\nurl = 'tcp://a:1'\n[[target]]\nurl = 'tcp://b'",
         "target 2: target 'tcp://b' has no port: write one, such as tcp://b:443"),
        ("[[target]]\nurl = 'tcp://a:1'\ntimeout = 0",
         "target 1: --timeout: write a number above 0, up to 86400, not 0"),
        ("[defaults]\ntimeout = 0\n[[target]]\nurl = 'tcp://a:1'",
         "defaults: --timeout: write a number above 0, up to 86400, not 0"),
        ("[[target]]\nurl = 'tcp://a:1'\nca_store = 'x'",
         "target 1: unknown option 'ca_store': write ca-store"),
        ("[[target]]\nurl = 'tcp://a:1'\ntimeot = 1",
         ("target 1: unknown option 'timeot': did you mean timeout? `seventh check --help` lists "
         "them")),
        ("[[target]]\nurl = 'tcp://a:1'\nintrusive = true",
         ("target 1: intrusive is a permission, which a file cannot give; type --intrusive on the "
         "command line")),
        ("[[target]]\nurl = 'tcp://a:1'\nsamples = 3",
         "target 1: tcp:// does not use the option 'samples': remove it"),
    ],
)  # fmt: skip
def test_an_error_in_a_table_says_where(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    said = error(of_file, path, text)
    assert said == f"{path}: {says}" or (says == "not valid TOML: " and said.startswith(
        f"{path}: {says}"))  # fmt: skip


def test_an_error_in_a_line_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.txt"
    says = "target 'ssh://' has no host"
    assert error(of_file, path, "tcp://a:1\n\nssh://\n") == f"{path}:3: {says}"
    monkeypatch.setattr(targets, "stdin_bytes", lambda count: b"ssh://")
    assert error(gather, ["-"], [], Options(), {}) == f"stdin:1: {says}"


def test_a_file_is_text_and_not_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xef\xbb\xbfgr\xc3\xbc\xc3\x9fe")
    assert read(str(path)) == "grüße"
    path.write_bytes(b"abc\xff")
    assert error(read, str(path)) == f"{path}: not UTF-8 text at byte 3"
    assert error(read, str(tmp_path)) == f"{tmp_path}: cannot be read: Is a directory"
    assert error(read, "a\0b") == "a\0b: cannot be read: embedded null byte"
    assert targets.MAX_FILE_BYTES == 67_108_864
    monkeypatch.setattr(targets, "MAX_FILE_BYTES", 4)
    assert error(read, str(path)) == f"{path}: not UTF-8 text at byte 3"
    path.write_bytes(b"abcde")
    assert error(read, str(path)) == f"{path}: larger than 4 bytes"
    asked: list[int] = []
    monkeypatch.setattr(targets, "stdin_bytes", lambda count: asked.append(count) or b"abcde")
    assert error(read, "-") == "stdin: larger than 4 bytes"
    assert asked == [5]


def test_what_is_behind_a_jump_host_is_tcp_unless_it_was_named(tmp_path: Path) -> None:
    through = given.make({"via": "ssh://jump"})
    bare = gather(["host.example"], [], Options(), {})
    carried = gather(["host.example"], [], through, {})
    assert {str(target) for target, _ in bare} - {str(target) for target, _ in carried} == {
        "ntp://host.example:123", "snmp://host.example:161",
    }  # fmt: skip
    assert [str(t) for t, _ in gather(["ntp://h"], [], through, {})] == ["ntp://h:123"]
    path = tmp_path / "t.txt"
    path.write_text("host.example\n", encoding="utf-8")
    assert len(gather([], [str(path)], through, {})) == len(carried)


@pytest.mark.parametrize(
    ("field", "value", "target", "users"),
    [
        ("samples", 3, "ssh://h", ("it is an option of ntp (`seventh check --help ssh` lists the "
         "options of ssh)")),
        ("samples", 3, "ntp://h", None),
        ("timeout_seconds", 3.0, "tcp://h:1", None),
        ("i_own_this", True, "ssh://h", None),
    ],
)  # fmt: skip
def test_a_typed_option_must_be_used(
    field: str, value: Any, target: str, users: str | None
) -> None:
    typed = {field: value}
    jobs = gather([target], [], given.make(typed), typed)
    if users is None:
        check_used(typed, jobs)
    else:
        flag = given.options()[field].flag
        assert error(check_used, typed, jobs) == f"{flag}: no target uses it; {users}"


def test_an_option_of_a_jump_host_is_used(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("x", encoding="utf-8")
    typed = {"via": "ssh://jump", "identities": (os.fspath(key),)}
    check_used(typed, gather(["tcp://h:1"], [], given.make(typed), typed))
