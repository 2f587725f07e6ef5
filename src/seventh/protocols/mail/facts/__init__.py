"""What is learnt of a mail domain; the facts of a mail host are the model's, for several rooms."""

from __future__ import annotations

from seventh.model.mailfacts import MailFacts, MailPort, ServiceRecord
from seventh.protocols.mail.facts.domain import DomainFacts
from seventh.protocols.mail.facts.received import ReceivedFacts

__all__ = ["DomainFacts", "MailFacts", "MailPort", "ReceivedFacts", "ServiceRecord"]
