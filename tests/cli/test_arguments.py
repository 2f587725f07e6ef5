"""The grammar: what each verb reads of a command line, and what its help and errors say."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import pytest

from seventh.cli.arguments import VERBS, parse
from seventh.cli.main import main
from seventh.model.failure import UsageError
from seventh.model.severity import Severity
from tests.cli.test_typos import said


def read(words: str) -> dict[str, Any]:
    """The result of a command line, without the function of the verb."""
    parsed = vars(parse(words.split()))
    assert callable(parsed.pop("verb"))
    return parsed


OUTPUT = {
    "only": [], "skip": [], "fail_on": Severity.MEDIUM, "format": "terminal", "output": None,
    "lang": "en", "verbose": False, "against": None, "baseline": None,
}  # fmt: skip
CHECK = {**OUTPUT, "targets": [], "files": [], "parallel": 16, "checklist": False,
         "places": None, "local": False}  # fmt: skip
LINT = {**OUTPUT, "files": ["a"], "kind": None, "software": [], "diff": False, "fix": False}
LISTEN = {"protocol": "snmp", "config": None, "check_config": False, "port": None, "host": None,
          "state": None, "metrics": None}  # fmt: skip

LINK = {"profile": "lte", "seed": 0, "format": "terminal", "output": None, "link_verb": "run",
        "congestion": ""}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("check", CHECK),
        ("check a - b", {**CHECK, "targets": ["a", "-", "b"]}),
        ("check --targets f --targets -", {**CHECK, "files": ["f", "-"]}),
        ("check --parallel 1", {**CHECK, "parallel": 1}),
        ("check --parallel 4096", {**CHECK, "parallel": 4096}),
        ("check --only a-b,C --only d", {**CHECK, "only": ["A-B", "C", "D"]}),
        ("check --skip a,,b,", {**CHECK, "skip": ["A", "B"]}),
        ("check --fail-on HIGH", {**CHECK, "fail_on": Severity.HIGH}),
        ("check --format json --output o", {**CHECK, "format": "json", "output": "o"}),
        ("check -v --checklist", {**CHECK, "verbose": True, "checklist": True}),
        ("check --verbose", {**CHECK, "verbose": True}),
        ("check --lang ko", {**CHECK, "lang": "ko"}),
        ("check --timeout 2.5 --hold 0", {**CHECK, "timeout_seconds": 2.5, "hold_seconds": 0.0}),
        ("check -4", {**CHECK, "family": "ipv4"}),
        ("check -6", {**CHECK, "family": "ipv6"}),
        ("check --resolver r --via v", {**CHECK, "resolver": "r", "via": "v"}),
        ("check --header a --header b", {**CHECK, "headers": ["a", "b"]}),
        ("check --intrusive", {**CHECK, "intrusive": True}),
        ("check --samples 7", {**CHECK, "samples": 7}),
        ("lint a", LINT),
        ("lint a - --kind k", {**LINT, "files": ["a", "-"], "kind": "k"}),
        ("lint a --software x=1 --software y=2", {**LINT, "software": ["x=1", "y=2"]}),
        ("lint a --only b -v --format junit",
         {**LINT, "only": ["B"], "verbose": True, "format": "junit"}),
        ("explain a b", {"ids": ["a", "b"], "lang": "en"}),
        ("rules", {"all": False}),
        ("rules --all", {"all": True}),
        ("ports", {}),
        ("import a b --output o", {"files": ["a", "b"], "output": "o"}),
        ("listen snmp", LISTEN),
        ("listen snmp --port 1162 --host ::1 --state s --config c --check-config --metrics m",
         {**LISTEN, "port": 1162, "host": "::1", "state": "s", "config": "c", "check_config": True,
          "metrics": "m"}),
        ("grpc diff a b", {"old": "a", "new": "b", "proto_path": [], "format": "text"}),
        (
            "grpc diff a b -I c --proto-path d --format json",
            {"old": "a", "new": "b", "proto_path": ["c", "d"], "format": "json"},
        ),
        ("snmp poll f", {"file": "f", "once": False, "format": "text"}),
        ("snmp poll f --once --format csv", {"file": "f", "once": True, "format": "csv"}),
        ("lab", {"room": None, "fault": None, "list": False}),
        ("lab ssh --fault f --list", {"room": "ssh", "fault": "f", "list": True}),
        ("tour", {"room": None, "all": False, "verbose": False, "quiet": False}),
        ("tour ssh --all -v", {"room": "ssh", "all": True, "verbose": True, "quiet": False}),
        ("link list", {"command": [], "link_verb": "list"}),
        ("link show lte", {"profile": "lte", "command": [], "link_verb": "show"}),
        ("link run lte -- ssh -v h", {**LINK, "command": ["ssh", "-v", "h"]}),
        ("link run --seed 7 lte --format json --output o --congestion reno -- x --",
         {**LINK, "seed": 7, "congestion": "reno", "format": "json", "output": "o",
          "command": ["x", "--"]}),
        ("tour --quiet", {"room": None, "all": False, "verbose": False, "quiet": True}),
    ],
)  # fmt: skip
def test_what_is_read(
    words: str, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seventh.render.wording.languages", lambda: ["en", "ko"])
    assert read(words) == expected


def test_options_of_watch() -> None:
    assert read("watch a --status-page d --open") == {
        **read("watch a"), "status_page": "d", "open": True
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "a verb is required: `seventh --help` lists them"),
        ("--bogus", "unknown option --bogus: `seventh --help` lists them"),
        ("link", "the following arguments are required: VERB; see `seventh link --help`"),
        ("link rum", "VERB: unknown value 'rum': did you mean run? see `seventh link --help`"),
        ("link run lte ssh", "write -- before the command: seventh link run lte -- ssh host"),
        ("link run lte --", "no command: write it after --: seventh link run lte -- ssh host"),
        ("link run lte -- no-such-program", "no-such-program: no such program"),
        ("link run --seed -1 lte -- x",
         "--seed: '-1' is not a number from 0; see `seventh link run --help`"),
        ("link show lt", "unknown profile 'lt': did you mean lte? `seventh link list` lists them"),
        ("check --parallel 0", ("--parallel: '0' is not a number from 1 to 4096; "
         "see `seventh check --help`")),
        ("check --parallel 4097", ("--parallel: '4097' is not a number from 1 to 4096; "
         "see `seventh check --help`")),
        ("check --parallel ²", ("--parallel: '²' is not a number from 1 to 4096; "
         "see `seventh check --help`")),
        ("check --parallel 0000001", ("--parallel: '0000001' is not a number from 1 to 4096; "
         "see `seventh check --help`")),
        ("check --timeout x", ("--timeout: 'x' is not a number above 0, up to 86400; "
         "see `seventh check --help`")),
        ("check --fail-on x", ("--fail-on: unknown severity 'x': write critical, high, medium, low "
         "or info; see `seventh check --help`")),
        ("check --lang xx", "--lang: unknown language 'xx': write en; see `seventh check --help`"),
        ("check --samples x", ("--samples: 'x' is not a number from 1 to 4096; "
         "see `seventh check --help ntp`")),
        ("check --pair other", ("--pair 'other': write mqtt://HOST, mqtts://HOST, mqtt+ws://HOST, "
         "mqtt+wss://HOST")),
        ("check --topic-prefix a/#", ("--topic-prefix 'a/#': not a topic, such as site/seventh, "
         "without + and #")),
        ("check --backend-header x-backend", ("--backend-header needs --call: the method whose "
         "responses have the field")),
        ("check --calls 0", ("--calls: '0' is not a number from 1 to 1000; "
         "see `seventh check --help grpc`")),
        ("check -4 -6", "-6: not allowed with argument -4; see `seventh check --help`"),
        ("check --password=secret", ("unknown option --password: did you mean --password-file? "
         "`seventh check --help` lists them")),
        ("check -x", "unknown option -x: `seventh check --help` lists them"),
        ("check -xsecret", "unknown option -x: `seventh check --help` lists them"),
        ("check --sampels 3", ("unknown option --sampels: did you mean --samples? "
         "`seventh check --help ntp` lists them")),
        ("check --json", ("unknown option --json: did you mean --format json? "
         "`seventh check --help` lists them")),
        ("rules a b", "unexpected arguments: a b; see `seventh rules --help`"),
        ("lint", "the following arguments are required: FILE; see `seventh lint --help`"),
        ("explain", "the following arguments are required: ID; see `seventh explain --help`"),
        ("tour -v --quiet", ("--quiet: not allowed with argument -v/--verbose; "
         "see `seventh tour --help`")),
        ("ssh.example", "unknown verb 'ssh.example': did you mean `seventh check ssh.example`?"),
        ("a:b", "unknown verb 'a:b': did you mean `seventh check a:b`?"),
        ("SSH", "unknown verb 'SSH': did you mean `seventh check ssh://HOST`?"),
        ("chck", "unknown verb 'chck': did you mean `seventh check`? `seventh --help` lists them"),
        ("zzz", "unknown verb 'zzz'; `seventh --help` lists them"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_that_says_what_to_type(
    words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, *words.split()) == f"seventh: {says}\n"


@pytest.mark.parametrize(
    ("word", "command"),
    [
        ("help", "--help"), ("version", "--version"), ("list", "rules"), ("scan", "check"),
        ("test", "check"), ("probe", "check"), ("validate", "lint"), ("verify", "lint"),
        ("serve", "lab"), ("Scan", "check"),
    ],
)  # fmt: skip
def test_a_verb_of_another_program_has_its_own_here(
    word: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, word) == (
        f"seventh: unknown verb {word!r}: did you mean `seventh {command}`? "
        "`seventh --help` lists them\n"
    )


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The help, in words alone."""
    assert main(list(words)) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return " ".join(out.split())


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("explain", ("usage: seventh explain [-h] [--lang LANG] ID [ID ...] positional arguments: "
         "ID ID of a rule, name of a protocol, or `local` options: -h, --help show this help "
         "message and exit --lang LANG language of the texts of rules (default: en)")),
        ("rules", ("usage: seventh rules [-h] [--all] options: -h, --help show this help message "
         "and exit --all include rules that are not built yet")),
        ("ports", "usage: seventh ports [-h] options: -h, --help show this help message and exit"),
        ("lab", ("usage: seventh lab [-h] [--fault NAME] [--list] [PROTOCOL] Starts reference "
         "servers on free loopback ports with a temporary CA, and prints the commands that check "
         "them. Ctrl-C stops them. positional arguments: PROTOCOL only this protocol, such as ssh "
         "options: -h, --help show this help message and exit --fault NAME fault to enable "
         "(requires PROTOCOL) --list list the faults and their rules")),
    ],
)  # fmt: skip
def test_the_help_of_a_verb(
    verb: str, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert shown(capsys, verb, "--help") == words
    assert shown(capsys, verb, "-h") == words


def test_the_help_of_check_and_lint_lists_each_option_under_its_heading(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(capsys, "check", "--help")
    headings = ["connecting:", "credentials and permissions:", "requests:", "rules:", "output:",
                "options of one protocol:"]  # fmt: skip
    places = [text.index(f" {heading}") for heading in headings]
    assert places == sorted(places)
    for line in (
        "-h [PROTOCOL], --help [PROTOCOL] show this help, or the options of one protocol",
        "TARGET what to check; - is stdin",
        "--targets FILE file with one target per line",
        "--parallel N number of targets to check at once (default: 16)",
        "--timeout SECONDS deadline of each target, in seconds (default: 10)",
        "-4 IPv4 only -6 IPv6 only",
        "--resolver HOST[:PORT] name server to query (default: the system's)",
        "--only ID[,ID…] rules to run (default: all)",
        "--skip ID[,ID…] rules to skip",
        "--fail-on SEVERITY lowest severity",
        "--output FILE file to write to",
        "-v, --verbose show the transcript",
        "--checklist show the protocol's debugging checklist",
    ):
        assert f" {line}" in text
    assert "--samples" not in text, "only the help of its protocol has it"
    text = shown(capsys, "lint", "--help")
    for line in ("FILE file or folder; - is stdin", "--kind NAME type of the files",
                 "--software PRODUCT=VERSION version whose defaults apply"):  # fmt: skip
        assert f" {line}" in text


def test_the_help_of_a_protocol_has_its_tiers_its_options_and_the_shared_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(capsys, "check", "--help", "ntp")
    assert text.startswith("usage: seventh check [OPTION…] ntp://HOST, nts://HOST tier 0: ")
    assert " tier 1: " in text
    own, shared = text.index("--samples N"), text.index("shared options:")
    assert own < shared < text.index("--timeout SECONDS")
    assert "options of NTP" in text
    assert "--user" not in text
    assert "--help show" not in text
    assert text.endswith("`seventh check --help` lists the options for rules and output.")
    assert shown(capsys, "check", "--help", "nts://x") == text
    assert said(capsys, "check", "--help", "zz").startswith(
        "seventh: --help: unknown protocol 'zz': write "
    )


def test_the_help_lists_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "--help")
    assert text.startswith("usage: seventh VERB … Checks application-layer servers")
    for verb, (short, _, _) in VERBS.items():
        assert f" {verb} {short}" in text
    assert "-V, --version show program" in text
    assert text.endswith("`seventh VERB --help` describes a verb.")


def test_a_verb_runs_its_own_module(monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[Namespace] = []
    for name in VERBS:
        module = {"import": "importing"}.get(name, name)
        monkeypatch.setattr(f"seventh.cli.{module}.run", lambda parsed: run.append(parsed) or 7)
        words = [
            name,
            *{
                "lint": ["x"],
                "read": ["x"],
                "import": ["x"],
                "explain": ["x"],
                "diff": ["x", "y"],
                "listen": ["snmp"],
                "link": ["list"],
            }.get(name, []),
        ]
        parsed = parse(words)
        assert parsed.verb(parsed) == 7
        assert run[-1] is parsed


def test_a_part_of_an_option_is_none() -> None:
    with pytest.raises(UsageError, match="unknown option --intr: did you mean --intrusive"):
        parse(["check", "--intr"])
