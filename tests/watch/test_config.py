"""``seventh.toml``: what holds for each target, and one line with the place for every mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seventh.model.failure import UsageError
from seventh.model.severity import Severity
from seventh.protocols.ntp import NtpOptions
from seventh.watch import config
from seventh.watch.config import WatchedTarget, load, read, secret, typed_targets
from seventh.watch.keys import HeartbeatKeys, NotifyKeys, Watch
from seventh.watch.verdict import Flaps, Policy, Slow, Threshold
from tests.watch.made import SECOND


def targets(text: str, **typed: Any) -> list[WatchedTarget]:
    return [*read("s.toml", text, typed).targets]


def error(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read("s.toml", text, {})
    return str(caught.value)


def policy(text: str, labels: str = "") -> Policy:
    (target,) = targets(f'{text}\n[[target]]\nurl = "ssh://a"\nlabels = {{ {labels} }}\n')
    return target.policy


def test_a_target_alone() -> None:
    (target,) = targets('[[target]]\nurl = "ssh://a"\n')
    assert (target.name, str(target.target), target.every_ns) == (
        "ssh://a:22", "ssh://a:22", 30 * SECOND,
    )  # fmt: skip
    assert (target.labels, target.parents) == ({}, ())
    assert target.policy == Policy(stale_ns=100 * SECOND)
    assert target.patience_ns == 160 * SECOND


@pytest.mark.parametrize(
    ("every", "timeout", "expected"),
    [(30, "", 10), (10, "", 9), (10, "timeout = 8.9", 8.9), (10, "timeout = 9.1", 9)],
)
def test_a_pulse_ends_before_the_next_slot(every: int, timeout: str, expected: float) -> None:
    (target,) = targets(f'[[target]]\nurl = "ssh://a"\nevery = {every}\n{timeout}\n')
    assert target.options.timeout_seconds == expected
    assert target.policy.stale_ns == (3 * every + expected) * SECOND


def test_defaults_apply_by_label_and_in_their_order() -> None:
    made = targets(
        '[[defaults]]\nevery = 60\ntimeout = 1\nsamples = 2\nparents = ["router"]\n'
        '[[defaults]]\nmatch = { team = "web" }\nevery = 10\ntimeout = 2\n'
        '[[defaults]]\nmatch = { team = "web", tier = "1" }\nevery = 5\n'
        '[[target]]\nname = "router"\nurl = "tcp://r:1"\nparents = []\n'
        '[[target]]\nurl = "ntp://a"\nlabels = { team = "web" }\ntimeout = 9\n'
        '[[target]]\nurl = "ntp://b"\nlabels = { team = "web", tier = "1" }\n'
        '[[target]]\nurl = "ntp://c"\nlabels = { tier = "1" }\nevery = 7\n',
        timeout_seconds=3.0,
    )
    assert [(t.name, t.every_ns // SECOND, t.options.timeout_seconds, t.parents) for t in made] == [
        ("router", 60, 3, ()),
        ("ntp://a:123", 10, 9, ("router",)),
        ("ntp://b:123", 5, 3, ("router",)),
        ("ntp://c:123", 7, 3, ("router",)),
    ]
    assert [t.options.of(NtpOptions).samples for t in made] == [2] * 4
    (one,) = targets('[defaults]\nevery = 1\n[[target]]\nurl = "ssh://a"\n')
    assert one.every_ns == SECOND


FAILURES = Threshold(bad=2, of=4, good=1, good_of=1, for_ns=5 * SECOND, keep_ns=6 * SECOND)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Policy()),
        ("[[alert]]", Policy()),
        (("[[alert]]\nfailures = 2\nof = 4\npasses = 1\nfor = 5\nkeep = 6.0\nflap-changes = 2\n"
         "flap-within = 7"),
         Policy(down=FAILURES, flaps=Flaps(changes=2, within_ns=7 * SECOND))),
        ("[[alert]]\npasses = 2\npasses-of = 3", Policy(down=Threshold(good=2, good_of=3))),
        ('[[alert]]\nfailures = 1\n[[alert]]\nmatch = { a = "b" }\nfailures = 2',
         Policy(down=Threshold(bad=2))),
        ('[[alert]]\nfailures = 1\n[[alert]]\nmatch = { a = "c" }\nfailures = 2',
         Policy(down=Threshold(bad=1))),
        ('[[alert]]\nphase = "tls"\nmax = 0.25\nfailures = 1\nof = 1\npasses = 1',
         Policy(slow=(Slow(phase="tls", limit_ns=250_000_000,
                           threshold=Threshold(bad=1, of=1, good=1, good_of=1)),))),
        ('[[alert]]\nmax = 1\n[[alert]]\nphase = "tls"\nmax = 2\n[[alert]]\nmax = 3',
         Policy(slow=(Slow(phase="", limit_ns=3 * SECOND, threshold=Threshold()),
                      Slow(phase="tls", limit_ns=2 * SECOND, threshold=Threshold())))),
        # p95 of 20 is the 19th: above the limit if two are
        ("[[alert]]\nmax = 1\nquantile = 0.95\nof = 20",
         Policy(slow=(Slow(phase="", limit_ns=SECOND,
                           threshold=Threshold(bad=2, of=20, good=19, good_of=20)),))),
        ("[[alert]]\nmax = 1\nquantile = 0.7\nof = 10",
         Policy(slow=(Slow(phase="", limit_ns=SECOND,
                           threshold=Threshold(bad=4, of=10, good=7, good_of=10)),))),
        ("[[alert]]\nmax = 1\nquantile = 0.5\nof = 5",
         Policy(slow=(Slow(phase="", limit_ns=SECOND,
                           threshold=Threshold(bad=3, of=5, good=3, good_of=5)),))),
        ("[[alert]]\nmax = 1\nquantile = 1\nof = 4",
         Policy(slow=(Slow(phase="", limit_ns=SECOND,
                           threshold=Threshold(bad=1, of=4, good=4, good_of=4)),))),
    ],
)  # fmt: skip
def test_alerts_are_policies(text: str, expected: Policy) -> None:
    made = policy(text, 'a = "b"')
    assert (made.down, made.slow, made.flaps) == (expected.down, expected.slow, expected.flaps)


def test_the_other_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "https://h")
    monkeypatch.chdir(tmp_path)
    Path("t").write_text("s3cret", encoding="utf-8")
    made = read(
        "s.toml",
        '[watch]\nstate = "/s"\nparallel = 5\n'
        '[[notify]]\nname = "ops"\nkind = "webhook"\nurl = "env:HOOK"\ntoken = "file:t"\n'
        '[[heartbeat]]\nname = "backup"\nevery = 86400\n'
        '[[target]]\nurl = "ssh://a"\nparents = ["backup"]\n',
        {},
    )
    assert made.watch == Watch(state="/s", parallel=5)
    assert made.notify == (NotifyKeys(name="ops", kind="webhook", url="env:HOOK", token="file:t"),)
    assert made.heartbeats == (HeartbeatKeys(name="backup", every=86400),)


TARGET = '[[target]]\nurl = "ssh://a"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 's.toml: write one [[target]] table with url = "…" per target'),
        ("x", ("s.toml: not valid TOML: Expected '=' after a key in a key/value pair (at end of "
         "document)")),
        (f"{TARGET}\n\n[[targets]]", "s.toml:5: unknown table 'targets': did you mean [target]?"),
        ("every = 5\n" + TARGET, ("s.toml: unknown table 'every': write [watch], [defaults], "
         "[target], [alert], [notify], [heartbeat], [slo], [maintenance], [local], "
         "[serve] or [status]")),
        ('[target]\nurl = "ssh://a"', "s.toml:1: target is a table: write [[target]]"),
        ("watch = 5\n" + TARGET, "s.toml: watch is a table: write [watch]"),
        ("target = [1]", "s.toml: target is a table: write [[target]]"),
        ("[[watch]]\n[[watch]]\n" + TARGET, "s.toml:2: only one [watch] table is possible"),
        (f'{TARGET}[[target]]\n\nname = "x"', "s.toml:3: needs url = …"),
        ('[[target]]\nuri = "ssh://a"', "s.toml:1: needs url = …, not uri"),
        ('[[target]]\nurl = 5', "s.toml:1: url: write a string, not 5"),
        ('[[target]]\nurl = "shh://a"', ("s.toml:1: target 'shh://a': unknown scheme shh://: did "
         "you mean ssh://a? `seventh check --help` describes targets")),
        ('[[target]]\nurl = "host"', ("s.toml:1: 'host' has no scheme: write a URL, such as "
         "ssh://host")),
        (f"{TARGET}every = 0.5", "s.toml:1: every: write a number from 1 to 86400, not 0.5"),
        (f'{TARGET}every = "5"', "s.toml:1: every: write a number from 1 to 86400, not '5'"),
        (f"{TARGET}labels = 5", 's.toml:1: labels: write labels, such as { team = "web" }, not 5'),
        (f"{TARGET}labels = {{ a = 1 }}", ('s.toml:1: labels: write labels, such as '
         '{ team = "web" }, not {\'a\': 1}')),
        (f"{TARGET}parents = 1", "s.toml:1: parents: write a list of names, not 1"),
        (f'{TARGET}parents = ["ssh://b:22"]', ("s.toml:1: parents: unknown target 'ssh://b:22': "
         "did you mean ssh://a:22?")),
        (f"{TARGET}samples = 5", "s.toml:1: ssh:// does not use the option 'samples': remove it"),
        (f"{TARGET}timeout = -1", ("s.toml:1: --timeout: write a number above 0, up to 86400, not "
         "-1")),
        (f"{TARGET}allow-write = true", ("s.toml:1: allow-write is a permission, which a file "
         "cannot give; type --allow-write on the command line")),
        ("[defaults]\nintrusive = true\n" + TARGET, ("s.toml:1: intrusive is a permission, which a "
         "file cannot give; type --intrusive on the command line")),
        (TARGET + "\n" + TARGET, ("s.toml:4: the name 'ssh://a:22' is that of s.toml:1: add "
         "name = …")),
        (TARGET + '[[heartbeat]]\nname = "ssh://a:22"\nevery = 9', ("s.toml:3: the name "
         "'ssh://a:22' is that of s.toml:1: add name = …")),
        (f'{TARGET}parents = ["ssh://a:22"]', ("s.toml:1: parents: ssh://a:22 needs ssh://a:22: "
         "remove one of these")),
        ("".join(f'[[target]]\nurl = "ssh://h"\nname = "{n}"\nparents = ["{p}"]\n'
                 for n, p in ("ab", "bc", "cb")), ("s.toml:1: parents: b needs c needs b: remove "
         "one of these")),
        (f"[[alert]]\nfailures = 6\n{TARGET}", ("s.toml:1: failures = 6 never happens in of = 5 "
         "pulses")),
        (f"[[alert]]\npasses = 3\npasses-of = 2\n{TARGET}", ("s.toml:1: passes = 3 never happens "
         "in passes-of = 2 pulses")),
        (f"[[alert]]\nof = 0\n{TARGET}", "s.toml:1: of: write a number from 1 to 64, not 0"),
        (f"[[alert]]\nof = 5.5\n{TARGET}", "s.toml:1: of: write a number from 1 to 64, not 5.5"),
        (f'[[alert]]\nphase = "tls"\n{TARGET}', ("s.toml:1: phase and quantile need max = …, in "
         "seconds")),
        (f"[[alert]]\nquantile = 0.5\n{TARGET}", ("s.toml:1: phase and quantile need max = …, in "
         "seconds")),
        (f"[[alert]]\nfailure = 2\n{TARGET}", ("s.toml:1: unknown key 'failure': did you mean "
         "failures?")),
        (f'[[notify]]\nname = "n"\nkind = "web-hook"\nurl = "env:A"\n{TARGET}', ("s.toml:1: kind: "
         "unknown value 'web-hook': did you mean webhook?")),
        # The secret itself is not shown.
        (f'[[notify]]\nname = "n"\nkind = "webhook"\nurl = "https://h/s3cret"\n{TARGET}',
         "s.toml:1: url: write file:/path or env:NAME; secrets are not in this file"),
        (f'[[notify]]\nname = "n"\nkind = "webhook"\nurl = "env:A"\ntoken = ["s"]\n{TARGET}',
         "s.toml:1: token: write file:/path or env:NAME; secrets are not in this file"),
        (f"{TARGET}[status]", ("s.toml:3: no target has the label 'status': write labels = { "
         'status = "Web shop" } in the [[target]] tables that it shows')),
        # A header inside of a string: the lines are not known.
        (f'{TARGET}name = """\n[[target]]\n"""\nevery = 0', ("s.toml: target 1: every: write a "
         "number from 1 to 86400, not 0")),
        ('target = [{ url = "ssh://a", every = 0 }]', ("s.toml: target 1: every: write a number "
         "from 1 to 86400, not 0")),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_place(text: str, expected: str) -> None:
    assert error(text) == expected


def test_labels_are_bounded() -> None:
    many = ", ".join(f'l{i} = "x"' for i in range(50))
    assert len(targets(f"{TARGET}labels = {{ {many} }}")[0].labels) == 50
    assert error(f'{TARGET}labels = {{ {many}, z = "x" }}') == (
        "s.toml:1: labels: 51 labels; write at most 50"
    )
    assert targets(f'{TARGET}labels = {{ a = "{"x" * 1000}" }}')
    assert error(f'{TARGET}labels = {{ a = "{"x" * 1_000_000}" }}') == (
        "s.toml:1: labels: a: longer than 1000 characters"
    )


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.toml"
    for data, expected in [
        (None, "cannot be read: No such file or directory"), (b"\xff", "not UTF-8 text at byte 0"),
        (b"#" * 101, "larger than 100 bytes"),
    ]:  # fmt: skip
        monkeypatch.setattr(config, "MAX_FILE_BYTES", 100)
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(UsageError) as caught:
            load(str(path), {})
        assert str(caught.value) == f"{path}: {expected}"
    path.write_bytes(b"\xef\xbb\xbf" + TARGET.encode())
    assert [target.name for target in load(str(path), {}).targets] == ["ssh://a:22"]


def test_targets_of_the_command_line() -> None:
    made = typed_targets(["ssh://a", "ssh://a:22", "ntp://b"], {"timeout_seconds": 2.0}, 5)
    assert [(t.name, t.every_ns, t.options.timeout_seconds) for t in made.targets] == [
        ("ssh://a:22", 5 * SECOND, 2), ("ntp://b:123", 5 * SECOND, 2),
    ]  # fmt: skip
    with pytest.raises(UsageError) as caught:
        typed_targets(["a"], {}, 5)
    assert str(caught.value) == "target 'a': 'a' has no scheme: write a URL, such as ssh://a"


def test_secrets_are_in_files_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_text("\n s3cret \nmore\n", encoding="utf-8")
    monkeypatch.setenv("HOOK", "t0ken\n")
    monkeypatch.delenv("NONE", raising=False)
    assert secret(f"file:{path}") == "s3cret"
    assert secret("env:HOOK") == "t0ken"
    path.write_text("\n", encoding="utf-8")
    for reference, expected in [
        (f"file:{path}", f"file:{path}: is empty"),
        (f"file:{path}x", f"file:{path}x: cannot be read: No such file or directory"),
        ("env:NONE", "env:NONE: the environment has no such variable"),
    ]:
        with pytest.raises(UsageError) as caught:
            secret(reference)
        assert str(caught.value) == expected


def test_full_checks_have_an_interval_and_the_whole_timeout() -> None:
    made = targets(
        "[[defaults]]\ncheck-interval = 3600\n"
        '[[defaults]]\nmatch = { team = "web" }\ncheck-interval = 0\n'
        '[[target]]\nurl = "ssh://a"\nevery = 1\n'
        '[[target]]\nurl = "ssh://b"\nlabels = { team = "web" }\n'
        '[[target]]\nurl = "ssh://c"\nlabels = { team = "web" }\ncheck-interval = 60\n'
    )
    assert [each.check_every_ns // SECOND for each in made] == [3600, 0, 60]
    assert (made[0].options.timeout_seconds, made[0].check_seconds) == (0.9, 10)
    (alone,) = targets('[[target]]\nurl = "ssh://a"\n')
    assert alone.check_every_ns == 86_400 * SECOND


def test_this_machine_is_looked_at() -> None:
    alert = '[[alert]]\nmatch = { team = "a" }\nfindings = "low"\n'
    (made,) = targets(f'{alert}[local]\nevery = 10\nareas = ["time"]\nlabels = {{ team = "a" }}\n')
    assert (made.name, made.target.scheme, made.is_local, made.areas) == (
        "local", "local", True, ("time",),
    )  # fmt: skip
    assert (made.every_ns, made.options.timeout_seconds) == (10 * SECOND, 9)
    assert (made.policy.findings, made.policy.stale_ns) == (Severity.LOW, 30 * SECOND)
    (every,) = targets("[local]\n")
    assert (len(every.areas) > 3, every.options.timeout_seconds) == (True, 60)
    assert error('[local]\nareas = ["tyme"]\n').startswith("s.toml:1: areas: ")
    assert error('[local]\n[[target]]\nname = "local"\nurl = "ssh://a"\n') == (
        "s.toml:1: the name 'local' is that of s.toml:2: add name = …"
    )
    assert error("[[local]]\n[[local]]\n") == "s.toml:2: only one [local] table is possible"


def test_a_job_has_hashes_of_tokens() -> None:
    text = '[[heartbeat]]\nname = "a"\nevery = 60\ntoken-sha256 = ["{}"]\n'
    assert read("s.toml", text.format("0a" * 32), {}).heartbeats == (
        HeartbeatKeys(name="a", every=60, token_sha256=("0a" * 32,)),
    )
    assert error(text.format("secret")) == (
        "s.toml:1: token-sha256: write 64 hexadecimal digits, the hash"
    )


def test_an_alert_may_be_of_new_findings() -> None:
    text = '[[alert]]\nfailures = 2\n[[alert]]\nfindings = "high"\n'
    made = policy(text)
    assert (made.findings, made.down.bad) == (Severity.HIGH, 2)
    assert policy("").findings is None
    wrong = '[[alert]]\nfindings = "{}"\n{}[[target]]\nurl = "ssh://a"\n'
    assert error(wrong.format("hihg", "")) == (
        "s.toml:1: findings: unknown value 'hihg': did you mean high?"
    )
    assert error(wrong.format("high", "max = 1\n")) == (
        "s.toml:1: findings: not with max or phase; write another [[alert]]"
    )
