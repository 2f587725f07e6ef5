"""What main.cf and master.cf decide, with every value, and where a verdict turns."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.engine.lint_folder import lint_folder
from seventh.lint.postfix import views
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Linted, Software
from seventh.model.report import Report
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.config import SmtpConfigFacts, SmtpServiceFacts
from tests.lint.postfix.test_fixes import MAIN, MASTER, put, wanted

PORT_25 = "smtp inet n - y - - smtpd\n"


def linted(
    folder: Path, main: str, master: str | None = PORT_25, version: str = "3.7.11"
) -> Linted:
    (folder / "main.cf").write_text(main)
    if master is not None:
        (folder / "master.cf").write_text(master)
    files = Files(base=folder)
    text = files.read(folder / "main.cf")
    assert text is not None
    numbers = tuple(map(int, version.split(".")))
    return views.lint(text, files, Software(product="postfix", version=numbers))


def configs(made: Linted) -> dict[str, SmtpConfigFacts]:
    found = {}
    for view in made.views:
        facts = view.facts["smtp"]
        assert isinstance(facts, SmtpFacts)
        assert facts.config is not None
        found[view.label] = facts.config
    return found


def service(
    folder: Path, main: str, master: str = PORT_25, version: str = "3.7.11"
) -> SmtpServiceFacts:
    config = list(configs(linted(folder, main, master, version)).values())[1]
    assert config.service is not None
    return config.service


def judged(
    folder: Path, main: str, master: str = MASTER, version: str = "3.7.11"
) -> dict[str, str]:
    """Each finding with its evidence's codes."""
    put(folder)
    (folder / "main.cf").write_text(main)
    (folder / "master.cf").write_text(master)
    report = lint_file(folder / "main.cf", wanted(f"postfix={version}"))
    return {one.id: str(one.params.get("what", "")) for one in report.findings}


def test_every_fact_of_a_service(tmp_path: Path) -> None:
    made = configs(linted(tmp_path, MAIN, MASTER))
    assert list(made) == ["", "smtp/inet", "submission/inet", "submissions/inet"]
    plain = SmtpServiceFacts(
        name="smtp/inet", port=25, local=False, implicit_tls=False, tls_level="may",
        certificate=True, auth=False, auth_clear=False, client_certificates=False,
        open_relay=False, trusts_everyone=False, host_name="mail.example.org",
        size_limit_bytes=26214400, verifies=False, bare_newline="refused",
    )  # fmt: skip
    submission = msgspec.structs.replace(
        plain, name="submission/inet", port=587, auth=True,
        options=("syslog_name=postfix/submission", "smtpd_sasl_auth_enable=yes"),
    )  # fmt: skip
    submissions = msgspec.structs.replace(
        plain, name="submissions/inet", port=465, auth=True, implicit_tls=True,
        options=("smtpd_tls_wrappermode=yes", "smtpd_sasl_auth_enable=yes"),
    )  # fmt: skip
    assert made["smtp/inet"].service == plain
    assert made["submission/inet"].service == submission
    assert made["submissions/inet"].service == submissions
    assert made[""].services == (plain, submission, submissions)
    assert made[""].service is None
    retry = made[""].retry
    assert retry is not None
    assert msgspec.structs.astuple(retry) == (432000, 300, 4000, 300)


@pytest.mark.parametrize(
    ("setting", "level"),
    [
        ("smtpd_tls_security_level = may", "may"),
        ("smtpd_tls_security_level = MAY", "may"),
        ("smtpd_tls_security_level = none\nsmtpd_use_tls = yes", "none"),
        ("smtpd_tls_security_level = encrypt", "encrypt"),
        ("smtpd_tls_security_level = secure", "encrypt"),
        ("smtpd_use_tls = yes", "may"),
        ("smtpd_enforce_tls = yes", "encrypt"),
        ("", "none"),
        ("smtpd_tls_security_level = ${mail_version?may}", None),
        ("smtpd_use_tls = maybe", None),
    ],
)
def test_the_level_of_tls(setting: str, level: str | None, tmp_path: Path) -> None:
    assert service(tmp_path, f"{setting}\n").tls_level == level


@pytest.mark.parametrize(
    ("main", "clear"),
    [
        ("smtpd_sasl_auth_enable = yes", True),
        ("smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes", False),
        ("smtpd_sasl_auth_enable = yes\nsmtpd_tls_security_level = encrypt", False),
        ("smtpd_sasl_auth_enable = yes\nsmtpd_tls_wrappermode = yes", False),
        ("smtpd_sasl_auth_enable = yes\nsmtpd_sasl_security_options = noplaintext", False),
        ("smtpd_sasl_auth_enable = yes\nsmtpd_sasl_security_options = $mail_version", None),
        ("smtpd_tls_auth_only = no", False),
        ("smtpd_sasl_auth_enable = ${mail_version?yes}", None),
    ],
)  # fmt: skip
def test_whether_a_password_is_taken_in_clear(
    main: str, clear: bool | None, tmp_path: Path
) -> None:
    assert service(tmp_path, f"{main}\n").auth_clear is clear


@pytest.mark.parametrize(
    ("restrictions", "is_open"),
    [
        ("permit_mynetworks, reject_unauth_destination", True),
        ("reject_unauth_destination, permit_mynetworks", False),
        ("warn_if_reject reject_unauth_destination, permit_mynetworks, reject", True),
        ("permit_mynetworks, permit", False),
        ("permit_mynetworks, warn_if_reject reject", False),
        ("check_client_access hash:/etc/postfix/access, permit_mynetworks, reject", None),
        ("check_client_access hash:/etc/postfix/access, reject_unauth_destination", False),
        ("check_policy_service { unix:private/policy, timeout = 3s }, defer", False),
        ("reject_rbl_client zen.example permit_mynetworks, reject", True),
        ("mine, permit_mynetworks", False),
        ("ours, mine", True),
        ("defer_if_permit, permit_mynetworks", False),
        ("unheard_of, permit_mynetworks, reject", None),
    ],
)
def test_who_may_relay(restrictions: str, is_open: bool | None, tmp_path: Path) -> None:
    main = (
        "mynetworks = 0.0.0.0/0\nsmtpd_restriction_classes = mine ours\nmine = reject\n"
        f"ours = permit_mynetworks\nsmtpd_relay_restrictions = {restrictions}\n"
    )
    assert service(tmp_path, main).open_relay is is_open


@pytest.mark.parametrize(
    ("networks", "everyone"),
    [
        ("127.0.0.0/8 [::1]/128", False),
        ("127.0.0.0/8, 0.0.0.0/0", True),
        ("[::]/0", True),
        ("0.0.0.0/1", False),
        ("hash:/etc/postfix/networks", None),
        ("!192.0.2.1, 0.0.0.0/0", None),
        ("127.0.0.1, /etc/postfix/networks", None),
        ("$config_directory/networks", None),
    ],
)
def test_who_is_trusted(networks: str, everyone: bool | None, tmp_path: Path) -> None:
    assert service(tmp_path, f"mynetworks = {networks}\n").trusts_everyone is everyone


@pytest.mark.parametrize(
    ("version", "setting", "what"),
    [
        ("3.7.11", "", "accepted"),
        ("3.9.0", "", "refused"),
        ("3.8", "", "accepted"),
        ("3.9.0", "smtpd_forbid_bare_newline = no", "accepted"),
        ("3.7.9", "smtpd_forbid_bare_newline = yes", "refused"),
        ("3.7.8", "smtpd_forbid_bare_newline = yes", None),
        ("3.8.4", "smtpd_forbid_bare_newline = normalize", "refused"),
        ("3.8", "smtpd_forbid_bare_newline = yes", None),
        ("3.4.29", "smtpd_forbid_bare_newline = yes", None),
    ],
)
def test_bare_newlines_by_version(
    version: str, setting: str, what: str | None, tmp_path: Path
) -> None:
    assert service(tmp_path, f"{setting}\n", version=version).bare_newline == what


@pytest.mark.parametrize(
    ("main", "master", "local"),
    [
        ("", PORT_25, False),
        ("inet_interfaces = loopback-only\n", PORT_25, True),
        ("inet_interfaces = 127.0.0.1, 192.0.2.1\n", PORT_25, False),
        ("", "127.0.0.1:10025 inet n - y - - smtpd\n", True),
        ("", "[::1]:10025 inet n - y - - smtpd\n", True),
        ("inet_interfaces = localhost\n", "192.0.2.1:25 inet n - y - - smtpd\n", False),
    ],
)
def test_what_listens_on_the_loopback_interface(
    main: str, master: str, local: bool, tmp_path: Path
) -> None:
    assert service(tmp_path, main, master).local is local


def test_behind_postscreen_smtpd_has_its_port(tmp_path: Path) -> None:
    master = "smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd\n"
    assert service(tmp_path, "", master).port == 25
    only = "smtpd pass - - y - - smtpd\n"
    assert list(configs(linted(tmp_path, "", only))) == [""]


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ("maximal_queue_lifetime = 4d", None),
        ("maximal_queue_lifetime = 345599s", "('short',)"),
        ("minimal_backoff_time = 1h", None),
        ("minimal_backoff_time = 3601", "('late',)"),
        ("queue_run_delay = 3601", "('late',)"),
        ("queue_run_delay = 60m", None),
        ("maximal_backoff_time = 3h", None),
        ("maximal_backoff_time = 10801", "('rare',)"),
        ("maximal_backoff_time = 30m", None),
        ("maximal_backoff_time = 1799", "('often',)"),
        ("minimal_backoff_time = 4001", "('order', 'late')"),
        ("minimal_backoff_time = 4000", "('late',)"),
        ("maximal_queue_lifetime = 0\nmaximal_backoff_time = 1w", "('short', 'rare')"),
    ],
)
def test_where_the_timers_turn(lines: str, what: str | None, tmp_path: Path) -> None:
    assert judged(tmp_path, f"{MAIN}{lines}\n").get("SMTP-RETRY-TIMERS") == what


@pytest.mark.parametrize(
    ("limit", "what"),
    [("10000000", None), ("9999999", "small"), ("52428800", None), ("52428801", "large"),
     ("0", "unlimited"), ("$message", None)],
)  # fmt: skip
def test_where_the_size_turns(limit: str, what: str | None, tmp_path: Path) -> None:
    main = MAIN.replace("26214400", limit)
    assert judged(tmp_path, main).get("SMTP-SIZE") == what


@pytest.mark.parametrize(
    ("name", "what"),
    [("mail.example.org", None), ("mail", "not-qualified"), ("mail.local", "not-qualified"),
     ("localhost.localdomain", "not-qualified"), ("[192.0.2.1]", "literal"),
     ("192.0.2.1", "literal"), ("", "missing")],
)  # fmt: skip
def test_where_the_name_turns(name: str, what: str | None, tmp_path: Path) -> None:
    main = MAIN.replace("myhostname = mail.example.org", f"smtpd_banner = {name}")
    assert judged(tmp_path, main).get("SMTP-HELO-NAME") == what


def notes(report: Report) -> list[tuple[int | None, str]]:
    return [(note.line, note.text) for note in report.facts["lint"].notes]  # type: ignore[attr-defined]


def test_lines_without_effect_are_noted(tmp_path: Path) -> None:
    put(tmp_path)
    (tmp_path / "main.cf").write_text(
        "  stray\nmydomain = a\nmydomain = b\nmyorigin = $own\nown = x\nnever_heard_of = may\n"
        "classes_unlisted = permit\nsmtpd_restriction_classes = mine\nmine = reject\n"
        "virtual_alias_maps = ldap:people\npeople_server_host = ldap.example\n"
        "smtp_destination_rate_delay = 1s\nother_destination_rate_delay = 1s\n"
        "smtpd_tls_enable_rpk = no\ntls_dane_digest_agility = on\n"
        "smtpd_vrfy = no\n"
    )
    assert notes(lint_file(tmp_path / "main.cf", wanted())) == [
        (1, "begins with blanks, but continues no line: Postfix skips it"),
        (2, "mydomain has no effect here: line 3 sets it again"),
        (6, "never_heard_of: unknown parameter: Postfix ignores it"),
        (7, "classes_unlisted: unknown parameter: Postfix ignores it"),
        (13, "other_destination_rate_delay: unknown parameter: Postfix ignores it"),
        (14, "smtpd_tls_enable_rpk: requires Postfix 3.9: Postfix ignores it"),
        (15, "tls_dane_digest_agility: removed in Postfix 3.4: Postfix ignores it"),
        (16, "smtpd_vrfy: unknown parameter: Postfix ignores it"),
    ]  # fmt: skip


def test_a_folder_is_judged_once(tmp_path: Path) -> None:
    put(tmp_path)
    reports = lint_folder(tmp_path, wanted())
    assert [report.target for report in reports] == [f"file:{tmp_path / 'main.cf'}"]
    alone = lint_file(tmp_path / "master.cf", wanted())
    assert alone.facts["smtp"] == reports[0].facts["smtp"]


def test_main_cf_without_master_cf_is_judged_for_port_25() -> None:
    report = lint_text("-", b"smtpd_sasl_auth_enable = yes\n", Wanted(kind="main.cf"))
    assert notes(report) == [(None, "judged without master.cf: it is not beside the file")]
    assert {"SMTP-AUTH-CLEAR", "SMTP-AUTH-ON-MX", "SMTP-NO-STARTTLS"} <= {
        one.id for one in report.findings
    }
    assert "SMTP-SUB-MISSING" in {one.id for one in report.skipped}


@pytest.mark.parametrize(
    ("name", "text"),
    [("some.conf", MAIN), ("other", MASTER)],
)
def test_files_are_recognised_by_their_content(name: str, text: str) -> None:
    report = lint_text(name, text.encode(), Wanted())
    assert report.failure is None
    expected = "main.cf" if text is MAIN else "master.cf"
    assert report.facts["lint"].kind == expected  # type: ignore[attr-defined]


def test_services_are_judged_up_to_a_limit(tmp_path: Path) -> None:
    for count, problems in (
        (64, ()), (65, ("only the first 64 of 65 smtpd services judged",)),
    ):  # fmt: skip
        master = "".join(f"{2000 + n} inet n - y - - smtpd\n" for n in range(count))
        (tmp_path / "main.cf").write_text("")
        (tmp_path / "master.cf").write_text(master)
        files = Files(base=tmp_path)
        text = files.read(tmp_path / "main.cf")
        assert text is not None
        made = views.lint(text, files, Software(product="postfix", version=(3, 7)))
        assert len(made.views) == 1 + 64
        assert tuple(one.text for one in files.problems) == problems


def test_the_lines_that_a_view_shows(tmp_path: Path) -> None:
    whole, first = linted(tmp_path, "queue_run_delay = 5m\n", f"{PORT_25}  -o x=y\n").views
    assert set(whole.settings) == {
        "maximal_queue_lifetime", "minimal_backoff_time", "maximal_backoff_time",
        "queue_run_delay", "master.cf",
    }  # fmt: skip
    assert whole.settings["queue_run_delay"][0].at.line == 1
    assert [one.at.text for one in whole.settings["master.cf"]] == ["smtp inet n - y - - smtpd"]
    assert [one.at.line for one in first.settings["-o"]] == [1]
    assert {
        "smtpd_tls_auth_only", "smtpd_relay_restrictions", "mynetworks", "inet_interfaces",
        "message_size_limit", "smtpd_tls_cert_file", "smtpd_tls_chain_files",
    } <= set(first.settings)  # fmt: skip
    (none,) = linted(tmp_path, "", "smtp unix - - y - - smtp\n").views
    assert [(one.at.line, one.at.text) for one in none.settings["master.cf"]] == [
        (None, "no smtpd service")
    ]  # fmt: skip


def test_submission_elsewhere_and_local_services(tmp_path: Path) -> None:
    master = f"{PORT_25}127.0.0.1:10025 inet n - y - - smtpd\n"
    made = configs(linted(tmp_path, "", master))
    assert [one.name for one in made[""].services or ()] == ["smtp/inet"]
    assert {one.submission_elsewhere for one in made.values() if one.service} == {False}
    made = configs(linted(tmp_path, MAIN, MASTER))
    assert {one.submission_elsewhere for one in made.values() if one.service} == {True}
