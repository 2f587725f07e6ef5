"""OpenSMTPD in a mount namespace of its own: it insists on its paths and users."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.peers import need_binary
from tests.peers.starttls import IS_ROOT, Command, Place

_USERS = ("opensmtpd", "opensmtpq")
_NAMESPACE = """set -e
cp /etc/passwd /etc/group {folder}
for name in {users}; do
  grep -q "^$name:" /etc/passwd && continue
  number=$((${{number:-64997}} + 1))
  echo "$name:x:$number:$number::/var/lib/opensmtpd/empty:/bin/false" >> {folder}/passwd
  echo "$name:x:$number:" >> {folder}/group
done
mount --bind {folder}/passwd /etc/passwd
mount --bind {folder}/group /etc/group
for path in /var/spool /var/lib /run; do mount -t tmpfs seventh $path; done
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/spool/smtpd
exec {program} -d -f {conf}
"""


def opensmtpd(*, tls: bool = False) -> Callable[[Place, int], Command]:
    """Return what starts OpenSMTPD, with STARTTLS where ``tls``.

    Its mail stays in a file system in memory, which ends with it.
    """

    def build(place: Place, port: int) -> Command:
        if not IS_ROOT:
            pytest.skip("OpenSMTPD starts as root only")
        program = need_binary("smtpd")
        place.cert.chmod(0o644)
        pki = f'pki lab.test cert "{place.cert}"\npki lab.test key "{place.key}"\n'
        conf = place.write(
            "smtpd.conf",
            f"{pki if tls else ''}"
            f"listen on 127.0.0.1 port {port} hostname lab.test {'tls pki lab.test' * tls}\n"
            'table users { "user" = "root", "postmaster" = "root" }\n'
            'action "mail" mda "/bin/true" virtual <users>\n'
            'match from any for domain "lab.test" action "mail"\n',
        )
        conf.chmod(0o600)
        script = place.write(
            "run.sh",
            _NAMESPACE.format(
                folder=place.folder, users=" ".join(_USERS), program=program, conf=conf
            ),
        )
        return Command((need_binary("unshare"), "-m", "/bin/sh", str(script)))

    return build
