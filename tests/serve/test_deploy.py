"""What is made for Prometheus, Grafana, systemd and containers, by the programs that read it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from seventh import protocols
from seventh.cli.arguments import parse
from seventh.serve.deploy import rules
from seventh.serve.deploy.__main__ import main
from seventh.serve.deploy.dashboard import dashboard
from seventh.serve.families import families
from tests.peers import need_binary

DEPLOY = Path(__file__).parent.parent.parent / "docs" / "deploy"
RULES = DEPLOY / "seventh.rules.yml"
_NAME = re.compile(r"seventh_\w+")

SERIES = {
    "seventh_watch_targets{instance='a'}": "3x60",
    "seventh_target_condition{instance='a',target='web',condition='down'}": "1x60",
    "seventh_target_condition{instance='a',target='held',condition='down'}": "1x60",
    "seventh_alert_firing{instance='a',target='held',kind='down',held='parent'}": "1x60",
    "seventh_alert_firing{instance='a',target='web',kind='down',held=''}": "1x60",
    "seventh_last_pulse_timestamp_seconds{instance='a',target='web'}": "0x60",
    "seventh_target_interval_seconds{instance='a',target='web'}": "30x60",
    "seventh_watch_store_up{instance='a'}": "1x9 0x50",
    "seventh_cert_expiry_timestamp_seconds{instance='a',target='web'}": "864000x60",
    "seventh_ntp_offset_seconds{instance='a',target='clock'}": "-0.2x60",
}
"""Every minute."""
FIRING: list[tuple[int, str, dict[str, str], str]] = [
    (1, "SeventhTargetDown", {"severity": "critical", "target": "web", "condition": "down"},
     "web is down"),
    (2, "SeventhPulseMissing", {}, ""),
    (4, "SeventhPulseMissing", {"severity": "warning", "target": "web"}, "no pulse of web"),
    (9, "SeventhWatchNoStore", {}, ""),
    (12, "SeventhWatchNoStore", {"severity": "critical"}, "results cannot be stored"),
    (20, "SeventhWatchAbsent", {}, ""),
    (1, "SeventhCertExpiry3d", {}, ""),
    (1, "SeventhCertExpiry14d", {"severity": "warning", "target": "web"},
     "web: a certificate expires in less than 14 days"),
    (14, "SeventhNtpOffset", {}, ""),
    (15, "SeventhNtpOffset", {"severity": "warning", "target": "clock"},
     "clock: seventh_ntp_offset_seconds is 0.2"),
]  # fmt: skip
"""Minutes, a rule, and the labels and summary of its alert; none without labels."""


def cases() -> str:
    """The unit tests of the rules, as promtool reads them; JSON is YAML."""
    alerts = [
        {"eval_time": f"{minutes}m", "alertname": rule, "exp_alerts": [
            {"exp_labels": {"instance": "a"} | labels, "exp_annotations": {"summary": summary}}
        ] if labels else []}
        for minutes, rule, labels, summary in FIRING
    ]  # fmt: skip
    series = [{"series": name, "values": values} for name, values in SERIES.items()]
    test = {"interval": "1m", "input_series": series, "alert_rule_test": alerts}
    return json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]})


def test_the_files_are_those_of_the_specs() -> None:
    assert main(["--check", "--docs", str(DEPLOY.parent)]) == 0


def test_prometheus_takes_the_rules_and_they_fire(tmp_path: Path) -> None:
    promtool = need_binary("promtool")
    path = tmp_path / "cases.yml"
    path.write_text(cases(), encoding="utf-8")
    for words in (["check", "rules", str(RULES)], ["test", "rules", str(path)]):
        ran = subprocess.run(
            [promtool, *words], capture_output=True, text=True, check=False, timeout=20
        )
        assert (words, ran.returncode) == (words, 0), ran.stdout + ran.stderr


def test_rules_and_panels_name_metrics_that_there_are() -> None:
    known = families().keys()
    groups = rules.groups()["groups"]
    every = [rule for group in groups for rule in group["rules"]]
    assert set(_NAME.findall(" ".join(rule["expr"] for rule in every))) <= known
    names = [rule["alert"] for rule in every]
    assert len(set(names)) == len(names)
    assert known >= rules._LIMITS.keys()


def panels() -> list[dict[str, Any]]:
    made = dashboard()["panels"]
    return [each for panel in made for each in (panel, *panel.get("panels", ()))]


def test_every_metric_has_a_panel_and_none_is_on_another() -> None:
    shown = [panel for panel in panels() if panel["type"] != "row"]
    titles = [panel["title"] for panel in shown]
    assert len(set(titles)) == len(titles)
    metrics = {metric.name for spec in protocols.rooms().values() for metric in spec.metrics}
    assert metrics <= set(titles)
    numbers = [panel["id"] for panel in panels()]
    assert len(set(numbers)) == len(numbers)
    queries = [target["expr"] for panel in shown for target in panel["targets"]]
    assert set(_NAME.findall(" ".join(queries))) <= families().keys()
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard()["panels"]]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize(
    ("metric", "expr", "unit"),
    [
        ("seventh_phase_seconds", 'seventh_phase_seconds{target=~"$target"}', "s"),
        ("seventh_errors_total", 'rate(seventh_errors_total{target=~"$target"}[$__rate_interval])',
         "short"),
        ("seventh_cert_expiry_timestamp_seconds",
         'seventh_cert_expiry_timestamp_seconds{target=~"$target"} * 1000', "dateTimeFromNow"),
        ("seventh_ssh_read_bytes_per_second",
         'seventh_ssh_read_bytes_per_second{target=~"$target"}', "Bps"),
        ("seventh_packet_loss_ratio", 'seventh_packet_loss_ratio{target=~"$target"}',
         "percentunit"),
        ("seventh_watch_pulses_total", "rate(seventh_watch_pulses_total[$__rate_interval])",
         "short"),
    ],
)  # fmt: skip
def test_what_a_panel_shows(metric: str, expr: str, unit: str) -> None:
    (panel,) = [each for each in panels() if each["title"] == metric]
    shown = panel["targets"][0]["expr"], panel["fieldConfig"]["defaults"]["unit"]
    assert shown == (expr, unit)


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "seventh-watch.service").read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_the_commands_of_the_service_and_the_container_are_ours() -> None:
    (start,) = unit()["ExecStart"]
    content = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    (command,) = re.findall(r"^CMD (.*)$", content, re.MULTILINE)
    for words in (shlex.split(start)[1:], json.loads(command)):
        parsed = parse(words)
        assert (parsed.config, parsed.state) == ("/etc/seventh/seventh.toml", "/var/lib/seventh")


def test_an_image_is_built_of_what_the_package_needs_and_of_nothing_else() -> None:
    root = DEPLOY.parent.parent
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {
        "pyproject.toml", project["project"]["readme"], *project["project"]["license-files"],
        *(path.partition("/")[0] for path in packages),
    }  # fmt: skip
    lines = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    assert {line[1:] for line in lines if line.startswith("!")} == needed


def test_systemd_finds_the_service_safe(tmp_path: Path) -> None:
    analyze = need_binary("systemd-analyze")
    path = tmp_path / "seventh-watch.service"
    text = (DEPLOY / "seventh-watch.service").read_text(encoding="utf-8")
    path.write_text(text.replace("/opt/seventh/bin/seventh", "/bin/true"), encoding="utf-8")
    for words in (
        ["verify", "--man=no", "--recursive-errors=no", str(path)],
        ["security", "--offline=yes", "--no-pager", "--threshold=20", str(path)],
    ):
        ran = subprocess.run(
            [analyze, *words], capture_output=True, text=True, check=False, timeout=30
        )
        assert (words[0], ran.returncode, ran.stderr) == (words[0], 0, ""), ran.stdout
