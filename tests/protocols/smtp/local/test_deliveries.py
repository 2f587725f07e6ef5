"""Deliveries in the logs of Postfix and Exim, and the causes of their deferrals."""

from __future__ import annotations

import pytest

from seventh.localkit.seen import Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.smtp.facts.local import DeferCause, Deferral
from seventh.protocols.smtp.local.causes import Waiting, cause_of, grouped
from seventh.protocols.smtp.local.deliveries import Deliveries, read

POSTFIX = """\
Mar  1 10:00:00 mx postfix/smtp[7]: 4ABC: to=<a@x.test>, relay=none, delay=1, delays=0/0/1/0, \
dsn=4.4.1, status=deferred (connect to x.test[192.0.2.1]:25: Connection timed out)
Mar  1 10:01:00 mx postfix/smtp[7]: 4ABC: to=<a@x.test>, orig_to=<b>, relay=x.test[192.0.2.1]:25, \
delay=60, delays=0/0/1/0, dsn=4.7.1, status=deferred (host x.test said: 450 4.7.1 Greylisted)
Mar  1 10:02:00 mx postfix/smtp[7]: 4ABC: to=<a@x.test>, relay=x, delay=1, dsn=2.0.0, status=sent \
(250 ok)
2026-03-01T10:03:00+0000 mx postfix/submission/smtp[7]: 4ABC: to=<b@x.test>, relay=x, dsn=2.0.0, \
status=sent (250 ok)
Mar  1 10:04:00 mx postfix-out/lmtp[7]: 4ABD: to=<a@x.test>, relay=x, dsn=5.1.1, status=bounced (no)
Mar  1 10:04:00 mx postfix/qmgr[7]: 4ABD: removed
Mar  1 10:04:00 mx postfix/cleanup[7]: 4ABE: warning: header Subject: to=<z@x.test>, status=sent
"""
EXIM = """\
2026-03-01 10:00:00 1abcde-00000a-AB <= s@y.test H=x [192.0.2.1] P=esmtp S=500
2026-03-01 10:00:01 1abcde-00000a-AB == a@x.test R=dnslookup T=remote_smtp defer (-44) \
H=mx.x.test [192.0.2.1]: SMTP error from remote mail server after RCPT TO:<a@x.test>: 450 quota
2026-03-01 10:00:01 1abcde-00000a-AB == b@x.test R=d defer (-1): host lookup did not complete
2026-03-01 10:00:02 1abcde-00000a-AB == c@x.test R=d T=r defer (-53): retry time not reached for x
2026-03-01 10:00:03 +0100 [77] 1abcdf-000000000ab-1xyz => d@x.test <d> R=local T=mail
2026-03-01 10:00:03 1abcdf-000000000ab-1xyz -> e@x.test R=local T=mail
2026-03-01 10:00:03 1abcdf-000000000ab-1xyz ** f@x.test R=dnslookup: no such user
2026-03-01 10:00:03 1abcde-00000a-AB ** b@x.test: retry timeout exceeded
2026-03-01 10:00:03 1abcde-00000a-AB ** b@x.test <b@x.test>: retry timeout exceeded
2026-03-01 10:00:03 1abcdf-000000000ab-1xyz Completed
"""


def seen(path: str, text: str) -> Seen:
    return Seen(outputs={"journalctl": "-- No entries --\n"}, files={path: {path: text}})


@pytest.mark.parametrize("path", ["/var/log/mail.log", "/var/log/maillog"])
def test_postfix(path: str) -> None:
    reason = "host x.test said: 450 4.7.1 Greylisted"
    assert read(seen(path, POSTFIX)) == Deliveries(path, 3, (Waiting("a@x.test", reason),))


def test_the_journal_comes_first() -> None:
    other = seen("/var/log/mail.log", POSTFIX)
    line = POSTFIX.splitlines()[3]
    found = read(Seen(outputs={"journalctl": line}, files=other.files))
    assert found == Deliveries("journalctl", 1, ())


@pytest.mark.parametrize("path", ["/var/log/exim4/mainlog", "/var/log/exim/main.log"])
def test_exim(path: str) -> None:
    said = "SMTP error from remote mail server after RCPT TO:<a@x.test>: 450 quota"
    waiting = (Waiting("a@x.test", said), Waiting("b@x.test", "host lookup did not complete"))
    assert read(seen(path, EXIM)) == Deliveries(path, 5, waiting)


def test_no_log() -> None:
    assert read(Seen()) is None
    assert read(seen("/var/log/mail.log", EXIM)) is None
    denied = Unread(name="/var/log/mail.log", cause=Cause.NOT_PERMITTED)
    assert read(Seen(files={"/var/log/mail.log": denied})) is None


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("connect to x.test[192.0.2.1]:25: Connection timed out", "unreachable"),
        ("delivery temporarily suspended: connect to x[::1]:25: Connection refused", "unreachable"),
        ("connect to x[192.0.2.1]:25: No route to host", "unreachable"),
        ("connect to x[2001:db8::1]:25: Network is unreachable", "unreachable"),
        ("connect to mx[private/dovecot-lmtp]: Connection refused", "local-delivery"),
        ("mail transport unavailable", "local-delivery"),
        ("cannot update mailbox /var/mail/a for user a", "local-delivery"),
        ("temporary failure. Command output: x", "local-delivery"),
        ("host x said: 450 4.2.0 <a@x>: Recipient address rejected: Greylisted", "greylisted"),
        ("host x said: 451 4.7.1 Grey-listing in action", "greylisted"),
        ("450 4.7.25 Client host rejected: cannot find your hostname", "no-reverse-name"),
        ("450 4.7.1 Client host rejected: cannot find your reverse hostname", "no-reverse-name"),
        (
            "421-4.7.26 This mail has been rate limited because it is unauthenticated",
            "spf-dkim-dmarc",
        ),
        ("451 4.7.23 SPF check failed", "spf-dkim-dmarc"),
        ("421-4.7.28 Our system has detected an unusual rate", "rate-limited"),
        ("421 Too many concurrent SMTP connections", "rate-limited"),
        ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred", "sender-blocked"),
        ("450 Service unavailable; Client host blocked using zen.spamhaus.org", "sender-blocked"),
        ("450 4.1.8 <s@y>: Sender address rejected: Domain not found", "sender-domain"),
        ("452 4.2.2 Mailbox full", "mailbox-full"),
        ("452 4.3.1 Insufficient system storage", "mailbox-full"),
        ("Cannot start TLS: handshake failure", "tls"),
        ("Server certificate not trusted", "tls"),
        ("TLS is required, but was not offered by host x", "tls"),
        ("Host or domain name not found. Name service error for name=x type=MX", "name-lookup"),
        ("host lookup did not complete", "name-lookup"),
        (
            "lost connection with x[192.0.2.1] while receiving the initial greeting",
            "connection-lost",
        ),
        ("conversation with x timed out while sending end of data", "connection-lost"),
        ("SMTP timeout after RCPT TO", "connection-lost"),
        ("450 4.3.2 try later", "other"),
        ("", "other"),
    ],
)
def test_a_cause(reason: str, cause: str) -> None:
    assert cause_of(reason).value == cause


def test_groups() -> None:
    full = [Waiting(f"u{n}@B.test", "quota of <u@b.test> reached") for n in range(2)]
    one = [Waiting(f"a@d{n % 6}.test", f"Greylisted {n}") for n in range(7)]
    assert grouped([*full, *one, Waiting("postmaster", "what")]) == (
        Deferral(
            cause=DeferCause.GREYLISTED, count=7, example="Greylisted 0",
            domains=("d0.test", "d1.test", "d2.test", "d3.test", "d4.test"),
        ),
        Deferral(
            cause=DeferCause.MAILBOX_FULL, count=2, domains=("b.test",),
            example="quota of …@b.test reached",
        ),
        Deferral(cause=DeferCause.OTHER, count=1, domains=("postmaster",), example="what"),
    )  # fmt: skip
    assert grouped([]) == ()
