"""Envoy's files: each fault is found on its line, and what is in order is not.

tests/peers/test_envoy_lint.py has Envoy accept what comes out.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from seventh.engine.lint import lint_text
from seventh.engine.recognise import of_file
from tests.lint.envoy.files import FAULTS, FINE, WANTED, bootstrap, lint, with_change

GOOD = bootstrap()


def ids(top: Any) -> tuple[str, ...]:
    report = lint(top)
    assert report.failure is None, report.failure
    return tuple(sorted({finding.id for finding in report.findings}))


def test_a_good_file_has_no_finding() -> None:
    report = lint(GOOD)
    assert (report.failure, report.findings) == (None, ())
    assert {"GRPC-CHANNELZ", "GRPC-NO-H2", "GRPC-PLAINTEXT", "GRPC-PROXY-CUT", "TLS-LEGACY",
            "TLS-NO13"} <= set(report.passed)  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found(name: str) -> None:
    change, rules = FAULTS[name]
    assert ids(with_change(change, GOOD)) == rules


@pytest.mark.parametrize("name", FINE)
def test_what_is_in_order_is_silent(name: str) -> None:
    assert ids(with_change(FINE[name], GOOD)) == ()


LINES = {
    "timeout": "timeout: 60s", "default idle": "- match:", "idle of the manager":
    "stream_idle_timeout: 30s", "HTTP/1.1 behind": "- name: backend", "admin": "address: 0.0.0.0",
    "ALPN without h2": "alpn_protocols:", "TLS 1.0": "tls_params:",
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_a_finding_has_the_line_that_decides(name: str) -> None:
    top = with_change(FAULTS[name][0], GOOD)
    lines = yaml.safe_dump(top, sort_keys=False).splitlines()
    (finding,) = lint(top).findings
    numbers = [at.line for at in finding.source]
    assert LINES[name] in [lines[number - 1].strip() for number in numbers if number]


def camel(value: Any) -> Any:
    """The value as JSON of protobuf has it."""
    if isinstance(value, list):
        return [camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    names = {name: name if "." in name or name[0] == "@" else "".join(
        part.capitalize() if n else part for n, part in enumerate(name.split("_"))
    ) for name in value}  # fmt: skip
    return {names[name]: camel(each) for name, each in value.items()}


@pytest.mark.parametrize("name", FAULTS)
def test_json_in_camel_case_is_read_alike(name: str) -> None:
    change, rules = FAULTS[name]
    data = json.dumps(camel(with_change(change, GOOD)), indent="\t").encode()
    assert {one.id for one in lint_text("a.json", data, WANTED).findings} == set(rules)


def dump(top: Any) -> dict[str, Any]:
    """What the administration prints: listeners, routes and clusters of xDS apart."""
    static, admin = "type.googleapis.com/envoy.admin.v3.", "type.googleapis.com/envoy.config."
    listener = json.loads(json.dumps(top["static_resources"]["listeners"][0]))
    calls = listener["filter_chains"][0]["filters"][0]["typed_config"]
    routes = calls.pop("route_config")
    calls["rds"] = {"route_config_name": routes["name"]}
    return {
        "configs": [
            {"@type": f"{static}BootstrapConfigDump", "bootstrap": {"admin": top["admin"]}},
            {"@type": f"{static}ClustersConfigDump", "dynamic_active_clusters": [
                {"cluster": {"@type": f"{admin}cluster.v3.Cluster", **each}}
                for each in top["static_resources"]["clusters"]]},
            {"@type": f"{static}ListenersConfigDump", "dynamic_listeners": [
                {"active_state": {"listener": {"@type": f"{admin}listener.v3.Listener",
                                               **listener}}}]},
            {"@type": f"{static}RoutesConfigDump", "dynamic_route_configs": [
                {"route_config": {"@type": f"{admin}route.v3.RouteConfiguration", **routes}}]},
        ]
    }  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_dump_is_read_alike(name: str) -> None:
    change, rules = FAULTS[name]
    assert ids(dump(with_change(change, GOOD))) == rules


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("envoy.yaml", "static_resources: {}", "envoy.yaml"),
        ("proxy.yaml", yaml.safe_dump(GOOD), "envoy.yaml"),
        ("proxy.json", json.dumps(GOOD), "envoy.yaml"),
        ("dump", json.dumps(dump(GOOD), indent=2), "envoy.yaml"),
        ("values.yaml", "static_resources: 1\nother: 2\n", None),
        ("compose.yaml", "services:\n  web:\n    image: nginx\n    ports: [80]\n", None),
    ],
)
def test_what_is_recognised(name: str, text: str, kind: str | None) -> None:
    found = of_file(name, tuple(text.splitlines()))
    assert (None if found is None else found.name) == kind
