"""The certificate files that the configurations of a machine's services name.

Files are read one by one, without their order: where a service listens, its sockets tell.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest

import msgspec

from seventh.localkit.area import File
from seventh.localkit.seen import Seen, Text
from seventh.model.localfacts import Unread
from seventh.model.tlslocal import Renewal, Service
from seventh.protocols.tls.local import nginx
from seventh.protocols.tls.local.mailers import dovecot, postfix

SERVICES = {
    "nginx": Service.NGINX, "apache2": Service.APACHE, "httpd": Service.APACHE,
    "caddy": Service.CADDY, "master": Service.POSTFIX, "dovecot": Service.DOVECOT,
    "mosquitto": Service.MOSQUITTO, "postgres": Service.POSTGRESQL, "chronyd": Service.CHRONY,
}  # fmt: skip
"""By name of a process."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate file, and what the configuration says of it."""

    certificate: str
    service: Service | None = None
    """None for a file that an ACME client keeps."""
    key: str = ""
    """Empty where none is named: it may be in the certificate's file."""
    server_name: str = ""
    optional: bool = False
    """Whether the file may hold no certificate: in a list of keys and chains."""


class _Words(msgspec.Struct, frozen=True):
    """A configuration of one directive per line."""

    service: Service
    certificate: str
    key: str
    block: str
    """What begins or ends a part with a certificate of its own, as a pattern; empty for none."""
    files: tuple[str, ...]
    folder: str = "/"
    """What relative paths start from."""


_WORDS = (
    _Words(
        Service.APACHE, "sslcertificatefile", "sslcertificatekeyfile", r"</?virtualhost\b",
        ("/etc/apache2/apache2.conf", "/etc/apache2/sites-enabled/*", "/etc/apache2/mods-enabled/*",
         "/etc/apache2/conf-enabled/*", "/etc/httpd/conf/httpd.conf", "/etc/httpd/conf.d/*.conf"),
        "/etc/apache2",
    ),
    _Words(
        Service.MOSQUITTO, "certfile", "keyfile", r"listener\b",
        ("/etc/mosquitto/mosquitto.conf", "/etc/mosquitto/conf.d/*.conf"),
    ),
    _Words(
        Service.CHRONY, "ntsservercert", "ntsserverkey", "",
        ("/etc/chrony/chrony.conf", "/etc/chrony.conf", "/etc/chrony/conf.d/*.conf"),
    ),
    _Words(
        Service.POSTGRESQL, "ssl_cert_file", "ssl_key_file", "",
        ("/etc/postgresql/*/*/postgresql.conf", "/var/lib/pgsql/data/postgresql.conf"),
        "/var/lib/pgsql/data",
    ),
)  # fmt: skip
_CADDYFILE = "/etc/caddy/Caddyfile"
_CADDY_TLS = re.compile(r"^\s*tls\s+(/\S+)\s+(/\S+)", re.MULTILINE)
_KEPT = (
    ("/etc/letsencrypt/live/*/fullchain.pem", Renewal.CERTBOT),
    ("/root/.acme.sh/*/fullchain.cer", Renewal.ACME_SH),
    ("/var/lib/dehydrated/certs/*/fullchain.pem", Renewal.DEHYDRATED),
    ("/etc/dehydrated/certs/*/fullchain.pem", Renewal.DEHYDRATED),
    ("/var/lib/lego/certificates/*.crt", Renewal.LEGO),
    ("/root/.lego/certificates/*.crt", Renewal.LEGO),
)
_STORES = (
    "/var/lib/caddy/.local/share/caddy/certificates/*/*/*.crt",
    "/root/.local/share/caddy/certificates/*/*/*.crt",
)
_CLIENTS = (
    (re.compile("^/etc/letsencrypt/"), Renewal.CERTBOT),
    (re.compile(r"/\.acme\.sh/"), Renewal.ACME_SH),
    (re.compile("/dehydrated/certs/"), Renewal.DEHYDRATED),
    (re.compile(r"/(?:\.lego|lego)/certificates/"), Renewal.LEGO),
)

FILES = (
    *(File(path=path, reads="certificate and key files of nginx") for path in nginx.FILES),
    *(
        File(path=path, reads=f"certificate and key files of {words.service.value}")
        for words in _WORDS
        for path in words.files
    ),
    File(path=_CADDYFILE, reads="certificate and key files of Caddy"),
    *(
        File(path=path, reads="certificates that Caddy has obtained", names_only=True)
        for path in _STORES
    ),
    *(
        File(path=path, reads=f"certificates that {client.value} has obtained", names_only=True)
        for path, client in _KEPT
    ),
)


def client_of(path: str) -> Renewal | None:
    """Return the ACME client that keeps the file at ``path``."""
    return next((client for pattern, client in _CLIENTS if pattern.search(path)), None)


def running(seen: Seen) -> frozenset[Service] | None:
    """Return the services that run; None where the processes are not visible."""
    if isinstance(seen.processes, Unread):
        return None
    return frozenset(SERVICES[process.name] for process in seen.processes)


def named(seen: Seen) -> tuple[Named, ...]:
    """Return what the configurations name, each file of a service once."""
    found: dict[tuple[str, Service | None], Named] = {}
    for one in _every(seen):
        found.setdefault((one.certificate, one.service), one)
    return tuple(found.values())


def _every(seen: Seen) -> Iterator[Named]:
    for name, certificate, key in nginx.certificates(_texts(seen, nginx.FILES)):
        yield Named(
            service=Service.NGINX, certificate=certificate, key=key, server_name=name
        )  # fmt: skip
    for words in _WORDS:
        for path, text in _texts(seen, words.files).items():
            for certificate, key in _pairs(text, words):
                folder = words.folder if words.folder != "/" else posixpath.dirname(path)
                yield Named(
                    service=words.service, certificate=posixpath.join(folder, certificate),
                    key=posixpath.join(folder, key) if key else "",
                )  # fmt: skip
    for text in _texts(seen, (_CADDYFILE,)).values():
        for match in _CADDY_TLS.finditer(text):
            yield Named(service=Service.CADDY, certificate=match[1], key=match[2])
    for path in (path for pattern in _STORES for path in seen.matching(pattern)):
        yield Named(service=Service.CADDY, certificate=path, key=_beside(path, ".key"))
    for certificate, key in postfix(seen):
        yield Named(service=Service.POSTFIX, certificate=certificate, key=key, optional=True)
    for name, certificate, key in dovecot(seen):
        yield Named(
            service=Service.DOVECOT, certificate=certificate, key=key, server_name=name
        )  # fmt: skip
    for pattern, _ in _KEPT:
        for path in seen.matching(pattern):
            yield Named(certificate=path, key=_key_of(path))


def _texts(seen: Seen, paths: tuple[str, ...]) -> Mapping[str, str]:
    """Return those of the table's files that were read."""
    read: dict[str, Text] = {}
    for path in paths:
        found = seen.files.get(path, {})
        read |= {} if isinstance(found, Unread) else found
    return {path: text for path, text in read.items() if isinstance(text, str)}


def _pairs(text: str, words: _Words) -> Iterator[tuple[str, str]]:
    """Yield the certificates of each block of a file, each with the key of the same rank."""
    line = re.compile(
        rf"^[ \t]*(?:({words.certificate})|({words.key}))[ \t]*=?[ \t]*['\"]?([^\s'\"#]+)"
        + (rf"|^[ \t]*{words.block}" if words.block else ""),
        re.MULTILINE | re.IGNORECASE,
    )
    certificates: list[str] = []
    keys: list[str] = []
    for match in line.finditer(text):
        if match[3] is None:
            yield from zip_longest(certificates, keys[: len(certificates)], fillvalue="")
            certificates, keys = [], []
        else:
            (certificates if match[1] else keys).append(match[3])
    yield from zip_longest(certificates, keys[: len(certificates)], fillvalue="")


def _beside(path: str, ending: str) -> str:
    return posixpath.splitext(path)[0] + ending


def _key_of(path: str) -> str:
    """Return where the ACME client that keeps ``path`` has the key."""
    folder, name = posixpath.split(path)
    if name == "fullchain.pem":
        return f"{folder}/privkey.pem"
    if name == "fullchain.cer":  # acme.sh names the key after the domain, the folder may add _ecc
        return f"{folder}/{posixpath.basename(folder).removesuffix('_ecc')}.key"
    return _beside(path, ".key")
