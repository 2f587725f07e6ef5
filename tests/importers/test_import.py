"""Whole files of other monitors: every monitor is in the result or is listed with the reason."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from seventh import protocols
from seventh.cli.main import main
from seventh.importers import kuma
from seventh.importers.found import document
from seventh.importers.reading import found

FILES = Path(__file__).parent / "files"
SOURCES = {
    "blackbox": ("blackbox.yml", "prometheus.yml"), "gatus": ("gatus.yaml",), "kuma": ("kuma.json",)
}  # fmt: skip
WHAT = (
    "name blackbox.yml and prometheus.yml, Gatus's config.yaml, or a JSON file with Uptime Kuma's "
    "monitors"
)
MONITORS = {"blackbox": 10, "gatus": 16, "kuma": 39}


@pytest.mark.parametrize("name", SOURCES)
def test_every_monitor_is_written_or_listed(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FILES)
    assert main(["import", *SOURCES[name]]) == 1
    out, err = capsys.readouterr()
    expected = FILES / "expected"
    assert out == (expected / f"{name}.toml").read_text()
    assert err == (expected / f"{name}.said").read_text()
    tables = tomllib.loads(out)
    written = len(tables["target"]) + len(tables.get("heartbeat", []))
    assert written + out.count(": not carried over: ") == MONITORS[name]
    path = tmp_path / "seventh.toml"
    path.write_text(out)
    assert main(["watch", "--config", str(path), "--check-config"]) == 0


def test_everything_carried_over_is_exit_code_0(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source, written = tmp_path / "gatus.yaml", tmp_path / "seventh.toml"
    source.write_text(
        "endpoints: [{name: a, url: 'tcp://h:1', conditions: ['[CONNECTED] == true']}]"
    )
    assert main(["import", str(source), "--output", str(written)]) == 0
    assert capsys.readouterr() == ("", "seventh: 1 monitor: 1 target, 0 left out\n")
    assert tomllib.loads(written.read_text()) == {
        "target": [{"name": "a", "url": "tcp://h:1", "every": 60}]
    }


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a.yml": "modules: {}"},
         "a.yml: targets are in prometheus.yml and their modules in blackbox.yml: name both files"),
        ({"a.yml": "x: 1"}, f"a.yml: no monitors found; {WHAT}"),
        ({"a.yml": "x: [1"},
         "a.yml:1: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        ({"a.json": '{\n"a": x}'}, "a.json:2: not valid JSON: Expecting value"),
        ({"a.yml": "a: &a [*a]"}, "a.yml: not valid YAML"),
        ({"a.json": "[1]", "b.json": "[2]"}, f"b.json: one file at a time; {WHAT}"),
        ({"a.json": '[{"type": "ping", "name": "p"}]'},
         "a.json: none of its monitors can be watched"),
    ],
)  # fmt: skip
def test_other_files_are_one_line(
    files: dict[str, str], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name, text in files.items():
        Path(name).write_text(text)
    assert main(["import", *files]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == f"seventh: {says}"


def test_the_forms_of_kumas_monitors_are_the_same(tmp_path: Path) -> None:
    monitors = [{"id": 1, "type": "port", "name": "é \U0001f600", "hostname": "h", "port": 1}]
    forms = [
        monitors,
        {"monitors": monitors},
        {"1": monitors[0]},
        {"monitorList": {"1": monitors[0]}},
    ]
    made = []
    for number, form in enumerate(forms):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(form))
        made.append([(each.name, each.keys) for each in found([str(path)]).items])
    assert made == [[("é \U0001f600", {"every": 60.0, "url": "tcp://h:1"})]] * 4


def test_a_type_is_carried_over_or_has_its_reason() -> None:
    listed = json.loads((FILES / "kuma.json").read_text())["monitorList"]
    types = {each["type"] for each in listed} | {"grpc-keyword", "nut", "ntp"}
    known = {*kuma._TYPES, *kuma._REFUSED, "group", "teapot"}
    assert types == known


def test_grpc_is_carried_over_where_it_is_supported(tmp_path: Path) -> None:
    path = tmp_path / "kuma.json"
    path.write_text(
        '[{"type": "grpc-keyword", "name": "g", "grpcUrl": "h:50051", "grpcEnableTls": true}]'
    )
    result = found([str(path)])
    document(result)
    (item,) = result.items
    if "grpc" in protocols.schemes():
        assert (item.refused, item.keys["url"]) == ("", "grpcs://h:50051")
    else:
        assert item.refused == "type grpc-keyword: not supported"


def test_what_a_text_has_stays_within_its_string(tmp_path: Path) -> None:
    name = 'a"]\n[[target]]\nurl = "ssh://evil"\x1b\\'
    path = tmp_path / "kuma.json"
    path.write_text(json.dumps([
        {"type": "port", "name": name, "hostname": "h", "port": 1, "tags": [{"name": name}]},
        {"type": "ping", "name": name},
    ]))  # fmt: skip
    tables = tomllib.loads(document(found([str(path)])))
    assert tables["target"] == [
        {"name": name, "url": "tcp://h:1", "every": 60,
         "labels": {name: "yes", "alert-after": "1/1"}}
    ]  # fmt: skip
