"""Reading the options of SSH before any target is checked, so that an error is reported once."""

from __future__ import annotations

from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.protocols.ssh import OWN_FORWARDS, SshOptions


def prepare(options: Options) -> None:
    """Read the clients of --as and the forwardings; raises UsageError for one that is not valid."""
    if options.as_clients:
        from seventh.protocols.ssh.client.preferences import check_client

        for text in options.as_clients:
            check_client(text)
    forwards = options.of(SshOptions).forward
    if not forwards:
        return
    from seventh.protocols.ssh.wire.forwards import parse_forward
    from seventh.protocols.ssh.wire.patterns import GrammarError

    for text in forwards:
        if text == OWN_FORWARDS:
            continue
        try:
            parse_forward(text)
        except GrammarError as error:
            raise UsageError(f"--forward {text[:200]!r}: {error}") from None
