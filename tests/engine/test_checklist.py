"""A checklist's verdicts: unknown is never a pass, and whatever is unknown says how to look."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from seventh import protocols
from seventh.engine.checklist import Judged, is_learnt, judge, read
from seventh.model.checklist import CheckLine, LineVerdict
from seventh.model.facts import Facts
from seventh.model.failure import Blame, Failure, Reason
from seventh.model.netfacts import Hop, NetFacts
from seventh.model.phase import Phase
from seventh.model.report import Finding, Report, SkipCause, Skipped
from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.login import Login, Trust
from seventh.protocols.ssh.facts.session import SessionFacts
from seventh.rules.rule import Source

PASS, FAIL = LineVerdict.PASS, LineVerdict.FAIL
UNKNOWN, IDLE = LineVerdict.NOT_LOOKED_AT, LineVerdict.NOT_APPLICABLE

# Rules of the room: one of tier 0, of tier 2, of tier 4, and one that only files decide.
FREE, LOGIN, HOLD, FILE = "SSH-KEX-WEAK", "SSH-PASSWORD-ON", "SSH-NO-KEEPALIVE", "SSH-THROTTLE"
MODES = "SSH-AUTHKEYS-PERM"
HERE = NetFacts(addresses=("127.0.0.1",))
REFUSED = Failure(reason=Reason.CONNECT_REFUSED, phase="connect", blame=Blame.PEER, detail="shut")


def found(rule: str) -> Finding:
    return Finding(
        id=rule, room="ssh", severity=Severity.INFO, tier=0, params={}, references=(), seed=()
    )


def skipped(rule: str, cause: SkipCause = SkipCause.NO_EVIDENCE) -> Skipped:
    return Skipped(id=rule, reason="why", cause=cause)


def failure(reason: Reason, phase: str, blame: Blame = Blame.PEER) -> Failure:
    return Failure(reason=reason, phase=phase, blame=blame, detail="detail")


def judged(
    monkeypatch: pytest.MonkeyPatch, line: CheckLine, *, ssh: SshFacts | None = None, **parts: Any
) -> Judged:
    """The one line's verdict by a report that has these parts."""
    monkeypatch.setattr(protocols, "checklist", lambda room: (line,) if room == "ssh" else ())
    facts: dict[str, Facts] = {"net": HERE, "ssh": ssh or SshFacts()}
    phase = Phase(name="connect", start_seconds=0, seconds=0, clock="kernel", outcome="ok")
    fields: dict[str, Any] = {
        "target": "ssh://127.0.0.1", "protocol": "ssh", "vantage": "here",
        "started_seconds": 1795327200.0, "duration_seconds": 0.1, "failure": None,
        "phases": (phase,), "facts": facts, "metrics": {}, "findings": (), "skipped": (),
    }  # fmt: skip
    (only,) = judge(Report(**{**fields, **parts}))
    return only


BOTH = CheckLine("Both", rules=(FREE, LOGIN))


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ({"passed": (FREE, LOGIN)}, PASS),
        ({"passed": (FREE,), "findings": (found(LOGIN),)}, FAIL),
        ({"skipped": (skipped(FREE),), "findings": (found(LOGIN),)}, FAIL),
        ({"passed": (FREE,), "skipped": (skipped(LOGIN),)}, UNKNOWN),
        ({"passed": (FREE,), "skipped": (skipped(LOGIN, SkipCause.NOT_PERMITTED),)}, UNKNOWN),
        ({"passed": (FREE,), "skipped": (skipped(LOGIN, SkipCause.NOT_APPLICABLE),)}, PASS),
        ({"skipped": tuple(skipped(r, SkipCause.NOT_APPLICABLE) for r in (FREE, LOGIN))}, IDLE),
        ({"skipped": (skipped(FREE, SkipCause.NOT_APPLICABLE), skipped(LOGIN))}, UNKNOWN),
        ({"passed": (FREE,)}, UNKNOWN),
    ],
)
def test_every_rule_must_have_passed(
    monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any], verdict: LineVerdict
) -> None:
    assert judged(monkeypatch, BOTH, **parts).verdict is verdict


def test_a_rule_that_only_left_out_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    line = judged(monkeypatch, BOTH, passed=(FREE,))
    assert [(skip.id, skip.reason) for skip in line.unknown] == [
        (LOGIN, "left out by --only or --skip")
    ]
    assert line.passed == (FREE,)


def test_a_line_that_only_leaves_no_rule_of_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="not enough values"):
        judged(monkeypatch, BOTH)


COMMAND = CheckLine("A command runs", facts=("session.exec_granted",), phases=("ssh.exec",))


@pytest.mark.parametrize(("granted", "verdict"), [(True, PASS), (False, FAIL), (None, UNKNOWN)])
def test_a_fact_without_a_rule_decides_by_itself(
    monkeypatch: pytest.MonkeyPatch, granted: bool | None, verdict: LineVerdict
) -> None:
    session = SessionFacts(exec_granted=granted)
    assert judged(monkeypatch, COMMAND, ssh=SshFacts(session=session)).verdict is verdict


def test_a_fact_whose_part_was_not_learnt_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    line = judged(monkeypatch, COMMAND)
    assert line.verdict is UNKNOWN
    assert line.not_learnt == ("session.exec_granted",)


def test_a_rule_judges_its_facts_and_a_pass_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    line = CheckLine("Strict", rules=(FREE,), facts=("strict_kex",))
    no = judged(monkeypatch, line, passed=(FREE,), ssh=SshFacts(strict_kex=False))
    assert no.verdict is PASS
    assert no.facts == (("strict_kex", False),)
    assert judged(monkeypatch, line, passed=(FREE,)).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("failed", "verdict"),
    [
        (failure(Reason.PEER_CLOSED, "ssh.exec"), FAIL),
        (failure(Reason.PEER_CLOSED, "ssh.exec.more"), FAIL),
        (failure(Reason.PEER_CLOSED, "ssh.executive"), UNKNOWN),
        (failure(Reason.PEER_CLOSED, "ssh.kex"), UNKNOWN),
        (failure(Reason.INTERRUPTED, "ssh.exec", Blame.LOCAL), UNKNOWN),
        (failure(Reason.INTERNAL, "ssh.exec", Blame.SEVENTH), UNKNOWN),
        (REFUSED, UNKNOWN),
    ],
)
def test_a_failure_answers_the_lines_of_its_phase(
    monkeypatch: pytest.MonkeyPatch, failed: Failure, verdict: LineVerdict
) -> None:
    assert judged(monkeypatch, COMMAND, failure=failed).verdict is verdict


def test_a_failure_answers_the_lines_that_name_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    line = CheckLine("Known", rules=(FREE,), failures=(Reason.HOST_KEY_UNTRUSTED,))
    refused = failure(Reason.HOST_KEY_UNTRUSTED, "ssh.auth")
    assert judged(monkeypatch, line, passed=(FREE,), failure=refused).verdict is FAIL
    assert judged(monkeypatch, line, passed=(FREE,), failure=REFUSED).verdict is PASS


# -- how to look ---------------------------------------------------------------------------------

DENIED = SkipCause.NOT_PERMITTED


@pytest.mark.parametrize(
    ("line", "skips", "look"),
    [
        (CheckLine("x", rules=(LOGIN,)), (skipped(LOGIN, DENIED),), "--user NAME"),
        (CheckLine("x", rules=(HOLD,)), (skipped(HOLD, DENIED),), "--intrusive"),
        (
            CheckLine("x", rules=(HOLD,), look="--hold 60"),
            (skipped(HOLD, DENIED),),
            "--intrusive --hold 60",
        ),
        (CheckLine("x", rules=(HOLD,), look="--hold 60"), (skipped(HOLD),), "--hold 60"),
        (
            CheckLine("x", rules=(LOGIN,), look="--ntp-keys FILE"),
            (skipped(LOGIN, DENIED),),
            "--ntp-keys FILE",
        ),
        (
            CheckLine("x", rules=(LOGIN, HOLD)),
            (skipped(LOGIN, DENIED), skipped(HOLD, DENIED)),
            "--user NAME --intrusive",
        ),
        (CheckLine("x", rules=(FREE,)), (skipped(FREE),), ""),
    ],
)
def test_the_tier_tells_the_option(
    monkeypatch: pytest.MonkeyPatch, line: CheckLine, skips: tuple[Skipped, ...], look: str
) -> None:
    assert judged(monkeypatch, line, skipped=skips).look == look


@pytest.mark.parametrize(
    ("tiers", "own", "net", "look"),
    [
        ((2,), "", HERE, "--user NAME"),
        ((2,), "--ntp-keys FILE", HERE, "--ntp-keys FILE"),
        ((3,), "", HERE, "--allow-write"),
        ((3,), "--count 1", HERE, "--allow-write --count 1"),
        ((4,), "", HERE, "--intrusive"),
        ((4, 3, 2), "", HERE, "--user NAME --allow-write --intrusive"),
        ((4,), "", NetFacts(), "--intrusive --i-own-this"),
        ((4,), "", HERE.learn(addresses=("127.0.0.1", "192.0.2.1")), "--intrusive --i-own-this"),
        ((4,), "", HERE.learn(addresses=("127.0.0.1", "::1")), "--intrusive"),
        ((4,), "", HERE.learn(hops=(Hop(host="h", port=22, user="u"),)),
         "--intrusive --i-own-this"),
        ((3,), "", NetFacts(), "--allow-write"),
        ((0, 1), "", HERE, ""),
    ],
)  # fmt: skip
def test_each_denied_tier_has_what_permits_it(
    monkeypatch: pytest.MonkeyPatch, tiers: tuple[int, ...], own: str, net: NetFacts, look: str
) -> None:
    rules = [SimpleNamespace(id=f"SSH-{tier}", tier=tier, source=Source.WIRE) for tier in range(5)]
    monkeypatch.setattr(protocols, "rules", lambda room: rules)
    line = CheckLine("x", rules=tuple(f"SSH-{tier}" for tier in tiers), look=own)
    skips = tuple(skipped(f"SSH-{tier}", SkipCause.NOT_PERMITTED) for tier in tiers)
    facts = {"net": net, "ssh": SshFacts()}
    assert judged(monkeypatch, line, skipped=skips, facts=facts).look == look


def test_what_is_denied_helps_also_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    line = CheckLine("x", rules=(LOGIN,))
    denied = (skipped(LOGIN, SkipCause.NOT_PERMITTED),)
    assert judged(monkeypatch, line, skipped=denied, failure=REFUSED).look == "--user NAME"
    assert judged(monkeypatch, line, skipped=(skipped(LOGIN),), failure=REFUSED).look == ""


@pytest.mark.parametrize(
    ("parts", "asked"),
    [
        ({}, True), ({"phases": ()}, False), ({"phases": (), "failure": REFUSED}, True),
        ({"failure": REFUSED}, True),
    ],
)  # fmt: skip
def test_a_line_without_rules_is_for_a_check_and_not_for_a_comparison(
    monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any], asked: bool
) -> None:
    line = CheckLine("Nothing", facts=("strict_kex",))
    if asked:
        assert judged(monkeypatch, line, **parts).line is line
    else:
        with pytest.raises(ValueError, match="not enough values"):
            judged(monkeypatch, line, **parts)


@pytest.mark.parametrize(
    ("parts", "verdict", "reason"),
    [
        ({}, UNKNOWN, "visible only on the machine itself"),
        ({"phases": (), "skipped": (skipped(MODES),)}, UNKNOWN, "why"),
        ({"phases": (), "passed": (MODES,)}, PASS, ""),
    ],
)
def test_a_line_that_only_the_machine_itself_decides(
    monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any], verdict: LineVerdict, reason: str
) -> None:
    line = CheckLine("Modes", rules=(MODES,), look="seventh local ssh")
    made = judged(monkeypatch, line, **parts)
    unknown = (Skipped(id=MODES, reason=reason),) if reason else ()
    look = line.look if reason else ""
    assert (made.verdict, made.unknown, made.look) == (verdict, unknown, look)
    with pytest.raises(ValueError, match="not enough values"):
        judged(monkeypatch, line, phases=())


def test_a_verdict_has_all_its_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    line = CheckLine("x", rules=(FREE, LOGIN, HOLD, FILE), facts=("strict_kex", "session"),
                     look="--hold 60")  # fmt: skip
    idle = skipped(HOLD, SkipCause.NOT_APPLICABLE)
    made = judged(
        monkeypatch, line, ssh=SshFacts(strict_kex=True), passed=(FREE, "OTHER"),
        skipped=(idle, skipped("OTHER-2")), findings=(found("OTHER-3"),),
    )  # fmt: skip
    left = [Skipped(id=name, reason="left out by --only or --skip") for name in (LOGIN, FILE)]
    assert made == Judged(
        room="ssh", line=line, verdict=UNKNOWN, found=(), passed=(FREE,), unknown=tuple(left),
        not_applicable=(idle,), facts=(("strict_kex", True),), not_learnt=("session",),
        failure=None, failed_by_it=False, look="--hold 60",
    )  # fmt: skip


@pytest.mark.parametrize(
    "net", [NetFacts(), NetFacts(addresses=("127.0.0.1", "192.0.2.1"))], ids=["unknown", "far"]
)
def test_an_intrusive_look_away_from_this_machine_needs_more(
    monkeypatch: pytest.MonkeyPatch, net: NetFacts
) -> None:
    facts = {"net": net, "ssh": SshFacts()}
    line = CheckLine("x", rules=(HOLD,))
    denied = judged(monkeypatch, line, skipped=(skipped(HOLD, DENIED),), facts=facts)
    assert denied.look == "--intrusive --i-own-this"


def test_no_option_helps_a_conversation_that_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    line = CheckLine("x", rules=(FREE,), look="--known-hosts FILE")
    skips = (skipped(FREE),)
    assert judged(monkeypatch, line, skipped=skips, failure=REFUSED).look == ""
    late = failure(Reason.PEER_SILENT, "ssh.kex")
    assert judged(monkeypatch, line, skipped=skips, failure=late).look == "--timeout SECONDS"


def test_another_command_helps_whatever_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    line = CheckLine("x", rules=(FILE,), look="seventh lint FILE")
    assert judged(monkeypatch, line, skipped=(skipped(FILE),), failure=REFUSED).look == line.look


def test_what_is_decided_needs_no_look(monkeypatch: pytest.MonkeyPatch) -> None:
    line = CheckLine("x", rules=(FREE,), look="--known-hosts FILE")
    assert judged(monkeypatch, line, passed=(FREE,)).look == ""
    assert judged(monkeypatch, line, findings=(found(FREE),)).look == ""


# -- reading facts -------------------------------------------------------------------------------


def test_a_path_leads_through_structs_and_tuples() -> None:
    trust = (Trust(status="known", key="one"), Trust(status="unknown", key="two"))
    ssh = SshFacts(trust=trust, login=Login(user="ops"))
    assert read(ssh, "login.user") == "ops"
    assert read(ssh, "trust.key") == ("one", "two")
    assert read(ssh, "session.exec_granted") is None
    assert read(None, "login.user") is None


@pytest.mark.parametrize("value", [0, 0.0, False, "x", ("x",)])
def test_zero_and_false_are_learnt(value: object) -> None:
    assert is_learnt(value)


@pytest.mark.parametrize("value", [None, "", (), {}])
def test_nothing_is_not_learnt(value: object) -> None:
    assert not is_learnt(value)


def test_the_protocol_comes_after_what_it_stands_on() -> None:
    report = Report(
        target="ssh://127.0.0.1", protocol="ssh", vantage="here",
        started_seconds=1795327200.0, duration_seconds=0.1, failure=REFUSED, phases=(),
        facts={"ssh": SshFacts(), "net": HERE}, metrics={}, findings=(), skipped=(
            skipped(FREE), skipped("NET-PMTU"),
        ),
    )  # fmt: skip
    rooms = [line.room for line in judge(report)]
    assert list(dict.fromkeys(rooms)) == ["net", "ssh"]
