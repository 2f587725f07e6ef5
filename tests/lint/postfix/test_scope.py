"""Parameters as one daemon sees them."""

from __future__ import annotations

import pytest

from seventh.lint.postfix.conf import MainReader, MasterReader
from seventh.lint.postfix.scope import Base, Scope, references, split
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Software
from seventh.model.source import Line


def scope(main: str, options: str | None = None, *, assumed: bool = False) -> Scope:
    """The scope of a service with these options, or of main.cf alone."""
    files = Files()
    base = Base(
        main=MainReader(files.take("main.cf", main.encode()), files).read(), main_name="main.cf",
        files=files, software=Software(product="postfix", version=(3, 7, 11)), assumed=assumed,
    )  # fmt: skip
    if options is None:
        return Scope(base)
    line = f"587 inet n - y - - smtpd {options}\n"
    (service,) = MasterReader(files.take("master.cf", line.encode()), files).read()
    return Scope(base, service)


def refused(made: Scope) -> list[str]:
    return [str(problem) for problem in made.base.files.problems]


def test_an_option_is_before_main_cf_and_that_before_the_default() -> None:
    text = "smtpd_helo_required = yes\n"
    assert scope(text, "-o smtpd_helo_required=no").value("smtpd_helo_required") == "no"
    assert scope(text, "-o x=y").value("smtpd_helo_required") == "yes"
    assert scope(text).value("smtpd_helo_required") == "yes"
    assert scope("").value("smtpd_helo_required") == "no"
    assert scope("").value("no_such_parameter") == ""
    assert scope("").value("myhostname") is None, "the machine's own"


def test_a_service_has_names_of_its_own() -> None:
    text = "a = $process_name/$service_name\nprocess_name = mine\n"
    assert scope(text, "").value("a") == "smtpd/587"
    assert scope(text).raw("process_name") == "mine"


def test_a_value_is_expanded_in_the_scope_and_stripped() -> None:
    text = "a = $b $c\nb = ${c?x}\n"
    assert scope(text, "-o c=1").value("a") == "x 1"
    assert scope(text).value("a") == ""
    assert scope("a = x$$y\n").value("a") == "x$y"


@pytest.mark.parametrize(
    ("value", "yes"),
    [("yes", True), ("YES", True), ("no", False), ("No", False), ("$empty", None), ("1", None),
     ("$myhostname", None), ("${x", None)],
)  # fmt: skip
def test_yes_or_no(value: str, yes: bool | None) -> None:
    assert scope(f"a = {value}\n").yes("a") is yes


@pytest.mark.parametrize(
    ("value", "number"),
    [("0", 0), ("9" * 18, 10**18 - 1), ("9" * 19, None), ("-1", None), ("1k", None),
     ("$myhostname", None), ("", None)],
)  # fmt: skip
def test_a_number(value: str, number: int | None) -> None:
    assert scope(f"a = {value}\n").integer("a") == number


@pytest.mark.parametrize(
    ("value", "unit", "seconds"),
    [
        ("7", "s", 7), ("7", "d", 604800), ("2s", "d", 2), ("2m", "d", 120), ("2H", "s", 7200),
        ("2d", "s", 172800), ("2w", "s", 1209600), ("2y", "s", None), ("1h30m", "s", None),
        ("", "s", None), ("9" * 9, "s", 999999999), ("9" * 10, "s", None),
        ("$myhostname", "s", None),
    ],
)  # fmt: skip
def test_a_time(value: str, unit: str, seconds: int | None) -> None:
    assert scope(f"a = {value}\n").seconds("a", unit) == seconds


def test_what_postfix_refuses_is_said_once_with_its_place() -> None:
    made = scope("a = maybe\nb = ${x\n", "-o c=d")
    for _ in range(2):
        made.yes("a"), made.integer("a"), made.seconds("a", "s"), made.value("b"), made.yes("c")
    made.yes("mydestination")  # a default is not refused
    assert refused(made) == [
        "main.cf:1: a: neither yes nor no: Postfix does not start",
        "main.cf:1: a: not a number: Postfix does not start",
        "main.cf:1: a: not a time such as 300s, 5m, 1h, 5d or 1w: Postfix does not start",
        'main.cf:2: b: "{" is not closed: Postfix does not start',
        "master.cf:1: c: neither yes nor no: Postfix does not start",
    ]
    unknown = scope("a = $myhostname\n")
    assert (unknown.yes("a"), unknown.integer("a"), unknown.seconds("a", "s")) == (None, None, None)
    assert refused(unknown) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", []), (" , ", []), ("a,b c\td", ["a", "b", "c", "d"]),
        ("x { a, b = { c } } y", ["x", "{ a, b = { c } }", "y"]), ("a} b", ["a}", "b"]),
        ("} {a b", ["}", "{a b"]), ("a,{b,c},d", ["a", "{b,c}", "d"]),
    ],
)  # fmt: skip
def test_a_list(value: str, words: list[str]) -> None:
    assert split(value) == words
    assert scope(f"a = {value}\n").words("a") == words


def test_a_list_that_is_not_known() -> None:
    assert scope("a = $myhostname\n").words("a") is None


def test_the_names_that_a_value_refers_to() -> None:
    assert list(references("$a ${b?{$c}:{${ d }}} $(e) x")) == ["a", "b", "c", "d", "e"]
    assert list(references("a {b} $")) == []


@pytest.mark.parametrize(
    ("name", "value", "at"),
    [
        ("a", "$b", Line(file="main.cf", line=1, text="a = $b (in effect: x)")),
        ("b", "x", Line(file="main.cf", line=2, text="b = x")),
        ("c", "y", Line(file="master.cf", line=1, text="-o c=y")),
        ("d", "$myhostname", Line(file="main.cf", line=3, text="d = $myhostname")),
        ("queue_run_delay", "300s",
         Line(file="main.cf", line=None,
              text="queue_run_delay = 300s (default of postfix 3.7.11)")),
        ("relayhost", "",
         Line(file="main.cf", line=None, text="relayhost = (default of postfix 3.7.11)")),
        ("mydomain", "",
         Line(file="main.cf", line=None, text="mydomain not set (default of postfix 3.7.11)")),
    ],
)  # fmt: skip
def test_the_line_of_a_setting(name: str, value: str, at: Line) -> None:
    made = scope("a = $b\nb = x\nd = $myhostname\n", "-o c=y").settings([name])
    assert [(key, one.value, one.at) for key, (one,) in made.items()] == [(name, value, at)]


def test_an_assumed_version_is_said() -> None:
    (setting,) = scope("", assumed=True).settings(["queue_run_delay"])["queue_run_delay"]
    assert setting.at.text == "queue_run_delay = 300s (default of postfix 3.7.11, assumed)"
