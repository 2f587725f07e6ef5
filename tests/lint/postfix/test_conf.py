"""main.cf and master.cf as Postfix splits them, and what it refuses."""

from __future__ import annotations

import pytest

from seventh.lint.postfix.conf import (
    MAX_SERVICES,
    MainReader,
    MasterReader,
    Service,
    fields,
    name_and_value,
)
from seventh.lint.postfix.lines import Logical, Stray, logical
from seventh.lintkit.files import Files
from seventh.model.source import Line

SMTP = "smtp inet n - y - - smtpd"


def test_logical_lines() -> None:
    text = "  stray\n# c\na = 1\n\tb\n  # c\n\n c\nd\n \ne \\\n"
    assert list(logical(Files().take("main.cf", text.encode()))) == [
        Stray(number=1), Logical(number=3, last=7, text="a = 1\tb c"),
        Logical(number=8, last=8, text="d"), Logical(number=10, last=10, text="e \\"),
    ]  # fmt: skip
    assert list(logical(Files().take("main.cf", b""))) == []


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("a = b", ("a", "b")), ("a=b", ("a", "b")), ("a =", ("a", "")),
        ("a\t=\t b c \v", ("a", "b c")),
        ("  a = b = c", ("a", "b = c")), ("a", None), ("", None), ("= b", None), ("a b = c", None),
    ],
)  # fmt: skip
def test_a_name_and_its_value(text: str, pair: tuple[str, str] | None) -> None:
    assert name_and_value(text) == pair


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []), ("  ", []), ("a", ["a"]), (" a\tb \r\nc ", ["a", "b", "c"]),
        ("a { b c } d", ["a", "{ b c }", "d"]), ("x{ a { b } c }y z", ["x{ a { b } c }y", "z"]),
        ("a } b", ["a", "}", "b"]), ("} { b", ["}", "{ b"]), ("{ a", ["{ a"]),
        ("a,b c", ["a,b", "c"]),
    ],
)  # fmt: skip
def test_fields_of_master_cf(text: str, words: list[str]) -> None:
    assert fields(text) == words


def problems(files: Files) -> list[tuple[int | None, str]]:
    return [(one.line, one.text) for one in files.problems]


def test_the_last_entry_counts_and_another_value_is_overridden() -> None:
    files = Files()
    text = files.take("main.cf", b"a = 1\nb = 2\n c\na = 1\nb = 3\nno value\nc =\n")
    main = MainReader(text, files).read()
    assert {name: (e.value, e.at.line, e.last) for name, e in main.entries.items()} == {
        "a": ("1", 4, 4), "b": ("3", 5, 5), "c": ("", 7, 7),
    }  # fmt: skip
    assert main.entries["b"].at == Line(file="main.cf", line=5, text="b = 3")
    ((before, after),) = main.overridden
    assert (before.name, before.value, before.at, before.last) == (
        "b", "2 c", Line(file="main.cf", line=2, text="b = 2 c"), 3,
    )  # fmt: skip
    assert after is main.entries["b"]
    assert problems(files) == [
        (6, 'no "=" after the name of a parameter: Postfix does not start')
    ]  # fmt: skip


def services(text: str) -> tuple[tuple[Service, ...], list[tuple[int | None, str]]]:
    files = Files()
    return MasterReader(files.take("master.cf", text.encode()), files).read(), problems(files)


def test_every_part_of_a_service() -> None:
    text = (
        "submission inet n - n - - /usr/lib/postfix/smtpd -v\n"
        "  -o smtpd_tls_security_level=encrypt -o { a = b c }\n  -vo x=1\n  -ox=2\n  -o\n  y=3\n"
    )
    (made,), wrong = services(text)
    assert wrong == []
    assert (made.name, made.type, made.command, made.chroot) == ("submission", "inet", "smtpd", "n")
    assert made.at == Line(
        file="master.cf", line=1, text="submission inet n - n - - /usr/lib/postfix/smtpd"
    )
    assert (made.last, made.label, made.host, made.port) == (6, "submission/inet", "", 587)
    assert {name: (e.value, e.at.line, e.at.text) for name, e in made.overrides.items()} == {
        "smtpd_tls_security_level": ("encrypt", 2, "-o smtpd_tls_security_level=encrypt"),
        "a": ("b c", 2, "-o a=b c"), "x": ("2", 4, "-o x=2"), "y": ("3", 6, "-o y=3"),
    }  # fmt: skip
    assert {e.last for e in made.overrides.values()} == {6}


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("", []), ("-o a=1", ["a"]), ("-- -o a=1", []), ("word -o a=1", []),
        ("-v -o a=1", ["a"]), ("-o a=1 -v -v -o b=2", ["a", "b"]), ("-o a=1 x -o b=2", ["a"]),
        ("-o {a=1}", ["a"]), ("-o{a = 1}", ["a"]),
    ],
)  # fmt: skip
def test_options_end_with_the_flags(arguments: str, names: list[str]) -> None:
    (made,), wrong = services(f"{SMTP} {arguments}\n")
    assert (list(made.overrides), wrong) == (names, [])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("smtp inet n - y - -", "7 fields of 8"), ("smtp", "1 fields of 8"),
        ("smtp tcp n - y - - smtpd", "unknown service type tcp"),
        ("smtp inet x - y - - smtpd", "private must be y, n or -"),
        ("smtp inet n x y - - smtpd", "unprivileged must be y, n or -"),
        ("smtp inet n - x - - smtpd", "chroot must be y, n or -"),
        ("smtp inet n - y x - smtpd", "the wake-up time must be a number or -"),
        ("smtp inet n - y 1?? - smtpd", "the wake-up time must be a number or -"),
        ("smtp inet n - y - x smtpd", "maxproc must be a number or -"),
        ("smtp inet n - y - 1? smtpd", "maxproc must be a number or -"),
    ],
)  # fmt: skip
def test_services_that_postfix_refuses(line: str, why: str) -> None:
    made, wrong = services(f"{line}\nlater unix y n - 60 1 x\n")
    assert [one.name for one in made] == ["later"]
    assert wrong == [(1, f"{why}: Postfix does not start")]


@pytest.mark.parametrize("kind", ["inet", "unix", "fifo", "pass", "unix-dgram"])
@pytest.mark.parametrize("rest", ["y y n 60 1", "n n y 300? 100", "- - - -? -", "- - - ? 0"])
def test_services_that_postfix_accepts(kind: str, rest: str) -> None:
    (made,), wrong = services(f"x {kind} {rest} daemon\n")
    assert (made.type, made.command, made.port, wrong) == (kind, "daemon", None, [])


def test_what_continues_no_line_is_noted() -> None:
    files = Files()
    MainReader(files.take("main.cf", b" stray\na = 1\n"), files).read()
    assert [str(note) for note in files.notes] == [
        "main.cf:1: begins with blanks, but continues no line: Postfix skips it"
    ]


def test_an_option_at_the_end_has_no_value() -> None:
    (made,), wrong = services(f"{SMTP} -o\n")
    assert dict(made.overrides) == {}
    assert wrong == [(1, '-o  has no "=": Postfix does not start')]
    (made,), wrong = services(f"{SMTP} -o a=b}} -o {{c=d\n")
    assert {name: e.value for name, e in made.overrides.items()} == {"a": "b}", "{c": "d"}


def test_an_option_without_a_value_is_refused_alone() -> None:
    (made,), wrong = services(f"{SMTP} -o nothing -o a=1\n")
    assert list(made.overrides) == ["a"]
    assert wrong == [(1, '-o nothing has no "=": Postfix does not start')]


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [
        ("smtp", "", 25), ("smtps", "", 465), ("submissions", "", 465), ("submission", "", 587),
        ("qmtp", "", 209), ("lmtp", "", 24), ("other", "", None), ("10025", "", 10025),
        ("127.0.0.1:smtp", "127.0.0.1", 25), ("[::1]:10025", "::1", 10025),
        ("\u0661", "", None), ("12345678", "", 123456),
    ],
)  # fmt: skip
def test_the_address_and_port_of_a_service(name: str, host: str, port: int | None) -> None:
    (made,), _ = services(f"{name} inet n - y - - smtpd\n")
    assert (made.host, made.port) == (host, port)


def test_services_up_to_a_limit() -> None:
    for count, notes in ((MAX_SERVICES, 0), (MAX_SERVICES + 1, 1)):
        files = Files()
        text = files.take("master.cf", f"{SMTP}\n".encode() * count)
        assert len(MasterReader(text, files).read()) == MAX_SERVICES
        assert (
            len([one for one in files.problems if "more than 1000 services" in one.text]) == notes
        )
