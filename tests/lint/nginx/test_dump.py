"""What ``nginx -T`` prints is judged as the files that it names."""

from __future__ import annotations

from seventh.engine.lint import Wanted, lint_text
from seventh.engine.recognise import of_file
from seventh.lint.nginx import dump
from seventh.lintkit.files import Text
from seventh.lintkit.linted import parse_software
from seventh.model.failure import Reason
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report

MAIN = (
    "# configuration file /srv/ng/main.conf:\nevents {}\nhttp {\n    server_tokens on;\n"
    "    include conf.d/*.conf;\n    include /srv/ng/more/types;\n}\n\n"
)
SITE = (
    "# configuration file /srv/ng/conf.d/a.conf:\nserver {\n    listen 8080;\n    autoindex on;\n"
    "    root /srv/www;\n}\n\n"
)
HIDDEN = "# configuration file /srv/ng/conf.d/.b.conf:\nserver { listen 1; }\n\n"
TYPES = "# configuration file /srv/ng/more/types:\ndefault_type text/plain;\n\n"


def judged(text: str) -> Report:
    wanted = Wanted(kind="nginx-T", software=(parse_software("nginx=1.22.1"),))
    return lint_text("nginx -T", text.encode(), wanted)


def test_files_by_name() -> None:
    text = Text("x", tuple((MAIN + SITE).split("\n")))
    assert list(dump.files(text)) == ["/srv/ng/main.conf", "/srv/ng/conf.d/a.conf"]
    assert dump.files(text)["/srv/ng/conf.d/a.conf"].startswith(b"server {\n    listen 8080;\n")
    assert dump.files(Text("x", ("events {}", *text.lines))) == {}
    assert dump.files(Text("x", ())) == {}


def test_evidence_is_in_the_file_that_was_printed() -> None:
    report = judged(MAIN + SITE + TYPES + HIDDEN)
    assert report.failure is None
    lint = report.facts["lint"]
    assert isinstance(lint, LintFacts)
    assert lint.views == ("server _ (8080)",)
    assert lint.notes == ()
    lines = {str(line) for finding in report.findings for line in finding.source}
    assert "/srv/ng/main.conf:3: server_tokens on;" in lines


def test_a_file_that_was_not_printed_is_not_read_from_the_disk() -> None:
    report = judged(MAIN.replace("/srv/ng/more/types", "/etc/passwd") + SITE)
    assert report.failure is not None
    assert report.failure.reason is Reason.FILE_UNREADABLE
    assert "/etc/passwd was not printed" in report.failure.detail


def test_a_pattern_without_a_printed_file() -> None:
    report = judged(MAIN + TYPES)
    lint = report.facts["lint"]
    assert isinstance(lint, LintFacts)
    assert [note.text for note in lint.notes] == ["include conf.d/*.conf: no file matches"]


def test_it_is_recognised() -> None:
    kind = of_file("-", tuple((MAIN + SITE).split("\n")))
    assert kind is not None
    assert kind.name == "nginx-T"
    plain = of_file("-", tuple(MAIN.split("\n")[1:]))
    assert plain is not None
    assert plain.name == "nginx.conf"
