"""The facts and settings of an ntp.conf, each case as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from seventh.lint.clocks.settings import MAX_CLOCKS, MAX_SOURCES
from seventh.lint.ntpd import KINDS
from seventh.lint.ntpd.views import lint
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Linted, parse_software
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, DefaultRights, NtpConfigFacts
from tests.lint.clocks.settings import settings_of

NTPD, NTPSEC = "ntpd=4.2.8", "ntpsec=1.2.2"


def linted(text: str, software: str = NTPD, name: str = "x.conf", product: str = "ntpd") -> Linted:
    files = Files(base=Path("/nonexistent"))
    said = parse_software(software) if software else None
    return lint(files.take(name, text.encode()), files, said, product=product)


def config(result: Linted) -> NtpConfigFacts:
    facts = result.views[0].facts["ntp"]
    assert isinstance(facts, NtpFacts)
    assert facts.config is not None
    return facts.config


def rights(
    flags: tuple[str, ...] = (), setting: str = "", six: str | None = None
) -> tuple[DefaultRights, ...]:
    return tuple(
        DefaultRights(family=family, flags=flags, setting=key)
        for family, key in (("IPv4", setting), ("IPv6", setting if six is None else six))
    )


EMPTY = NtpConfigFacts(
    product="ntpd", version="4.2.8", complete=True, sources_at_most=10, serves=True,
    strangers=rights(), monitor=True, monlist=False,
)  # fmt: skip
"""What an empty file configures for ntpd; maxclock is 10 (ntp.conf, "tos maxclock")."""
EMPTY_NTPSEC = replace(
    EMPTY, product="ntpsec", version="1.2.2", strangers=rights(("limited", "noquery")),
    nts_known=True, nts_server=False, nts_dump="/var/lib/ntp/nts-keys",
)  # fmt: skip


def source(line: str, kind: str, name: str, **more: object) -> ConfiguredSource:
    return ConfiguredSource(
        kind=kind, name=name, setting=f"{kind} {name}", text=line, **more  # type: ignore[arg-type]
    )  # fmt: skip


LOCAL = ("server 127.127.1.0",)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("", {}),
        (
            """server a.example iburst key 3 minpoll 4 maxpoll 8
pool b.example noselect
peer -4 c.example
server -6 d.example autokey""",
            {
                "sources": (
                    source("server a.example iburst key 3 minpoll 4 maxpoll 8", "server",
                           "a.example", iburst=True, key=3, minpoll=4, maxpoll=8),
                    source("pool b.example noselect", "pool", "b.example", noselect=True),
                    source("peer -4 c.example", "peer", "c.example"),
                    source("server -6 d.example autokey", "server", "d.example", autokey=True),
                ),
                "mobilised_by": ("pool",),
                "autokey": ("server d.example",),
            },
        ),
        # a host that is called as an option is
        ("server key iburst", {"sources": (source("server key iburst", "server", "key",
                                                  iburst=True),)}),
        ("driftfile /d", {"drift_file": "/d"}),
        ("driftfile /d 60", {"drift_file": "/d 60"}),
        ("leapfile /l checkhash", {"leap_seconds": "leapfile /l checkhash"}),
        ("tos maxclock 7", {"sources_at_most": 7}),
        ("tos maxclock 0", {"sources_at_most": 0}),
        ("tos minclock 3 maxclock 7", {"sources_at_most": 7}),
        # The local clock: stratum 5 unless a fudge line says otherwise.
        ("server 127.127.1.0", {"local_stratum": 5, "local_settings": LOCAL}),
        ("server 127.127.1.0\nfudge 127.127.1.0 refid L stratum 10",
         {"local_stratum": 10, "local_settings": LOCAL}),
        ("server 127.127.1.0\nfudge 127.127.1.1 stratum 10",
         {"local_stratum": 5, "local_settings": LOCAL}),
        ("fudge 127.127.1.0 stratum 10", {}),
        ("server 127.127.1.0\nfudge 127.127.1.0 refid stratum",
         {"local_stratum": 5, "local_settings": LOCAL}),
        ("server 127.127.1.0\nserver 127.127.1.1\nfudge 127.127.1.1 stratum 3",
         {"local_stratum": 3, "local_settings": (*LOCAL, "server 127.127.1.1")}),
        ("server 127.127.20.0\nfudge 127.127.20.0 stratum 3",
         {"reference_clocks": ("127.127.20.0",)}),
        # Orphan mode: off at stratum 16; a local clock comes before it.
        ("tos orphan 5",
         {"local_stratum": 5, "local_orphan": True, "local_settings": ("tos orphan",)}),
        ("tos orphan 15",
         {"local_stratum": 15, "local_orphan": True, "local_settings": ("tos orphan",)}),
        ("tos orphan 16", {}),
        ("tos orphan 5\ntos orphan 16", {}),
        ("tos orphan 5\nserver 127.127.1.0", {"local_stratum": 5, "local_settings": LOCAL}),
        # Associations that unknown hosts create.
        ("broadcastclient", {"mobilised_by": ("broadcastclient",)}),
        ("manycastclient 239.255.254.254\nmulticastclient",
         {"mobilised_by": ("multicastclient", "manycastclient")}),
        ("manycastclient 239.255.254.254 autokey",
         {"mobilised_by": ("manycastclient",), "autokey": ("manycastclient 239.255.254.254",)}),
        ("broadcast 192.0.2.255 autokey", {"autokey": ("broadcast 192.0.2.255",)}),
        ("crypto\ncrypto pw x\nserver a autokey",
         {"autokey": ("crypto", "server a"),
          "sources": (source("server a autokey", "server", "a", autokey=True),)}),
        # Access.
        ("restrict default ignore",
         {"strangers": rights(("ignore",), "restrict default"), "serves": False}),
        ("restrict default noserve",
         {"strangers": rights(("noserve",), "restrict default"), "serves": False}),
        ("restrict -6 default ignore",
         {"strangers": (*rights()[:1], *rights(("ignore",), "restrict -6 default")[1:])}),
        ("restrict -4 default ignore\nrestrict -6 default noserve",
         {"strangers": (*rights(("ignore",), "restrict -4 default")[:1],
                        *rights(("noserve",), "restrict -6 default")[1:]), "serves": False}),
        ("restrict source noquery", {"restrict_source": True}),
        ("restrict -4 source noquery", {"restrict_source": True}),
        ("restrict 192.0.2.1 noquery", {}),
        # Monitoring: "limited" keeps it on.
        ("disable monitor", {"monitor": False}),
        ("disable auth bclient monitor", {"monitor": False}),
        ("disable auth", {}),
        ("disable monitor\nenable monitor", {}),
        ("disable monitor\nrestrict 192.0.2.1 limited", {}),
        ("disable monitor\nrestrict 192.0.2.1 noquery", {"monitor": False}),
        ("keys /nonexistent/keys", {"key_file": "/nonexistent/keys"}),
    ],
)  # fmt: skip
def test_ntpd(text: str, changes: dict[str, object]) -> None:
    result = linted(text)
    assert result.problems == ()
    assert config(result) == replace(EMPTY, **changes)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("", {}),
        ("server a nts", {"sources": (source("server a nts", "server", "a", nts=True),)}),
        ("nts enable", {"nts_server": True}),
        ("nts enable\nnts disable", {}),
        ("nts disable\nnts enable", {"nts_server": True}),
        ("nts cert /c key /k", {}),
        ("nts cookie /cookies", {"nts_dump": "/cookies"}),
        ("refclock local", {"local_stratum": 5, "local_settings": ("refclock local",)}),
        ("refclock local stratum 0", {"local_stratum": 0, "local_settings": ("refclock local",)}),
        ("refclock shm unit 0", {"reference_clocks": ("shm",)}),
        ("unrestrict default noquery",
         {"strangers": rights(("limited",), "unrestrict default")}),
    ],
)  # fmt: skip
def test_ntpsec(text: str, changes: dict[str, object]) -> None:
    result = linted(text, NTPSEC)
    assert result.problems == ()
    assert config(result) == replace(EMPTY_NTPSEC, **changes)


@pytest.mark.parametrize(
    ("software", "nts", "queries", "monlist"),
    [
        ("ntpsec=1.2.0", True, False, False),
        ("ntpsec=1.1.9", False, False, False),
        ("ntpsec=1.1.8", False, True, False),
        ("ntpd=4.2.6", False, True, True),
        ("ntpd=4.2.7", False, True, None),
        ("ntpd=4.2.7.26", False, True, None),
        ("ntpd=4.2.8", False, True, False),
    ],
)
def test_what_a_version_supports(
    software: str, nts: bool, queries: bool, monlist: bool | None
) -> None:
    found = config(linted("", software))
    assert (found.nts_known, found.monlist) == (nts, monlist)
    assert {one.may_query for one in found.strangers} == {queries}
    assert found.nts_server is (False if nts else None)
    assert found.nts_dump == ("/var/lib/ntp/nts-keys" if nts else "")


def test_a_part_decides_only_what_it_sets() -> None:
    result = linted("server a\nnts enable\n", NTPSEC, "ntp.d/a.conf")
    assert config(result) == NtpConfigFacts(
        product="ntpsec", version="1.2.2", sources=(source("server a", "server", "a"),),
        sources_at_most=10, monlist=False, nts_known=True, nts_dump="/var/lib/ntp/nts-keys",
    )  # fmt: skip
    assert settings_of(result.views[0]) == {
        "server": ["1: server a"], "server a": ["1: server a"], "nts": ["2: nts enable"],
        "nts enable": ["2: nts enable"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("software", "product", "meant", "assumed"),
    [
        ("", "ntpd", "ntpd 4.2.8", True),
        ("", "ntpsec", "ntpsec 1.2.5", True),
        ("chrony=4.3", "ntpd", "ntpd 4.2.8", True),
        ("ntpsec=1.2.2", "ntpd", "ntpsec 1.2.2", False),
        ("ntpd=4.2.6", "ntpsec", "ntpd 4.2.6", False),
    ],
)
def test_whose_file_it_is(software: str, product: str, meant: str, assumed: bool) -> None:
    result = linted("", software, product=product)
    assert (result.software, result.software_assumed) == (meant, assumed)
    assert config(result).product == meant.split(maxsplit=1)[0]


def defaults(result: Linted) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for key, (setting,) in result.views[0].settings.items():
        text, _, by = setting.at.text.partition(" (default of ")
        assert (by, setting.at.line) == (f"{result.software})", None)
        found[key] = (setting.value, text)
    return found


def test_defaults_are_settings_where_no_line_is() -> None:
    assert defaults(linted("")) == {
        "driftfile": ("", "driftfile not set: the clock's drift is lost at every restart"),
        "server": ("", "no server, pool or peer set"),
        "restrict default": ("", "restrict default not set: any host may query"),
        "disable monitor": ("", "disable monitor not set: clients are recorded"),
    }
    assert defaults(linted("", NTPSEC)) == {
        "driftfile": ("", "driftfile not set: the clock's drift is lost at every restart"),
        "server": ("", "no server, pool or peer set"),
        "restrict default": ("noquery limited", "restrict default noquery limited"),
        "disable monitor": ("", "disable monitor not set: clients are recorded"),
        "nts enable": ("", "nts enable not set: NTS is not served"),
    }
    text = "driftfile /d\nserver a\nrestrict default noquery\nenable monitor\n"
    assert settings_of(linted(text).views[0]) == {
        "driftfile": ["1: driftfile /d"],
        "server": ["2: server a"],
        "server a": ["2: server a"],
        "restrict": ["3: restrict default noquery"],
        "restrict default": ["3: restrict default noquery"],
        "enable": ["4: enable monitor"],
        "disable monitor": ["4: enable monitor"],
    }


def test_keys_of_lines_that_a_finding_points_at() -> None:
    text = (
        "server 127.127.1.0\nfudge 127.127.1.0 stratum 10\ntos orphan 5 maxclock 7\ntos orphan 6\n"
        "restrict -6 Default noquery\nunrestrict 192.0.2.1\nnts enable cert /c\nnts disable\n"
        "driftfile /a\ndriftfile /b\n"
    )
    assert settings_of(linted(text, NTPSEC).views[0]) == {
        "server": ["1: server 127.127.1.0"],
        "server 127.127.1.0": ["1: server 127.127.1.0", "2: fudge 127.127.1.0 stratum 10"],
        "fudge": ["2: fudge 127.127.1.0 stratum 10"],
        "tos": ["3: tos orphan 5 maxclock 7", "4: tos orphan 6"],
        "tos orphan": ["4: tos orphan 6"],
        "tos maxclock": ["3: tos orphan 5 maxclock 7"],
        "restrict": ["5: restrict -6 Default noquery"],
        "restrict -6 default": ["5: restrict -6 Default noquery"],
        "unrestrict": ["6: unrestrict 192.0.2.1"],
        "unrestrict 192.0.2.1": ["6: unrestrict 192.0.2.1"],
        "nts": ["7: nts enable cert /c", "8: nts disable"],
        "nts enable": ["7: nts enable cert /c"],
        "nts disable": ["8: nts disable"],
        "driftfile": ["10: driftfile /b"],
        "restrict default": ["restrict default noquery limited (default of ntpsec 1.2.2)"],
        "disable monitor": [
            "disable monitor not set: clients are recorded (default of ntpsec 1.2.2)"
        ],
    }


@pytest.mark.parametrize(
    ("line", "software"),
    [
        ("server a", NTPD), ("pool a", NTPD), ("peer a", NTPD), ("refclock shm", NTPSEC),
        ("broadcast 192.0.2.255", NTPD), ("manycastclient 239.1.1.1", NTPD),
        ("restrict 192.0.2.1", NTPD), ("unrestrict 192.0.2.1", NTPSEC),
        ("fudge 127.127.20.0 stratum 1", NTPD), ("tos minclock 3", NTPD), ("tinker panic 0", NTPD),
        ("disable auth", NTPD), ("enable auth", NTPD), ("crypto", NTPD), ("nts cert /c", NTPSEC),
        ("trustedkey 1", NTPD),
    ],
)  # fmt: skip
def test_directives_that_add_up(line: str, software: str) -> None:
    (view,) = linted(f"{line}\n{line}\n", software).views
    assert settings_of(view)[line.split(maxsplit=1)[0]] == [f"1: {line}", f"2: {line}"]


@pytest.mark.parametrize("line", ["driftfile /d", "keys /k", "leapfile /l", "statsdir /s"])
def test_directives_of_which_the_last_line_applies(line: str) -> None:
    (view,) = linted(f"{line}\n{line}\n").views
    assert settings_of(view)[line.split(maxsplit=1)[0]] == [f"2: {line}"]


@pytest.mark.parametrize(
    ("trusted", "keys"),
    [
        ("", ()), ("trustedkey 1", ("1",)), ("trustedkey 1 3\ntrustedkey 4", ("1", "4")),
        ("trustedkey (2 ... 9)", ("1", "4")), ("trustedkey 2...9", ("1", "4")),
        ("trustedkey (2 9)", ("1", "4")),
    ],
)  # fmt: skip
def test_only_trusted_keys_count_and_a_range_may_be_any(
    tmp_path: Path, trusted: str, keys: tuple[str, ...]
) -> None:
    """ntpd's key file has a type in every line."""
    (tmp_path / "keys").write_text("1 MD5 secret\n2 secret\n3 SHA1 secret\n4 M secret\n")
    result = linted(f"keys {tmp_path}/keys\n{trusted}\n")
    assert (config(result).md5_keys, config(result).key_file_read) == (keys, True)
    assert {key for key in result.views[0].settings if key.startswith("key ")} == {
        f"key {key}" for key in keys
    }


def test_sources_and_clocks_up_to_a_limit() -> None:
    files = Files(base=Path("/nonexistent"))
    lines = [*(f"server a{n} autokey" for n in range(MAX_SOURCES)), "broadcast 192.0.2.255"]
    for more, problems in (
        ([], []),
        (["peer b"], [f"{MAX_SOURCES + 1} sources: the first {MAX_SOURCES} are judged"]),
    ):
        result = lint(files.take("x.conf", "\n".join(lines + more).encode()), files, None)
        assert len(config(result).sources) == MAX_SOURCES
        assert [(p.file, p.line, p.text) for p in files.unread] == [
            ("x.conf", None, problem) for problem in problems
        ]
        assert "peer b" not in result.views[0].settings
        assert "broadcast 192.0.2.255" in result.views[0].settings
    text = "".join(f"server 127.127.20.{n}\n" for n in range(MAX_CLOCKS + 1))
    clocks = config(linted(text)).reference_clocks
    assert clocks == tuple(f"127.127.20.{n}" for n in range(100))


def test_the_kinds() -> None:
    ntpsec, ntpd = KINDS
    files = Files(base=Path("/nonexistent"))
    text = files.take("x.conf", b"nts enable\nrestrict default\n")
    for kind, product, looks in ((ntpsec, "ntpsec", 2), (ntpd, "ntpd", 1)):
        result = kind.lint(text, files, None)
        assert (config(result).product, kind.product) == (product, product)
        assert kind.looks(text.lines) == looks
        assert kind.fits is not None
        assert kind.fits(text.lines) == 2
    assert ntpd.also == ("ntpsec",)
