"""A configuration's settings by key, the options of a source, and the keys of a key file."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.clocks.lines import Conf, Directive
from seventh.lint.clocks.settings import (
    MAX_KEYS,
    MAX_SETTINGS,
    Options,
    Settings,
    is_part,
    md5_keys,
    options_of,
    source_of,
)
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Setting, Software
from seventh.model.source import Line
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from tests.lint.clocks.settings import settings_of

AT = Line(file="f", line=9, text="refused")
VALUED = frozenset({"key", "minpoll", "maxpoll", "version"})


def directive(line: str, number: int = 1) -> Directive:
    name, *words = line.split()
    return Directive(name, tuple(words), Line(file="f", line=number, text=line))


def test_lines_add_up_or_replace_and_a_default_yields() -> None:
    software = Software(product="chrony", version=(4, 3))
    held = Settings(Text("main", ()), software, assumed=False)
    held.add("Server A", directive("server A iburst", 1))
    held.add("server a", directive("server a", 2))
    held.put("DriftFile", directive("driftfile /a", 3))
    held.put("driftfile", directive("driftfile /b", 4))
    held.default("DRIFTFILE", "", "driftfile not set")
    held.default("RtcSync", "no", "rtcsync not set")
    facts = NtpConfigFacts(product="chrony")
    linted = held.linted(facts, read("server a"))
    (view,) = linted.views
    assert settings_of(view) == {
        "server a": ["1: server A iburst", "2: server a"],
        "driftfile": ["4: driftfile /b"],
        "rtcsync": ["rtcsync not set (default of chrony 4.3)"],
    }
    assert [each.value for each in view.settings["server a"]] == ["A iburst", "a"]
    assert view.settings["rtcsync"] == (
        Setting(
            value="no",
            at=Line(file="main", line=None, text="rtcsync not set (default of chrony 4.3)"),
        ),
    )
    assert view.facts["ntp"].config is facts  # type: ignore[attr-defined]
    assert (linted.software, linted.software_assumed) == ("chrony 4.3", False)


def read(*lines: str) -> Conf:
    return Conf(directives=tuple(map(directive, lines)), refused=(AT,))


def test_an_assumed_version_is_called_so() -> None:
    software = Software(product="ntpd", version=(4, 2, 8))
    held = Settings(Text("main", ()), software, assumed=True)
    held.default("a", "", "a not set")
    linted = held.linted(NtpConfigFacts(), read())
    assert settings_of(linted.views[0]) == {"a": ["a not set (default of ntpd 4.2.8, assumed)"]}
    assert linted.software_assumed
    assert linted.problems == (AT,)


def test_lines_of_one_key_are_kept_up_to_a_limit() -> None:
    held = Settings(Text("main", ()), Software(product="ntpd", version=(4,)), assumed=False)
    for number in range(MAX_SETTINGS + 1):
        held.add("server", directive("server a", number))
    (view,) = held.linted(NtpConfigFacts(), read()).views
    assert len(view.settings["server"]) == MAX_SETTINGS == 100


@pytest.mark.parametrize(
    ("words", "flags", "values"),
    [
        ("", set(), {}),
        ("iburst PREFER", {"iburst", "prefer"}, {}),
        ("Key 3 iburst", {"iburst"}, {"key": "3"}),
        ("key iburst prefer", {"prefer"}, {"key": "iburst"}),
        ("key 3 key 4", set(), {"key": "4"}),
        ("key", set(), {}),
    ],
)
def test_options(words: str, flags: set[str], values: dict[str, str]) -> None:
    options = options_of(words.split(), VALUED)
    assert options == Options(frozenset(flags), values)


def test_a_source_has_what_its_line_says() -> None:
    line = directive("server Time.Example iburst nts noselect key 7 minpoll 4 maxpoll 8 version 3")
    options = options_of(line.words[1:], VALUED)
    assert source_of(line, "Time.Example", options) == ConfiguredSource(
        kind="server", name="Time.Example", setting="server time.example", text=line.at.text,
        iburst=True, nts=True, noselect=True, key=7, minpoll=4, maxpoll=8,
    )  # fmt: skip
    line = directive("peer time.google.com autokey")
    source = source_of(line, "time.google.com", options_of(["autokey"], VALUED))
    assert source == ConfiguredSource(
        kind="peer", name="time.google.com", setting="peer time.google.com", text=line.at.text,
        autokey=True, smears=source.smears,
    )  # fmt: skip
    assert "Google" in source.smears
    name = "x" * 256
    assert source_of(line, name, options_of([], VALUED)).name == "x" * 255 + "…"


KEYS = """# 1 MD5 secret
1 MD5 secret
2 secret
3 M secret
4 SHA1 secret
5 md5 secret # MD5
6
x MD5 secret
!7 MD5 secret
12345678901 m secret
9 SHA1 MD5
10 # secret
11 MD5 # secret
1 AES128 secret
"""


@pytest.mark.parametrize(
    ("untyped_is_md5", "found"),
    [
        (False, {"1": "1 MD5 …", "3": "3 M …", "5": "5 MD5 …", "1234567890": "1234567890 M …"}),
        (True, {"1": "1 MD5 …", "2": "2 MD5 …", "3": "3 M …", "5": "5 MD5 …",
                "1234567890": "1234567890 M …", "11": "11 MD5 …"}),
    ],
)  # fmt: skip
def test_md5_keys(tmp_path: Path, untyped_is_md5: bool, found: dict[str, str]) -> None:
    (tmp_path / "keys").write_text(KEYS)
    keys = md5_keys("keys", Files(base=tmp_path), untyped_is_md5=untyped_is_md5)
    assert keys is not None
    assert {name: line.at.text for name, line in keys.items()} == found
    assert keys["3"] == Directive(
        "key 3", (), Line(file=str(tmp_path / "keys"), line=4, text="3 M …")
    )


def test_keys_that_cannot_be_read_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    files = Files(base=tmp_path)
    for name in ("", "none", "folder", "a\0b"):
        assert md5_keys(name, files, untyped_is_md5=True) is None
    assert md5_keys("empty", files, untyped_is_md5=True) == {}
    assert files.problems == []


def test_keys_are_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("".join(f"{n} MD5 x\n" for n in range(101)))
    keys = md5_keys("keys", Files(base=tmp_path), untyped_is_md5=False)
    assert list(keys or ()) == [str(n) for n in range(100)]
    assert MAX_KEYS == 100


@pytest.mark.parametrize(
    ("name", "part"),
    [("/etc/chrony/conf.d/a.conf", True), ("/etc/chrony.d/x/a.conf", False), ("a.d", False)],
)
def test_a_part_by_its_folder(name: str, part: bool) -> None:
    assert is_part(name) is part
