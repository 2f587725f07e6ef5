"""``--from`` as it is typed."""

from __future__ import annotations

import pytest

from seventh.cli.main import main
from seventh.cli.places import places_of
from seventh.model.failure import UsageError


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


def test_a_bare_host_needs_a_scheme(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "a.example", "--from", "local"]) == 3
    assert capsys.readouterr().err == (
        "seventh: --from needs a scheme in each target, such as tcp://host:25\n"
    )
