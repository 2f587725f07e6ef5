"""The names of ``--starttls``, which every start reads; the facts of TLS load with a check."""

from __future__ import annotations

from typing import Literal

StarttlsName = Literal[
    "smtp", "imap", "pop3", "ldap", "postgres", "mysql", "xmpp", "ftp", "nntp", "sieve"
]
"""Protocols that start TLS within a connection in clear."""
