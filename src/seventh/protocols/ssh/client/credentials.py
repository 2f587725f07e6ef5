"""Who logs in, and with what; and what of it a host may be shown.

Nothing is guessed: a user has to be named, and the keys are those that were named, then those of
the agent. A secret that opens a private key is that key's passphrase and is never sent to anybody.

What a host may be shown depends on what known_hosts says of its key:

known             everything
unknown           signatures only, which are bound to the one session they are made for and are of
                  no use elsewhere; a password would serve anyone who answers, so it stays here.
                  Nothing goes through an unknown jump host unless --accept-new-host-keys permits it
changed, revoked  nothing at all, not even the user's name
"""

from __future__ import annotations

import asyncio

import msgspec
from msgspec.structs import replace

from seventh.model.failure import Failed, ProtocolViolation, Reason, UsageError
from seventh.model.options import Options
from seventh.net.secrets import Secret, read_secret
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client.agent import Agent, AgentKey
from seventh.protocols.ssh.client.identities import (
    AgentIdentity,
    Identity,
    UnusableKeyError,
    load_identities,
)
from seventh.protocols.ssh.facts.login import Trust


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """A user, and what proves that it is he."""

    user: str
    identities: tuple[Identity, ...] = ()
    password: Secret | None = None
    withheld: str = ""
    """Why the password is not offered; empty where it is, or where there is none."""
    notes: tuple[str, ...] = ()
    """What could not be used, and why."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to log in with."""
        return not self.identities and self.password is None

    def for_host(self, trust: Trust) -> Credentials:
        """Return what of these a host with this key may be shown.

        Failed with host-key-untrusted when that is nothing, not even the user's name.
        """
        where = f"{trust.file}:{trust.line}"
        if trust.status == "changed":
            raise Failed(
                Reason.HOST_KEY_UNTRUSTED,
                f"the host key {trust.key} is not {trust.pinned} of {where}"
                + (f" ({trust.detail})" if trust.detail else "")
                + ": nothing was offered",
            )
        if trust.status == "revoked":
            raise Failed(
                Reason.HOST_KEY_UNTRUSTED,
                f"the host key {trust.key} is revoked in {where}: nothing was offered",
            )
        if trust.status == "unknown" and self.password is not None:
            said = f" ({trust.detail})" if trust.detail else ""
            why = f"the host key is not in known_hosts{said}, so the password was not offered"
            return replace(self, password=None, withheld=why)
        return self


async def gather(options: Options, user: str) -> Credentials:
    """Return the credentials that the options name, for ``user``.

    Raises UsageError for what is named and cannot be used, so that it is never passed over in
    silence. A missing or broken agent is noted only, unless a named key needs it.
    """
    secret = read_secret(options.password_file)
    agent = Agent.of_environment() if options.of(SshOptions).agent else None
    notes: list[str] = []
    held: tuple[AgentKey, ...] = ()
    if agent is not None:
        try:
            held = await agent.keys()
        except Failed as failed:
            notes.append(f"the agent cannot be used: {failed.detail}")
    identities: list[Identity] = []
    passphrase = False
    for name in options.of(SshOptions).identities:
        try:
            found, opened = await asyncio.to_thread(load_identities, name, secret)
        except UnusableKeyError as error:
            identities.append(_from_agent(agent, held, error))
            continue
        identities.extend(found)
        passphrase = passphrase or opened
    if agent is not None:
        shown = {identity.blob for identity in identities}
        rest = tuple(key for key in held if key.blob not in shown)
        identities += _all_of(agent, rest, notes)
    withheld = "the secret given is a key's passphrase, and is no password" if passphrase else ""
    return Credentials(
        user=user,
        identities=tuple(identities),
        password=None if passphrase else secret,
        withheld=withheld,
        notes=tuple(notes),
    )


def _from_agent(
    agent: Agent | None, held: tuple[AgentKey, ...], error: UnusableKeyError
) -> Identity:
    """Return a key that is of no use from its file, and that the agent has open."""
    for key in held:
        if agent is not None and error.public is not None and key.blob == error.public:
            return AgentIdentity(agent, key.blob, f"{error.file}, by the agent")
    raise UsageError(error.advice)


def _all_of(agent: Agent, held: tuple[AgentKey, ...], notes: list[str]) -> list[Identity]:
    identities: list[Identity] = []
    for key in held:
        try:
            identities.append(AgentIdentity(agent, key.blob, f"agent: {key.comment}"))
        except ProtocolViolation as violation:
            notes.append(f"the agent's key {key.comment} cannot be used: {violation.detail}")
    return identities
