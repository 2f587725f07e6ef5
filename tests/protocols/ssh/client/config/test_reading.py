"""Lines, blocks and includes of ssh_config and sshd_config, by ssh_config(5) and sshd_config(5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lintkit.files import Files
from seventh.protocols.ssh.client.config import reading as module
from seventh.protocols.ssh.client.config.directives import Side
from seventh.protocols.ssh.client.config.reading import Reading, read


def parsed(text: str, side: Side = "server", files: Files | None = None) -> Reading:
    files = files or Files()
    return read(files.take("config", text.encode()), files, side)


def told(lines: list[module.Line]) -> list[tuple[int, str]]:
    return [(line.line, line.text) for line in lines]


def names(found: Reading) -> list[str]:
    return [line.name for line in found.directives]


@pytest.mark.parametrize(
    ("side", "text", "refused"),
    [
        ("server", 'Banner "a', "a quote is not closed"),
        ("server", "UsePAM", "UsePAM: argument missing"),
        ("server", "Include", "Include: argument missing"),
        ("server", "Include # a comment", "Include: file missing"),
        ("server", "Match colour red", "unknown Match criterion colour"),
        ("server", "Match exec true", "unknown Match criterion exec"),
        ("server", "Match !user a", "unknown Match criterion !user"),
        ("client", "Match !colour red", "unknown Match criterion colour"),
        ("client", "Match address 192.0.2.1", "unknown Match criterion address"),
        ("server", "Match LocalPort x", "Match LocalPort x: not a port"),
        ("server", "Match LocalPort 0", "Match LocalPort 0: not a port"),
    ],
)
def test_lines_that_the_program_refuses(side: Side, text: str, refused: str) -> None:
    assert told(parsed(text, side).refused) == [(1, refused)]


@pytest.mark.parametrize(
    ("side", "criteria"),
    [
        ("server", "all"),
        ("server", "invalid-user"),
        ("server", "user a group b host c address 192.0.2.0/24 localaddress ::1 localport 22"),
        ("server", "rdomain r version x"),
        ("client", "all"),
        ("client", "canonical final"),
        ("client", "!canonical !final !host a"),
        ("client", "host a originalhost b user c localuser d tagged e"),
    ],
)
def test_criteria_that_it_knows(side: Side, criteria: str) -> None:
    found = parsed(f"Match {criteria}\n User a\n", side)
    assert (found.refused, found.undecided) == ([], [])
    assert [block.label for block in found.blocks] == [f"Match {criteria}"]


@pytest.mark.parametrize("criterion", ["Address", "LocalAddress"])
def test_networks_are_checked(criterion: str) -> None:
    assert len(parsed(f"Match {criterion} 192.0.2.1/24").refused) == 1


@pytest.mark.parametrize(
    ("criterion", "why"),
    [
        ("exec true", "Match exec depends on a command, which Seventh does not run"),
        ("localnetwork 192.0.2.0/24", "Match localnetwork depends on the addresses of the machine"),
        ("command x", "Match command depends on the command of the session"),
        ("sessiontype shell", "Match sessiontype depends on the type of the session"),
        ("version x", "Match version depends on the version of ssh"),
        ("!exec true", "Match exec depends on a command, which Seventh does not run"),
    ],
)
def test_criteria_that_files_do_not_decide(criterion: str, why: str) -> None:
    found = parsed(f"Match {criterion}\n", "client")
    assert told(found.undecided) == [(1, f"{why}: assumed not to match")]


def test_a_directive_is_told_with_its_line_and_block() -> None:
    found = parsed('Host a "b c" # x\n  Compression yes\n', "client")
    (block,) = found.blocks
    assert (block.index, block.kind, block.label) == (0, "host", 'Host a "b c" # x')
    assert (block.patterns, block.criteria) == (("a", "b c"), ())
    (line,) = found.directives
    assert (line.name, line.written, line.values) == ("compression", "Compression", ("yes",))
    assert (line.value, line.rest, line.at.line, line.at.text) == (
        "yes",
        "yes",
        2,
        "Compression yes",
    )
    assert line.blocks == (block,)


def test_blocks_follow_each_other_and_host_is_the_clients() -> None:
    found = parsed("Match user a\n PermitTTY no\nMatch user b\n PermitTTY yes\n")
    assert [block.index for block in found.blocks] == [0, 1]
    assert [line.blocks[0].index for line in found.directives] == [0, 1]
    assert (found.blocks[0].criteria, found.blocks[0].patterns) == ((("user", "a"),), ())
    assert told(parsed("Host a\n").unknown) == [(1, "Host a")]


@pytest.mark.parametrize("block", ['Match user "a', "MATCH colour red", 'match user "a'])
def test_lines_of_a_malformed_block_hold_nowhere(block: str) -> None:
    found = parsed(f"UsePAM no\n{block}\n PermitTTY no\n")
    assert [[inside.index for inside in line.blocks] for line in found.directives] == [[], [-1]]
    assert parsed(f"{block}\n PermitTTY no\n").directives[0].blocks[0].criteria == (
        ("nowhere", ""),
    )


def test_another_malformed_line_ends_no_block() -> None:
    found = parsed('Match user a\n Banner "a\n PermitTTY no\n')
    assert [inside.label for inside in found.directives[0].blocks] == ["Match user a"]


def test_unknown_directives_are_noted_or_ignored_as_asked() -> None:
    text = "IgnoreUnknown Use*,My?\nUseThis x\nMyX y\nIgnoreUnknown *\nOther z\n"
    found = parsed(text, "client")
    assert told(found.unknown) == [(5, "Other z")]
    assert names(found) == ["ignoreunknown", "usethis", "myx", "ignoreunknown"]
    assert told(parsed("UseThis x\nIgnoreUnknown Use*\n", "client").unknown) == [(1, "UseThis x")]


def test_older_names_are_resolved() -> None:
    (line,) = parsed("PubkeyAcceptedKeyTypes ssh-ed25519\n").directives
    assert (line.name, line.written) == ("pubkeyacceptedalgorithms", "PubkeyAcceptedKeyTypes")


@pytest.mark.parametrize(
    "name", ["ProxyCommand", "LocalCommand", "RemoteCommand", "KnownHostsCommand", "ProxyJump"]
)
def test_a_command_is_the_rest_of_its_line(name: str) -> None:
    (line,) = parsed(f"{name} a 'b  c' # d\n", "client").directives
    assert (line.values, line.rest) == ((), "a 'b  c' # d")
    assert line.at.text == f"{name} a 'b  c' # d"


def test_a_forced_command_is_too() -> None:
    (line,) = parsed("ForceCommand a 'b  c'\n").directives
    assert (line.values, line.rest) == ((), "a 'b  c'")


# -- includes --------------------------------------------------------------------------------------


def main(folder: Path, **written: str) -> tuple[Reading, Files]:
    """Read ``sshd_config`` in a folder that has these files, too."""
    for name, text in written.items():
        (folder / f"{name}.conf").write_text(text)
    files = Files(base=folder)
    text = files.read(folder / "main.conf")
    assert text is not None
    return read(text, files, "server"), files


def test_an_included_file_stays_in_its_block_and_ends_its_own(tmp_path: Path) -> None:
    found, files = main(
        tmp_path,
        main=f"Match user a\n Include {tmp_path}/more.conf\n PermitTTY no\n",
        more="X11Forwarding no\nMatch group b\n AllowTcpForwarding no\n",
    )
    assert files.problems == []
    assert [(line.name, [b.label for b in line.blocks]) for line in found.directives] == [
        ("x11forwarding", ["Match user a"]),
        ("allowtcpforwarding", ["Match user a", "Match group b"]),
        ("permittty", ["Match user a"]),
    ]
    assert told(found.includes) == [(2, "")]


def test_an_included_file_counts_each_time_and_itself_never(tmp_path: Path) -> None:
    found, _ = main(
        tmp_path,
        main=f"Include {tmp_path}/more.conf {tmp_path}/more.conf\nInclude {tmp_path}/none*.conf\n",
        more=f"UsePAM no\nInclude {tmp_path}/main.conf\n",
    )
    assert names(found) == ["usepam", "usepam"]
    assert told(found.refused) == [(2, f"Include {tmp_path}/main.conf includes itself")] * 2


def test_included_files_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_INCLUDED", 2)
    found, files = main(
        tmp_path, main=f"Include {tmp_path}/[a-d].conf\n",
        a="UsePAM no\n", b="UseDNS no\n", c="PermitTTY no\n", d="",
    )  # fmt: skip
    assert names(found) == ["usepam", "usedns"]
    assert [problem.text for problem in files.problems] == ["only the first 2 files were included"]


def test_directives_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DIRECTIVES", 2)
    files = Files()
    found = parsed("UsePAM no\nUseDNS no\nPermitTTY no\nBanner x\n", files=files)
    assert names(found) == ["usepam", "usedns"]
    assert [(problem.line, problem.text) for problem in files.problems] == [
        (3, "only the first 2 directives were read")
    ]
