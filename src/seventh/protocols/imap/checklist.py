"""The debugging checklist of IMAP: TLS, the login, the mailbox, and notifications."""

from seventh.model.checklist import CheckLine
from seventh.model.failure import Reason

_LOGIN = "--user NAME --password-file FILE"
LINES = (
    CheckLine(
        "The server greets as IMAP without delay",
        facts=("greeting_seconds",), phases=("imap.greeting",),
        failures=(Reason.PROTOCOL_MISMATCH,),
    ),
    CheckLine(
        "STARTTLS is offered and works",
        rules=("IMAP-NO-STARTTLS", "IMAP-PREAUTH"), phases=("imap.starttls",),
        failures=(Reason.STARTTLS_REFUSED,),
    ),
    CheckLine("Implicit TLS is available (993)", rules=("IMAP-NO-993",), look="--implicit-port"),
    CheckLine("No login is possible without TLS", rules=("IMAP-CLEAR-LOGIN",)),
    CheckLine(
        "The capabilities are readable",
        facts=("capabilities",), phases=("imap.capability", "imap.id"),
    ),
    CheckLine("Current login mechanisms are offered", rules=("IMAP-SASL-WEAK",)),
    CheckLine(
        "The login succeeds, quickly",
        rules=("IMAP-AUTH-FAIL", "IMAP-LOGIN-SLOW"), facts=("login.seconds",),
        phases=("imap.login",), look=_LOGIN,
    ),
    CheckLine(
        "The mailbox opens and a message can be read",
        rules=("IMAP-SELECT-SLOW",), facts=("examine_seconds",),
        phases=("imap.examine", "imap.fetch"), look=_LOGIN,
    ),
    CheckLine(
        "New mail is notified at once (IDLE)",
        rules=("IMAP-NO-IDLE", "IMAP-IDLE-DEAF"), phases=("imap.idle",),
        look=f"{_LOGIN} --idle 310",
    ),
    CheckLine("Clients can resynchronise quickly", rules=("IMAP-NO-SYNC",), look=_LOGIN),
    CheckLine(
        "The mailbox has space left", rules=("IMAP-QUOTA",), phases=("imap.quota",), look=_LOGIN
    ),
    CheckLine("The server's version is not shown", rules=("IMAP-ID",)),
)  # fmt: skip
