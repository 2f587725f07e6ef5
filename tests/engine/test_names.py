"""What a file's name and a few of its lines decide, pattern by pattern and bound by bound."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seventh.engine.recognise import by_content, by_name, in_folder, is_backup, is_main, of_file
from seventh.lint import kinds

SSHD = ("PermitRootLogin no", "UsePAM yes", "AllowUsers ops", "X11Forwarding no")
FOREIGN = "wholly foreign words"


@pytest.mark.parametrize(
    "name",
    ["a~", "a.bak", "a.bak.1", "a.disabled", "a.off", "a.old", "a.orig", "a.save", "a.swp", "a.rej",
     "a.rpmnew", "a.rpmorig", "a.rpmsave", "a.dpkg-dist", "a.ucf-old", ".#a", "#a#"],
)  # fmt: skip
def test_a_copy_is_told_by_its_name(name: str) -> None:
    assert is_backup(Path("/etc/x") / name)
    assert not is_backup(Path(f"/etc/{name}/x"))


@pytest.mark.parametrize(
    "name", ["sshd_config", "a.conf", "a.backup", "off", "old", "#a", "a.bak2"]
)
def test_what_is_no_copy(name: str) -> None:
    assert not is_backup(Path(name))


@pytest.mark.parametrize(
    "name",
    ["id.pub", "known_hosts", "known_hosts.old", "ssh_known_hosts", "ssh_known_hosts2", "moduli",
     "moduli.new", "ssh_host_rsa_key"],
)  # fmt: skip
def test_files_of_ssh_that_are_no_configuration(name: str, tmp_path: Path) -> None:
    assert of_file(f"/etc/ssh/{name}", SSHD) is None
    (tmp_path / name).write_text("\n".join(SSHD))
    assert in_folder(tmp_path / name) is None


@pytest.mark.parametrize(
    ("path", "kind", "main"),
    [
        ("/etc/ssh/sshd_config", "sshd_config", True),
        ("/etc/ssh/sshd_config.d/a.conf", "sshd_config", False),
        ("/etc/nginx/nginx.conf", "nginx.conf", True),
        ("/etc/nginx/conf.d/a.conf", "nginx.conf", False),
        ("/etc/nginx/sites-enabled/default", "nginx.conf", False),
        ("/home/x/.ssh/config", "ssh_config", True),
        ("/home/x/config", "ssh_config", False),
    ],
)
def test_a_main_file_is_read_by_default(path: str, kind: str, main: bool) -> None:
    assert is_main(Path(path), kinds()[kind]) is main


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (SSHD[:1], "sshd_config"),  # a short file needs no more lines than it has
        (SSHD[:2], "sshd_config"),
        ((*SSHD[:1], FOREIGN), None),
        ((*SSHD[:2], FOREIGN), None),
        ((*SSHD[:3], *[FOREIGN] * 3), "sshd_config"),  # half of the lines
        ((*SSHD[:3], *[FOREIGN] * 4), None),
        (("# x", "", "; y", "% z", *SSHD[:1]), "sshd_config"),  # comments do not count
        ((), None),
        (("# x",), None),
        (("#!/bin/sh", *SSHD), None),
        (("#comment", "#!/bin/sh", *SSHD), "sshd_config"),
        (("<IfModule x>", *SSHD), None),
        (("</IfModule>", *SSHD), None),
        (("<!-- x -->", *SSHD), None),
        (("<?xml?>", *SSHD), None),
        (("---", *SSHD), None),
        (("---  ", *SSHD), None),
        (("-----BEGIN KEY", *SSHD), None),
        (('{ "a": 1', *SSHD), None),
        (("{", '"a": 1', *SSHD), None),
        (("  <x>", *SSHD), None),
        (("[section]", *SSHD), None),
        ((*SSHD, "[a.b:c/d \"e\" 'f'-g]"), None),
        ((*SSHD, "  [[array]]  "), None),
        ((*SSHD, "[a] b"), "sshd_config"),
        # two kinds alike: neither
        (("Port 22",), None),
    ],
)
def test_content_must_match_one_kind_alone(lines: tuple[str, ...], kind: str | None) -> None:
    found = by_content(lines)
    assert (found.name if found else None) == kind


@pytest.mark.parametrize(
    ("matching", "others", "sure"),
    [(3, 0, True), (2, 0, False), (4, 1, True), (4, 2, False), (3, 1, False)],
)
def test_in_a_folder_three_lines_and_four_of_five_must_match(
    tmp_path: Path, matching: int, others: int, sure: bool
) -> None:
    lines = (*SSHD[:matching], *[FOREIGN] * others)
    found = by_content(lines, sure=3)
    assert (found is not None) is sure
    (tmp_path / "saved").write_text("\n".join(lines))
    assert (in_folder(tmp_path / "saved") is not None) is sure


def test_only_its_name_tells_authorized_keys_in_a_folder(tmp_path: Path) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIru7lsHZJ0lIkVdLZOSTCJyPjuzRwNyQ1YEyMsoPI+6"
    (tmp_path / "keys").write_text(f"{key} a\n{key} b\n{key} c\n")
    assert in_folder(tmp_path / "keys") is None
    found = of_file("keys", (f"{key} a", f"{key} b"))
    assert found is not None
    assert found.name == "authorized_keys"


@pytest.mark.parametrize(
    ("name", "lines", "kind"),
    [
        # a named file is believed while it is short, or while a line fits
        ("sshd_config", (), "sshd_config"),
        ("sshd_config", ("# x",), "sshd_config"),
        ("sshd_config", (FOREIGN,) * 2, "sshd_config"),
        ("sshd_config", (FOREIGN,) * 3, None),
        ("sshd_config", (SSHD[0], *(FOREIGN,) * 9), "sshd_config"),
        ("sshd_config", ("[x]", *SSHD), None),
        # another kind's content
        ("nginx.conf", SSHD, "sshd_config"),
        ("other", SSHD, "sshd_config"),
        ("other", (FOREIGN,), None),
    ],
)
def test_a_named_file_of_faulty_content_is_still_its_kind(
    name: str, lines: tuple[str, ...], kind: str | None
) -> None:
    found = of_file(name, lines)
    assert (found.name if found else None) == kind


@pytest.mark.parametrize(
    ("place", "lines", "known"),
    [
        # beside its usual folder it is believed, elsewhere half of its lines must fit
        ("ssh/sshd_config.d/a.conf", (SSHD[0], *(FOREIGN,) * 9), True),
        ("x/.ssh/authorized_keys", (FOREIGN,) * 2, True),
        ("other/sshd_config", (*SSHD[:2], *(FOREIGN,) * 2), True),
        ("other/sshd_config", (*SSHD[:2], *(FOREIGN,) * 3), False),
        ("other/sshd_config", (SSHD[0], FOREIGN), True),
        ("other/sshd_config", (FOREIGN,) * 2, False),
        ("other/sshd_config", (), True),
    ],
)
def test_in_a_folder_a_name_elsewhere_is_no_proof(
    tmp_path: Path, place: str, lines: tuple[str, ...], known: bool
) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines))
    assert (in_folder(path) is not None) is known


def test_only_the_first_64_kib_of_readable_text_are_read(tmp_path: Path) -> None:
    text = "\n".join(SSHD).encode()
    path = tmp_path / "saved"
    path.write_bytes(text + b"\n#" + b"x" * (65_536 - len(text) - 2) + b"\0")
    assert in_folder(path) is not None
    path.write_bytes(text + b"\n#" + b"x" * (65_536 - len(text) - 3) + b"\0")
    assert in_folder(path) is None
    path.write_bytes(text + b"\nBanner \xff\n")
    assert in_folder(path) is not None
    assert in_folder(tmp_path / "missing") is None
    assert in_folder(tmp_path) is None


def test_a_pipe_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wait for a writer, and take what was meant for another reader."""
    os.mkfifo(tmp_path / "sshd_config")
    opened: list[Path] = []

    def note(path: Path, mode: str) -> None:
        opened.append(path)
        raise OSError

    monkeypatch.setattr(Path, "open", note)
    assert in_folder(tmp_path / "sshd_config") is None
    assert opened == []


def test_a_name_is_the_end_of_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("config", "x.ssh/config", "xsshd_config"):
        assert by_name(Path(name)) is None
    for name in (".ssh/config", "a/.ssh/config"):
        found = by_name(Path(name))
        assert found is not None
        assert found.name == "ssh_config"


@pytest.mark.parametrize(("matching", "known"), [(320, True), (319, False)])
def test_of_a_long_file_the_first_400_lines_count(matching: int, known: bool) -> None:
    lines = (SSHD * 80)[:matching] + (FOREIGN,) * (500 - matching)
    assert (by_content(lines, sure=3) is not None) is known


@pytest.mark.parametrize(("before", "foreign"), [(399, True), (400, False)])
def test_a_section_counts_within_the_first_400_lines(before: int, foreign: bool) -> None:
    lines = (*(SSHD * 101)[:before], "[section]")
    assert (by_content(lines) is None) is foreign


@pytest.mark.parametrize(("fitting", "known"), [(200, True), (199, False)])
def test_of_a_long_file_with_a_name_half_of_400_lines_must_fit(
    fitting: int, known: bool, tmp_path: Path
) -> None:
    path = tmp_path / "other" / "sshd_config"
    path.parent.mkdir()
    path.write_text("\n".join((SSHD * 50)[:fitting] + (FOREIGN,) * (500 - fitting)))
    assert (in_folder(path) is not None) is known
