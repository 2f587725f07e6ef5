"""The debugging checklist of SMTP: reaching the server, TLS, logins, recipients."""

from seventh.model.checklist import CheckLine

LINES = (
    CheckLine("The domain's exchangers can be used", rules=("SMTP-MX",)),
    CheckLine(
        "The sending address has a name that leads back to it",
        rules=("SMTP-PTR", "SMTP-PTR-GENERIC"),
    ),
    CheckLine(
        "Port 25 is not filtered by this network",
        rules=("SMTP-25-FILTERED",), phases=("connect",),
    ),
    CheckLine("Submission ports answer", rules=("SMTP-SUB-MISSING", "SMTP-NO-465")),
    CheckLine(
        "The greeting comes in time",
        rules=("SMTP-GREET-SLOW",), facts=("greeting_seconds",), phases=("smtp.greeting",),
    ),
    CheckLine(
        "Replies have the standard's form",
        rules=("SMTP-REPLY-BAD",), phases=("smtp.ehlo", "smtp.ehlo2", "smtp.quit"),
    ),
    CheckLine("The server's name is qualified and resolves", rules=("SMTP-HELO-NAME",)),
    CheckLine(
        "STARTTLS is offered and works",
        rules=("SMTP-NO-STARTTLS", "SMTP-STARTTLS-MANGLED", "SMTP-STARTTLS-FAIL"),
        phases=("smtp.starttls",),
    ),
    CheckLine("Nothing in clear is answered inside TLS", rules=("SMTP-STARTTLS-INJECT",)),
    CheckLine("Passwords are accepted only inside TLS", rules=("SMTP-AUTH-CLEAR",)),
    CheckLine("Submission requires a login", rules=("SMTP-SUB-NOAUTH",)),
    CheckLine("A current login mechanism is offered", rules=("SMTP-AUTH-WEAK",)),
    CheckLine("Port 25 offers no login", rules=("SMTP-AUTH-ON-MX",)),
    CheckLine(
        "The login succeeds, and in time",
        rules=("SMTP-AUTH-FAIL", "SMTP-AUTH-SLOW"), facts=("login.seconds",),
        phases=("smtp.auth",), look="--user NAME --password-file FILE",
    ),
    CheckLine("Foreign recipients are refused", rules=("SMTP-RELAY",)),
    CheckLine("Mail to postmaster is accepted", rules=("SMTP-POSTMASTER",)),
    CheckLine(
        "Mail to the mailbox is accepted at the first try",
        rules=("SMTP-BOUNCE", "SMTP-GREYLIST"), look="--allow-write --mail-to ADDRESS",
    ),
    CheckLine(
        "A message arrives in its mailbox in time, and once",
        rules=("SMTP-E2E-SLOW", "SMTP-DUPLICATE"), facts=("roundtrip.delivered_seconds",),
        phases=("mail.deliver",),
        look="--allow-write --mail-to ADDRESS --roundtrip URL --roundtrip-user NAME "
        "--roundtrip-password-file FILE",
    ),
    CheckLine("The size limit is advertised and usual", rules=("SMTP-SIZE",)),
    CheckLine("Useful extensions are offered", rules=("SMTP-EXT",)),
    CheckLine(
        "Only CR LF . CR LF ends a message",
        rules=("SMTP-SMUGGLE",), look="--intrusive --allow-write --mail-to ADDRESS",
    ),
    CheckLine("VRFY reveals no users", rules=("SMTP-VRFY",)),
)  # fmt: skip
