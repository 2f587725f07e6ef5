"""Exim as a mail server that follows the advice, and with settings of a test's own."""

from __future__ import annotations

import pwd
from collections.abc import Callable

import pytest

from tests.peers import need_binary
from tests.peers.starttls import IS_ROOT, Command, Place

_ACCOUNT = "Debian-exim"
"""The user that Debian's build runs as; it may be missing where the package is only unpacked."""
_REST = """
begin acl
rcpt:
  accept local_parts = postmaster : user
         domains = : lab.test
  deny message = relay not permitted
begin routers
nowhere:
  driver = redirect
  data = :blackhole:
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if and{{eq{$auth2}{user@lab.test}}{eq{$auth3}{seventh-lab}}}}
  server_set_id = $auth2
"""
_AS_ACCOUNT = (
    "cp /etc/passwd /etc/group {folder} && "
    f"echo '{_ACCOUNT}:x:64999:64999::/nonexistent:/bin/false' >> {{folder}}/passwd && "
    f"echo '{_ACCOUNT}:x:64999:' >> {{folder}}/group && "
    "mount --bind {folder}/passwd /etc/passwd && mount --bind {folder}/group /etc/group && "
)


def exim(settings: str = "") -> Callable[[Place, int], Command]:
    """Return what starts Exim with ``settings`` in place of those of a correct file.

    ``{key}`` and ``{cert}`` may stand in them. Mail stays in the queue of the test's folder.
    """

    def build(place: Place, port: int) -> Command:
        if not IS_ROOT:
            pytest.skip("Exim starts as root only")
        program = need_binary("exim4")
        spool = place.make("spool")
        spool.chmod(0o777)
        options = {
            "primary_hostname": "lab.test", "exim_path": program, "spool_directory": str(spool),
            "log_file_path": f"{spool}/log-%s", "daemon_smtp_ports": str(port),
            "local_interfaces": "127.0.0.1", "pid_file_path": f"{spool}/pid",
            "acl_smtp_rcpt": "rcpt", "queue_only": "true", "keep_environment": "",
            "message_size_limit": "25M", "tls_advertise_hosts": "*",
            "tls_certificate": str(place.cert), "tls_privatekey": str(place.key),
            "auth_advertise_hosts": "",
        }  # fmt: skip
        for line in settings.splitlines():
            name, _, value = line.partition(" = ")
            value = value.replace("{cert}", str(place.cert)).replace("{key}", str(place.key))
            options[name] = value
        place.key.chmod(0o644)  # read after Exim has become its own user
        conf = place.write(
            "exim.conf", "".join(f"{name} = {value}\n" for name, value in options.items()) + _REST
        )
        as_account = "" if _has_account() else _AS_ACCOUNT.format(folder=place.folder)
        script = f"{as_account}exec {program} -bdf -C {conf}"
        return Command((need_binary("unshare"), "-m", "/bin/sh", "-c", script))

    return build


def _has_account() -> bool:
    try:
        pwd.getpwnam(_ACCOUNT)
    except KeyError:
        return False
    return True
