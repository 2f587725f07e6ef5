"""Which certificate files configurations name."""

from __future__ import annotations

import pytest

from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.model.tlslocal import Renewal, Service
from seventh.protocols.tls.local import nginx
from seventh.protocols.tls.local.mailers import dovecot, postfix
from seventh.protocols.tls.local.named import FILES, Named, client_of, named, running

MAIN = "/etc/nginx/nginx.conf"


def pairs(text: str, **more: str) -> list[tuple[str, str, str]]:
    return list(nginx.certificates({MAIN: text, **more}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("server { listen 443 ssl; }", []),
        (("server { server_name _ ~^x$ *.a.test a.test b.test; ssl_certificate /c.pem; "
         "ssl_certificate_key /k.pem; }"), [("a.test", "/c.pem", "/k.pem")]),
        ("ssl_certificate c.pem; ssl_certificate_key k.pem;",
         [("", "/etc/nginx/c.pem", "/etc/nginx/k.pem")]),
        (("http { ssl_certificate /1; ssl_certificate_key /a; ssl_certificate /2; "
         "ssl_certificate_key /b; }"), [("", "/1", "/a"), ("", "/2", "/b")]),
        ("ssl_certificate \"/a b.pem\"; ssl_certificate_key '/k';", [("", "/a b.pem", "/k")]),
        ("# ssl_certificate /c.pem;\nserver { }", []),
        ("ssl_certificate /$ssl_server_name.pem; ssl_certificate_key /k;", []),
        ("ssl_certificate data:$pem; ssl_certificate_key data:$key;", []),
        ("ssl_certificate /c; ssl_certificate_key engine:pkcs11:x;", [("", "/c", "")]),
        ("ssl_certificate /c;", [("", "/c", "")]),
        ("ssl_certificate_key /k;", []),
        ("}} server { ssl_certificate /c;", [("", "/c", "")]),
    ],
)  # fmt: skip
def test_nginx(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert pairs(text) == expected


def test_a_snippet_counts_where_it_is_included() -> None:
    snippet = {"/etc/nginx/snippets/a.conf": "ssl_certificate /c; ssl_certificate_key /k;"}
    assert pairs("server { }", **snippet) == []
    assert pairs("server { include snippets/a.conf; }", **snippet) == [("", "/c", "/k")]
    assert pairs("include /etc/nginx/snippets/*.conf;", **snippet) == [("", "/c", "/k")]


def test_postfix() -> None:
    said = (
        "smtpd_tls_chain_files = \nsmtpd_tls_cert_file = /c.pem\nsmtpd_tls_key_file = /k.pem\n"
        "smtpd_tls_eccert_file = \nsmtpd_tls_eckey_file = $smtpd_tls_eccert_file\n"
        "smtpd_tls_dcert_file = none\n"
    )
    assert list(postfix(Seen(outputs={"postconf": said}))) == [("/c.pem", "/k.pem")]
    chains = "smtpd_tls_chain_files = /k1, /c1 /k2\nsmtpd_tls_cert_file = /ignored\n"
    services = "465/inet/smtpd_tls_cert_file = /other.pem\n465/inet/smtpd_sasl_auth_enable = yes\n"
    seen = Seen(outputs={"postconf": chains, "postconf -P": services})
    assert list(postfix(seen)) == [
        ("/k1", ""), ("/c1", "/k1"), ("/k2", "/c1"), ("/other.pem", ""),
    ]  # fmt: skip
    assert list(postfix(Seen())) == []


def test_dovecot() -> None:
    seen = Seen(
        outputs={
            "doveconf": "ssl_cert = </c.pem\nssl_key = </k.pem\n",
            "doveconf -n": "ssl_cert = </c.pem\nssl_key = # hidden, use -P to show it\n"
            "local_name a.test {\n  ssl_cert = </a.pem\n}\nssl_server_cert_file = /n.pem\n",
        }
    )
    assert list(dovecot(seen)) == [
        ("", "/c.pem", "/k.pem"), ("", "/c.pem", ""), ("", "/n.pem", ""), ("a.test", "/a.pem", ""),
    ]  # fmt: skip


def files(**texts: str | Unread) -> Seen:
    return Seen(files={path: {path: text} for path, text in texts.items()})


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("/etc/apache2/apache2.conf",
         ("SSLCertificateFile conf/all.pem\n<VirtualHost *:443>\n  sslcertificatefile \"/c\"\n"
         "  SSLCertificateKeyFile /k\n</VirtualHost>\n<VirtualHost *:444>\n"
         "# SSLCertificateFile /n\n"
         "SSLCertificateKeyFile /only\n</VirtualHost>\nSSLCertificateChainFile /chain\n"),
         [Named(service=Service.APACHE, certificate="/etc/apache2/conf/all.pem"),
          Named(service=Service.APACHE, certificate="/c", key="/k")]),
        ("/etc/mosquitto/mosquitto.conf",
         "listener 8883\ncertfile /c1\nkeyfile /k1\nlistener 8884\nkeyfile k2\ncertfile c2\n",
         [Named(service=Service.MOSQUITTO, certificate="/c1", key="/k1"),
          Named(service=Service.MOSQUITTO, certificate="/etc/mosquitto/c2",
                key="/etc/mosquitto/k2")]),
        ("/etc/chrony.conf", "ntsserverkey /k1\nntsservercert /c1\n",
         [Named(service=Service.CHRONY, certificate="/c1", key="/k1")]),
        ("/var/lib/pgsql/data/postgresql.conf",
         "ssl_cert_file = 'server.crt' # own\nssl_key_file='/k'\n#ssl_cert_file = '/no'\n",
         [Named(service=Service.POSTGRESQL, certificate="/var/lib/pgsql/data/server.crt",
                key="/k")]),
        ("/etc/caddy/Caddyfile", "a.test {\n\ttls /c /k {\n}\n}\nb.test {\n tls me@b.test\n}\n",
         [Named(service=Service.CADDY, certificate="/c", key="/k")]),
    ],
)  # fmt: skip
def test_lines(path: str, text: str, expected: list[Named]) -> None:
    assert list(named(files(**{path: text}))) == expected
    assert named(files(**{path: Unread(name=path, cause=Cause.NOT_PERMITTED)})) == ()


STORES = {
    "/etc/letsencrypt/live/*/fullchain.pem": (
        "/etc/letsencrypt/live/a.test/fullchain.pem", "/etc/letsencrypt/live/a.test/privkey.pem",
        Renewal.CERTBOT,
    ),
    "/root/.acme.sh/*/fullchain.cer": (
        "/root/.acme.sh/a.test_ecc/fullchain.cer", "/root/.acme.sh/a.test_ecc/a.test.key",
        Renewal.ACME_SH,
    ),
    "/var/lib/dehydrated/certs/*/fullchain.pem": (
        "/var/lib/dehydrated/certs/a.test/fullchain.pem",
        "/var/lib/dehydrated/certs/a.test/privkey.pem", Renewal.DEHYDRATED,
    ),
    "/root/.lego/certificates/*.crt": (
        "/root/.lego/certificates/a.test.crt", "/root/.lego/certificates/a.test.key", Renewal.LEGO,
    ),
}  # fmt: skip


@pytest.mark.parametrize("pattern", STORES)
def test_what_acme_clients_keep(pattern: str) -> None:
    path, key, client = STORES[pattern]
    assert pattern in {file.path for file in FILES}
    assert named(Seen(files={pattern: {path: ""}})) == (Named(certificate=path, key=key),)
    assert client_of(path) is client


def test_what_caddy_stores() -> None:
    pattern = "/var/lib/caddy/.local/share/caddy/certificates/*/*/*.crt"
    path = pattern.replace("*/*/*", "acme/a.test/a.test")
    assert named(Seen(files={pattern: {path: ""}})) == (
        Named(service=Service.CADDY, certificate=path, key=path.replace(".crt", ".key")),
    )
    assert client_of(path) is None


def test_a_file_of_a_service_is_named_once() -> None:
    text = "server { ssl_certificate /c; } server { ssl_certificate /c; }"
    assert named(files(**{MAIN: text})) == (Named(service=Service.NGINX, certificate="/c"),)


def test_what_runs() -> None:
    processes = (Process(name="master", pid=7), Process(name="nginx", pid=8))
    assert running(Seen(processes=processes)) == {Service.POSTFIX, Service.NGINX}
    assert running(Seen(processes=Unread(name="/proc", cause=Cause.NOT_PERMITTED))) is None
