"""Owners and modes: whose files SSH trusts, and the command for each that it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lintkit.files import Files, Mode
from seventh.lintkit.linted import Setting
from seventh.model.source import Line
from seventh.protocols.ssh.client.config import modes
from seventh.protocols.ssh.client.config.modes import WrongMode

HOME, OTHER, ROOT = 1000, 1001, 0


class Machine(Files):
    """Files of which only owners and modes are known."""

    def __init__(self, **known: tuple[int, int]) -> None:
        super().__init__()
        self.known = {
            "/h": Mode(HOME, 0o755, is_directory=True),
            "/h/.ssh": Mode(HOME, 0o700, is_directory=True),
            "/h/.ssh/authorized_keys": Mode(HOME, 0o600, is_directory=False),
        }
        names = {"home": "/h", "ssh": "/h/.ssh", "keys": "/h/.ssh/authorized_keys"}
        for name, (uid, bits) in known.items():
            self.known[names[name]] = Mode(uid, bits, is_directory=name != "keys")

    def mode(self, name: str | Path) -> Mode | None:
        return self.known.get(str(name))


KEYS = Path("/h/.ssh/authorized_keys")


@pytest.mark.parametrize(
    ("known", "wrong"),
    [
        ({}, ()),
        ({"keys": (ROOT, 0o600)}, ()),
        ({"keys": (HOME, 0o655)}, ()),
        ({"keys": (OTHER, 0o600)}, ((f"{KEYS}: owner 1001", f"chown 1000 {KEYS}"),)),
        ({"keys": (HOME, 0o620)}, ((f"{KEYS}: mode 0620", f"chmod 600 {KEYS}"),)),
        ({"keys": (HOME, 0o602)}, ((f"{KEYS}: mode 0602", f"chmod 600 {KEYS}"),)),
        ({"ssh": (HOME, 0o720)}, (("/h/.ssh: mode 0720", "chmod 700 /h/.ssh"),)),
        ({"home": (HOME, 0o777)}, (("/h: mode 0777", "chmod go-w /h"),)),
        (
            {"home": (OTHER, 0o755)},
            (
                (f"{KEYS}: owner 1000", f"chown 1001 {KEYS}"),
                ("/h/.ssh: owner 1000", "chown 1001 /h/.ssh"),
            ),
        ),
    ],
)
def test_strict_modes(
    known: dict[str, tuple[int, int]], wrong: tuple[tuple[str, str], ...]
) -> None:
    found = modes.strict_modes(Machine(**known), KEYS)
    assert found == tuple(WrongMode(*each) for each in wrong)


def test_elsewhere_only_the_file_is_checked() -> None:
    machine = Machine(home=(HOME, 0o777))
    machine.known["/h/keys"] = Mode(OTHER, 0o600, is_directory=False)
    assert modes.strict_modes(machine, Path("/h/keys")) == ()
    assert modes.strict_modes(machine, Path("/h/none")) is None


@pytest.mark.parametrize(
    ("bits", "group_reads", "is_wrong"),
    [(0o600, False, False), (0o640, False, True), (0o640, True, False), (0o604, True, True),
     (0o660, True, True), (0o610, True, True), (0o601, False, True)],
)  # fmt: skip
def test_private_keys(bits: int, group_reads: bool, is_wrong: bool) -> None:
    machine = Machine()
    machine.known["/k"] = Mode(HOME, bits, is_directory=False)
    expected = (WrongMode(f"/k: mode {bits:04o}", "chmod 600 /k"),) if is_wrong else ()
    assert modes.private_key(machine, Path("/k"), group_reads=group_reads) == expected
    assert modes.private_key(machine, Path("/h"), group_reads=group_reads) is None
    assert modes.private_key(machine, Path("/none")) is None


def test_a_user_s_ssh_config() -> None:
    machine = Machine(keys=(OTHER, 0o664))
    assert modes.own_config(machine, KEYS) == (
        WrongMode(f"{KEYS}: mode 0664", f"chmod 600 {KEYS}"),
    )
    assert modes.own_config(machine, Path("/none")) is None


def test_what_was_not_seen_is_unknown() -> None:
    assert modes.facts(None) == {"modes": None, "mode_fixes": ()}
    assert modes.facts(()) == {"modes": (), "mode_fixes": ()}


def test_a_home_that_cannot_be_seen_leaves_its_owner_to_the_file() -> None:
    machine = Machine(keys=(OTHER, 0o620))
    del machine.known["/h"]
    assert modes.strict_modes(machine, KEYS) == (
        WrongMode(f"{KEYS}: mode 0620", f"chmod 600 {KEYS}"),
        WrongMode("/h/.ssh: owner 1000", "chown 1001 /h/.ssh"),
    )


def test_a_path_with_a_blank_is_quoted_in_the_command() -> None:
    machine = Machine()
    machine.known["/h/my key"] = Mode(OTHER, 0o664, is_directory=False)
    assert modes.strict_modes(machine, Path("/h/my key")) == (
        WrongMode("/h/my key: mode 0664", "chmod 600 '/h/my key'"),
    )


def test_a_finding_points_at_the_file_as_a_whole() -> None:
    wrong = (WrongMode("/k: mode 0644", "chmod 600 /k"),)
    assert modes.settings(wrong, "f") == (
        Setting(value="/k: mode 0644", at=Line(file="f", line=None, text="/k: mode 0644")),
    )
    assert modes.facts(wrong) == {"modes": ("/k: mode 0644",), "mode_fixes": ("chmod 600 /k",)}
