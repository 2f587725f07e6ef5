"""The user's credentials, and which of them a host may receive.

The user must be given. The keys are those that were given, then those of the agent. A secret that
decrypts a private key is its passphrase and is never sent.

What a host may receive depends on what known_hosts says of its key:

known             everything
unknown           signatures only, which are bound to one session; a password could be used by any
                  host that answers. No connection passes through an unknown jump host without
                  --accept-new-host-keys
changed, revoked  nothing, not even the user's name
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
    """A user, with keys and a password."""

    user: str
    identities: tuple[Identity, ...] = ()
    password: Secret | None = None
    withheld: str = ""
    """Why the password is not offered; empty where it is, or where there is none."""
    notes: tuple[str, ...] = ()
    """Why keys or the agent cannot be used."""

    @property
    def empty(self) -> bool:
        """Whether there are no credentials."""
        return not self.identities and self.password is None

    @property
    def problems(self) -> tuple[str, ...]:
        """Why credentials are not used."""
        return (self.withheld, *self.notes) if self.withheld else self.notes

    def for_host(self, trust: Trust) -> Credentials:
        """Return the credentials that a host with this key may receive.

        Raises Failed (host-key-untrusted) for a changed or revoked key.
        """
        where, why = f"{trust.file}:{trust.line}", f" ({trust.detail})" if trust.detail else ""
        if trust.status == "changed":
            raise Failed(
                Reason.HOST_KEY_UNTRUSTED,
                f"the host key changed: received {trust.key}, {where} has {trust.pinned}{why}; no "
                "credential was offered",
            )
        if trust.status == "revoked":
            raise Failed(
                Reason.HOST_KEY_UNTRUSTED,
                f"the host key {trust.key} is revoked in {where}; no credential was offered",
            )
        if trust.status == "unknown" and self.password is not None:
            withheld = f"password not offered: the host key is not in known_hosts{why}"
            return replace(self, password=None, withheld=withheld)
        return self


async def read_credentials(options: Options, user: str) -> Credentials:
    """Read the credentials in the options, for ``user``.

    Raises UsageError for a key that was given and cannot be used. A missing or broken agent is only
    noted, unless a key requires it.
    """
    secret = read_secret(options.password_file)
    agent = Agent.from_environment() if options.of(SshOptions).agent else None
    notes: list[str] = []
    agent_keys: tuple[AgentKey, ...] = ()
    if agent is not None:
        try:
            agent_keys = await agent.keys()
        except Failed as failed:
            notes.append(f"agent not usable: {failed.detail}")
    identities: list[Identity] = []
    passphrase = False
    for name in options.of(SshOptions).identities:
        try:
            found, opened = await asyncio.to_thread(load_identities, name, secret)
        except UnusableKeyError as error:
            identities.append(_by_agent(agent, agent_keys, error))
            continue
        identities.extend(found)
        passphrase = passphrase or opened
    given = {identity.blob for identity in identities}
    for key in agent_keys:
        if agent is not None and key.blob not in given:
            try:
                identities.append(AgentIdentity(agent, key.blob, f"agent: {key.comment}"))
            except ProtocolViolation as violation:
                notes.append(f"agent key {key.comment} not usable: {violation.detail}")
    withheld = "password not offered: the secret is the passphrase of a key" if passphrase else ""
    return Credentials(
        user=user,
        identities=tuple(identities),
        password=None if passphrase else secret,
        withheld=withheld,
        notes=tuple(notes),
    )


def _by_agent(
    agent: Agent | None, agent_keys: tuple[AgentKey, ...], error: UnusableKeyError
) -> Identity:
    """Return the agent's key for a file that cannot be used; UsageError where it has none."""
    for key in agent_keys:
        if agent is not None and key.blob == error.public:
            return AgentIdentity(agent, key.blob, f"{error.file}, by the agent")
    raise UsageError(error.advice)
