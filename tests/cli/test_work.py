"""``seventh PROTOCOL VERB``: what a verb's declaration makes of the command line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated

import msgspec
import pytest
from msgspec.structs import replace

from seventh import protocols
from seventh.cli import work
from seventh.cli.main import main
from seventh.cli.work import parse, spec_with_verbs, verbs
from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Spec
from seventh.model.verb import Argument, Verb
from seventh.net.work import Work


class Result(msgspec.Struct, frozen=True):
    """What the verb shows."""

    number: int

    def __str__(self) -> str:
        return f"number {self.number}"


class VerbOptions(RoomOptions, frozen=True, kw_only=True):
    """Options of the verb ``go``."""

    steps: Annotated[int, Option(flag="steps", metavar="N", help="steps to go")] = 2


GO = Verb(
    name="go", help="go to the target", tier=3,
    arguments=(Argument(name="first", help="where from"),
               Argument(name="rest", help="where to", many=True)),
    options=VerbOptions, formats=("csv",), exit_codes={1: "lost", 2: "late"},
)  # fmt: skip
PRESS = Verb(name="press", help="press it", tier=4)


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> Spec:
    """The network's room with two verbs; ``ran`` has what they were given."""
    net = protocols.rooms()["net"]
    made = replace(net, verbs=(GO, PRESS), tiers={**net.tiers, 4: "x"}, shared=("hold_seconds",))
    rooms = {**protocols.rooms(), "net": made}
    part, room_of = protocols.part, protocols.room_of
    monkeypatch.setattr(protocols, "rooms", lambda: rooms)
    monkeypatch.setattr(protocols, "room_of", lambda scheme: rooms[room_of(scheme).name])
    module = SimpleNamespace(go=go, press=press, as_csv=lambda result: f"csv,{result.number}")
    monkeypatch.setattr(
        protocols, "part", lambda room, name: module if name == "work" else part(room, name)
    )
    ran.clear()
    return made


ran: list[object] = []


async def go(given: Work) -> int:
    """Show two results; the exit code is the first word's length."""
    ran.append((str(given.ctx.target), dict(given.arguments), given.ctx.options.timeout_seconds))
    given.show(Result(1))
    given.progress(1, 2)
    given.show(Result(2))
    return len(given.word("first"))


async def press(given: Work) -> None:
    """Fail."""
    raise Failed(Reason.AUTH_REJECTED, "no\x1b", phase="net.press")


def test_the_verbs_of_all_protocols_are_listed(
    spec: Spec, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [each for each in verbs() if each[0] == "net"] == [("net", GO), ("net", PRESS)]
    assert spec_with_verbs("net") is spec
    assert spec_with_verbs("ssh") is None
    assert spec_with_verbs("nope") is None
    assert main(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "net go go to the target net press press it" in text
    for flag in ("-h", "--help"):
        assert main(["net", flag]) == 0
        text = " ".join(capsys.readouterr().out.split())
        assert text.startswith("usage: seventh net VERB … ")
        assert "verbs: VERB go go to the target press press it" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "seventh net: a verb is required: go, press; `seventh net --help` describes them"),
        ("--go", "seventh net: a verb is required: go, press; `seventh net --help` describes them"),
        ("zz", "seventh net: a verb is required: go, press; `seventh net --help` describes them"),
        ("pres x", ("unknown verb 'pres': did you mean `seventh net press`? `seventh net --help` "
         "lists them")),
        ("go ssh://h a", "target 'ssh://h': `seventh net go` takes tcp://HOST"),
        ("go h a", "target 'h': `seventh net go` takes tcp://HOST"),
        ("go tcp://h:1", ("the following arguments are required: FIRST, REST; see "
         "`seventh net go --help`")),
        ("go tcp://h:1 a --intrusive", ("unknown option --intrusive: `seventh net go --help` "
         "lists them")),
        ("press tcp://h:1 --intrusive", ("unknown option --intrusive: `seventh net press --help` "
         "lists them")),
        ("press tcp://h:1 --format csv", ("--format: unknown value 'csv': write text or json; see "
         "`seventh net press --help`")),
    ],
)  # fmt: skip
def test_an_error_says_what_to_type(
    spec: Spec, words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["net", *words.split()]) == 3
    assert capsys.readouterr() == ("", f"seventh: {says}\n")


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("", "number 1\nnumber 2\n"),
        ("--format text", "number 1\nnumber 2\n"),
        ("--format json", '{"number":1}\n{"number":2}\n'),
        ("--format csv", "csv,1\ncsv,2\n"),
    ],
)
def test_each_result_is_printed_in_the_format(
    spec: Spec, form: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"go tcp://h:1 four b c --timeout 3 {form}".split()
    assert main(["net", *words]) == 4
    assert capsys.readouterr() == (shown, "")
    assert ran == [("tcp://h:1", {"first": ("four",), "rest": ("b", "c")}, 3.0)]


def test_a_failure_is_one_line_and_its_exit_code(
    spec: Spec, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["net", "press", "tcp://h:1", "--i-own-this"]) == 2
    assert capsys.readouterr() == ("", "seventh: auth-rejected in net.press: no\\x1b\n")


def test_the_help_of_a_verb_has_its_arguments_options_and_exit_codes(
    spec: Spec, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["net", "go", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in (
        "usage: seventh net go ",
        (
            " Go to the target. positional arguments: TARGET URL: tcp://HOST FIRST where from REST "
            "where to "
        ),
        " options of net go: --steps N steps to go (default: 2) ",
        " shared options: --timeout SECONDS deadline",
        " --format {text,json,csv} output format of each result (default: text)",
    ):
        assert part in text
    assert text.endswith("Exit code: 0 done, 1 lost, 2 late, 3 usage or interrupted.")
    assert "--i-own-this" not in text
    assert main(["net", "press", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--i-own-this" in text, "tier 4 needs it for other machines"
    assert "--hold" not in text, "--intrusive, which it needs, is no option here"
    assert text.endswith("Exit code: 0 done, 2 failed, 3 usage or interrupted.")


def test_typing_gives_the_verb_its_target_and_words(spec: Spec) -> None:
    parsed = parse(spec, ["go", "tcp://h:1", "a"])
    assert (parsed.target, parsed.word_first, parsed.word_rest) == ("tcp://h:1", ["a"], [])
    assert parsed.format == "text"
    with pytest.raises(UsageError, match="a verb is required"):
        parse(spec, [])


class Screen:
    """A standard error that is a terminal, or not."""

    def __init__(self, *, tty: bool) -> None:
        self.tty, self.text = tty, ""

    def isatty(self) -> bool:
        return self.tty

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        self.text += "¶"


def test_progress_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    for tty, shown in ((True, "\r\x1b[K1/2¶\r\x1b[K5¶\r\x1b[K2/2\n¶"), (False, "")):
        screen = Screen(tty=tty)
        monkeypatch.setattr("sys.stderr", screen)
        progress = work._progress()
        progress(1, 2)
        progress(5, None)
        progress(2, 2)
        assert screen.text == shown


def test_each_result_is_written_at_once(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(tty=False)
    monkeypatch.setattr("sys.stdout", screen)
    assert main(["net", "go", "tcp://h:1", "a"]) == 1
    assert screen.text.startswith("number 1\n¶number 2\n¶")
