"""Codes as causes."""

from __future__ import annotations

import pytest

from seventh.protocols.smtp.facts.mail import Cause
from seventh.protocols.smtp.wire.status import cause_of


@pytest.mark.parametrize(
    ("code", "status", "cause"),
    [
        (200, "", Cause.ACCEPTED), (250, "2.1.5", Cause.ACCEPTED), (354, "", Cause.ACCEPTED),
        (399, "", Cause.ACCEPTED), (421, "", Cause.NOT_NOW), (450, "4.2.0", Cause.NOT_NOW),
        (451, "4.7.1", Cause.POLICY), (450, "4.1.8", Cause.SENDER),
        (550, "5.1.1", Cause.NO_SUCH_USER), (550, "", Cause.OTHER), (550, "5.7.1", Cause.POLICY),
        (550, "5.7.26", Cause.SENDER_AUTHENTICATION), (550, "5.7.99", Cause.POLICY),
        (550, "5.4.7", Cause.ROUTING), (550, "5.9.9", Cause.OTHER), (552, "5.2.2", Cause.FULL),
        (552, "5.3.4", Cause.TOO_LARGE), (554, "5.5.2", Cause.SYNTAX), (554, "", Cause.OTHER),
        (550, "5.3.0", Cause.OTHER), (553, "5.8.1", Cause.NO_SUCH_USER),
        (454, "4.7.1", Cause.POLICY),
        (454, "", Cause.LOGIN_UNAVAILABLE),
        (450, "4.7.0", Cause.POLICY),
        (454, "4.7.0", Cause.LOGIN_UNAVAILABLE), (535, "5.7.8", Cause.LOGIN_INVALID),
        (535, "5.7.0", Cause.LOGIN_INVALID), (534, "5.7.9", Cause.MECHANISM),
        (530, "5.7.0", Cause.LOGIN_REQUIRED), (538, "5.7.11", Cause.ENCRYPTION_REQUIRED),
        (550, "5.7.13", Cause.DISABLED), (556, "5.1.10", Cause.NO_SUCH_DOMAIN),
    ],
)  # fmt: skip
def test_the_status_says_more_than_the_code(code: int, status: str, cause: Cause) -> None:
    assert cause_of(code, status) is cause


def test_codes_without_a_status() -> None:
    """RFC 5321 §4.2.3, RFC 4954 §6, RFC 7504 §3."""
    by_cause: dict[Cause, list[int]] = {}
    for code in range(400, 600):
        by_cause.setdefault(cause_of(code), []).append(code)
    del by_cause[Cause.OTHER]
    assert by_cause == {
        Cause.NOT_NOW: [421, 450, 451, 452], Cause.LOGIN_UNAVAILABLE: [454],
        Cause.NOT_SUPPORTED: [500, 502, 504], Cause.SYNTAX: [501, 503], Cause.POLICY: [521],
        Cause.TOO_LARGE: [523], Cause.LOGIN_REQUIRED: [530], Cause.MECHANISM: [534],
        Cause.LOGIN_INVALID: [535], Cause.ENCRYPTION_REQUIRED: [538],
        Cause.NO_SUCH_USER: [551, 553], Cause.FULL: [552], Cause.NO_SUCH_DOMAIN: [556],
    }  # fmt: skip


def test_every_status_of_the_registry() -> None:
    """The Enumerated Status Codes registry, and its subjects where a detail is new."""
    by_cause: dict[Cause, list[str]] = {}
    for subject in range(8):
        default = cause_of(550, f"5.{subject}.99")
        for detail in range(31):
            cause = cause_of(550, f"5.{subject}.{detail}")
            if cause is not default:
                by_cause.setdefault(cause, []).append(f"{subject}.{detail}")
        by_cause.setdefault(default, []).append(f"{subject}.*")
    assert {cause: " ".join(found) for cause, found in by_cause.items()} == {
        Cause.OTHER: "0.* 2.* 3.* 6.*", Cause.NO_SUCH_USER: "1.*",
        Cause.NO_SUCH_DOMAIN: "1.2 1.10", Cause.SENDER: "1.7 1.8 7.27", Cause.FULL: "2.2",
        Cause.TOO_LARGE: "2.3 3.4", Cause.NOT_NOW: "3.1 3.2", Cause.ROUTING: "4.*",
        Cause.SYNTAX: "1.3 5.*", Cause.NOT_SUPPORTED: "6.7 7.4 7.30", Cause.POLICY: "7.*",
        Cause.LOGIN_INVALID: "7.8 7.12", Cause.MECHANISM: "7.9",
        Cause.ENCRYPTION_REQUIRED: "7.10 7.11", Cause.DISABLED: "2.1 7.13",
        Cause.SENDER_AUTHENTICATION: "7.20 7.21 7.22 7.23 7.24 7.25 7.26",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "text", "cause"),
    [
        (530, "5.7.0 Must issue a STARTTLS command first", Cause.ENCRYPTION_REQUIRED),  # Postfix
        (530, "5.5.1 Invalid command: must issue a StartTLS first", Cause.ENCRYPTION_REQUIRED),
        (530, "5.7.0 Authentication required", Cause.LOGIN_REQUIRED),
        (530, "5.7.0 NOSTARTTLS", Cause.LOGIN_REQUIRED),
        (550, "5.7.0 STARTTLS", Cause.POLICY),
    ],
)
def test_530_says_whether_tls_or_a_login_is_missing(code: int, text: str, cause: Cause) -> None:
    assert cause_of(code, text.split(maxsplit=1)[0], text.encode()) is cause


@pytest.mark.parametrize(
    "text",
    [
        "4.7.1 <a@b.example>: Relay access denied",  # Postfix
        "relay not permitted",  # Exim
        "5.7.1 <a@b.example>... Relaying denied. IP name lookup failed",  # Sendmail
        "5.7.54 SMTP; Unable to relay recipient in non-accepted domain",  # Exchange
        "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",  # qmail
        "RELAYING\nPROHIBITED", "we do not relay", "I cannot relay that", "I refuse to relay",
        "relay is not allowed",
    ],
)  # fmt: skip
def test_a_refusal_to_relay_is_known_by_its_text(text: str) -> None:
    for code in (454, 550, 551, 554):
        assert cause_of(code, "5.1.1", text.encode()) is Cause.RELAYING
    assert cause_of(250, "", text.encode()) is Cause.ACCEPTED


@pytest.mark.parametrize(
    "text",
    [
        "relay-test@example.com: no such user", "<relay-test@example.com> denied",
        "cannot relay@b.example", "relayed mail is scanned", "access denied", "belay denied",
        "relay through mx2.example.com, as the primary server has denied", "cannot relayx",
    ],
)  # fmt: skip
def test_other_refusals_are_not_of_relaying(text: str) -> None:
    assert cause_of(550, "5.1.1", text.encode()) is Cause.NO_SUCH_USER
