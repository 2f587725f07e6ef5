"""``--from`` as it is typed."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.cli.main import main
from seventh.cli.places import Places, places_of
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.place import Place
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.rules.run import Selection


def test_places_are_read_in_their_order() -> None:
    found = places_of("ssh://ops@a:2222, local,ssh://b")
    assert [*found] == ["ssh://ops@a:2222", "local", "ssh://b"]
    first, here, last = found.values()
    assert first is not None
    assert last is not None
    assert (first.user, first.host, first.port) == ("ops", "a", 2222)
    assert here is None
    assert last.host == "b"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "--from '': write local or ssh://host, separated by commas"),
        ("a", "--from 'a': write local or ssh://host, separated by commas"),
        ("tls://a", "--from 'tls://a': write local or ssh://host, separated by commas"),
        ("ssh://a,ssh://a", "--from: ssh://a is there twice"),
        ("local,local", "--from: local is there twice"),
        (",".join(f"ssh://h{n}" for n in range(17)), "--from: 17 places (maximum: 16)"),
    ],
)
def test_a_mistake_is_one_line(text: str, line: str) -> None:
    with pytest.raises(UsageError) as raised:
        places_of(text)
    assert str(raised.value) == line


def test_sixteen_places_are_accepted() -> None:
    assert len(places_of(",".join(f"ssh://h{n}" for n in range(16)))) == 16


def made(name: str, **changes: Any) -> Report:
    report = Report(
        target="tcp://a:25", protocol="net", vantage="v", place=name, started_seconds=0,
        duration_seconds=1, facts={},
    )  # fmt: skip
    return replace(report, **changes)


def test_a_report_that_cannot_be_shown_is_dropped_and_the_others_stay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = ("local", "ssh://b", "ssh://c", "ssh://d")
    jobs = [(Target(scheme="tcp", host="a", port=port), Options()) for port in (25, 26)]
    places = Places(",".join(names), Options(), jobs, Selection(), 1)
    places.seen = (
        *(Place(name=name) for name in names[:3]),
        Place(name="ssh://d", missing=1, failure="lost"),
    )
    by = {name: {0: made(name), 1: made(name)} for name in names}
    by["ssh://b"][1] = made("ssh://b", started_seconds=1e300)
    by["ssh://d"] = {0: made("ssh://d", started_seconds=float("nan"))}
    places.drop_unshowable(by, lambda report: report.started_at)
    assert {name: [*reports] for name, reports in by.items()} == {
        "local": [0, 1], "ssh://b": [0], "ssh://c": [0, 1], "ssh://d": [],
    }  # fmt: skip
    failure = "impossible values in a report: OverflowError"
    assert places.seen == (
        Place(name="local"), Place(name="ssh://b", missing=1, failure=failure),
        Place(name="ssh://c"), Place(name="ssh://d", missing=2, failure="lost"),
    )  # fmt: skip
    assert capsys.readouterr().err == f"seventh: ssh://b: {failure}\nseventh: ssh://d: lost\n"


def test_what_cannot_be_shown_of_this_machine_is_an_error() -> None:
    places = Places("local", Options(), [], Selection(), 1)
    places.seen = (Place(name="local"),)
    places.drop_unshowable({"local": {0: made("local", started_seconds=1e300)}}, str)
    assert places.seen == (Place(name="local"),)


def test_a_bare_host_needs_a_scheme(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "a.example", "--from", "local"]) == 3
    assert capsys.readouterr().err == (
        "seventh: --from needs a scheme in each target, such as tcp://host:25\n"
    )
