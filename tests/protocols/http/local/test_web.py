"""Which configurations of running web servers are judged."""

from __future__ import annotations

import pytest

from seventh.localkit import nginx
from seventh.localkit.area import Printed
from seventh.localkit.nginx import NginxFiles
from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.local import HttpLocalFacts, WebServer
from seventh.protocols.http.local import learn, printed_configurations

DUMP = "# configuration file /srv/nginx.conf:\nevents {}\n"
FILE = "/etc/caddy/Caddyfile"
RUN = "caddy", "run", "--environ", "--config", FILE
NGINX = Process(name="nginx", pid=5, arguments=("nginx: master process nginx",))


def caddy(*words: str) -> Process:
    return Process(name="caddy", pid=8, arguments=words)


def seen(*processes: Process, file: str | Unread = ":80\n", dump: str | Unread = DUMP) -> Seen:
    return Seen(
        outputs={
            "nginx -V": "nginx version: nginx/1.22.1 (Debian)\nbuilt by gcc 12.2.0\n",
            "caddy version": "v2.6.2 h1:x\n",
        },
        calls={nginx.READ: dump if isinstance(dump, Unread) else NginxFiles(text=dump)},
        files={FILE: {FILE: file}},
        processes=processes,
    )  # fmt: skip


def test_both_servers() -> None:
    looked = seen(NGINX, caddy(*RUN))
    assert printed_configurations(looked) == (
        Printed(
            name="/srv/nginx.conf", text=DUMP, product="nginx", kind="nginx-T", folder="/srv",
            version=(1, 22, 1),
        ),
        Printed(
            name=FILE, text=":80\n", product="caddy", kind="Caddyfile", folder="/etc/caddy",
            version=(2, 6, 2),
        ),
    )  # fmt: skip
    assert learn(HttpFacts(), looked, None).local == HttpLocalFacts(
        servers=(
            WebServer(name="nginx", version="1.22.1", configuration="/srv/nginx.conf"),
            WebServer(name="caddy", version="2.6.2", configuration=FILE),
        )
    )


def test_what_does_not_run_is_not_judged() -> None:
    assert printed_configurations(seen()) == ()
    assert learn(HttpFacts(), seen(), None).local == HttpLocalFacts(servers=())
    hidden = Seen(
        processes=Unread(name="/proc", cause=Cause.FAILED),
        calls={nginx.READ: NginxFiles(text=DUMP)},
    )
    assert printed_configurations(hidden) == ()
    assert learn(HttpFacts(), hidden, None).local == HttpLocalFacts(unread=hidden.unread)


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        (RUN, ""),
        (("caddy", "run", f"--config={FILE}"), ""),
        (("caddy", "run", "-c", FILE), ""),
        (("caddy", "run", "--config", "/srv/Caddyfile"), "Caddy runs with /srv/Caddyfile"),
        (("caddy", "run", "--config"),
         "Caddy runs with a configuration that its arguments do not name"),
        (("caddy", "run"), "Caddy runs with a configuration that its arguments do not name"),
        ((*RUN, "--resume"), "Caddy runs with a configuration that its arguments do not name"),
    ],
)  # fmt: skip
def test_which_file_caddy_runs_with(words: tuple[str, ...], detail: str) -> None:
    looked = seen(caddy(*words))
    local = learn(HttpFacts(), looked, None).local
    assert local is not None
    assert bool(printed_configurations(looked)) is not bool(detail)
    unread = Unread(name=FILE, cause=Cause.UNEXPECTED, detail=detail)
    assert local.unread == ((unread,) if detail else ())
    configuration = "" if detail else FILE
    assert local.servers == (WebServer(name="caddy", version="2.6.2", configuration=configuration),)


def test_a_file_that_cannot_be_read() -> None:
    unread = Unread(name=FILE, cause=Cause.NOT_PERMITTED)
    failed = Unread(name=nginx.READ, cause=Cause.UNEXPECTED)
    looked = seen(NGINX, caddy(*RUN), file=unread, dump=failed)
    assert printed_configurations(looked) == ()
    local = learn(HttpFacts(), looked, None).local
    assert local is not None
    assert local.unread == (unread, failed)
    assert [each.configuration for each in local.servers or ()] == ["", ""]


def test_no_version() -> None:
    calls = {nginx.READ: NginxFiles(text=DUMP)}
    looked = Seen(outputs={"nginx -V": "what"}, calls=calls, processes=(NGINX,))
    (printed,) = printed_configurations(looked)
    assert printed.version == ()
