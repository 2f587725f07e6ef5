"""What tests read of a verdict, and recipients that were tried."""

from __future__ import annotations

from typing import Any

from seventh.protocols.smtp.facts.mail import Answer, Tried
from seventh.rules.rule import Hit, Skip, Verdict


def seen(verdict: Verdict) -> Any:
    """A hit as severity and parameters, a skip as its reason, a pass as None.

    All is seen on the wire here: that a rule of files, too, says so is left out.
    """
    if isinstance(verdict, Hit):
        params = {name: value for name, value in verdict.params.items() if value != "wire"}
        return (verdict.severity, params) if verdict.severity else params
    return verdict.reason if isinstance(verdict, Skip) else None


def tried(answer: Answer, recipient: str = "user@example.org", **more: Any) -> Tried:
    return Tried(recipient=recipient, command="rcpt", answer=answer, **more)
