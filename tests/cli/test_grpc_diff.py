"""``seventh grpc diff``: lines for people, JSON, exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from seventh.cli import grpc_diff
from seventh.cli.arguments import parse
from seventh.protocols.grpc.facts.schema import Change, Effect, Kind
from tests.protocols.grpc.schema.test_difference import OLD


@pytest.fixture
def protos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    texts = {
        "old": OLD, "same": OLD, "wider": OLD.replace("int32 id", "int64 id"),
        "new": OLD.replace("  string name = 2;\n", "").replace("optional bool gift", "bool gift"),
    }  # fmt: skip
    for name, text in texts.items():
        Path(f"{name}.proto").write_text(f'syntax = "proto3";\n{text}')


def run(*words: str) -> int:
    parsed = parse(["grpc", "diff", *words])
    code: int = parsed.verb(parsed)
    return code


@pytest.mark.usefixtures("protos")
def test_lines_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("old.proto", "new.proto") == 1
    assert capsys.readouterr().out.splitlines() == [
        ("shop.Order.name: string = 2 removed; its number is not reserved (binary and JSON: "
         "breaks)"),
        ("shop.Order.gift: explicit presence is now implicit presence (binary and JSON: "
         "compatible)"),
        "GRPC-SCHEMA-DRIFT: The schema changed incompatibly (`seventh explain GRPC-SCHEMA-DRIFT`)",
    ]  # fmt: skip
    assert run("old.proto", "wider.proto") == 0
    assert capsys.readouterr().out == (
        "shop.Order.id: int32 is now int64 (binary and JSON: some values lost)\n"
    )
    assert run("old.proto", "same.proto") == 0
    assert capsys.readouterr().out == "no incompatible change\n"


@pytest.mark.usefixtures("protos")
def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("old.proto", "wider.proto", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": "seventh.grpc-diff/1", "old": "old.proto", "new": "wider.proto", "breaks": False,
        "rule": "GRPC-SCHEMA-DRIFT",
        "changes": [
            {"kind": "field-type", "where": "shop.Order.id", "old": "int32", "new": "int64",
             "reads_old": "same", "reads_new": "lossy", "json": "lossy", "reserved": True}
        ],
    }  # fmt: skip


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_has_words(kind: Kind) -> None:
    change = Change(kind=kind, where="a", old="x", new="y", json=Effect.BREAKS)
    assert re.fullmatch(
        r"a: [a-zA-Z ]+.* \(binary: compatible; JSON: breaks\)", grpc_diff.as_text(change)
    )
