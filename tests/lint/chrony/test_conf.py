"""chrony.conf's grammar and includes. tests/peers/test_chrony_conf.py asks chronyd itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.lint.chrony import conf as chrony_conf
from seventh.lint.clocks import lines
from seventh.lint.clocks.lines import MAX_INCLUDES, MAX_LINES, Conf
from seventh.lintkit.files import Files


def read(folder: Path, text: str | bytes, version: tuple[int, ...] | None = None) -> Conf:
    path = folder / "chrony.conf"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return reading(path, version)[0]


def reading(path: Path, version: tuple[int, ...] | None = None) -> tuple[Conf, Files]:
    files = Files(base=path.parent)
    text = files.read(path)
    assert text is not None
    return chrony_conf.read(text, files, version), files


def said(conf: Conf) -> list[str]:
    return [" ".join((d.name, *d.words)) for d in conf.directives]


def test_comments_blanks_and_case(tmp_path: Path) -> None:
    conf = read(tmp_path, "# a\n! b\n; c\n% d\n\n \t#e\n\tPOOL  Time.Example\tIBURST \r\n")
    assert said(conf) == ["pool Time.Example IBURST"]
    assert conf.refused == ()
    assert conf.directives[0].at.line == 7


@pytest.mark.parametrize(
    ("line", "version", "why"),
    [
        ("server", None, "server: a word is missing"),
        ("leapsecmode smear", None, "leapsecmode: one of system, slew, step, ignore is expected"),
        ("frobnicate", None, "unknown directive of chronyd"),
        ("server a.example nts", (3, 5), "server: the option nts requires version 4.0"),
        ("leapseclist /usr/share/leap", (4, 5), "leapseclist requires version 4.6"),
        ("confdir /a /b /c /d /e /f /g /h /i /j /k", None, "more than 10 folders in one line"),
        (
            "server a.example iburst # the good one",
            None,
            "server: a comment cannot follow on the same line",
        ),
    ],
)
def test_what_chronyd_refuses_is_told_with_its_line(
    tmp_path: Path, line: str, version: tuple[int, ...] | None, why: str
) -> None:
    conf = read(tmp_path, f"rtcsync\n{line}\nmanual\n", version)
    assert said(conf) == ["rtcsync", "manual"]
    (refused,) = conf.refused
    assert (refused.file, refused.line, refused.text) == (str(tmp_path / "chrony.conf"), 2, why)


@pytest.mark.parametrize(
    "line",
    [
        "server a.example extfield F323", "server a.example extfield 0xf324", "local stratum 1",
        "local stratum 15", "allow 192.0.2", "allow 192.0.2.0/24", "allow 2001:db8::/32",
        "bindcmdaddress /run/chronyd.sock", "bindcmdaddress ::1", "dumpdir " + "d" * 2038,
        "allow all", "allow", "makestep 1.5e-1 3", "MakeStep 1 3",
        "confdir /a /b /c /d /e /f /g /h /i /j",
    ],
)  # fmt: skip
def test_what_chronyd_accepts(tmp_path: Path, line: str) -> None:
    assert read(tmp_path, f"{line}\n").refused == ()


def test_a_line_has_a_maximum_length(tmp_path: Path) -> None:
    (refused,) = read(tmp_path, "dumpdir " + "d" * 2039 + "\n").refused
    assert refused.text == "line of 2047 characters; the limit of chronyd is 2046"


@pytest.mark.field
@pytest.mark.parametrize("line", ["include /nowhere/at/all", "include /nowhere/*.conf"])
def test_what_is_only_missing_here_is_not_read_and_not_refused(tmp_path: Path, line: str) -> None:
    """The file may be of another machine, which has what this one has not."""
    path = tmp_path / "chrony.conf"
    path.write_text(f"rtcsync\n{line}\nmanual\n")
    conf, files = reading(path)
    assert conf.refused == ()
    assert said(conf) == ["rtcsync", "manual"]
    assert [problem.line for problem in files.unread] == [2]


def test_no_value_gets_into_a_problem(tmp_path: Path) -> None:
    """A key file taken for a configuration must not be told."""
    conf = read(tmp_path, "1 MD5 HEX:DEADBEEF\nserver a key DEADBEEF\nkeyfile a DEADBEEF\n")
    assert len(conf.refused) == 3
    assert "DEADBEEF" not in repr(conf.refused)


def test_includes_come_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "b.inc").write_text("manual\n")
    (tmp_path / "a.inc").write_text("include c.txt\nlock_all\n")
    (tmp_path / "c.txt").write_text("noclientlog\n")
    conf = read(tmp_path, "rtcsync\ninclude *.inc\nport 0\n")
    assert said(conf) == ["rtcsync", "noclientlog", "lock_all", "manual", "port 0"]
    assert [Path(d.at.file).name for d in conf.directives] == [
        "chrony.conf", "c.txt", "a.inc", "b.inc", "chrony.conf"
    ]  # fmt: skip


def test_confdir_goes_by_name_and_the_first_folder_wins(tmp_path: Path) -> None:
    for folder, name, line in [
        ("one", "20.conf", "server one20"),
        ("one", "10.conf", "server one10"),
        ("two", "10.conf", "server two10"),
        ("two", "15.conf", "server two15"),
        ("two", "README", "not read"),
        ("two", ".hidden.conf", "not read"),
    ]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(line + "\n")
    conf = read(tmp_path, f"confdir {tmp_path}/one {tmp_path}/two {tmp_path}/missing\n")
    assert said(conf) == ["server one10", "server two15", "server one20"]
    assert conf.refused == ()


def test_a_missing_folder_or_pattern_is_nothing_wrong(tmp_path: Path) -> None:
    conf = read(tmp_path, "confdir /no/such\nsourcedir /no/such\ninclude /no-such*.conf\n")
    assert said(conf) == ["sourcedir /no/such"]
    assert conf.refused == ()


def test_sourcedirs_come_last_and_hold_sources_alone(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "a.sources").write_text("pool b.example\nmakestep 1 3\npeer c.example\nserver cut")
    conf = read(tmp_path, f"sourcedir {folder}\nrtcsync\n")
    assert said(conf) == [f"sourcedir {folder}", "rtcsync", "pool b.example", "peer c.example"]
    assert [line.line for line in conf.refused] == [2, 4]
    assert [line.text for line in conf.refused] == [
        "only server, pool and peer are allowed: chronyd ignores the line",
        "the last line has no line end: chronyd ignores it",
    ]


def test_a_tree_is_looked_up_within_itself(tmp_path: Path) -> None:
    """A backup's /etc names its own files, not this machine's."""
    etc = tmp_path / "backup" / "etc" / "chrony"
    (etc / "conf.d").mkdir(parents=True)
    (etc / "conf.d" / "a.conf").write_text("rtcsync\n")
    (etc / "more").write_text("manual\n")
    (etc / "chrony.conf").write_text(
        "confdir /etc/chrony/conf.d\ninclude /etc/chrony/mor?\ninclude /etc/chrony/more\n"
    )
    conf, files = reading(etc / "chrony.conf")
    assert said(conf) == ["rtcsync", "manual", "manual"]
    assert all(str(tmp_path) in name for name in files.read_names)


# -- hostile ---------------------------------------------------------------------------------------


CYCLE = "includes form a cycle, or are nested more than 10 files deep: chronyd does not start"


def test_a_circle_of_includes_is_told_and_the_rest_read(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("include chrony.conf\nmanual\n")
    conf = read(tmp_path, "include other\nrtcsync\n")
    assert said(conf) == ["manual", "rtcsync"]
    (refused,) = conf.refused
    assert (Path(refused.file).name, refused.line, refused.text) == ("other", 1, CYCLE)


def test_depth_is_that_of_chronyd(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}.inc").write_text(f"include {number + 1}.inc\n")
    conf = read(tmp_path, "include 0.inc\nrtcsync\n")
    assert said(conf) == ["rtcsync"]
    assert [(Path(line.file).name, line.text) for line in conf.refused] == [("8.inc", CYCLE)]


def test_files_that_multiply_are_bounded(tmp_path: Path) -> None:
    for level in range(8):
        following = f"include {tmp_path}/{level + 1}-*.inc\n" * 20
        (tmp_path / f"{level}-a.inc").write_text(following + "manual\n")
        (tmp_path / f"{level}-b.inc").write_text(following)
    path = tmp_path / "chrony.conf"
    path.write_text(f"include {tmp_path}/0-*.inc\nrtcsync\n")
    conf, files = reading(path)
    assert "rtcsync" in said(conf)
    assert len(files.read_names) <= MAX_INCLUDES + 1
    assert any("files included" in line.text for line in files.problems)


def test_a_pattern_that_searches_everything_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "chrony.conf"
    path.write_text("include /*/*/*/*/*/*.conf\nrtcsync\n")
    conf, files = reading(path)
    assert said(conf) == ["rtcsync"]
    assert "wildcards" in files.problems[0].text


def test_long_lines_nuls_and_junk(tmp_path: Path) -> None:
    path = tmp_path / "chrony.conf"
    path.write_bytes(
        b"server a\x00.example iburst\n" + b"x" * 10_000_000 + b"\n\xff\xfe\x1b[31m junk\nrtcsync\n"
    )
    conf, files = reading(path)
    assert said(conf) == ["server a.example iburst", "rtcsync"]
    assert [line.line for line in conf.refused] == [2, 3]
    assert any("NUL" in line.text for line in files.problems)
    assert "\x1b" not in repr(conf)


def test_what_may_not_be_read_is_a_problem_of_reading(tmp_path: Path) -> None:
    """A folder gives chronyd no line; a pipe cannot be read without waiting for somebody."""
    import os

    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / "chrony.conf"
    path.write_text(f"include {tmp_path}/folder\ninclude {tmp_path}/pipe\nrtcsync\n")
    conf, files = reading(path)
    assert said(conf) == ["rtcsync"]
    assert conf.refused == ()
    assert files.problems[0].line == 2


def test_directives_are_bounded(tmp_path: Path) -> None:
    """A file that is included often counts as often as it is read."""
    path = tmp_path / "chrony.conf"
    (tmp_path / "many").write_text("manual\n" * (MAX_LINES // 2))
    path.write_text("include many\n" * 3)
    conf, files = reading(path)
    assert MAX_LINES - 3 <= len(conf.directives) <= MAX_LINES
    assert any("the rest is skipped" in line.text for line in files.problems)


WORDS = [
    *sorted(chrony_conf.grammar().directives),
    *sorted(chrony_conf.grammar().options["source"]),
]


@given(st.one_of(st.binary(max_size=400), st.lists(
    st.one_of(st.sampled_from(WORDS), st.text(max_size=8), st.sampled_from(["\n", "*", "/", "-1"])),
    max_size=60,
).map(lambda words: " ".join(words).encode("utf-8", "replace"))))  # fmt: skip
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    files = Files(base=Path("/nonexistent"))
    conf = chrony_conf.read(files.take("chrony.conf", data), files, (4, 3))
    assert len(conf.directives) + len(conf.refused) <= data.count(b"\n") + 1


def test_a_file_of_sources_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sources"
    path.write_bytes(b"# ours\nServer a.example iburst\nallow\nnothing\npeer b.example")
    files = Files(base=tmp_path)
    text = files.read(path)
    assert text is not None
    conf = chrony_conf.read_sources(text, files)
    assert said(conf) == ["server a.example iburst"]
    assert conf.directives[0].at.text == "Server a.example iburst"
    assert [(line.line, line.text) for line in conf.refused] == [
        (3, "only server, pool and peer are allowed: chronyd ignores the line"),
        (4, "unknown directive of chronyd"),
        (5, "the last line has no line end: chronyd ignores it"),
    ]


def test_what_is_missing_in_etc_keeps_chronyd_from_starting() -> None:
    files = Files(base=Path("/etc"))
    text = files.take("/etc/chrony.conf", b"\ninclude /nonexistent/a\ninclude /nonexistent/*\n")
    conf = chrony_conf.read(text, files)
    assert [(line.line, line.text) for line in conf.refused] == [
        (2, "the included file does not exist: chronyd does not start"),
        (3, "the folder of the pattern does not exist: chronyd does not start"),
    ]
    assert files.problems == []


@pytest.mark.parametrize("line", ["confdir /nonexistent", "include none*"])
def test_what_is_looked_for_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(lines, "MAX_INCLUDES", 2)
    path = tmp_path / "chrony.conf"
    for count, problems in ((2, []), (4, [(3, "more than 2 files included")])):
        path.write_text(f"{line}\n" * count)
        found = reading(path)[1].problems
        assert [(problem.line, problem.text) for problem in found] == problems
