"""Reading the options of TLS before any target is checked, so that an error is reported once."""

from __future__ import annotations

from seventh.model.options import Options


def prepare(options: Options) -> None:
    """Raise UsageError for a client of ``--as`` that is not in the table."""
    if options.as_clients:
        from seventh.protocols.tls.rules.hellos import hello_of

        for text in options.as_clients:
            hello_of(text)
