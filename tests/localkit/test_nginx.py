"""Which file nginx runs with, and what that includes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seventh.localkit import nginx
from seventh.localkit.machine import Machine
from seventh.localkit.nginx import NginxFiles
from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Cause, Unread

TITLE = "nginx: master process nginx -g daemon off;"
BUILD = (
    "nginx version: nginx/1.22.1\nconfigure arguments: --prefix=/usr/share/nginx "
    "--conf-path=/etc/nginx/nginx.conf --error-log-path=/x\n"
)
PREFIX_ONLY = "configure arguments: --prefix=/usr/local/nginx --with-x\n"


def master(title: str = TITLE, user_id: int | None = 0, pid: int = 5) -> Process:
    return Process(name="nginx", pid=pid, parent=1, user_id=user_id, arguments=(title,))


WORKER = Process(name="nginx", pid=6, parent=5, user_id=33, arguments=("nginx: worker process",))


def unread(detail: str = "", cause: Cause = Cause.UNEXPECTED) -> Unread:
    return Unread(name=nginx.READ, cause=cause, detail=detail)


def test_masters() -> None:
    other = Process(name="caddy", pid=9)
    assert nginx.masters((WORKER, master(), other)) == (master(),)
    assert nginx.masters((other,)) == ()


@pytest.mark.parametrize(
    ("processes", "build", "found"),
    [
        ((), BUILD, unread(cause=Cause.NOT_RUNNING)),
        (unread(cause=Cause.FAILED), BUILD, unread(cause=Cause.NOT_RUNNING)),
        ((master(), WORKER), BUILD, "/etc/nginx/nginx.conf"),
        ((master(user_id=os.geteuid()),), BUILD, "/etc/nginx/nginx.conf"),
        ((master(),), PREFIX_ONLY, "/usr/local/nginx/conf/nginx.conf"),
        ((master(),), "what", unread("where it is could not be learnt")),
        ((master("nginx: master process nginx -c /x.conf"), WORKER), "what", "/x.conf"),
        ((master("nginx: master process nginx -c x.conf -g daemon off;"),), BUILD,
         "/usr/share/nginx/x.conf"),
        ((master("nginx -p /srv -c x.conf"),), BUILD, "/srv/x.conf"),
        ((master("nginx -c x.conf"),), "what", unread("where it is could not be learnt")),
        ((master("nginx -c"),), BUILD, "/etc/nginx/nginx.conf"),
        ((master("nginx -c /x.conf", user_id=os.geteuid() + 33),), BUILD,
         unread("another user runs it")),
        ((master("nginx -c /x.conf", user_id=None),), BUILD, unread("another user runs it")),
        ((master("nginx -c /x.conf"), master("nginx -c /y.conf", pid=7)), BUILD,
         unread("several run")),
        ((master("nginx -c /x.conf"), master("nginx -c /y.conf", None, 7)), BUILD, "/x.conf"),
    ],
)  # fmt: skip
def test_the_main_file(
    processes: tuple[Process, ...] | Unread, build: str, found: str | Unread
) -> None:
    assert nginx.main_of(Seen(outputs={nginx.BUILD: build}, processes=processes)) == found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("include a;", ["a"]),
        ("http { include mime.types; include \"b c\"; include 'd' ; }", ["mime.types", "b c", "d"]),
        ("# include a;\ninclude b; # include c;\n", ["b"]),
        ("x '; include a;';\nincluded b; include c", []),
        ('a "#"; include b;', ["b"]),
        ("include conf.d/*.conf;", ["conf.d/*.conf"]),
    ],
)
def test_includes(text: str, names: list[str]) -> None:
    assert list(nginx.includes(text)) == names


def written(root: Path, **texts: str) -> Machine:
    for name, text in texts.items():
        path = root / "etc" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Machine(root=root)


def test_files_are_read_once_and_without_hidden_ones(tmp_path: Path) -> None:
    here = written(
        tmp_path, main="include d/*; include /etc/other; include main;",
        d__a="A", d__b="include e;", d___dot_c="hidden", e="E", other="include e;",
    )  # fmt: skip
    found = nginx.collect("/etc/main", here)
    assert found.unread == ()
    assert found.complete
    parts = found.text.split("# configuration file ")
    assert parts[1].startswith("/etc/main:\ninclude d/*;")
    assert sorted(part.split(":")[0] for part in parts[1:]) == [
        "/etc/d/a", "/etc/d/b", "/etc/e", "/etc/main", "/etc/other",
    ]  # fmt: skip
    assert nginx.main_file(found.text) == "/etc/main"


def test_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = written(tmp_path, main="include gone; include d/*;")
    found = nginx.collect("/etc/main", here)
    assert found.unread == (Unread(name="/etc/gone", cause=Cause.NOT_FOUND),)
    assert not found.complete
    assert found.text
    assert nginx.collect("/etc/gone", here) == NginxFiles(
        unread=(Unread(name="/etc/gone", cause=Cause.NOT_FOUND),)
    )
    monkeypatch.setattr(nginx, "_MAX_FILES", 1)
    here = written(tmp_path, main="include e;", e="E")
    assert nginx.collect("/etc/main", here) == NginxFiles(
        unread=(unread(cause=Cause.TOO_LARGE),)
    )  # fmt: skip
    monkeypatch.setattr(nginx, "_MAX_FILES", 2)
    assert nginx.collect("/etc/main", here).complete


DUMP = "# configuration file /etc/nginx/nginx.conf:\nevents {}\n"


@pytest.mark.parametrize(
    ("reading", "found"),
    [
        (NginxFiles(text=DUMP), DUMP),
        (NginxFiles(text=DUMP, unread=(unread("x"),)), DUMP),
        (NginxFiles(unread=(unread("x"),)), unread("x")),
        (unread(cause=Cause.TIMED_OUT), unread(cause=Cause.TIMED_OUT)),
        (None, unread(cause=Cause.NOT_FOUND)),
    ],
)
def test_the_configuration(reading: object, found: str | Unread) -> None:
    assert nginx.configuration(Seen(calls={nginx.READ: reading})) == found
