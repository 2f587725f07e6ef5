"""Service configs as files: what is recognised, where findings are, and every fix in grpcio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.engine.recognise import of_file
from seventh.model.failure import Reason
from seventh.model.report import Finding, Report
from tests.protocols.grpc.wire.test_service_config import RETRY, refused

GOOD: dict[str, Any] = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {"name": [{"service": "shop.Orders"}], "timeout": "5s", "retryPolicy": RETRY},
        {"name": [{}], "timeout": "1s"},
    ],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
}
WANTED = Wanted(kind="service-config")


def lint(value: Any) -> Report:
    return lint_text("service-config.json", json.dumps(value, indent=1).encode(), WANTED)


def rows(report: Report) -> list[tuple[str, str, int | None]]:
    return [(one.id, one.view, one.source[0].line) for one in report.findings]


def test_a_good_config_has_no_finding() -> None:
    report = lint(GOOD)
    assert (report.failure, report.findings) == (None, ())
    assert set(report.passed) == {"GRPC-RETRY-CONF", "GRPC-RETRY-UNSAFE"}


BAD: dict[str, Any] = {
    "methodConfig": [
        {"name": [{"service": "a.B", "method": "Create"}], "timeout": "5s",
         "retryPolicy": {**RETRY, "maxAttempts": 9,
                         "retryableStatusCodes": ["UNAVAILABLE", "INTERNAL", "NOT_FOUND"]}},
        {"name": [{"service": "a.B", "method": "Send"}],
         "hedgingPolicy": {"maxAttempts": 3, "hedgingDelay": "1s"}},
        {"name": [{"service": "a.C"}], "retry_policy": RETRY},
    ],
}  # fmt: skip


def test_each_fault_has_its_line() -> None:
    text = json.dumps(BAD, indent=1).splitlines()
    report = lint(BAD)
    assert report.failure is None
    lines = {name: next(n for n, line in enumerate(text, 1) if f'"{name}"' in line)
             for name in ("retryPolicy", "hedgingPolicy", "retry_policy")}  # fmt: skip
    assert rows(report) == [
        ("GRPC-RETRY-UNSAFE", "methodConfig[0] a.B/Create", lines["retryPolicy"]),
        ("GRPC-RETRY-UNSAFE", "methodConfig[1] a.B/Send", lines["hedgingPolicy"]),
        ("GRPC-RETRY-CONF", "", lines["retry_policy"]),
        ("GRPC-RETRY-CONF", "methodConfig[0] a.B/Create", lines["retryPolicy"]),
    ]


def fixed(config: Any, findings: tuple[Finding, ...]) -> Any:
    """The config with the printed lines of each finding in it, where they say."""
    config = json.loads(json.dumps(config))
    for one in findings:
        where = config
        if one.view:
            where = config["methodConfig"][int(one.view.split("[")[1].split("]")[0])]
            where.pop("hedgingPolicy", None)
        renamed = False
        for line in one.fixes["grpc"]:
            if ": write " in line:
                entry = config["methodConfig"][2]
                entry["retryPolicy"] = entry.pop("retry_policy")
                renamed = True
            elif not line.startswith("#"):
                ((name, value),) = json.loads("{" + line + "}").items()
                if name in {"maxAttempts", "retryableStatusCodes"}:
                    where["retryPolicy"][name] = value
                elif name == "retryPolicy" and not one.view and not renamed:
                    for entry in config["methodConfig"]:
                        entry[name] = value
                else:
                    where[name] = value
    return config


def test_the_printed_lines_make_a_config_that_grpc_accepts_and_that_is_clean() -> None:
    made = fixed(BAD, lint(BAD).findings)
    assert rows(lint(made)) == []
    assert not refused(json.dumps(made))
    none = {"methodConfig": [{"name": [{"service": "a.B"}]}]}
    made = fixed(none, lint(none).findings)
    assert rows(lint(made)) == []
    assert not refused(json.dumps(made))


def test_what_clients_refuse_is_the_failure_and_the_rest_is_judged() -> None:
    value = {**BAD, "methodConfig": [*BAD["methodConfig"], {"timeout": "10"}]}
    number = json.dumps(value, indent=1).splitlines().index('   "timeout": "10"') + 1
    report = lint(value)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.detail) == (
        Reason.FILE_MALFORMED,
        (
            f"service-config.json:{number}: methodConfig[3].timeout is not a duration, such as "
            '"0.1s": seconds, with an s and at most 9 decimals: clients ignore the whole config'
        ),
    )
    assert len(report.findings) == 4


def test_json_that_cannot_be_read_has_its_line() -> None:
    text = b'{\n  "methodConfig": [],\n}'
    with pytest.raises(json.JSONDecodeError) as raised:  # its words depend on Python's version
        json.loads(text)
    report = lint_text("a", text, WANTED)
    assert report.failure is not None
    assert report.failure.detail == (
        f"a:3: not JSON: {raised.value.msg} in column 1: clients ignore the whole config"
    )


RECORD = json.dumps([{"percentage": 50, "serviceConfig": BAD}, {"serviceConfig": GOOD}])


def in_parts(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return " ".join(f'"{escaped[at : at + 200]}"' for at in range(0, len(escaped), 200))


@pytest.mark.parametrize(
    "text",
    [
        f"grpc_config={RECORD}",
        f"_grpc_config.shop.example. 300 IN TXT {in_parts('grpc_config=' + RECORD)}\n",
        RECORD,
    ],
    ids=["text", "zone", "json"],
)
def test_the_choices_of_a_txt_record(text: str) -> None:
    report = lint_text("a", text.encode(), WANTED)
    assert report.failure is None, report.failure
    assert [(one.id, one.view) for one in report.findings] == [
        ("GRPC-RETRY-UNSAFE", "choice 0, methodConfig[0] a.B/Create"),
        ("GRPC-RETRY-UNSAFE", "choice 0, methodConfig[1] a.B/Send"),
        ("GRPC-RETRY-CONF", "choice 0"),
        ("GRPC-RETRY-CONF", "choice 0, methodConfig[0] a.B/Create"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("service-config.json", "{}", "service-config"),
        ("x.json", json.dumps(GOOD), "service-config"),
        ("x.json", json.dumps(GOOD, indent=2), "service-config"),
        ("x.txt", f"grpc_config={RECORD}", "service-config"),
        ("x.json", '{"name": "package", "version": "1"}', None),
        ("x.json", "{}", None),
    ],
)
def test_what_is_recognised(name: str, text: str, kind: str | None) -> None:
    found = of_file(name, tuple(text.splitlines()))
    assert (None if found is None else found.name) == kind


def test_a_file_of_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "service-config.json"
    path.write_text(json.dumps(BAD))
    assert len(lint_file(path, Wanted()).findings) == 4
