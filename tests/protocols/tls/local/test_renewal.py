"""Which timers and jobs renew certificates."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from seventh.localkit.seen import Seen, Text
from seventh.model.localfacts import Cause, Unread
from seventh.model.tlslocal import Renewal, Renewer
from seventh.protocols.tls.local.renewal import FILES, has_systemd, renewers

SYSTEMD = "/run/systemd/system"
TIMERS = "/etc/systemd/system/*.wants/*.timer"
CERTBOT_TIMER = "/etc/systemd/system/timers.target.wants/certbot.timer"
DEBIAN = (
    "0 */12 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && certbot -q renew\n"
)


def seen(systemd: bool = False, **files: Mapping[str, Text] | Unread) -> Seen:
    """What is seen on a machine without jobs, but for ``files``."""
    every: dict[str, Mapping[str, Text] | Unread] = {file.path: {} for file in FILES}
    return Seen(files={**every, SYSTEMD: {SYSTEMD: ""} if systemd else {}, **files})


def job(
    text: str, path: str = "/etc/cron.d/x", pattern: str = "/etc/cron.d/*"
) -> Mapping[str, Mapping[str, Text]]:
    return {pattern: {path: text}}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "client"),
    [
        ("0 3 * * * root certbot renew", Renewal.CERTBOT),
        ("0 3 * * * root /opt/letsencrypt/letsencrypt-auto renew", Renewal.CERTBOT),
        ('5 0 * * * "/root/.acme.sh"/acme.sh --cron', Renewal.ACME_SH),
        ("0 3 * * * root dehydrated -c", Renewal.DEHYDRATED),
        ("0 3 * * * root /usr/bin/lego renew", Renewal.LEGO),
        ("# 0 3 * * * root certbot renew", None),
        ("0 3 * * * root allegory acmeology", None),
    ],
)
def test_jobs(line: str, client: Renewal | None) -> None:
    expected = () if client is None else (Renewer(client=client, path="/etc/cron.d/x"),)
    assert renewers(seen(**job(line))) == expected


def test_a_job_that_leaves_the_work_to_a_timer() -> None:
    assert renewers(seen(**job(DEBIAN))) == (Renewer(client=Renewal.CERTBOT, path="/etc/cron.d/x"),)
    assert renewers(seen(systemd=True, **job(DEBIAN))) == ()


def test_timers_count_where_systemd_runs() -> None:
    timers = {TIMERS: {CERTBOT_TIMER: "", "/etc/systemd/system/timers.target.wants/a.timer": ""}}
    assert renewers(seen(systemd=True, **timers)) == (
        Renewer(client=Renewal.CERTBOT, path=CERTBOT_TIMER),
    )
    assert renewers(seen(**timers)) == ()
    assert has_systemd(seen(systemd=True))
    assert not has_systemd(seen())
    assert not has_systemd(seen(**{SYSTEMD: Unread(name="x", cause=Cause.FAILED)}))


@pytest.mark.parametrize("cause", [Cause.NOT_PERMITTED, Cause.FAILED])
def test_what_cannot_be_listed(cause: Cause) -> None:
    unread = Unread(name="x", cause=cause)
    assert renewers(seen(**{"/var/spool/cron/crontabs/*": unread})) is None
    assert renewers(seen(**{"/etc/cron.d/*": {"/etc/cron.d/x": unread}})) is None
    assert renewers(seen(**{TIMERS: unread})) is None


def test_what_is_not_there() -> None:
    unread = Unread(name="x", cause=Cause.NOT_FOUND)
    assert renewers(seen(**{"/var/spool/cron/crontabs/*": unread})) == ()
    assert renewers(Seen()) is None
