"""Metrics: what they read, and that none is reported twice."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seventh.engine.metrics import metrics_of
from seventh.model.facts import Facts
from seventh.model.failure import Blame, Failure, Reason
from seventh.model.netfacts import Attempt, NetFacts
from seventh.model.phase import Phase
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import ContentFacts
from seventh.protocols.ntp.facts import NtpFacts


def counted(
    *facts: Facts, phases: Sequence[Phase] = (), failure: Failure | None = None
) -> dict[str, float]:
    samples = metrics_of({each.ROOM: each for each in facts}, phases, failure)
    keys = [sample.key for sample in samples]
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, (sample.value for sample in samples), strict=True))


def phase(name: str, seconds: float, *, ok: bool = True) -> Phase:
    return Phase(name=name, start_seconds=0, seconds=seconds, clock="user",
                 outcome="ok" if ok else "failed")  # fmt: skip


def attempt(outcome: str, **learnt: object) -> Attempt:
    return Attempt(
        address="192.0.2.1", port=22, family="ipv4", transport="tcp", seconds=0.1, clock="kernel",
        outcome=outcome, **learnt,  # type: ignore[arg-type]
    )  # fmt: skip


def test_of_a_phase_that_ran_again_the_first_that_went_well_counts() -> None:
    phases = (phase("connect", 9, ok=False), phase("connect", 1), phase("connect", 2))
    assert counted(phases=phases)['seventh_phase_seconds{phase="connect"}'] == 1


def test_a_failure_is_an_error_of_its_phase_and_reason() -> None:
    failure = Failure(reason=Reason.PEER_SILENT, phase="tls", blame=Blame.PEER, detail="")
    values = counted(failure=failure)
    assert values == {
        "seventh_up": 0,
        'seventh_errors_total{phase="tls",class="peer-silent"}': 1,
    }


def test_a_label_has_a_sample_for_each_key() -> None:
    content = ContentFacts(cache_hits={"304": 2, "age": 1})
    values = counted(HttpFacts(content=content))
    assert values['seventh_http_cache_hits_total{kind="304"}'] == 2
    assert values['seventh_http_cache_hits_total{kind="age"}'] == 1


def test_a_room_measures_the_round_trip_better_than_its_connection() -> None:
    net = NetFacts(attempts=(attempt("open", rtt_seconds=0.5),))
    assert counted(net)["seventh_rtt_seconds"] == 0.5
    assert counted(net, NtpFacts(rtt_seconds=0.25))["seventh_rtt_seconds"] == 0.25


def test_what_is_not_finite_is_no_metric() -> None:
    assert "seventh_ttfb_seconds" not in counted(HttpFacts(ttfb_seconds=math.nan))
