"""The protocols that start TLS within a connection in clear."""

from __future__ import annotations

from seventh.model.starttls import StarttlsName
from seventh.protocols.tls.wire.dialogue import Starttls
from seventh.protocols.tls.wire.ldap import ldap
from seventh.protocols.tls.wire.mailbox import imap, pop3, sieve
from seventh.protocols.tls.wire.mysql import mysql
from seventh.protocols.tls.wire.postgresql import postgres
from seventh.protocols.tls.wire.replies import ftp, nntp, smtp
from seventh.protocols.tls.wire.xmpp import xmpp

_DOVECOT = "in Dovecot: ssl = yes, with ssl_cert and ssl_key"
PROTOCOLS: dict[StarttlsName, Starttls] = {
    each.name: each
    for each in (
        Starttls(
            name="smtp", title="SMTP", script=smtp, ports=(25, 587, 2525),
            enable="in Postfix: smtpd_tls_security_level = may, with smtpd_tls_chain_files",
        ),
        Starttls(name="imap", title="IMAP", script=imap, ports=(143,), enable=_DOVECOT),
        Starttls(name="pop3", title="POP3", script=pop3, ports=(110,), enable=_DOVECOT),
        Starttls(
            name="ldap", title="LDAP", script=ldap, ports=(389, 3268), greets=False,
            enable="in OpenLDAP: olcTLSCertificateFile and olcTLSCertificateKeyFile",
        ),
        Starttls(
            name="postgres", title="PostgreSQL", script=postgres, ports=(5432, 6432), greets=False,
            enable="in postgresql.conf: ssl = on, with ssl_cert_file and ssl_key_file",
        ),
        Starttls(
            name="mysql", title="MySQL", script=mysql, ports=(3306,),
            enable="in the section [mysqld]: ssl_cert and ssl_key",
        ),
        Starttls(
            name="xmpp", title="XMPP", script=xmpp, ports=(5222, 5269), greets=False,
            enable="in Prosody: modules_enabled with tls, and a certificate for the domain",
        ),
        Starttls(
            name="ftp", title="FTP", script=ftp, ports=(21,),
            enable="in ProFTPD: TLSEngine on; vsftpd: ssl_enable=YES",
        ),
        Starttls(
            name="nntp", title="NNTP", script=nntp, ports=(119,),
            enable="in INN's inn.conf: tlscertfile and tlskeyfile",
        ),
        Starttls(name="sieve", title="ManageSieve", script=sieve, ports=(4190,), enable=_DOVECOT),
    )
}  # fmt: skip
_TITLES: dict[str, tuple[StarttlsName, ...]] = {
    **{each.title: (each.name,) for each in PROTOCOLS.values()},
    "SMTP or FTP": ("smtp", "ftp"),
}


def named(served: str) -> tuple[StarttlsName, ...]:
    """Return the names for ``--starttls`` of a protocol that was recognised by its first bytes."""
    return _TITLES.get(served, ())


def usual_at(port: int) -> StarttlsName | None:
    """Return the protocol whose well-known port this is."""
    return next((each.name for each in PROTOCOLS.values() if port in each.ports), None)
