"""Our reader of Envoy's files beside Envoy: it accepts what we judge, and every printed fix."""

from __future__ import annotations

import asyncio
import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from seventh import protocols
from seventh.engine.lint import lint_text
from seventh.labkit.serve import Kit, free_port
from seventh.model.report import Finding
from tests.lint.envoy.files import FAULTS, FINE, WANTED, bootstrap, fixed, lint, with_change
from tests.peers import need_binary
from tests.peers.proxies import running

pytestmark = pytest.mark.peer
WRITTEN_BY_HAND = {"GRPC-PLAINTEXT"}
"""The fix is prose: a certificate is needed."""


@pytest.fixture(scope="module")
def good(kit: Kit) -> dict[str, Any]:
    issued = kit.authority.issue("lab.test")
    return bootstrap(str(issued.cert_file), str(issued.key_file), free_port())


def said(top: Any, folder: Path) -> str:
    """What Envoy says of a file that it refuses; empty if it accepts it."""
    path = folder / "envoy.yaml"
    path.write_text(yaml.safe_dump(top, sort_keys=False))
    command = (need_binary("envoy"), "--mode", "validate", "-c", str(path), "--log-level", "error")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def printed(finding: Finding) -> str:
    """The lines that a person reads."""
    rule = next(one for room in ("grpc", "tls") for one in protocols.rules(room)
                if one.id == finding.id)  # fmt: skip
    lines = finding.fixes.get("envoy")
    return "\n".join(lines) if lines else rule.words.fix["envoy"]


@pytest.mark.parametrize("name", [*FAULTS, *FINE])
def test_envoy_accepts_what_is_judged(good: dict[str, Any], name: str, tmp_path: Path) -> None:
    change = FAULTS[name][0] if name in FAULTS else FINE[name]
    assert said(with_change(change, good), tmp_path) == ""


@pytest.mark.parametrize("name", [n for n, (_, r) in FAULTS.items() if not WRITTEN_BY_HAND & {*r}])
def test_the_printed_fix_is_accepted_and_clean(
    good: dict[str, Any], name: str, tmp_path: Path
) -> None:
    top = with_change(FAULTS[name][0], good)
    for finding in lint(top).findings:
        top = fixed(top, finding, printed(finding))
    assert lint(top).findings == ()
    assert said(top, tmp_path) == ""


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - our own Envoy
        data: bytes = reply.read()
    return data


async def test_the_dump_of_a_running_envoy(good: dict[str, Any], tmp_path: Path) -> None:
    """The administration prints what runs, with the same findings as the file."""
    top = with_change(FAULTS["timeout"][0], with_change(FAULTS["HTTP/1.1 behind"][0], good))
    admin, port = free_port(), free_port()
    top["admin"]["address"]["socket_address"]["port_value"] = admin
    listener = top["static_resources"]["listeners"][0]["address"]["socket_address"]
    listener |= {"address": "127.0.0.1", "port_value": port}
    path = tmp_path / "envoy.yaml"
    path.write_text(yaml.safe_dump(top, sort_keys=False))
    command = (need_binary("envoy"), "-c", str(path), "--concurrency", "1",
               "--disable-hot-restart", "--log-level", "error")  # fmt: skip
    async with running(command, tmp_path / "log", admin, secure=False):
        data = await asyncio.to_thread(_get, f"http://127.0.0.1:{admin}/config_dump")
    assert json.loads(data)["configs"]
    found = [(one.id, one.view) for one in lint_text("config_dump.json", data, WANTED).findings]
    assert found == [(one.id, one.view) for one in lint(top).findings]
    assert [name for name, _ in found] == ["GRPC-NO-H2", "GRPC-PROXY-CUT"]
