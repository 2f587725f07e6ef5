"""Places of configurations in full: what a name in a file means, and what is noted of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lintkit import links
from seventh.lintkit.files import Files
from seventh.lintkit.place import Place, place_of
from seventh.model.source import Line

AT = Line(file="main", line=4, text="Include …")
SYSTEM = "/etc/app"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with a copy of /etc, a backup, and links; the working folder."""
    for name in ("etc/app/main", "etc/app/more.d/a", "etc/app/more.d/b", "backup/main",
                 "backup/more.d/c", "opt/x", "etc/other/y", "deep/main", "deep/beside",
                 "deep/parts/p"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "here").mkdir()
    (tmp_path / "here/main").symlink_to("../deep/main")
    (tmp_path / "away").symlink_to("deep")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "system", "folder", "linked", "root", "is_copy"),
    [
        ("/etc/app/main", SYSTEM, "/etc/app", "/etc/app", None, False),
        ("/etc/app/deep/main", SYSTEM, "/etc/app/deep", "/etc/app/deep", None, False),
        ("/etc/main", "", "/etc", "/etc", None, False),
        ("/etc/apps/main", SYSTEM, "/etc/apps", "/etc/apps", None, True),
        ("/etc/copy/etc/app/main", SYSTEM, "/etc/copy/etc/app", "/etc/copy/etc/app", "/etc/copy",
         True),
        ("/srv/main", "", "/srv", "/srv", None, True), ("/srv/etc/x/main", "", "/srv/etc/x",
                                                        "/srv/etc/x", "/srv", True),
        ("/srv/etc/a/etc/b/main", SYSTEM, "/srv/etc/a/etc/b", "/srv/etc/a/etc/b", "/srv/etc/a",
         True),
        ("", SYSTEM, ".", ".", None, False), ("-", SYSTEM, ".", ".", None, False),
        ("stdin", SYSTEM, ".", ".", None, False),
    ],
)  # fmt: skip
def test_the_place_of_a_file(
    name: str, system: str, folder: str, linked: str, root: str | None, is_copy: bool
) -> None:
    assert place_of(name, system) == Place(
        Path(folder), Path(linked), system, Path(root) if root else None, is_copy
    )


def test_the_place_of_a_file_in_the_working_folder_and_behind_links(tree: Path) -> None:
    assert place_of("etc/app/main") == Place(Path("etc/app"), Path("etc/app"), "", tree, True)
    assert place_of("backup/main") == Place(Path("backup"), Path("backup"), "", None, True)
    assert place_of("here/main") == Place(Path("here"), tree / "deep", "", None, True)
    assert place_of("away/main") == Place(Path("away"), Path("away"), "", None, True)


@pytest.mark.parametrize(
    ("main", "name", "path"),
    [
        ("etc/app/main", "a", "etc/app/a"), ("etc/app/main", "/opt/x", "TREE/opt/x"),
        ("etc/app/main", "/etc/app/more.d/*", "TREE/etc/app/more.d/*"),
        ("etc/app/main", "/etc/app/none/*", "etc/app/none/*"),
        ("etc/app/main", "/none/*", "TREE/none/*"), ("etc/app/main", "/etc/other/y",
                                                     "TREE/etc/other/y"),
        ("etc/app/main", "TREE/opt/x", "TREE/opt/x"),
        ("backup/main", "/etc/app/more.d/*", "backup/more.d/*"),
        ("backup/main", "/opt/x", "/opt/x"),
        ("backup/main", "more.d/c", "backup/more.d/c"), ("/etc/app/main", "/opt/x", "/opt/x"),
        ("/etc/app/main", "x", "/etc/app/x"), ("-", "x", "x"), ("-", "/etc/app/x", "/etc/app/x"),
    ],
)  # fmt: skip
def test_what_a_name_means(tree: Path, main: str, name: str, path: str) -> None:
    meant = place_of(main, SYSTEM).path(name.replace("TREE", str(tree)))
    assert str(meant) == path.replace("TREE", str(tree))


def test_a_program_without_a_folder_of_its_own(tree: Path) -> None:
    assert place_of("backup/main").path("/etc/app/more.d/c") == Path("/etc/app/more.d/c")
    assert place_of("etc/app/main").path("/etc/none") == tree / "etc/none"


@pytest.mark.parametrize(
    ("main", "name", "found", "note"),
    [
        ("etc/app/main", "more.d/*", ["etc/app/more.d/a", "etc/app/more.d/b"], ""),
        ("etc/app/main", "/etc/app/more.d/a", ["TREE/etc/app/more.d/a"], ""),
        ("etc/app/main", "more.d/none*", [], ""),
        ("etc/app/main", "none/*", [], "none/*: no such folder (etc/app/none)"),
        ("etc/app/main", "none/*/x?", [], "none/*/x?: no such folder (etc/app/none)"),
        ("etc/app/main", "none", ["etc/app/none"], "none: no such file (etc/app/none)"),
        ("here/main", "beside", ["TREE/deep/beside"], ""), ("here/main", "none", ["here/none"],
                                                            "none: no such file (here/none)"),
        ("here/main", "parts/*", ["TREE/deep/parts/p"], ""),
        ("here/main", "TREE/opt/x", ["TREE/opt/x"], "TREE/opt/x was read from this machine"),
        ("here/main", "TREE/opt/*", ["TREE/opt/x"], "TREE/opt/* was read from this machine"),
        ("here/main", "TREE/deep/beside", ["TREE/deep/beside"], ""),
        ("backup/main", "TREE/backup/more.d/*", ["TREE/backup/more.d/c"], ""),
        ("etc/app/main", "TREE/opt/*", ["TREE/opt/x"], ""),
    ],
)  # fmt: skip
def test_the_files_of_an_include(
    tree: Path, main: str, name: str, found: list[str], note: str
) -> None:
    files = Files()
    paths = place_of(main, SYSTEM).included(name.replace("TREE", str(tree)), files, AT)
    assert [str(path) for path in paths] == [one.replace("TREE", str(tree)) for one in found]
    said = note.replace("TREE", str(tree))
    assert files.notes == ([Line(file="main", line=4, text=said)] if note else [])


def test_what_stands_beside_the_link_comes_before_what_stands_beside_the_file(tree: Path) -> None:
    (tree / "here/beside").touch()
    (tree / "here/parts").mkdir()
    (tree / "here/parts/q").touch()
    place, files = place_of("here/main", SYSTEM), Files()
    assert place.included("beside", files, AT) == [Path("here/beside")]
    assert place.included("parts/*", files, AT) == [Path("here/parts/q")]
    assert files.notes == []


def test_a_chain_of_links_is_followed_as_far_as_the_kernel_goes(tree: Path) -> None:
    """Forty links at most; of a loop what is left is given back."""
    place = place_of("etc/app/main", SYSTEM)
    (tree / "etc/app/l50").touch()
    for number in range(50):
        (tree / f"etc/app/l{number}").symlink_to(f"/etc/app/l{number + 1}")
    assert links.followed(place, tree / "etc/app/l0") == tree / "etc/app/l40"
    assert links.followed(place, tree / "etc/app/l20") == tree / "etc/app/l50"


def test_a_link_to_the_machine_is_followed_within_the_copy_alone(tree: Path) -> None:
    place = place_of("etc/app/main", SYSTEM)
    (tree / "etc/app/relative").symlink_to("../other")
    (tree / "etc/app/absolute").symlink_to("/etc/other")
    (tree / "etc/app/self").symlink_to(tree / "etc/other")
    for name, meant in (
        ("relative/y", "etc/app/relative/y"), ("absolute/y", "etc/other/y"),
        ("self/y", "etc/app/self/y"), ("none", "etc/app/none"),
    ):  # fmt: skip
        assert links.followed(place, tree / "etc/app" / name) == tree / meant
    assert links.followed(place, Path("a\0b")) == Path("a\0b")


@pytest.mark.parametrize(
    ("main", "path", "foreign"),
    [
        ("etc/app/main", "opt/x", False), ("backup/main", "opt/x", True),
        ("backup/main", "backup/more.d/c", False), ("backup/main", "none", False),
        ("here/main", "deep/beside", False), ("here/main", "here/main", False),
        ("here/main", "opt/x", True), ("/etc/app/main", "opt/x", False), ("-", "opt/x", False),
    ],
)  # fmt: skip
def test_which_files_are_of_this_machine(tree: Path, main: str, path: str, foreign: bool) -> None:
    assert links.is_foreign(place_of(main, SYSTEM), tree / path) is foreign
