"""What ``lint --fix`` makes of Postfix's files is run: a check of the server finds no fault there.

test_smtp has what the check finds before, and tries the lines that it prints; test_postfix_fixes
has postconf read the files.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable

import pytest

from seventh.engine.fix import fix_file
from seventh.engine.lint import lint_file
from seventh.labkit.serve import Kit
from tests.lint.postfix.test_fixes import CASES, no_postconf, wanted
from tests.peers import need_version
from tests.peers.postfix import SASL, postfix, with_dovecot
from tests.peers.starttls import Command, Place
from tests.peers.test_smtp import EVERYTHING, RULES, _impatient, look, mine
from tests.reports import found

pytestmark = pytest.mark.peer
__all__ = ["_impatient", "no_postconf"]
"""Fixtures of other tests; instead of postconf, Postfix itself reads the files here."""

SMTP = "smtp inet n - n - - smtpd\n"
SUBMISSION = "submission inet n - n - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n"
SUBMISSIONS = (
    "submissions inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n"
    "  -o smtpd_sasl_auth_enable=yes\n"
)
USERS = SASL.replace("smtpd_sasl_auth_enable = yes\n", "")
BAD = {
    "SMTP-AUTH-CLEAR": (USERS + "smtpd_tls_auth_only = no\n", SUBMISSION + SUBMISSIONS, 587),
    "SMTP-NO-STARTTLS": ("smtpd_tls_security_level = none\n", SMTP, 25),
    "SMTP-AUTH-ON-MX": (SASL, SMTP + SUBMISSION + SUBMISSIONS, 25),
    "SMTP-NO-465": (USERS, SUBMISSION, 587),
    "SMTP-SUB-MISSING": (SASL.replace("_only = yes", "_only = no"), "2525" + SMTP[4:], 465),
    "SMTP-SMUGGLE": ("smtpd_forbid_bare_newline = no\n", SMTP, 25),
    "SMTP-VRFY": ("disable_vrfy_command = no\n", SMTP, 25),
    "SMTP-SIZE": ("message_size_limit = 1000000\n", SMTP, 25),
}
"""For each rule: main.cf, the services, and the port that is checked."""
NOT_RUN = {
    "SMTP-RELAY": "mynetworks of the fix has 127.0.0.0/8, from where the test comes",
    "SMTP-RETRY-TIMERS": "it takes days to show",
    "SMTP-HELO-NAME": "a person writes the name", "SMTP-SUB-NOAUTH": "a person writes the socket",
}  # fmt: skip
INTERFACES = "inet_interfaces = 127.0.0.1\n"
SERVICE = re.compile(r"(?m)^(?=\w+ +inet)")


def test_every_rule_of_the_files_is_run() -> None:
    assert BAD.keys() | NOT_RUN.keys() == {case.rule for case in CASES.values()}


def at(
    host: str, build: Callable[[Place, int], Command], rule: str
) -> Callable[[Place, int], Command]:
    """Return what starts Postfix at an address of the test's own, with the fixes for ``rule``.

    The linter reads the files without the address: at a loopback one nothing would be at risk.
    """

    def started(place: Place, port: int) -> Command:
        command = build(place, port)
        main, master = place.folder / "main.cf", place.folder / "master.cf"
        main.write_text(main.read_text().replace(INTERFACES, ""))
        assert rule in found(lint_file(main, wanted()))
        for change in fix_file(main, wanted(), ()).changes:
            change.path.write_bytes(change.after)
        assert rule not in found(lint_file(main, wanted()))
        main.write_text(main.read_text() + INTERFACES)
        master.write_text(SERVICE.sub(f"{host}:", master.read_text()))
        for file in (main, master):
            os.utime(file, (1_000_000_000, 1_000_000_000))  # Postfix waits for new files
        return command

    return started


@pytest.mark.parametrize("rule", BAD)
async def test_a_fixed_postfix_is_clean(kit: Kit, rule: str) -> None:
    if not need_version("postconf").startswith("3.7."):
        pytest.skip("the files are for Postfix 3.7")
    main, master, port = BAD[rule]
    host = f"127.{random.randint(64, 250)}.{random.randint(1, 250)}.9"
    wrap = with_dovecot if "smtpd_sasl" in main else (lambda each: each)
    scheme = {25: "smtp", 587: "submission", 465: "smtps"}[port]
    options = EVERYTHING if RULES[rule].tier > 2 else {}
    build = wrap(at(host, postfix(main, master), rule))
    assert mine(await look(build, kit, scheme, at=(host, port), options=options)) == set()
