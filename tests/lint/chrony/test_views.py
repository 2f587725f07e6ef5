"""The facts and settings of a chrony.conf, each case as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.chrony import KINDS
from seventh.lint.chrony.views import lint
from seventh.lint.clocks.settings import MAX_CLOCKS, MAX_SOURCES
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Linted, parse_software
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from tests.lint.clocks.settings import settings_of


def linted(
    text: str, software: str = "chrony=4.3", name: str = "chrony.conf", *, sources: bool = False
) -> Linted:
    files = Files(base=Path("/nonexistent"))
    said = parse_software(software) if software else None
    return lint(files.take(name, text.encode()), files, said, only_sources=sources)


def config(result: Linted) -> NtpConfigFacts:
    facts = result.views[0].facts["ntp"]
    assert isinstance(facts, NtpFacts)
    assert facts.config is not None
    return facts.config


EMPTY = NtpConfigFacts(
    product="chrony", version="4.3", complete=True, serves=False, nts_known=True, nts_server=False,
    nts_rotate_seconds=604800,
)  # fmt: skip
"""What an empty file configures; ntsrotate is a week (chrony.conf(5))."""
FULL = """server a.example iburst nts key 3 minpoll 4 maxpoll 8
pool b.example
Pool c.example maxsources 2 noselect
pool d.example maxsources 0
peer e.example
refclock SHM 0 refid GPS
refclock PPS /dev/pps0
makestep 0.5 -1
initstepslew 30 a.example
driftfile /var/lib/chrony/drift
rtcfile /var/lib/chrony/rtc
rtcsync
local stratum 8 orphan
leapseclist /usr/share/leap
leapsectz right/UTC
allow 192.0.2.0/24
keyfile /etc/chrony.keys
ntsserverkey /k
ntsservercert /c
ntsrotate 3600
ntscachedir /cache
"""


def source(line: str, kind: str, name: str, **more: object) -> ConfiguredSource:
    return ConfiguredSource(
        kind=kind, name=name, setting=f"{kind} {name}", text=line, **more  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_full_file() -> None:
    result = linted(FULL, "chrony=4.6")
    assert config(result) == NtpConfigFacts(
        product="chrony",
        version="4.6",
        complete=True,
        sources=(
            source("server a.example iburst nts key 3 minpoll 4 maxpoll 8", "server", "a.example",
                   iburst=True, nts=True, key=3, minpoll=4, maxpoll=8),
            source("pool b.example", "pool", "b.example", maxsources=4),
            source("Pool c.example maxsources 2 noselect", "pool", "c.example", maxsources=2,
                   noselect=True),
            source("pool d.example maxsources 0", "pool", "d.example", maxsources=0),
            source("peer e.example", "peer", "e.example"),
        ),
        reference_clocks=("SHM 0", "PPS /dev/pps0"),
        makestep_seconds=0.5,
        makestep_updates=-1,
        initstepslew=True,
        drift_file="/var/lib/chrony/drift",
        rtc="rtcsync",
        local_stratum=8,
        local_orphan=True,
        local_settings=("local",),
        leap_seconds="leapsectz right/UTC",
        serves=True,
        key_file="/etc/chrony.keys",
        nts_known=True,
        nts_server=True,
        nts_rotate_seconds=3600,
        nts_dump="/cache",
    )  # fmt: skip
    assert result.problems == ()


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("", {}),
        # a host that is called as an option is
        (
            "server port iburst",
            {"sources": (source("server port iburst", "server", "port", iburst=True),)},
        ),
        ("rtcfile /r", {"rtc": "rtcfile"}),
        ("leapseclist /l", {"leap_seconds": "leapseclist /l"}),
        ("local", {"local_stratum": 10, "local_settings": ("local",)}),
        ("local stratum 1", {"local_stratum": 1, "local_settings": ("local",)}),
        ("allow", {"serves": True}),
        ("allow\nport 123", {"serves": True}),
        ("allow\nport 0", {}),
        ("port 123", {}),
        ("ntsserverkey /k", {}),
        ("ntsservercert /c", {}),
        ("ntsserverkey /k\nntsservercert /c", {"nts_server": True}),
        ("ntsrotate 0", {"nts_rotate_seconds": 0}),
        ("ntsdumpdir /d\nntscachedir /c", {"nts_dump": "/d"}),
        ("driftfile /a\ndriftfile /b", {"drift_file": "/b"}),
        ("makestep 1 3\nmakestep 2 -1", {"makestep_seconds": 2.0, "makestep_updates": -1}),
        ("initstepslew 30", {"initstepslew": True}),
    ],
)
def test_one_line_and_the_rest_as_by_default(text: str, changes: dict[str, object]) -> None:
    from msgspec.structs import replace

    found = config(linted(text, "chrony=4.6"))
    assert found == replace(EMPTY, version="4.6", **changes)


@pytest.mark.parametrize(("software", "known"), [("chrony=3.5", False), ("chrony=4.0", True)])
def test_nts_since_4_0(software: str, known: bool) -> None:
    assert config(linted("", software)).nts_known is known


def test_a_part_decides_only_what_it_sets() -> None:
    for name, sources in (("conf.d/a.conf", False), ("a.sources", True)):
        result = linted("server a.example\n", name=name, sources=sources)
        assert config(result) == NtpConfigFacts(
            product="chrony",
            version="4.3",
            sources=(source("server a.example", "server", "a.example"),),
            nts_known=True,
            nts_rotate_seconds=604800,
        )
        assert settings_of(result.views[0]) == {
            "server": ["1: server a.example"], "server a.example": ["1: server a.example"],
        }  # fmt: skip


def test_without_a_version_the_newest_is_assumed_and_every_directive_known() -> None:
    result = linted("maxstratum 3\n", "")
    assert (result.software, result.software_assumed) == ("chrony 4.8", True)
    assert result.problems == ()
    said = linted("maxstratum 3\n", "chrony=4.8")
    assert (said.software, said.software_assumed) == ("chrony 4.8", False)
    assert [line.text for line in said.problems] == ["maxstratum requires version 4.9"]


def test_defaults_are_settings_where_no_line_is() -> None:
    by = "(default of chrony 4.3)"
    defaults = {
        "makestep": [f"makestep not set: the clock is slewed, never stepped {by}"],
        "driftfile": [f"driftfile not set: the clock's drift is lost at every restart {by}"],
        "rtcsync": [f"rtcsync not set: the hardware clock is not synchronised {by}"],
        "server": [f"no server, pool or peer set {by}"],
        "ntsrotate": [f"ntsrotate 604800 {by}"],
        "ntsdumpdir": [f"ntsdumpdir not set: cookie keys are lost at every restart {by}"],
        "ntsserverkey": [f"ntsserverkey not set: NTS is not served {by}"],
    }
    (view,) = linted("").views
    assert settings_of(view) == defaults
    assert {key: found[0].value for key, found in view.settings.items()} == {
        **dict.fromkeys(defaults, ""), "ntsrotate": "604800",
    }  # fmt: skip
    (view,) = linted("pool a\n").views
    assert "server" not in view.settings
    text = "makestep 1 3\ndriftfile /d\nrtcsync\nserver a\nntsrotate 1\nntsdumpdir /d\n"
    (view,) = linted(text + "ntsserverkey /k\n").views
    assert settings_of(view) == {
        "makestep": ["1: makestep 1 3"], "driftfile": ["2: driftfile /d"],
        "rtcsync": ["3: rtcsync"], "server": ["4: server a"],
        "server a": ["4: server a"], "ntsrotate": ["5: ntsrotate 1"],
        "ntsdumpdir": ["6: ntsdumpdir /d"], "ntsserverkey": ["7: ntsserverkey /k"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "server a", "pool a", "peer a", "refclock SHM 0", "allow", "deny", "cmdallow", "cmddeny",
        "broadcast 60 192.0.2.255", "hwtimestamp *", "ntsserverkey /k", "ntsservercert /c",
        "ntstrustedcerts /c", "sourcedir /d",
    ],
)  # fmt: skip
def test_directives_that_add_up(line: str) -> None:
    (view,) = linted(f"{line}\n{line}\n").views
    assert settings_of(view)[line.split(maxsplit=1)[0]] == [f"1: {line}", f"2: {line}"]


@pytest.mark.parametrize("line", ["local", "port 0", "ntsrotate 1", "keyfile /k", "bindaddress ::"])
def test_directives_of_which_the_last_line_applies(line: str) -> None:
    (view,) = linted(f"{line}\n{line}\n").views
    assert settings_of(view)[line.split(maxsplit=1)[0]] == [f"2: {line}"]


def test_the_keys_of_the_key_file(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("1 MD5 secret\n2 secret\n3 SHA1 secret\n")
    result = linted(f"keyfile {tmp_path}/keys\n")
    found = config(result)
    assert (found.key_file, found.md5_keys, found.key_file_read) == (
        f"{tmp_path}/keys", ("1", "2"), True,
    )  # fmt: skip
    settings = settings_of(result.views[0])
    assert (settings["key 1"], settings["key 2"]) == (["1: 1 MD5 …"], ["2: 2 MD5 …"])
    assert "key 3" not in settings


def test_sources_and_clocks_up_to_a_limit() -> None:
    files = Files(base=Path("/nonexistent"))
    lines = [f"server a{n}" for n in range(MAX_SOURCES)]
    for more, problems in (
        ([], []),
        (["peer b"], [f"{MAX_SOURCES + 1} sources: the first {MAX_SOURCES} are judged"]),
    ):
        text = files.take("chrony.conf", "\n".join(lines + more).encode())
        result = lint(text, files, None)
        assert len(config(result).sources) == MAX_SOURCES
        assert [(p.file, p.line, p.text) for p in files.unread] == [
            ("chrony.conf", None, problem) for problem in problems
        ]
        assert "peer b" not in result.views[0].settings
    clocks = "".join(f"refclock SHM {n}\n" for n in range(MAX_CLOCKS + 1))
    assert config(linted(clocks)).reference_clocks == tuple(f"SHM {n}" for n in range(100))


def test_the_kinds() -> None:
    conf, sources = KINDS
    files = Files(base=Path("/nonexistent"))
    text = files.take("x", b"server a.example\nmakestep 1 3\n")
    ignored = "only server, pool and peer are allowed: chronyd ignores the line"
    for kind, problems in ((conf, []), (sources, [ignored])):
        assert [line.text for line in kind.lint(text, files, None).problems] == problems
        assert kind.fits is not None
        assert kind.fits(text.lines) == 2
    assert conf.looks(text.lines) == 2
    assert sources.looks(text.lines) == 0
