"""``seventh local web`` beside a real nginx and a real Caddy: judged as their files are."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seventh.engine.lint import Wanted as WantedLint
from seventh.engine.lint import lint_file
from seventh.engine.local import Wanted, look
from seventh.lintkit.linted import Software
from seventh.localkit.machine import Machine
from seventh.model.report import Report
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.local import WebServer
from tests.peers import need_binary, need_version
from tests.peers.namespace import Server, alone, machine_of

pytestmark = pytest.mark.peer


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="seventh-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def seen(folder: Path, server: Server, program: str) -> tuple[Report, HttpFacts]:
    root = machine_of(folder, server).root
    here = Machine(root=root, path=(str(Path(need_binary(program)).parent),))
    report = await look(Wanted(areas=("web",)), here, host="here")
    http = report.facts["http"]
    assert isinstance(http, HttpFacts)
    return report, http


def judged(report: Report) -> set[tuple[str, str, tuple[str, ...]]]:
    return {
        (each.id, each.view, tuple(f"{line.line}: {line.text}" for line in each.source))
        for each in report.findings
    }


async def test_nginx_is_judged_by_what_it_prints(folder: Path) -> None:
    (folder / "sites").mkdir()
    (folder / "sites" / "one.conf").write_text(
        "server {\n    listen 127.0.0.1:8080;\n    server_tokens on;\n    return 200;\n}\n"
    )
    conf = folder / "nginx.conf"
    conf.write_text(f"pid {folder}/pid;\nevents {{}}\nhttp {{\n    include sites/*.conf;\n}}\n")
    words = [need_binary("nginx"), "-c", str(conf), "-e", f"{folder}/error", "-g", "daemon off;"]
    version = need_version("nginx")
    with alone(folder, words, 8080) as server:
        before, http = await seen(folder / "before", server, "nginx")
        assert http.local is not None
        assert http.local.servers == (
            WebServer(name="nginx", version=version, configuration=str(conf)),
        )
        software = Software(product="nginx", version=tuple(map(int, version.split("."))))
        linted = lint_file(conf, WantedLint(software=(software,)))
        assert judged(before) == judged(linted)
        leak = next(each for each in before.findings if each.id == "HTTP-SERVER-LEAK")
        (line,) = leak.source
        assert (line.file, line.line) == (f"{folder}/sites/one.conf", 3)
        site = folder / "sites" / "one.conf"
        site.write_text(site.read_text().replace("server_tokens on", "server_tokens off"))
        after, _ = await seen(folder / "after", server, "nginx")
    assert "HTTP-SERVER-LEAK" not in {each.id for each in after.findings}
    assert {each.id for each in before.findings} - {each.id for each in after.findings} == {
        "HTTP-SERVER-LEAK"
    }


async def test_caddy_is_judged_by_its_file_only_if_it_runs_with_it(folder: Path) -> None:
    text = (
        "{\n    admin off\n}\nhttp://127.0.0.1:8080 {\n    file_server browse\n    root /tmp\n}\n"
    )
    other = folder / "Caddyfile"
    other.write_text(text)
    environment = f"HOME={folder}", f"XDG_DATA_HOME={folder}", f"XDG_CONFIG_HOME={folder}"
    run = "run", "--adapter", "caddyfile", "--config", str(other)
    with alone(folder, ["env", *environment, need_binary("caddy"), *run], 8080) as server:
        elsewhere, http = await seen(folder / "elsewhere", server, "caddy")
        root = folder / "usual"
        machine_of(root, server)
        (root / "etc" / "caddy").mkdir(parents=True)
        (root / "etc" / "caddy" / "Caddyfile").write_text(text)
        words = root / "proc" / str(server.pid) / "cmdline"
        words.write_text(words.read_text().replace(str(other), "/etc/caddy/Caddyfile"))
        here = Machine(root=root, path=(str(Path(need_binary("caddy")).parent),))
        usual = await look(Wanted(areas=("web",)), here, host="here")
    assert elsewhere.findings == ()
    assert http.local is not None
    assert [each.detail for each in http.local.unread if each.detail] == [
        f"Caddy runs with {other}"
    ]
    version = tuple(map(int, need_version("caddy").split(".")))
    linted = lint_file(other, WantedLint(software=(Software(product="caddy", version=version),)))
    assert linted.findings
    assert judged(usual) == judged(linted)
    assert {line.file for each in usual.findings for line in each.source} == {
        "/etc/caddy/Caddyfile"
    }
