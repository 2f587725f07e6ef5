"""The debugging checklist of POP3: TLS, the login, and what becomes of the mail."""

from seventh.model.checklist import CheckLine
from seventh.model.failure import Reason

_LOGIN = "--user NAME --password-file FILE"
LINES = (
    CheckLine(
        "The server greets as POP3 without delay",
        facts=("greeting_seconds",), phases=("pop3.greeting",),
        failures=(Reason.PROTOCOL_MISMATCH,),
    ),
    CheckLine(
        "STLS is offered and works",
        rules=("POP3-NO-STARTTLS",), phases=("pop3.stls",), failures=(Reason.STARTTLS_REFUSED,),
    ),
    CheckLine("Implicit TLS is available (995)", rules=("POP3-NO-995",), look="--implicit-port"),
    CheckLine("No login is possible without TLS", rules=("POP3-CLEAR-AUTH",)),
    CheckLine("APOP is off", rules=("POP3-APOP",)),
    CheckLine(
        "The capabilities are listed",
        rules=("POP3-NO-CAPA",), facts=("capabilities",), phases=("pop3.capa",),
    ),
    CheckLine(
        "The login succeeds",
        rules=("POP3-LOCKED", "POP3-DELAY"), facts=("login.seconds",),
        phases=("pop3.auth",), look=_LOGIN,
    ),
    CheckLine(
        "Messages have ids, so that each is downloaded once",
        rules=("POP3-NO-UIDL",), phases=("pop3.stat", "pop3.uidl"), look=_LOGIN,
    ),
    CheckLine("Downloaded mail stays on the server", rules=("POP3-EXPIRE0",), look=_LOGIN),
)  # fmt: skip
