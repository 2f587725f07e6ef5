"""What a check asks beside the time, as far as each tier is permitted."""

from __future__ import annotations

from seventh.net.talk import Talk
from seventh.protocols.ntp import NtpOptions
from seventh.protocols.ntp.client.conversation import Conversation

ASKING_SECONDS = 1.0
"""What a check keeps back for each of these questions."""


def asking_seconds(talk: Talk) -> float:
    """How much time these questions want: a quarter second each on a good path, more on a bad."""
    questions = (
        1 + (talk.options.of(NtpOptions).ntp_keys is not None) + 2 * (talk.denied(4) is None)
    )
    return questions * ASKING_SECONDS


async def ask_further(talk: Talk, main: Conversation) -> None:
    """Control (tier 1), the symmetric key (2), monlist and port 123 (4), where they make sense."""
    if main.over:
        return
    if main.answered and talk.denied(1) is None:
        from seventh.protocols.ntp.probe.control import ask_control

        await ask_control(talk, main)
    if talk.options.of(NtpOptions).ntp_keys is not None and talk.denied(2) is None:
        from seventh.protocols.ntp.probe.key import ask_with_key, load_key

        if (key := load_key(talk.options)) is not None:
            await ask_with_key(talk, main, key)
    if talk.denied(4) is None:
        from seventh.protocols.ntp.probe.intrusive import ask_intrusively

        await ask_intrusively(talk, main)
