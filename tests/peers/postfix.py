"""Postfix as a mail server that follows the advice, and with settings of a test's own."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable

import pytest

from tests.peers import need_binary
from tests.peers.starttls import IS_ROOT, Command, Place

USER, PASSWORD = "user@lab.test", "seventh-lab"
_SERVICES = (
    "postlog unix-dgram n - n - 1 postlogd", "tlsmgr unix - - n 1000? 1 tlsmgr",
    "rewrite unix - - n - - trivial-rewrite", "anvil unix - - n - 1 anvil",
    "cleanup unix n - n - 0 cleanup", "proxymap unix - - n - - proxymap",
    "error unix - - n - - error", "discard unix - - n - - discard",
)  # fmt: skip
_FOLDERS = (
    "pid", "private", "public", "incoming", "active", "deferred", "maildrop", "bounce", "defer",
    "trace", "flush", "hold", "corrupt", "saved",
)  # fmt: skip
SASL = (
    "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\n"
    "smtpd_tls_auth_only = yes\n"
)


def postfix(main: str = "", master: str = "") -> Callable[[Place, int], Command]:
    """Return what starts Postfix with ``main`` behind a correct main.cf.

    ``{key}``, ``{cert}`` and ``{port}`` may stand in both. Nothing is delivered.
    """

    def build(place: Place, port: int) -> Command:
        if not IS_ROOT:
            pytest.skip("Postfix starts as root only")
        need_binary("postconf")
        owner = pwd.getpwnam("postfix").pw_uid
        for name in ("data", "queue", *(f"queue/{each}" for each in _FOLDERS)):
            os.chown(place.make(name), -1 if name in {"queue", "queue/pid"} else owner, -1)
        tls = (
            f"smtpd_tls_chain_files = {place.key}, {place.cert}\nsmtpd_tls_security_level = may\n"
            f"{place.fixed('postfix')}"
        )
        files = {"{key}": str(place.key), "{cert}": str(place.cert), "{port}": str(port)}
        place.write(
            "main.cf",
            f"compatibility_level = 3.6\nqueue_directory = {place.folder}/queue\n"
            f"data_directory = {place.folder}/data\nmyhostname = lab.test\nmydomain = lab.test\n"
            f"mydestination = lab.test\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n"
            "alias_maps =\nalias_database =\nmynetworks = 192.0.2.1\n"
            "local_recipient_maps = inline:{{user=x}, {postmaster=x}}\n"
            "local_transport = discard\ndefault_transport = discard\n"
            "smtpd_peername_lookup = no\nmaillog_file = /dev/stdout\nsmtpd_error_sleep_time = 0\n"
            # Each accepted recipient would wait for a queue manager, which does not run.
            "in_flow_delay = 0\n"
            "smtpd_forbid_bare_newline = normalize\nsmtpd_forbid_bare_newline_exclusions =\n"
            "disable_vrfy_command = yes\n"
            f"message_size_limit = 26214400\n{tls if place.tls else ''}" + _filled(main, files),
        )
        # The port that is waited for comes last: master opens its ports in this order.
        services = "".join(f"{line}\n" for line in _SERVICES)
        own = f"127.0.0.1:{port} inet n - n - - smtpd\n"
        place.write("master.cf", services + _filled(master, files) + own)
        for name in ("main.cf", "master.cf"):
            os.utime(place.folder / name, (1_000_000_000, 1_000_000_000))  # it waits for new files
        return Command(("/usr/lib/postfix/sbin/master", "-c", str(place.folder), "-d"))

    return build


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def with_dovecot(build: Callable[[Place, int], Command]) -> Callable[[Place, int], Command]:
    """Add Dovecot's ``auth`` service, which Postfix asks about passwords."""

    def both(place: Place, port: int) -> Command:
        program = need_binary("dovecot")
        command = build(place, port)
        private = place.folder / "queue" / "private"
        private.mkdir(exist_ok=True)
        os.chown(private, pwd.getpwnam("postfix").pw_uid, -1)
        conf = place.write(
            "dovecot.conf",
            f"protocols =\nbase_dir = {place.folder}/run\nstate_dir = {place.folder}/run\n"
            "log_path = /dev/stderr\nssl = no\nauth_mechanisms = plain login\n"
            "auth_failure_delay = 0\n"
            f"passdb {{\n driver = static\n args = user={USER} password={PASSWORD}\n}}\n"
            f"service auth {{\n unix_listener {private}/auth {{\n  mode = 0666\n }}\n}}\n"
            f"{place.more}",
        )
        words = " ".join(command.words)
        ready = f"until [ -S {private}/auth ]; do sleep 0.02; done"
        script = f"{program} -F -c {conf} & {ready}; exec {words}"
        return Command(("/bin/sh", "-c", script), command.owner, command.environment)

    return both
