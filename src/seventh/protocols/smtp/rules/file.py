"""What configuration files decide.

Each function but the last is that half of a rule; the rule itself is declared with its other half.
"""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.config import SmtpConfigFacts, SmtpRetryFacts, SmtpServiceFacts
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

HOUR = 3600
DAY = 24 * HOUR
LEAST_LIFETIME_SECONDS = 4 * DAY
MOST_BETWEEN_SECONDS = 3 * HOUR
LEAST_BETWEEN_SECONDS = HOUR // 2
_OTHER_VIEW = Skip("the files decide it for each service")
_LOCAL = not_applicable("the service listens on the loopback interface only")
_UNKNOWN = Skip("the files do not decide it: a value depends on the machine")
_IMPLICIT = not_applicable("TLS starts with the connection")
_NO_SERVICES = Skip("the services of the server were not read")
_CERTIFICATE = (
    "# the key and the certificate of this host",
    "smtpd_tls_chain_files = /etc/ssl/private/mail.example.com.pem",
)
_MAX_PORTS = 8


def _service(config: SmtpConfigFacts) -> SmtpServiceFacts | Skip:
    """Return the service that a view is about, if strangers can reach it."""
    if config.service is None:
        return _OTHER_VIEW
    return _LOCAL if config.service.local else config.service


def auth_clear(config: SmtpConfigFacts) -> Verdict:
    """Fail SMTP-AUTH-CLEAR where a password is accepted without TLS."""
    if isinstance(service := _service(config), Skip):
        return service
    if service.implicit_tls:
        return _IMPLICIT
    if service.auth_clear is None:
        return _UNKNOWN
    if not service.auth_clear:
        return None
    return (
        Hit(what="file")
        .fixed_by("postfix", "smtpd_tls_auth_only = yes")
        .at("smtpd_sasl_auth_enable", "smtpd_tls_auth_only")
    )


def no_starttls(config: SmtpConfigFacts) -> Verdict:
    """Fail SMTP-NO-STARTTLS where TLS is off, or has no certificate."""
    if isinstance(service := _service(config), Skip):
        return service
    if service.implicit_tls:
        return _IMPLICIT
    if service.starttls is None:
        return _UNKNOWN
    if service.starttls:
        return None
    hit = Hit(what="no-certificate" if service.certificate is False else "off")
    level = ("smtpd_tls_security_level = may",) if service.tls_level == "none" else ()
    hit.fixed_by("postfix", *(_CERTIFICATE if service.certificate is False else ()), *level)
    return hit.at(
        *(("smtpd_tls_security_level",) if level else ()),
        *(("smtpd_tls_chain_files", "smtpd_tls_cert_file") if hit.params["what"] != "off" else ()),
    )


def relay(config: SmtpConfigFacts) -> Verdict:
    """Fail SMTP-RELAY where a stranger may send to any domain."""
    if isinstance(service := _service(config), Skip):
        return service
    if service.open_relay is None:
        return Skip("a table or a policy server decides who may relay")
    if not service.open_relay:
        return None
    hit = Hit(what="networks").fixed_by("postfix", "mynetworks = 127.0.0.0/8 [::1]/128")
    return hit.at("mynetworks", "smtpd_relay_restrictions", "smtpd_recipient_restrictions")


def sub_noauth(config: SmtpConfigFacts) -> Verdict:
    """Fail SMTP-SUB-NOAUTH where a submission service knows no users."""
    if isinstance(service := _service(config), Skip):
        return service
    if service.port is None:
        return Skip("the port of the service is not known")
    if not service.submission:
        return not_applicable("the service is not on a submission port")
    if service.auth is None:
        return _UNKNOWN
    if service.auth or service.client_certificates:
        return None
    return (
        Hit(what="file")
        .fixed_by(
            "postfix",
            "# with a SASL backend, such as Dovecot's `service auth`",
            "smtpd_sasl_type = dovecot",
            "smtpd_sasl_path = private/auth",
            "-o smtpd_sasl_auth_enable=yes",
        )
        .at("smtpd_sasl_auth_enable", "-o")
    )


def auth_on_mx(config: SmtpConfigFacts) -> Verdict:
    """Fail SMTP-AUTH-ON-MX where users may log in on port 25."""
    if isinstance(service := _service(config), Skip):
        return service
    if service.port != 25:
        return not_applicable("the service is not on port 25")
    if service.auth is None:
        return _UNKNOWN
    if not service.auth:
        return None
    first = ("# first give the users a submission port",) * (config.submission_elsewhere is False)
    hit = Hit(what="file").at("smtpd_sasl_auth_enable", "-o")
    if config.submission_elsewhere is None:
        return hit.fixed_by("postfix", "smtpd_sasl_auth_enable = no")
    return hit.fixed_by("postfix", *first, "-o smtpd_sasl_auth_enable=no")


def sub_missing(config: SmtpConfigFacts) -> Verdict:
    """Fail SMTP-SUB-MISSING where users can log in on port 25 alone."""
    if config.services is None:
        return _OTHER_VIEW if config.service is not None else _NO_SERVICES
    if any(one.submission for one in config.services):
        return None
    users = next((one for one in config.services if one.auth), None)
    if users is None:
        return not_applicable("no service of this server has users who log in")
    fix = ("465 inet n - - - - smtpd", "  -o smtpd_tls_wrappermode=yes",
           "  -o smtpd_sasl_auth_enable=yes")  # fmt: skip
    return Hit(what="file", ports=_ports(config)).fixed_by("postfix", *fix).at("master.cf")


def no_465(config: SmtpConfigFacts) -> Verdict:
    """Fail SMTP-NO-465 where users have STARTTLS only."""
    if config.services is None:
        return _OTHER_VIEW if config.service is not None else _NO_SERVICES
    starttls = next((one for one in config.services if one.port == 587), None)
    if any(one.port == 465 for one in config.services):
        return None
    if starttls is None:
        return Skip("SMTP-SUB-MISSING judges a server with neither port")
    left = ("smtpd_tls_wrappermode=", "smtpd_tls_security_level=", "syslog_name=")
    options = (one for one in starttls.options if not one.startswith(left))
    fix = ("465 inet n - - - - smtpd", "  -o smtpd_tls_wrappermode=yes",
           *(f"  -o {option}" for option in options))  # fmt: skip
    return Hit(what="file", ports=_ports(config)).fixed_by("postfix", *fix).at("master.cf")


def _ports(config: SmtpConfigFacts) -> tuple[str, ...]:
    ports = {one.port for one in config.services or () if one.port is not None}
    return tuple(map(str, sorted(ports)[:_MAX_PORTS])) or ("no port",)


def smuggle(config: SmtpConfigFacts) -> Verdict:
    """Fail SMTP-SMUGGLE where a bare line feed may end a message."""
    if isinstance(service := _service(config), Skip):
        return service
    if service.port in {465, 587}:
        return not_applicable("a submission port takes mail from its users only")
    if service.bare_newline is None:
        return Skip("whether this version has smtpd_forbid_bare_newline does not show")
    if service.bare_newline == "refused":
        return None
    value = "normalize" if config.version >= (3, 9) else "yes"
    return Hit(what="file").fixed_by("postfix", f"smtpd_forbid_bare_newline = {value}")


def vrfy(config: SmtpConfigFacts) -> Verdict:
    """Fail SMTP-VRFY where VRFY is answered."""
    if isinstance(service := _service(config), Skip):
        return service
    if service.verifies is None:
        return _UNKNOWN
    return Hit(what="file") if service.verifies else None


def host_name(config: SmtpConfigFacts) -> Verdict:
    """Fail SMTP-HELO-NAME where the name is no fully qualified one; it is not looked up."""
    if isinstance(service := _service(config), Skip):
        return service
    if service.submission:
        return not_applicable("other mail servers do not judge the name of a submission port")
    name = service.host_name
    if name is None:
        return Skip("the machine's own name is used, which the files do not say")
    what = _named(name)
    if what is None:
        return Skip("the name of the files is not looked up: check the server itself")
    return (
        Hit(what=what, name=name)
        .fixed_by(
            "postfix", "# the name of this host, with an address record",
            "myhostname = mail.example.com",
        )
        .at("myhostname", "smtpd_banner")
    )  # fmt: skip


def _named(name: str) -> str | None:
    """Return what is wrong with a name; None if only a look-up can tell."""
    bare = name.rstrip(".")
    if not bare:
        return "missing"
    if name.startswith("[") or bare.replace(".", "").isdigit():
        return "literal"
    local = bare.lower() == "localhost" or bare.lower().endswith((".local", ".localdomain"))
    return "not-qualified" if "." not in bare or local else None


def size(config: SmtpConfigFacts, smallest: int, largest: int) -> Verdict:
    """Fail SMTP-SIZE where the limit is missing, too small or too large."""
    if isinstance(service := _service(config), Skip):
        return service
    limit = service.size_limit_bytes
    if limit is None:
        return _UNKNOWN
    if limit == 0:
        return Hit(what="unlimited")
    if smallest <= limit <= largest:
        return None
    return Hit(what="small" if limit < smallest else "large", megabytes=limit / 1e6)


_RETRY = SmtpConfigFacts(
    product="postfix",
    version=(3, 7),
    retry=SmtpRetryFacts(
        lifetime_seconds=5 * DAY, first_seconds=300, last_seconds=4000, run_seconds=300
    ),
)


@rule(
    "SMTP-RETRY-TIMERS",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="Delivery is retried for too short a time, or at the wrong intervals",
    evidence="{what}",
    phrases={
        "what": {
            "short": "mail is returned after {days:.1f} days",
            "order": "the shortest interval, {first} s, is longer than the longest, {last} s",
            "late": "the first retry comes after {wait} s or later",
            "rare": "retries are up to {hours:.1f} hours apart",
            "often": "every retry comes after {last} s or sooner",
        }
    },
    why="RFC 5321 asks for four to five days until mail is returned, for two attempts in the first "
    "hour, and then for one every two or three hours. A shorter life loses mail when a receiver is "
    "down for a weekend; rare retries delay it behind greylists; constant ones have the sender "
    "blocked.",
    fix={
        "postfix": "maximal_queue_lifetime = 5d\nminimal_backoff_time = 300s\n"
        "maximal_backoff_time = 4000s",
        "any": "Retry for five days, first after some minutes, later every one to three hours.",
    },
    references=("RFC 5321 §4.5.4.1",),
    seed=("12.3.4",),
    good=SmtpFacts(config=_RETRY),
    bad=SmtpFacts(
        config=SmtpConfigFacts(
            product="postfix",
            version=(3, 7),
            retry=SmtpRetryFacts(
                lifetime_seconds=DAY, first_seconds=300, last_seconds=4000, run_seconds=300
            ),
        )
    ),
    directives={
        "postfix": (
            "maximal_queue_lifetime", "minimal_backoff_time", "maximal_backoff_time",
            "queue_run_delay",
        )
    },
)  # fmt: skip
def retry_timers(smtp: SmtpFacts) -> Verdict:
    """Judge the life of a message in the queue, and the intervals of its retries."""
    if smtp.config is None:
        return Skip("only the server's files show it")
    retry = smtp.config.retry
    if retry is None:
        return Skip("the files decide it for the host")
    life, first = retry.lifetime_seconds, retry.first_seconds
    last, run = retry.last_seconds, retry.run_seconds
    if life is None or first is None or last is None or run is None:
        return _UNKNOWN
    found = {
        "short": ("maximal_queue_lifetime = 5d",) * (life < LEAST_LIFETIME_SECONDS),
        "order": ("minimal_backoff_time = 300s", "maximal_backoff_time = 4000s") * (first > last),
        "late": (
            *("minimal_backoff_time = 300s",) * (first > HOUR),
            *("queue_run_delay = 300s",) * (run > HOUR),
        ),
        "rare": ("maximal_backoff_time = 4000s",) * (last > MOST_BETWEEN_SECONDS),
        "often": ("maximal_backoff_time = 4000s",) * (last < LEAST_BETWEEN_SECONDS),
    }
    what = tuple(code for code, lines in found.items() if lines)
    if not what:
        return None
    fix = tuple(dict.fromkeys(line for lines in found.values() for line in lines))
    return Hit(
        what=what, days=life / DAY, first=first, last=last, wait=max(first, run),
        hours=last / HOUR,
    ).fixed_by("postfix", *fix).at(*(line.split()[0] for line in fix))  # fmt: skip
