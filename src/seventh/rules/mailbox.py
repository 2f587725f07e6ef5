"""What rules of IMAP and POP3 have in common."""

from __future__ import annotations

import msgspec

from seventh.model.mailconfig import MailboxConfig
from seventh.model.mailfacts import Login, MailboxFacts, Withheld
from seventh.rules.rule import Hit, Skip, Verdict, not_applicable

_PART = Skip("only a part of the configuration was read, or it does not set protocols")
_CLOSED = not_applicable("the port that begins in clear is closed to other machines")
UNKNOWN = Skip("the files do not decide it: a variable does")
_NEW = (2, 4)
"""The version of Dovecot that renamed its settings."""
STATES = {
    "refused": "connection refused",
    "filtered": "no answer",
    "not-tls": "no TLS on it",
    "off": "no listener is configured",
}
"""What is wrong with the port of implicit TLS."""
WHY_IMPLICIT = (
    "Clients should use implicit TLS, which an attacker cannot remove; many try it first, and wait "
    "for a timeout where the port is filtered."
)
WHY_STARTTLS = (
    "Everything on this port is readable on the path: passwords where logins are permitted, and "
    "all mail."
)
DOVECOT_TLS = (
    "# 2.4: ssl_server_cert_file and ssl_server_key_file, without <\n"
    "ssl = required\nssl_cert = </etc/dovecot/fullchain.pem\n"
    "ssl_key = </etc/dovecot/private.pem"
)
DOVECOT_NO_CLEAR_LOGIN = (
    "ssl = required\n# 2.4: auth_allow_cleartext = no\ndisable_plaintext_auth = yes"
)
SAME_HOST = Skip(
    "this machine is the server's own, for which Dovecot permits logins in clear: check from "
    "another machine"
)
_WITHHELD: dict[Withheld, Skip] = {
    "no-tls": Skip("the credential was not sent without TLS: --allow-plaintext permits it"),
    "certificate": Skip("the credential was not sent: the certificate is not verified"),
    "no-credential": Skip(
        "no credential was given: give --password-file or --token-file with --user"
    ),
    "no-mechanism": Skip("the server offers no supported mechanism for this credential"),
    "disabled": Skip("the server permits no login on this connection (LOGINDISABLED)"),
}


def tried(facts: MailboxFacts) -> Login | Skip:
    """Return the login, or why nothing is known of it."""
    if facts.login is None:
        return Skip("no login was tried: give --user and --password-file")
    return _WITHHELD[facts.login.withheld] if facts.login.withheld is not None else facts.login


def no_implicit(facts: MailboxFacts, port: int) -> Verdict:
    """Judge the port of implicit TLS, which is usually ``port``."""
    if facts.secure:
        return not_applicable("this is the port of implicit TLS")
    if facts.implicit_state is None:
        return Skip("the port of implicit TLS is not known: give --implicit-port")
    if facts.implicit_state == "unknown":
        return Skip(f"the state of port {facts.implicit_port} could not be determined")
    if facts.implicit_state == "open":
        return None
    return Hit(port=facts.implicit_port or port, state=facts.implicit_state)


class Files(msgspec.Struct, frozen=True):
    """The rules' half for one of the two."""

    name: str
    """``IMAP`` or ``POP3``."""
    scope: str = ""
    """What precedes a setting's name where it is this protocol's own."""

    def unjudged(self, config: MailboxConfig) -> Skip | None:
        """Return why the files do not decide on the protocol."""
        if config.enabled is None:
            return _PART
        return None if config.enabled else not_applicable(f"{self.name} is not enabled")

    def clear_login(self, config: MailboxConfig, hit: Hit) -> Verdict:
        """Give ``hit`` where a password is accepted before TLS."""
        if (why := self._of_clear_port(config)) is not None:
            return why
        if config.clear_login is None or config.clear_port is None:
            return UNKNOWN
        if not config.clear_login:
            return None
        new = config.version[:2] >= _NEW
        key, value = ("auth_allow_cleartext", "no") if new else ("disable_plaintext_auth", "yes")
        return self._at(hit.fixed_by("dovecot", f"{key} = {value}"), key, "ssl")

    def no_starttls(self, config: MailboxConfig) -> Verdict:
        """Fail where TLS is off, or has no certificate."""
        if (why := self._of_clear_port(config)) is not None:
            return why
        if config.ssl == "no":
            return self._at(Hit(what="off"), "ssl")
        if config.ssl is None or config.certificate is None or config.clear_port is None:
            return UNKNOWN
        if config.certificate:
            return None
        return self._at(Hit(what="no-certificate"), "ssl_cert", "ssl_server_cert_file")

    def no_implicit(self, config: MailboxConfig, port: int) -> Verdict:
        """Fail where no listener has implicit TLS."""
        if (why := self.unjudged(config)) is not None:
            return why
        if config.ssl == "no":
            return Skip(f"TLS is off: {self.name}-NO-STARTTLS judges it")
        if config.clear_port is False:
            return _CLOSED
        if config.implicit_port is None:
            return UNKNOWN
        return None if config.implicit_port else Hit(port=port, state="off")

    def _of_clear_port(self, config: MailboxConfig) -> Skip | None:
        """Return why nothing is to be said of the port that begins in clear."""
        return self.unjudged(config) or (_CLOSED if config.clear_port is False else None)

    def _at(self, hit: Hit, *settings: str) -> Hit:
        return hit.at(*(f"{self.scope}{setting}" for setting in settings))
