"""SMTP (RFC 5321): mail between servers, and mail submission (RFC 6409)."""

import re
from typing import Annotated

from msgspec import Meta

from seventh.model.failure import UsageError
from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme, Target, parse_target
from seventh.model.verb import Verb

_MAILBOX = re.compile(r"[!-;=?A-~]{1,64}(@[A-Za-z0-9.-]{1,253})?")


def mailbox(text: str) -> str:
    """Read an address as a command may carry it. Raises UsageError."""
    if _MAILBOX.fullmatch(text) is None:
        raise UsageError(f"{text!r}: not a mail address, such as user@example.com")
    return text


class SmtpOptions(RoomOptions, frozen=True, kw_only=True):
    """Options of the transactions that need permission."""

    mail_to: Annotated[
        str | None,
        Option(
            flag="mail-to", metavar="ADDRESS", read=mailbox,
            help="mailbox of your own on the server, to name as a recipient with --allow-write",
        ),
    ] = None  # fmt: skip
    mail_from: Annotated[
        str | None,
        Option(
            flag="mail-from", metavar="ADDRESS", read=mailbox, default="the recipient",
            help="sender of the round trip's message",
        ),
    ] = None  # fmt: skip
    roundtrip_size_bytes: Annotated[
        int,
        Meta(ge=0, le=1_000_000_000),
        Option(
            flag="roundtrip-size", metavar="BYTES",
            help="size of an attachment of the round trip's message, to test limits",
        ),
    ] = 0  # fmt: skip
    roundtrip_max_seconds: Annotated[
        float,
        Meta(ge=0, le=86400),
        Option(
            flag="roundtrip-max", metavar="SECONDS",
            help="seconds that the delivery may take",
        ),
    ] = 60.0  # fmt: skip
    relay_to: Annotated[
        str,
        Option(
            flag="relay-to", metavar="ADDRESS", read=mailbox,
            help="recipient in a foreign domain for the relay test, to whom nothing is sent; best "
            "a mailbox of your own",
        ),
    ] = "relay-test@example.com"  # fmt: skip
    retry_after_seconds: Annotated[
        float,
        Meta(ge=0, le=3600),
        Option(
            flag="retry-after", metavar="SECONDS",
            help="seconds until the second try after a temporary refusal",
        ),
    ] = 2.0  # fmt: skip


def _server(text: str) -> Target:
    """Read the URL of a mail server. Raises UsageError."""
    schemes = {scheme.name: scheme for scheme in _SCHEMES}
    if "://" not in text:
        urls = ", ".join(f"{name}://HOST" for name in schemes)
        raise UsageError(f"{text!r}: write {urls}")
    (target,) = parse_target(text, schemes)
    return target


class SendOptions(RoomOptions, frozen=True, kw_only=True):
    """Options of ``seventh mail send``."""

    sender: Annotated[
        str | None,
        Option(
            flag="from", metavar="ADDRESS",
            help="sender, in the envelope and in the header",
        ),
    ] = None  # fmt: skip
    recipients: Annotated[
        tuple[str, ...],
        Option(flag="to", metavar="ADDRESS", help="recipient; repeatable"),
    ] = ()
    server: Annotated[
        Target | None,
        Option(
            flag="server", metavar="URL", read=_server, default="the MX of the recipient's domain",
            help="server, such as submission://mail.example.com",
        ),
    ] = None  # fmt: skip
    subject: Annotated[
        str, Option(flag="subject", metavar="TEXT", help="subject of the message")
    ] = "Test message from Seventh"
    text_file: Annotated[
        str | None,
        Option(
            flag="body", metavar="FILE", file="readable", words=("-",), default="a test text",
            help="text of the message in UTF-8, or - for standard input",
        ),
    ] = None  # fmt: skip
    attachments: Annotated[
        tuple[str, ...],
        Option(flag="attach", metavar="FILE", file="readable", help="file to attach; repeatable"),
    ] = ()


_SCHEMES = (
    Scheme(name="smtp", port=25),
    Scheme(name="smtps", port=465),
    Scheme(name="submission", port=587),
)
SPEC = Spec(
    name="smtp",
    title="SMTP",
    schemes=_SCHEMES,
    phases=(
        PhaseSpec("smtp.greeting", "from the connection, or the end of TLS, to the greeting"),
        PhaseSpec("smtp.ehlo", "from EHLO in clear to the end of the reply"),
        PhaseSpec("smtp.starttls", "from STARTTLS to the go-ahead"),
        PhaseSpec("smtp.ehlo2", "from EHLO inside TLS to the end of the reply"),
        PhaseSpec("smtp.auth", "from AUTH to the final reply, our own computations included"),
        PhaseSpec("smtp.mail", "from MAIL FROM to the reply"),
        PhaseSpec("smtp.rcpt", "from RCPT TO to the reply"),
        PhaseSpec("smtp.rset", "from RSET to the reply"),
        PhaseSpec("smtp.data", "from DATA to the reply"),
        PhaseSpec("smtp.message", "sending the message, to its last byte"),
        PhaseSpec("smtp.queued", "from the end of the message to the reply"),
        PhaseSpec("mail.deliver", "from the end of the message to its arrival in the mailbox"),
        PhaseSpec("smtp.quit", "from QUIT to the reply"),
        PhaseSpec("smtp.ports", "connecting to the other mail ports of the address"),
    ),
    metrics=(
        Metric(
            "seventh_ttfb_seconds", "histogram",
            "connection, or the end of TLS, to the greeting", "greeting_seconds",
        ),
        Metric(
            "seventh_smtp_auth_seconds", "gauge", "time spent waiting for the server in AUTH",
            "login.seconds",
        ),
        Metric(
            "seventh_smtp_size_limit_bytes", "gauge", "maximum message size that is advertised",
            "size_limit_bytes",
        ),
        Metric(
            "seventh_smtp_delivery_seconds", "gauge",
            "from the end of the message to its arrival in the mailbox",
            "roundtrip.delivered_seconds",
        ),
        Metric(
            "seventh_mail_queue_messages", "gauge", "messages in each queue; of a very long one, "
            "those that were read", "local.queues", label="queue", source="local",
        ),
        Metric(
            "seventh_mail_queue_oldest_seconds", "gauge", "age of the oldest message, those on "
            "hold not counted", "local.oldest_seconds", source="local",
        ),
        Metric(
            "seventh_mail_defer_ratio", "gauge", "deliveries in what was read of the log that were "
            "deferred at least once, of all", "local.defer_ratio", source="local",
        ),
    ),
    options=SmtpOptions,
    verbs=(
        Verb(
            name="send", under="mail", has_target=False, tier=3, options=SendOptions,
            help="send a message, and show how the server answers each step",
        ),
    ),
    shared=(
        "ca_file", "ca_store", "crl_files", "server_name", "cert_file", "key_file", "user",
        "password_file", "token_file", "allow_plaintext", "implicit_port", "roundtrip",
        "roundtrip_user", "roundtrip_password_file",
    ),
    tiers={
        0: "reads the greeting, sends EHLO, STARTTLS and QUIT, completes TLS handshakes, looks up "
        "the server's name, and connects to the other mail ports of the address; for submission, "
        "one TLS handshake with the port of implicit TLS, and the SRV records of the name",
        1: "offers empty early data",
        2: "logs in once, inside TLS and after the certificate was verified; without TLS only with "
        "--allow-plaintext",
        3: "names a foreign recipient, postmaster and the mailbox of --mail-to, and ends each "
        "transaction before DATA; with --roundtrip sends one message to the mailbox, waits for it "
        "there, and removes it; `seventh mail send` sends a message",
        4: "sends a command in clear behind STARTTLS, asks VRFY for two users, and with "
        "--mail-to and --allow-write sends a message that ends only in bare line feeds, which a "
        "vulnerable server delivers",
    },
    layers=("tls", "mail"),
    standards=("RFC 5321", "RFC 6409", "RFC 3207", "RFC 4954", "RFC 8314"),
    connections=24,
)  # fmt: skip
